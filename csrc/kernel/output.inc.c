/* Softmax cross-entropy over symbols: L = mean over counted t of log(sum_v e^{y_tv}) - y_t,target. */
#include "vecmath.h"

static real largest_of(int V, const real *y)
{
    real largest = y[0];
    int v = 0;
    if (V >= WIDTH) {
        vec largest_lanes = load(y);
        for (v = WIDTH; v + WIDTH <= V; v += WIDTH) {
            vec next = load(y + v);
            largest_lanes = choose((ivec)(next > largest_lanes), next, largest_lanes);
        }
        for (int i = 0; i < WIDTH; i++)
            largest = largest_lanes[i] > largest ? largest_lanes[i] : largest;
    }
    for (; v < V; v++)
        largest = y[v] > largest ? y[v] : largest;
    return largest;
}

/* log(sum e^y), stable for any size of y. */
static double log_sum_exp(int V, const real *y)
{
    const real largest = largest_of(V, y);
    vec sum = {0};
    int v = 0;
    for (; v + WIDTH <= V; v += WIDTH)
        sum += vexp(load(y + v) - largest);
    double total = sum_of(sum);
    for (; v < V; v++)
        total += exp((double)(y[v] - largest));
    return (double)largest + log(total);
}

/* dL/dy = (softmax(y) - onehot(target)) * scale, for one row; dy may be y. */
static void cross_entropy_gradient(int V, const real *y, double log_total, int target, real scale, real *dy)
{
    int v = 0;
    for (; v + WIDTH <= V; v += WIDTH)
        store(dy + v, vexp(load(y + v) - (real)log_total) * scale);
    if (v < V)
        store_part(dy + v, vexp(load_part(y + v, V - v) - (real)log_total) * scale, V - v);
    dy[target] -= scale;
}
