/* The LSTM (Hochreiter and Schmidhuber 1997; forget gate: Gers et al. 2000), as in W.[h_{t-1}, x_t] + b:
 *
 *     i = sigmoid(a_i + p_i c_{t-1})        f = sigmoid(a_f + p_f c_{t-1})      g = tanh(a_g)
 *     c_t = f c_{t-1} + i g                 o = sigmoid(a_o + p_o c_t)          h_t = o tanh(c_t)
 *
 * p are diagonal peepholes (zero without). Coupled gates: i = 1 - f. A forced gate is a constant. */
#include "layer.h"

/* One sequence's units at one step; p is NULL without peepholes. */
typedef struct {
    const lc_layer *layer;
    int H;
    const real *p;
} lstm_cell;

INLINE int forced(const lc_layer *layer, int gate) { return layer->force & gate; }
INLINE int is_plain(const lc_layer *layer) { return !layer->peephole && !layer->coupled && !layer->force; }

/* n units: a holds the pre-activations of i, f, g, o, H apart, and receives the gates. */
INLINE void lstm_units(lstm_cell cell, const int plain, int u, int n, real *a, const real *c_before, real *c,
                       real *tanh_c, real *h)
{
    const int H = cell.H;
    const lc_layer *layer = cell.layer;
    const real *p = plain ? NULL : cell.p;
    vec cp = load_n(c_before + u, n);
    vec ai = load_n(a + u, n), af = load_n(a + H + u, n), ao = load_n(a + 3 * H + u, n);
    if (p) {
        ai += load_n(p + u, n) * cp;
        af += load_n(p + H + u, n) * cp;
    }
    vec f = vsigmoid(af);
    if (!plain && forced(layer, LC_FORCE_FORGET))
        f = splat((real)layer->force_value[1]);
    vec i = !plain && layer->coupled ? (real)1 - f : vsigmoid(ai);
    if (!plain && forced(layer, LC_FORCE_INPUT))
        i = splat((real)layer->force_value[0]);
    vec g = vtanh(load_n(a + 2 * H + u, n));
    vec ct = f * cp + i * g;
    if (p)
        ao += load_n(p + 2 * H + u, n) * ct;
    vec o = vsigmoid(ao);
    if (!plain && forced(layer, LC_FORCE_OUTPUT))
        o = splat((real)layer->force_value[2]);
    vec tc = vtanh(ct);
    store_n(a + u, i, n);
    store_n(a + H + u, f, n);
    store_n(a + 2 * H + u, g, n);
    store_n(a + 3 * H + u, o, n);
    store_n(c + u, ct, n);
    store_n(tanh_c + u, tc, n);
    store_n(h + u, o * tc, n);
}

static void lstm_forward(const pass *p)
{
    const int H = p->layer->hidden_size, B = p->B, columns = 4 * H, plain = is_plain(p->layer);
    const lstm_cell cell = {p->layer, H, p->peephole};
    if (!p->symbols)
        project_dense(p);
    for (int s = 0; s < p->T; s++) {
        const int t = step_time(p, s);
        real *a = p->gates + (ptrdiff_t)t * B * columns, *tanh_c = p->extra + t * state_size(p);
        const real *h_before = before(p, p->h, t), *c_before = before(p, p->c, t);
        real *h = after(p, p->h, t), *c = after(p, p->c, t);
        if (p->symbols)
            project_symbols(p, t);
        multiply_along(in_turn(s), B, columns, H, seen_by_weights(p, t), H, p->packed.U, a, columns, 1);
        for (int b = 0; b < B; b++) {
            const ptrdiff_t row = (ptrdiff_t)b * H;
            real *ab = a + 4 * row;
            if (past_end(p, t, b)) {
                memset(ab, 0, columns * sizeof(real));
                memset(tanh_c + row, 0, H * sizeof(real));
                memcpy(c + row, c_before + row, H * sizeof(real));
                memcpy(h + row, h_before + row, H * sizeof(real));
                continue;
            }
#define PLAIN(u, n) lstm_units(cell, 1, u, n, ab, c_before + row, c + row, tanh_c + row, h + row)
#define OPTIONS(u, n) lstm_units(cell, 0, u, n, ab, c_before + row, c + row, tanh_c + row, h + row)
            if (plain)
                FOR_UNITS(H, PLAIN);
            else
                FOR_UNITS(H, OPTIONS);
#undef PLAIN
#undef OPTIONS
        }
    }
}

/* The same units backward. dh is the whole gradient of h_t; dc_next comes in as dL/dc_t from
 * step t+1 and leaves as dL/dc_{t-1}; da receives the gradients of the pre-activations. */
