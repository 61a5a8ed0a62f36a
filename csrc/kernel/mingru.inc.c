/* The minGRU (Feng et al. 2024, "Were RNNs all we needed?"): no weights meet h_{t-1}.
 *
 *     z = sigmoid(Wz x + b_z)      n = Wn x + b_n      h_t = (1 - z) h_{t-1} + z n */
#include "layer.h"

INLINE void mingru_units(const lane *l, int u, int n)
{
    real *a = l->gates;
    vec z = vsigmoid(load_n(a + u, n)), candidate = load_n(a + l->H + u, n), hp = load_n(l->h_before + u, n);
    store_n(a + u, z, n);
    store_n(l->h + u, hp + z * (candidate - hp), n);
}

static void mingru_forward(const pass *p)
{
    for (int s = 0; s < p->T; s++) {
        const int t = step_time(p, s);
        if (p->symbols)
            project_symbols(p, t);
        for (int b = 0; b < p->B; b++) {
            lane l = lane_at(p, NULL, 0, t, b);
            if (past_end(p, t, b))
                leave_alone(p->cell, l);
            else
                for_units(mingru_units, &l);
        }
    }
}

INLINE void mingru_units_backward(const lane *l, int u, int n)
{
    vec z = load_n(l->gates + u, n), candidate = load_n(l->gates + l->H + u, n);
    vec dh = load_n(l->dh + u, n) + load_n(l->dh_next + u, n);
    store_n(l->da + u, dh * (candidate - load_n(l->h_before + u, n)) * z * ((real)1 - z), n);
    store_n(l->da + l->H + u, dh * z, n);
    store_n(l->dh_next + u, dh * ((real)1 - z), n);
}

static void mingru_backward(const pass *p, const pass_gradients *g)
{
    for (int s = p->T - 1; s >= 0; s--) {
        const int t = step_time(p, s);
        for (int b = 0; b < p->B; b++) {
            lane l = lane_at(p, g, 0, t, b);
            if (past_end(p, t, b))
                pass_through(p->cell, l);
            else
                for_units(mingru_units_backward, &l);
        }
    }
}
