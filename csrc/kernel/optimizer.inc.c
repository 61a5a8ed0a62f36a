/* Updates of a flat array of parameters p from its gradient g; formulas as in PyTorch. */
#include "vecmath.h"

typedef struct {
    const lc_optimizer *settings;
    real lr;
    real clip;  /* every entry is limited to +-clip first, if clip > 0 */
    real scale; /* then the gradient is multiplied by this: clipping by norm */
    real correction1, correction2; /* Adam: 1 / (1 - beta^step) */
} update_rule;

/* norm: the gradient's, after limiting its entries. */
static update_rule rule_of(const lc_optimizer *o, int64_t step, double lr, double norm)
{
    update_rule rule = {.settings = o, .lr = (real)lr, .clip = (real)o->clip_value, .scale = 1,
                        .correction1 = (real)(1 / (1 - pow(o->beta1, (double)step))),
                        .correction2 = (real)(1 / (1 - pow(o->beta2, (double)step)))};
    if (o->clip_norm > 0 && norm > o->clip_norm)
        rule.scale = (real)(o->clip_norm / norm);
    return rule;
}

INLINE vec clipped(vec g, real clip) { return clip > 0 ? clamp(g, clip) : g; }

INLINE void update_vector(const int kind, const update_rule *rule, int n, real *p, const real *g_in, real *first,
                          real *second)
{
    const lc_optimizer *o = rule->settings;
    vec g = clipped(load_n(g_in, n), rule->clip) * rule->scale, step;
    if (kind == LC_SGD) {
        step = (real)o->momentum * load_n(first, n) + g;
        store_n(first, step, n);
    } else if (kind == LC_ADAM) {
        vec m = (real)o->beta1 * load_n(first, n) + (real)(1 - o->beta1) * g;
        vec s = (real)o->beta2 * load_n(second, n) + (real)(1 - o->beta2) * (g * g);
        store_n(first, m, n);
        store_n(second, s, n);
        step = m * rule->correction1 / (vsqrt(s * rule->correction2) + (real)o->eps);
    } else {
        vec s = load_n(second, n);
        s = kind == LC_ADAGRAD ? s + g * g : (real)o->rho * s + (real)(1 - o->rho) * (g * g);
        store_n(second, s, n);
        step = g / (vsqrt(s) + (real)o->eps);
    }
    store_n(p, load_n(p, n) - rule->lr * step, n);
}

static void update_parameters(const update_rule *rule, int64_t count, real *p, const real *g, real *first, real *second)
{
#define LOOP(kind)                                                                          \
    for (int64_t i = 0; i < count; i += WIDTH) {                                            \
        if (count - i >= WIDTH)                                                             \
            update_vector(kind, rule, WIDTH, p + i, g + i, first + i, second + i);          \
        else                                                                                \
            update_vector(kind, rule, (int)(count - i), p + i, g + i, first + i, second + i); \
    }
    switch (rule->settings->kind) {
    case LC_SGD: LOOP(LC_SGD) break;
    case LC_RMSPROP: LOOP(LC_RMSPROP) break;
    case LC_ADAGRAD: LOOP(LC_ADAGRAD) break;
    default: LOOP(LC_ADAM) break;
    }
#undef LOOP
}

/* Sum of squares of the entries, each limited to +-clip first if clip > 0. */
static double sum_of_squares(int64_t count, const real *g, real clip)
{
    enum { BLOCK = 4096 };
    double total = 0;
    for (int64_t start = 0; start < count; start += BLOCK) {
        int64_t n = count - start < BLOCK ? count - start : BLOCK, i = 0;
        const real *block = g + start;
        vec a = {0}, b = {0};
        for (; i + 2 * WIDTH <= n; i += 2 * WIDTH) {
            vec x = clipped(load(block + i), clip), y = clipped(load(block + i + WIDTH), clip);
            a += x * x;
            b += y * y;
        }
        for (; i < n; i += WIDTH) {
            vec x = clipped(load_n(block + i, n - i < WIDTH ? (int)(n - i) : WIDTH), clip);
            a += x * x;
        }
        double squares = (double)sum_of(a + b);
        if (!isfinite(squares)) { /* perhaps only too large for the squares of this dtype: once more, in double */
            squares = 0;
            for (i = 0; i < n; i++) {
                double x = (double)block[i];
                x = clip > 0 ? fmax(-(double)clip, fmin((double)clip, x)) : x;
                squares += x * x;
            }
        }
        total += squares;
    }
    return total;
}
