/* Updates of a flat array of parameters p from its gradient g; formulas as in PyTorch. */
#include "engine.h"
#include "vecmath.h"

typedef struct {
    const lc_optimizer *settings;
    real lr;
    real clip;  /* every entry is limited to +-clip first, if clip > 0 */
    real scale; /* then the gradient is multiplied by this: clipping by norm */
    real correction1, correction2; /* Adam: 1 / (1 - beta^step) */
} update_rule;

/* norm: the gradient's, after limiting its entries. */
static update_rule rule_of(const lc_update *update, double norm)
{
    const lc_optimizer *o = update->optimizer;
    const double step = (double)update->step;
    update_rule rule = {.settings = o, .lr = (real)update->lr, .clip = (real)o->clip_value, .scale = 1,
                        .correction1 = (real)(1 / (1 - pow(o->beta1, step))),
                        .correction2 = (real)(1 / (1 - pow(o->beta2, step)))};
    if (o->clip_norm > 0 && norm > o->clip_norm)
        rule.scale = (real)(o->clip_norm / norm);
    return rule;
}

INLINE vec clipped(vec g, real clip) { return clip > 0 ? clamp(g, clip) : g; }

typedef struct {
    int64_t count;
    real *p;
    const real *g;
    real *first, *second; /* moments */
} flat_arrays;

/* n numbers from the i-th on; kind is a constant in every call. */
INLINE void update_vector(const int kind, const update_rule *rule, const flat_arrays *flat, int64_t i, int n)
{
    const lc_optimizer *o = rule->settings;
    real *first = flat->first + i, *second = flat->second + i;
    vec g = clipped(load_n(flat->g + i, n), rule->clip) * rule->scale, step;
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
    store_n(flat->p + i, load_n(flat->p + i, n) - rule->lr * step, n);
}

INLINE void update_all(const int kind, update_rule rule, flat_arrays flat)
{
    int64_t i = 0;
    for (; i + WIDTH <= flat.count; i += WIDTH)
        update_vector(kind, &rule, &flat, i, WIDTH);
    if (i < flat.count)
        update_vector(kind, &rule, &flat, i, (int)(flat.count - i));
}

static void update_parameters(const update_rule *rule, const flat_arrays *flat)
{
    switch (rule->settings->kind) {
    case LC_SGD: update_all(LC_SGD, *rule, *flat); break;
    case LC_RMSPROP: update_all(LC_RMSPROP, *rule, *flat); break;
    case LC_ADAGRAD: update_all(LC_ADAGRAD, *rule, *flat); break;
    default: update_all(LC_ADAM, *rule, *flat); break;
    }
}

/* Sum of squares of n entries, each limited to +-clip first if clip > 0. */
static double block_of_squares(int64_t n, const real *block, real clip)
{
    int64_t i = 0;
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
    return squares;
}

/* The squares of the i-th block of SQUARES_BLOCK entries. */
static double squares_of(int64_t count, const real *g, int64_t i, real clip)
{
    const int64_t left = count - i * SQUARES_BLOCK;
    return block_of_squares(left < SQUARES_BLOCK ? left : SQUARES_BLOCK, g + i * SQUARES_BLOCK, clip);
}

static double norm_of(int64_t count, const real *g, real clip)
{
    double total = 0;
    for (int64_t i = 0; i * SQUARES_BLOCK < count; i++)
        total += squares_of(count, g, i, clip);
    return sqrt(total);
}

static double optimizer_step(const lc_flat *flat, const lc_update *update)
{
    const lc_optimizer *o = update->optimizer;
    const double norm = norm_of(flat->count, flat->gradient, 0);
    if (!isfinite(norm))
        return norm;
    const double clipped_norm = o->clip_value > 0 ? norm_of(flat->count, flat->gradient, (real)o->clip_value) : norm;
    update_rule rule = rule_of(update, clipped_norm);
    real *moments = update->moments;
    update_parameters(&rule, &(flat_arrays){flat->count, flat->parameters, flat->gradient, moments,
                                            moments + flat->count});
    return norm;
}
