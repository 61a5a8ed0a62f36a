/* The LSTM (Hochreiter and Schmidhuber 1997; forget gate: Gers et al. 2000), as in W.[h_{t-1}, x_t] + b:
 *
 *     i = sigmoid(a_i + p_i c_{t-1})        f = sigmoid(a_f + p_f c_{t-1})      g = tanh(a_g)
 *     c_t = f c_{t-1} + i g                 o = sigmoid(a_o + p_o c_t)          h_t = o tanh(c_t)
 *
 * p are diagonal peepholes (zero without). Coupled gates: i = 1 - f. A forced gate is a constant.
 * `extra` keeps tanh(c_t). */
#include "layer.h"

/* n units: the pre-activations of i, f, g, o become the gates. */
INLINE void lstm_units(const lane *l, int u, int n)
{
    const int H = l->H, options = l->options;
    const real *p = l->peephole;
    real *a = l->gates;
    vec cp = load_n(l->c_before + u, n);
    vec ai = load_n(a + u, n), af = load_n(a + H + u, n), ao = load_n(a + 3 * H + u, n);
    if (options & LC_PEEPHOLE) {
        ai += load_n(p + u, n) * cp;
        af += load_n(p + H + u, n) * cp;
    }
    vec f = vsigmoid(af);
    if (options & LC_FORCE_FORGET)
        f = splat((real)l->force_value[1]);
    vec i = options & LC_COUPLED ? (real)1 - f : vsigmoid(ai);
    if (options & LC_FORCE_INPUT)
        i = splat((real)l->force_value[0]);
    vec g = vtanh(load_n(a + 2 * H + u, n));
    vec ct = f * cp + i * g;
    if (options & LC_PEEPHOLE)
        ao += load_n(p + 2 * H + u, n) * ct;
    vec o = vsigmoid(ao);
    if (options & LC_FORCE_OUTPUT)
        o = splat((real)l->force_value[2]);
    vec tc = vtanh(ct);
    store_n(a + u, i, n);
    store_n(a + H + u, f, n);
    store_n(a + 2 * H + u, g, n);
    store_n(a + 3 * H + u, o, n);
    store_n(l->c + u, ct, n);
    store_n(l->extra + u, tc, n);
    store_n(l->h + u, o * tc, n);
}

INLINE void lstm_steps(const pass *p, const int options)
{
    for (int s = 0; s < p->T; s++) {
        const int t = step_time(p, s);
        meet_weights(p, s);
        for (int b = 0; b < p->B; b++) {
            lane l = lane_at(p, NULL, options, t, b);
            if (past_end(p, t, b))
                leave_alone(p->cell, l);
            else
                for_units(lstm_units, &l);
        }
    }
}

static void lstm_forward(const pass *p)
{
    if (p->layer->options)
        lstm_steps(p, p->layer->options);
    else
        lstm_steps(p, 0);
}

/* The same units backward: dc_next comes in as dL/dc_t from step t+1 and leaves as dL/dc_{t-1}. */
INLINE void lstm_units_backward(const lane *l, int u, int n)
{
    const int H = l->H, options = l->options;
    const real *gates = l->gates, *p = l->peephole;
    vec i = load_n(gates + u, n), f = load_n(gates + H + u, n), g = load_n(gates + 2 * H + u, n),
        o = load_n(gates + 3 * H + u, n);
    vec cp = load_n(l->c_before + u, n), tc = load_n(l->extra + u, n);
    vec dh = load_n(l->dh + u, n) + load_n(l->dh_next + u, n);

    vec da_o = dh * tc * o * ((real)1 - o);
    if (options & LC_FORCE_OUTPUT)
        da_o = (vec){0};
    vec dc = load_n(l->dc_next + u, n) + dh * o * ((real)1 - tc * tc);
    if (options & LC_PEEPHOLE)
        dc += da_o * load_n(p + 2 * H + u, n);
    vec da_g = dc * i * ((real)1 - g * g);
    vec di = dc * g, df = dc * cp;
    if (options & LC_COUPLED && !(options & LC_FORCE_INPUT))
        df -= di; /* i = 1 - f */
    vec da_i = di * i * ((real)1 - i);
    vec da_f = df * f * ((real)1 - f);
    if (options & (LC_COUPLED | LC_FORCE_INPUT))
        da_i = (vec){0};
    if (options & LC_FORCE_FORGET)
        da_f = (vec){0};
    vec dc_before = dc * f;
    if (options & LC_PEEPHOLE) {
        real *dp = l->dpeephole;
        dc_before += da_i * load_n(p + u, n) + da_f * load_n(p + H + u, n);
        store_n(dp + u, load_n(dp + u, n) + da_i * cp, n);
        store_n(dp + H + u, load_n(dp + H + u, n) + da_f * cp, n);
        store_n(dp + 2 * H + u, load_n(dp + 2 * H + u, n) + da_o * load_n(l->c + u, n), n);
    }
    store_n(l->da + u, da_i, n);
    store_n(l->da + H + u, da_f, n);
    store_n(l->da + 2 * H + u, da_g, n);
    store_n(l->da + 3 * H + u, da_o, n);
    store_n(l->dc_next + u, dc_before, n);
}

INLINE void lstm_steps_backward(const pass *p, const pass_gradients *g, const int options)
{
    const int H = p->layer->hidden_size, columns = 4 * H;
    for (int s = p->T - 1; s >= 0; s--) {
        const int t = step_time(p, s);
        for (int b = 0; b < p->B; b++) {
            lane l = lane_at(p, g, options, t, b);
            if (past_end(p, t, b)) {
                pass_through(p->cell, l);
                continue;
            }
            for_units(lstm_units_backward, &l);
            if (p->lengths) /* the product below adds to what the sequences that have ended pass on */
                memset(l.dh_next, 0, H * sizeof(real));
        }
        back_through_weights(p, g, (product){.K = columns, .A = g->da + (ptrdiff_t)t * p->lanes * columns,
                                             .lda = columns, .B = p->packed.Ut, .accumulate = p->lengths != NULL,
                                             .backwards = s % 2});
    }
}

static void lstm_backward(const pass *p, const pass_gradients *g)
{
    if (p->layer->options)
        lstm_steps_backward(p, g, p->layer->options);
    else
        lstm_steps_backward(p, g, 0);
}
