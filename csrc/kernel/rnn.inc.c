/* The tanh RNN (Elman 1990): h_t = tanh(W.[h_{t-1}, x_t] + b). */
#include "layer.h"

INLINE void rnn_units(const lane *l, int u, int n)
{
    vec y = vtanh(load_n(l->gates + u, n));
    store_n(l->gates + u, y, n);
    store_n(l->h + u, y, n);
}

static void rnn_forward(const pass *p)
{
    for (int s = 0; s < p->T; s++) {
        const int t = step_time(p, s);
        meet_weights(p, s);
        for (int b = 0; b < p->B; b++) {
            lane l = lane_at(p, NULL, 0, t, b);
            if (past_end(p, t, b))
                leave_alone(p->cell, l);
            else
                for_units(rnn_units, &l);
        }
    }
}

INLINE void rnn_units_backward(const lane *l, int u, int n)
{
    vec y = load_n(l->gates + u, n);
    store_n(l->da + u, (load_n(l->dh + u, n) + load_n(l->dh_next + u, n)) * ((real)1 - y * y), n);
}

static void rnn_backward(const pass *p, const pass_gradients *g)
{
    const int H = p->layer->hidden_size;
    for (int s = p->T - 1; s >= 0; s--) {
        const int t = step_time(p, s);
        for (int b = 0; b < p->B; b++) {
            lane l = lane_at(p, g, 0, t, b);
            if (past_end(p, t, b)) {
                pass_through(p->cell, l);
                continue;
            }
            for_units(rnn_units_backward, &l);
            if (p->lengths) /* the product below adds to what the sequences that have ended pass on */
                memset(l.dh_next, 0, H * sizeof(real));
        }
        back_through_weights(p, g, (product){.K = H, .A = g->da + t * state_stride(p), .lda = H, .B = p->packed.Ut,
                                             .accumulate = p->lengths != NULL, .backwards = s % 2});
    }
}
