/* What one variant (instruction set and precision) of the numeric code provides, and which is in use. */
#ifndef LC_KERNELS_H
#define LC_KERNELS_H

#include "lstm_core.h"

struct engine;

typedef struct {
    /* Layers; work points to pass_bytes of memory. */
    int64_t (*pass_bytes)(const lc_layer *layer, const lc_pass *pass);
    void (*layer_forward)(const lc_layer *layer, const lc_pass *pass, void *work);
    void (*layer_backward)(const lc_layer *layer, const lc_pass *pass, const lc_grads *grads, void *work);

    /* A model. Arguments and results travel in the engine; see engine.h. */
    int64_t (*engine_plan)(struct engine *engine, void *memory); /* bytes needed; no memory: only counts */
    void (*engine_pack)(struct engine *engine, int backward); /* backward: for a backward pass, too */
    double (*engine_forward)(struct engine *engine);
    void (*engine_final_state)(struct engine *engine, void *state);
    void (*engine_backward)(struct engine *engine);
    double (*engine_norm)(struct engine *engine);
    void (*engine_update)(struct engine *engine);
    void (*engine_logits)(struct engine *engine, void *logits);
    void (*engine_activations)(struct engine *engine, int layer, void *h, void *c, void *gates, void *extra);
    int64_t (*sample_bytes)(const lc_model *model);
    void (*engine_sample)(struct engine *engine, void *state, int32_t symbol, int length, double temperature,
                          int top_k, double top_p, uint64_t seed, int64_t offset, int32_t *out, void *work);

    /* Returns the gradient's norm; changes nothing if that is not finite. */
    double (*optimizer_step)(const lc_optimizer *optimizer, int64_t count, void *parameters, const void *gradient,
                             void *moments, int64_t step, double lr);
    void (*elementwise)(int function, int64_t n, const void *x, void *y);
    double (*fma_peak)(int64_t rounds);
} lc_kernels;

extern const lc_kernels lc_portable_f32, lc_portable_f64;
#if defined(__x86_64__)
extern const lc_kernels lc_avx2_f32, lc_avx2_f64, lc_avx512_f32, lc_avx512_f64;
#endif

/* The variant in use. */
const lc_kernels *kernels_for(int dtype);

#endif
