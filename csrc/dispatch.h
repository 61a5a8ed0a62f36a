/* What one variant (instruction set and precision) of the numeric code provides, and how to find it. */
#ifndef LC_DISPATCH_H
#define LC_DISPATCH_H

#include "cell.h"

struct engine;

/* A call of lc_layer_forward or lc_layer_backward; grads is NULL in the former. */
typedef struct {
    const lc_layer *layer;
    const lc_pass *pass;
    const lc_grads *grads;
    lc_pool *pool;
} layer_call;

typedef struct {
    const cell *cells;
    int cell_count;

    /* Layers; work points to layer_bytes of memory. */
    int64_t (*layer_bytes)(const layer_call *call);
    void (*layer_forward)(const layer_call *call, void *work);
    void (*layer_backward)(const layer_call *call, void *work);

    /* A model. Arguments and results travel in the engine; see engine.h. */
    int64_t (*engine_plan)(struct engine *engine, void *memory); /* bytes needed; no memory: only counts */
    void (*engine_pack)(struct engine *engine, int backward); /* backward: for a backward pass, too */
    double (*engine_forward)(struct engine *engine);
    void (*engine_final_state)(struct engine *engine);
    void (*engine_backward)(struct engine *engine);
    double (*engine_norm)(struct engine *engine);
    void (*engine_update)(struct engine *engine);
    void (*engine_logits)(struct engine *engine, void *logits);
    void (*engine_activations)(struct engine *engine, int layer, const lc_activations *activations);
    int64_t (*sample_bytes)(const lc_model *model);
    void (*engine_sample)(struct engine *engine, const lc_sampling *sampling, void *work);

    /* Returns the gradient's norm; changes nothing if that is not finite. */
    double (*optimizer_step)(const lc_flat *flat, const lc_update *update);
    int64_t (*multiply_bytes)(const lc_product *product);
    void (*multiply)(const lc_product *product, void *work);
    void (*elementwise)(int function, int64_t n, const void *x, void *y);
    double (*fma_peak)(int64_t rounds);
} lc_variant;

/* NULL if there is no such kernel or dtype, or this machine cannot run it. */
const lc_variant *variant_of(int kernel, int dtype);

#endif
