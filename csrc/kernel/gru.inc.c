/* The GRU (Cho et al. 2014), in the textbook's terms: z says how much is new.
 *
 *     r = sigmoid(a_r)      z = sigmoid(a_z)      h_t = (1 - z) h_{t-1} + z n
 *     n = tanh(Wn.[r h_{t-1}, x] + b_n)                    reset before the product (textbook)
 *     n = tanh(Wn x + b_n + r (Un h_{t-1} + b_hn))         reset after it (cuDNN, PyTorch)
 *
 * `extra` keeps what the candidate's recurrent weights met or made: r h_{t-1}, or Un h_{t-1} + b_hn. */
#include "layer.h"

/* Reset before: r and z, and what the candidate's weights will meet. */
INLINE void gru_gates(int u, int n, int H, real *a, const real *seen, real *reset_h)
{
    vec r = vsigmoid(load_n(a + u, n));
    store_n(a + u, r, n);
    store_n(a + H + u, vsigmoid(load_n(a + H + u, n)), n);
    store_n(reset_h + u, r * load_n(seen + u, n), n);
}

/* Reset after: r, z and the candidate's pre-activation, whose recurrent part is in `recurrent`. */
INLINE void gru_gates_after(int u, int n, int H, real *a, const real *recurrent)
{
    vec r = vsigmoid(load_n(a + u, n));
    store_n(a + u, r, n);
    store_n(a + H + u, vsigmoid(load_n(a + H + u, n)), n);
    store_n(a + 2 * H + u, load_n(a + 2 * H + u, n) + r * load_n(recurrent + u, n), n);
}

INLINE void gru_output(int u, int n, int H, real *a, const real *h_before, real *h)
{
    vec z = load_n(a + H + u, n), hp = load_n(h_before + u, n), candidate = vtanh(load_n(a + 2 * H + u, n));
    store_n(a + 2 * H + u, candidate, n);
    store_n(h + u, hp + z * (candidate - hp), n);
}

static void gru_forward(const pass *p)
{
    const int H = p->layer->hidden_size, B = p->B, columns = 3 * H, reset_after = p->layer->reset_after;
    if (!p->symbols)
        project_dense(p);
    for (int s = 0; s < p->T; s++) {
        const int t = step_time(p, s);
        real *a = p->gates + (ptrdiff_t)t * B * columns, *extra = p->extra + t * state_size(p), *h = after(p, p->h, t);
        const real *h_before = before(p, p->h, t), *seen = seen_by_weights(p, t);
        if (p->symbols)
            project_symbols(p, t);
        multiply_along(in_turn(s), B, 2 * H, H, seen, H, p->packed.U, a, columns, 1);
        if (reset_after) {
            for (int b = 0; b < B; b++)
                memcpy(extra + (ptrdiff_t)b * H, p->b + columns, H * sizeof(real));
            multiply_along(in_turn(s), B, H, H, seen, H, p->packed.U_candidate, extra, H, 1);
        }
        for (int b = 0; b < B; b++) {
            const ptrdiff_t row = (ptrdiff_t)b * H;
#define BEFORE(u, n) gru_gates(u, n, H, a + 3 * row, seen + row, extra + row)
#define AFTER(u, n) gru_gates_after(u, n, H, a + 3 * row, extra + row)
            if (reset_after)
                FOR_UNITS(H, AFTER);
            else
                FOR_UNITS(H, BEFORE);
#undef BEFORE
#undef AFTER
        }
        if (!reset_after)
            multiply_along(in_turn(s), B, H, H, extra, H, p->packed.U_candidate, a + 2 * H, columns, 1);
        for (int b = 0; b < B; b++) {
            const ptrdiff_t row = (ptrdiff_t)b * H;
            if (past_end(p, t, b)) {
                memset(a + 3 * row, 0, columns * sizeof(real));
                memset(extra + row, 0, H * sizeof(real));
                memcpy(h + row, h_before + row, H * sizeof(real));
                continue;
            }
#define UNITS(u, n) gru_output(u, n, H, a + 3 * row, h_before + row, h + row)
            FOR_UNITS(H, UNITS);
#undef UNITS
        }
    }
}

/* Gradients of a_z and a_n, and of h_{t-1} along (1 - z) h_{t-1}. For the reset after the
 * product also those of a_r and of the recurrent part. */
