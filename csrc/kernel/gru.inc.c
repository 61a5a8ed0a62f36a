/* The GRU (Cho et al. 2014), in the textbook's terms: z says how much is new.
 *
 *     r = sigmoid(a_r)      z = sigmoid(a_z)      h_t = (1 - z) h_{t-1} + z n
 *     n = tanh(Wn.[r h_{t-1}, x] + b_n)                    reset before the product (textbook)
 *     n = tanh(Wn x + b_n + r (Un h_{t-1} + b_hn))         reset after it (cuDNN, PyTorch)
 *
 * `extra` keeps what the candidate's recurrent weights met or made: r h_{t-1}, or Un h_{t-1} + b_hn. */
#include "layer.h"

/* r and z. Reset before: also what the candidate's weights will meet; after: the candidate's
 * pre-activation, to which they have contributed. */
INLINE void gru_gates(const lane *l, int u, int n)
{
    const int H = l->H;
    real *a = l->gates;
    vec r = vsigmoid(load_n(a + u, n));
    store_n(a + u, r, n);
    store_n(a + H + u, vsigmoid(load_n(a + H + u, n)), n);
    if (l->options & LC_RESET_AFTER)
        store_n(a + 2 * H + u, load_n(a + 2 * H + u, n) + r * load_n(l->extra + u, n), n);
    else
        store_n(l->extra + u, r * load_n(l->seen + u, n), n);
}

INLINE void gru_output(const lane *l, int u, int n)
{
    real *a = l->gates;
    const int H = l->H;
    vec z = load_n(a + H + u, n), hp = load_n(l->h_before + u, n), candidate = vtanh(load_n(a + 2 * H + u, n));
    store_n(a + 2 * H + u, candidate, n);
    store_n(l->h + u, hp + z * (candidate - hp), n);
}

INLINE void gru_steps(const pass *p, const int options)
{
    const int H = p->layer->hidden_size, B = p->B, columns = 3 * H;
    for (int s = 0; s < p->T; s++) {
        const int t = step_time(p, s);
        const real *seen = meet_weights(p, s);
        real *a = p->gates + (ptrdiff_t)t * p->lanes * columns, *extra = p->extra + t * state_stride(p);
        product candidate = {.M = B, .N = H, .K = H, .lda = H, .B = p->packed.U_apart, .accumulate = 1,
                             .backwards = s % 2};
        if (options & LC_RESET_AFTER) {
            for (int b = 0; b < B; b++)
                memcpy(extra + (ptrdiff_t)b * H, p->b + columns, H * sizeof(real));
            candidate.A = seen;
            candidate.C = extra;
            candidate.ldc = H;
            multiply(&candidate);
        }
        for (int b = 0; b < B; b++) {
            lane l = lane_at(p, NULL, options, t, b);
            l.seen = seen + (ptrdiff_t)b * H;
            for_units(gru_gates, &l);
        }
        if (!(options & LC_RESET_AFTER)) {
            candidate.A = extra;
            candidate.C = a + 2 * H;
            candidate.ldc = columns;
            multiply(&candidate);
        }
        for (int b = 0; b < B; b++) {
            lane l = lane_at(p, NULL, options, t, b);
            if (past_end(p, t, b))
                leave_alone(p->cell, l);
            else
                for_units(gru_output, &l);
        }
    }
}

static void gru_forward(const pass *p)
{
    if (p->layer->options & LC_RESET_AFTER)
        gru_steps(p, LC_RESET_AFTER);
    else
        gru_steps(p, 0);
}

/* Gradients of a_z and a_n, and of h_{t-1} along (1 - z) h_{t-1}. For the reset after the product
 * also those of a_r and of extra. da may be gates, where r is still wanted by gru_reset_backward. */
INLINE void gru_units_backward(const lane *l, int u, int n)
{
    const int H = l->H;
    const real *gates = l->gates;
    vec r = load_n(gates + u, n), z = load_n(gates + H + u, n), candidate = load_n(gates + 2 * H + u, n);
    vec dh = load_n(l->dh + u, n) + load_n(l->dh_next + u, n);
    vec da_z = dh * (candidate - load_n(l->h_before + u, n)) * z * ((real)1 - z);
    vec da_n = dh * z * ((real)1 - candidate * candidate);
    if (l->options & LC_RESET_AFTER) {
        vec recurrent = load_n(l->extra + u, n);
        store_n(l->da + u, da_n * recurrent * r * ((real)1 - r), n);
        store_n(l->dextra + u, da_n * r, n);
    }
    store_n(l->da + H + u, da_z, n);
    store_n(l->da + 2 * H + u, da_n, n);
    store_n(l->dh_next + u, dh * ((real)1 - z), n);
}

/* Reset before: from the gradient of r h_{t-1}, in dextra, to those of a_r and h_{t-1}. */
INLINE void gru_reset_backward(const lane *l, int u, int n)
{
    vec r = load_n(l->gates + u, n), d = load_n(l->dextra + u, n);
    store_n(l->da + u, d * load_n(l->h_before + u, n) * r * ((real)1 - r), n);
    store_n(l->dh_next + u, load_n(l->dh_next + u, n) + d * r, n);
}

INLINE void gru_steps_backward(const pass *p, const pass_gradients *g, const int options)
{
    const int H = p->layer->hidden_size, B = p->B, columns = 3 * H;
    for (int s = p->T - 1; s >= 0; s--) {
        const int t = step_time(p, s);
        const real *da = g->da + (ptrdiff_t)t * p->lanes * columns;
        for (int b = 0; b < B; b++) {
            lane l = lane_at(p, g, options, t, b);
            if (past_end(p, t, b))
                pass_through(p->cell, l);
            else
                for_units(gru_units_backward, &l);
        }
        if (options & LC_RESET_AFTER) {
            back_through_weights(p, g, (product){.K = H, .A = g->dextra + t * state_stride(p), .lda = H,
                                                 .B = p->packed.Ut_apart, .accumulate = 1, .backwards = s % 2});
        } else {
            real *d_reset_h = g->scratch; /* (B, H), in use only during the loop */
            multiply(&(product){.M = B, .N = H, .K = H, .A = da + 2 * H, .lda = columns, .B = p->packed.Ut_apart,
                                .C = d_reset_h, .ldc = H, .backwards = s % 2});
            if (p->recurrent_mask)
                multiply_rows(state_size(p), d_reset_h, p->recurrent_mask, d_reset_h);
            for (int b = 0; b < B; b++) {
                if (past_end(p, t, b))
                    continue;
                lane l = lane_at(p, g, options, t, b);
                l.dextra = d_reset_h + (ptrdiff_t)b * H;
                for_units(gru_reset_backward, &l);
            }
        }
        back_through_weights(p, g, (product){.K = 2 * H, .A = da, .lda = columns, .B = p->packed.Ut, .accumulate = 1,
                                             .backwards = s % 2});
    }
}

static void gru_backward(const pass *p, const pass_gradients *g)
{
    if (p->layer->options & LC_RESET_AFTER)
        gru_steps_backward(p, g, LC_RESET_AFTER);
    else
        gru_steps_backward(p, g, 0);
}
