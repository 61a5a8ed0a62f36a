/* The tanh RNN (Elman 1990): h_t = tanh(W.[h_{t-1}, x_t] + b). */
#include "layer.h"

INLINE void rnn_units(int u, int n, real *a, real *h)
{
    vec y = vtanh(load_n(a + u, n));
    store_n(a + u, y, n);
    store_n(h + u, y, n);
}

static void rnn_forward(const pass *p)
{
    const int H = p->layer->hidden_size, B = p->B;
    if (!p->symbols)
        project_dense(p);
    for (int s = 0; s < p->T; s++) {
        const int t = step_time(p, s);
        real *a = p->gates + t * state_size(p), *h = after(p, p->h, t);
        const real *h_before = before(p, p->h, t);
        if (p->symbols)
            project_symbols(p, t);
        multiply_along(in_turn(s), B, H, H, seen_by_weights(p, t), H, p->packed.U, a, H, 1);
        for (int b = 0; b < B; b++) {
            const ptrdiff_t row = (ptrdiff_t)b * H;
            if (past_end(p, t, b)) {
                memset(a + row, 0, H * sizeof(real));
                memcpy(h + row, h_before + row, H * sizeof(real));
                continue;
            }
#define UNITS(u, n) rnn_units(u, n, a + row, h + row)
            FOR_UNITS(H, UNITS);
#undef UNITS
        }
    }
}

INLINE void rnn_units_backward(int u, int n, const real *h, const real *dh_up, const real *dh_next, real *da)
{
    vec y = load_n(h + u, n);
    store_n(da + u, (load_n(dh_up + u, n) + load_n(dh_next + u, n)) * ((real)1 - y * y), n);
}

static void rnn_backward(const pass *p, const pass_gradients *g)
{
    const int H = p->layer->hidden_size, B = p->B;
    for (int s = p->T - 1; s >= 0; s--) {
        const int t = step_time(p, s);
        const real *y = p->gates + t * state_size(p), *dh = g->dh + t * state_size(p);
        real *da = g->da + t * state_size(p);
        for (int b = 0; b < B; b++) {
            const ptrdiff_t row = (ptrdiff_t)b * H;
            if (past_end(p, t, b)) {
                memset(da + row, 0, H * sizeof(real));
                add_rows(H, g->dh_next + row, dh + row, g->dh_next + row);
                continue;
            }
#define UNITS(u, n) rnn_units_backward(u, n, y + row, dh + row, g->dh_next + row, da + row)
            FOR_UNITS(H, UNITS);
#undef UNITS
            if (p->lengths)
                memset(g->dh_next + row, 0, H * sizeof(real));
        }
        back_through_weights(p, g, s, H, da, H, p->packed.Ut, p->lengths != NULL);
    }
    multiply_outer(H, H, p->T * B, all_seen_by_weights(p, g), H, g->da, H, g->dWt, H, 0, g->scratch);
    input_gradients(p, g);
}