INLINE void lstm_units_backward(lstm_cell cell, const int plain, int u, int n, const real *gates, const real *c_before,
                                const real *c, const real *tanh_c, const real *dh_up, const real *dh_next,
                                real *dc_next, real *da, real *dp)
{
    const int H = cell.H;
    const lc_layer *layer = cell.layer;
    const real *p = plain ? NULL : cell.p;
    vec i = load_n(gates + u, n), f = load_n(gates + H + u, n), g = load_n(gates + 2 * H + u, n),
        o = load_n(gates + 3 * H + u, n);
    vec cp = load_n(c_before + u, n), tc = load_n(tanh_c + u, n);
    vec dh = load_n(dh_up + u, n) + load_n(dh_next + u, n);

    vec da_o = dh * tc * o * ((real)1 - o);
    if (!plain && forced(layer, LC_FORCE_OUTPUT))
        da_o = (vec){0};
    vec dc = load_n(dc_next + u, n) + dh * o * ((real)1 - tc * tc);
    if (p)
        dc += da_o * load_n(p + 2 * H + u, n);
    vec da_g = dc * i * ((real)1 - g * g);
    vec di = dc * g, df = dc * cp;
    if (!plain && layer->coupled && !forced(layer, LC_FORCE_INPUT))
        df -= di; /* i = 1 - f */
    vec da_i = di * i * ((real)1 - i);
    vec da_f = df * f * ((real)1 - f);
    if (!plain && (layer->coupled || forced(layer, LC_FORCE_INPUT)))
        da_i = (vec){0};
    if (!plain && forced(layer, LC_FORCE_FORGET))
        da_f = (vec){0};
    vec dc_before = dc * f;
    if (p) {
        dc_before += da_i * load_n(p + u, n) + da_f * load_n(p + H + u, n);
        store_n(dp + u, load_n(dp + u, n) + da_i * cp, n);
        store_n(dp + H + u, load_n(dp + H + u, n) + da_f * cp, n);
        store_n(dp + 2 * H + u, load_n(dp + 2 * H + u, n) + da_o * load_n(c + u, n), n);
    }
    store_n(da + u, da_i, n);
    store_n(da + H + u, da_f, n);
    store_n(da + 2 * H + u, da_g, n);
    store_n(da + 3 * H + u, da_o, n);
    store_n(dc_next + u, dc_before, n);
}

static void lstm_backward(const pass *p, const pass_gradients *g)
{
    const int H = p->layer->hidden_size, B = p->B, columns = 4 * H, plain = is_plain(p->layer);
    const lstm_cell cell = {p->layer, H, p->peephole};
    if (p->peephole)
        memset(g->dpeephole, 0, 3 * H * sizeof(real));
    for (int s = p->T - 1; s >= 0; s--) {
        const int t = step_time(p, s);
        const real *gates = p->gates + (ptrdiff_t)t * B * columns, *tanh_c = p->extra + t * state_size(p);
        const real *c_before = before(p, p->c, t), *c = after(p, p->c, t), *dh = g->dh + t * state_size(p);
        real *da = g->da + (ptrdiff_t)t * B * columns;
        for (int b = 0; b < B; b++) {
            const ptrdiff_t row = (ptrdiff_t)b * H;
            if (past_end(p, t, b)) {
                memset(da + 4 * row, 0, columns * sizeof(real));
                add_rows(H, g->dh_next + row, dh + row, g->dh_next + row);
                continue;
            }
#define UNITS(plain, u, n)                                                                                          \
    lstm_units_backward(cell, plain, u, n, gates + 4 * row, c_before + row, c + row, tanh_c + row, dh + row,        \
                        g->dh_next + row, g->dc_next + row, da + 4 * row, g->dpeephole)
#define PLAIN(u, n) UNITS(1, u, n)
#define OPTIONS(u, n) UNITS(0, u, n)
            if (plain)
                FOR_UNITS(H, PLAIN);
            else
                FOR_UNITS(H, OPTIONS);
#undef PLAIN
#undef OPTIONS
#undef UNITS
            if (p->lengths) /* the product below adds to what the sequences that have ended pass on */
                memset(g->dh_next + row, 0, H * sizeof(real));
        }
        back_through_weights(p, g, s, columns, da, columns, p->packed.Ut, p->lengths != NULL);
    }
    multiply_outer(H, columns, p->T * B, all_seen_by_weights(p, g), H, g->da, columns, g->dWt, columns, 0, g->scratch);
    input_gradients(p, g);
}
