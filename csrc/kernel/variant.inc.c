/* All numeric code in one precision and for one instruction set; every file in variants/ compiles
 * this once. VARIANT names the table of functions that comes out of it. */
#include "engine.inc.c"
#include "layers.inc.c"

static int64_t plan_multiply(const lc_product *p, arena *arena, real **panels, real **rows)
{
    *panels = TAKE(arena, packed_size(p->K, p->N));
    *rows = p->A_transposed ? TAKE(arena, (int64_t)p->M * p->K) : NULL;
    return arena->used;
}

static int64_t multiply_bytes(const lc_product *p)
{
    real *panels, *rows;
    return plan_multiply(p, &(arena){NULL, 0}, &panels, &rows);
}

static void multiply_arrays(const lc_product *p, void *work)
{
    const real *A = p->A;
    real *panels, *rows;
    plan_multiply(p, &(arena){work, 0}, &panels, &rows);
    if (p->B_transposed)
        pack_columns(p->K, p->N, p->B, p->K, panels);
    else
        pack_rows(p->K, p->N, p->B, p->N, panels);
    if (rows) {
        for (int k = 0; k < p->K; k++)
            for (int m = 0; m < p->M; m++)
                rows[(ptrdiff_t)m * p->K + k] = A[(ptrdiff_t)k * p->M + m];
        A = rows;
    }
    multiply(&(product){.M = p->M, .N = p->N, .K = p->K, .A = A, .lda = p->K, .B = panels, .C = p->C, .ldc = p->N});
}

typedef vec vector_function(vec x);

INLINE void for_vectors(vector_function *f, int64_t n, const real *x, real *y)
{
    for (; n >= WIDTH; n -= WIDTH, x += WIDTH, y += WIDTH)
        store(y, f(load(x)));
    if (n > 0)
        store_part(y, f(load_part(x, (int)n)), (int)n);
}

static void elementwise(int function, int64_t n, const void *x, void *y)
{
    switch (function) {
    case 0: for_vectors(vsigmoid, n, x, y); break;
    case 1: for_vectors(vtanh, n, x, y); break;
    default: for_vectors(vexp, n, x, y); break;
    }
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

const lc_variant VARIANT = {
    .cells = cells,
    .cell_count = sizeof cells / sizeof *cells,
    .layer_bytes = layer_bytes,
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
    .multiply_bytes = multiply_bytes,
    .multiply = multiply_arrays,
    .elementwise = elementwise,
    .fma_peak = fma_peak,
};