INLINE void gru_units_backward(int u, int n, int H, int reset_after, const real *gates, const real *extra,
                               const real *h_before, const real *dh_up, real *dh_next, real *da, real *dextra)
{
    vec r = load_n(gates + u, n), z = load_n(gates + H + u, n), candidate = load_n(gates + 2 * H + u, n);
    vec dh = load_n(dh_up + u, n) + load_n(dh_next + u, n);
    vec da_z = dh * (candidate - load_n(h_before + u, n)) * z * ((real)1 - z);
    vec da_n = dh * z * ((real)1 - candidate * candidate);
    if (reset_after) {
        vec recurrent = load_n(extra + u, n);
        store_n(da + u, da_n * recurrent * r * ((real)1 - r), n);
        store_n(dextra + u, da_n * r, n);
    }
    store_n(da + H + u, da_z, n);
    store_n(da + 2 * H + u, da_n, n);
    store_n(dh_next + u, dh * ((real)1 - z), n);
}

/* Reset before: from the gradient of r h_{t-1} to those of a_r and h_{t-1}. */
INLINE void gru_reset_backward(int u, int n, const real *r_gate, const real *d_reset_h, const real *h_before,
                               real *dh_next, real *da)
{
    vec r = load_n(r_gate + u, n), d = load_n(d_reset_h + u, n);
    store_n(da + u, d * load_n(h_before + u, n) * r * ((real)1 - r), n);
    store_n(dh_next + u, load_n(dh_next + u, n) + d * r, n);
}

static void gru_backward(const pass *p, const pass_gradients *g)
{
    const int H = p->layer->hidden_size, B = p->B, columns = 3 * H, reset_after = p->layer->reset_after;
    real *d_reset_h = g->scratch; /* (B, H), in use only during the loop */
    for (int s = p->T - 1; s >= 0; s--) {
        const int t = step_time(p, s);
        const real *gates = p->gates + (ptrdiff_t)t * B * columns, *extra = p->extra + t * state_size(p);
        const real *h_before = before(p, p->h, t), *dh = g->dh + t * state_size(p);
        real *da = g->da + (ptrdiff_t)t * B * columns, *dextra = reset_after ? g->dextra + t * state_size(p) : NULL;
        for (int b = 0; b < B; b++) {
            const ptrdiff_t row = (ptrdiff_t)b * H;
            if (past_end(p, t, b)) {
                add_rows(H, g->dh_next + row, dh + row, g->dh_next + row);
                memset(da + 3 * row, 0, columns * sizeof(real));
                if (reset_after)
                    memset(dextra + row, 0, H * sizeof(real));
                continue;
            }
            /* da may be gates, where r is still wanted below: its place is written last. */
#define UNITS(u, n)                                                                                              \
    gru_units_backward(u, n, H, reset_after, gates + 3 * row, extra + row, h_before + row, dh + row,             \
                       g->dh_next + row, da + 3 * row, reset_after ? dextra + row : NULL)
            FOR_UNITS(H, UNITS);
#undef UNITS
        }
        if (reset_after) {
            back_through_weights(p, g, s, H, dextra, H, p->packed.Ut_candidate, 1);
        } else {
            multiply_along(in_turn(s), B, H, H, da + 2 * H, columns, p->packed.Ut_candidate, d_reset_h, H, 0);
            if (p->recurrent_mask)
                multiply_rows(state_size(p), d_reset_h, p->recurrent_mask, d_reset_h);
            for (int b = 0; b < B; b++) {
                const ptrdiff_t row = (ptrdiff_t)b * H;
                if (past_end(p, t, b))
                    continue;
#define UNITS(u, n) gru_reset_backward(u, n, gates + 3 * row, d_reset_h + row, h_before + row, g->dh_next + row, da + 3 * row)
                FOR_UNITS(H, UNITS);
#undef UNITS
            }
        }
        back_through_weights(p, g, s, 2 * H, da, columns, p->packed.Ut, 1);
    }
    const int rows = p->T * B;
    const real *seen = all_seen_by_weights(p, g);
    multiply_outer(H, 2 * H, rows, seen, H, g->da, columns, g->dWt, columns, 0, g->scratch);
    if (reset_after) {
        multiply_outer(H, H, rows, seen, H, g->dextra, H, g->dWt + 2 * H, columns, 0, g->scratch);
        sum_columns(rows, H, g->dextra, H, g->db + columns);
    } else {
        multiply_outer(H, H, rows, p->extra, H, g->da + 2 * H, columns, g->dWt + 2 * H, columns, 0, g->scratch);
    }
    input_gradients(p, g);
}
