/* All numeric code in one precision and for one instruction set; every file in variants/ compiles
 * this once. VARIANT names the table of functions that comes out of it. */
#include "engine.inc.c"

static pass public_pass(const lc_layer *layer, const lc_pass *in, arena *arena)
{
    pass p = {.layer = layer, .T = in->T, .B = in->B, .x = in->x, .symbols = in->symbols, .symbol_stride = in->B,
              .lengths = in->lengths, .Wt = in->Wt, .b = in->b, .peephole = layer->peephole ? in->peephole : NULL,
              .recurrent_mask = in->recurrent_mask, .h = in->h, .c = in->c, .gates = in->gates, .extra = in->extra};
    p.packed = plan_panels(layer, in->x != NULL, arena);
    p.masked = p.recurrent_mask ? TAKE(arena, state_size(&p)) : NULL;
    return p;
}

/* Counts, or lays out, the memory of lc_layer_backward, which is more than lc_layer_forward's. */
static void plan_gradients(const pass *p, pass_gradients *g, arena *arena)
{
    const int64_t rows = (int64_t)p->T * p->B, H = p->layer->hidden_size;
    g->dh_next = TAKE(arena, p->B * H);
    g->da = TAKE(arena, rows * gate_blocks(p->layer) * H);
    g->dextra = p->layer->reset_after ? TAKE(arena, rows * H) : NULL;
    g->scratch = TAKE(arena, gradient_scratch(p->layer, p->symbols == NULL, p->B));
    g->masked = p->recurrent_mask ? TAKE(arena, rows * H) : NULL;
}

static int64_t pass_bytes(const lc_layer *layer, const lc_pass *in)
{
    arena arena = {NULL, 0};
    pass p = public_pass(layer, in, &arena);
    pass_gradients g;
    plan_gradients(&p, &g, &arena);
    return arena.used;
}

static void layer_forward(const lc_layer *layer, const lc_pass *in, void *work)
{
    arena arena = {work, 0};
    pass p = public_pass(layer, in, &arena);
    pack_panels(layer, p.Wt, 0, &p.packed);
    forward_pass(&p);
}

static void layer_backward(const lc_layer *layer, const lc_pass *in, const lc_grads *out, void *work)
{
    arena arena = {work, 0};
    pass p = public_pass(layer, in, &arena);
    pass_gradients g = {.dh = out->dh, .dx = out->dx, .dWt = out->dWt, .db = out->db, .dpeephole = out->dpeephole};
    plan_gradients(&p, &g, &arena);
    pack_panels(layer, p.Wt, 1, &p.packed);
    const size_t size = (size_t)state_size(&p) * sizeof(real);
    g.dc_next = out->dc0;
    memset(g.dh_next, 0, size);
    if (out->dh_T)
        memcpy(g.dh_next, out->dh_T, size);
    if (g.dc_next)
        memset(g.dc_next, 0, size);
    if (out->dc_T)
        memcpy(g.dc_next, out->dc_T, size);
    backward_pass(&p, &g);
    memcpy(out->dh0, g.dh_next, size);
}

static double optimizer_step(const lc_optimizer *optimizer, int64_t count, void *parameters, const void *gradient,
                             void *moments, int64_t step, double lr)
{
    double norm = sqrt(sum_of_squares(count, gradient, 0)), clipped_norm = norm;
    if (!isfinite(norm))
        return norm;
    if (optimizer->clip_value > 0)
        clipped_norm = sqrt(sum_of_squares(count, gradient, (real)optimizer->clip_value));
    update_rule rule = rule_of(optimizer, step, lr, clipped_norm);
    update_parameters(&rule, count, parameters, gradient, moments, (real *)moments + count);
    return norm;
}

static void elementwise(int function, int64_t n, const void *x_in, void *y_out)
{
    const real *x = x_in;
    real *y = y_out;
#define LOOP(f)                              \
    for (; n >= WIDTH; n -= WIDTH, x += WIDTH, y += WIDTH) \
        store(y, f(load(x)));                \
    if (n > 0)                               \
        store_part(y, f(load_part(x, (int)n)), (int)n);
    switch (function) {
    case 0: LOOP(vsigmoid) break;
    case 1: LOOP(vtanh) break;
    default: LOOP(vexp) break;
    }
#undef LOOP
}

/* As many independent multiply-adds as the tiles have, nothing else: what this core can do at most. */
static double fma_peak(int64_t rounds)
{
    enum { SUMS = TILE_ROWS * 2 };
    vec sum[SUMS], a = splat((real)0.999), b = splat((real)1e-3);
    UNROLL
    for (int i = 0; i < SUMS; i++)
        sum[i] = splat((real)i);
    for (int64_t round = 0; round < rounds; round++) {
        UNROLL
        for (int i = 0; i < SUMS; i++)
            sum[i] = sum[i] * a + b;
    }
    vec total = sum[0];
    for (int i = 1; i < SUMS; i++)
        total += sum[i];
    volatile real kept = sum_of(total);
    (void)kept;
    return 2.0 * SUMS * WIDTH * (double)rounds;
}

const lc_kernels VARIANT = {
    .pass_bytes = pass_bytes,
    .layer_forward = layer_forward,
    .layer_backward = layer_backward,
    .engine_plan = engine_plan,
    .engine_pack = engine_pack,
    .engine_forward = engine_forward,
    .engine_final_state = engine_final_state,
    .engine_backward = engine_backward,
    .engine_norm = engine_norm,
    .engine_update = engine_update,
    .engine_logits = engine_logits,
    .engine_activations = engine_activations,
    .sample_bytes = sample_bytes,
    .engine_sample = engine_sample,
    .optimizer_step = optimizer_step,
    .elementwise = elementwise,
    .fma_peak = fma_peak,
};
