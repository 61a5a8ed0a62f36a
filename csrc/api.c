/* The public functions: they check their arguments, and keep denormals out. */
#include <math.h>
#include <stdlib.h>

#include "engine.h"
#include "flush_denormals.h"
#include "random.h"

const char *lc_compiler(void)
{
#if defined(__clang__)
    return "clang " __clang_version__;
#elif defined(__GNUC__)
    return "gcc " __VERSION__;
#else
    return "unknown";
#endif
}

const char *lc_error_text(int code)
{
    switch (code) {
    case LC_OK: return "no error";
    case LC_NO_MEMORY: return "not enough memory";
    case LC_BAD_ARGUMENT: return "an argument is out of range";
    case LC_NOT_FINITE: return "a loss or a gradient is NaN or infinite";
    case LC_NO_FORWARD: return "backward needs a forward pass with targets before it, and only one backward follows each";
    case LC_NO_THREADS: return "the threads could not be started";
    default: return "unknown error";
    }
}

/* --- layers -------------------------------------------------------------------------------- */

static int gate_blocks(const lc_layer *layer) { return layer->cell == LC_LSTM ? 4 : layer->cell == LC_GRU ? 3 : 1; }

static int good_layer(const lc_layer *layer)
{
    int lstm = layer->cell == LC_LSTM, gru = layer->cell == LC_GRU;
    return (layer->dtype == LC_FLOAT32 || layer->dtype == LC_FLOAT64) && (lstm || gru || layer->cell == LC_RNN) &&
           layer->input_size >= 1 && layer->hidden_size >= 1 && (gru || !layer->reset_after) &&
           (lstm || (!layer->peephole && !layer->coupled && !layer->force));
}

static int good_symbols(int64_t count, const int32_t *symbols, int least, int limit)
{
    for (int64_t i = 0; i < count; i++)
        if (symbols[i] < least || symbols[i] >= limit)
            return 0;
    return 1;
}

/* Steps times sequences must fit an int, which is what counts rows. */
static int good_size(int T, int B) { return T >= 1 && B >= 1 && (int64_t)T * B + B <= INT32_MAX; }

static int good_pass(const lc_layer *layer, const lc_pass *pass)
{
    if (!good_layer(layer) || !good_size(pass->T, pass->B) || (!pass->x == !pass->symbols))
        return 0;
    if (pass->symbols && !good_symbols((int64_t)pass->T * pass->B, pass->symbols, 0, layer->input_size))
        return 0;
    return pass->Wt && pass->b && pass->h && pass->gates && (!layer->peephole || pass->peephole) &&
           (layer->cell != LC_LSTM || pass->c) && (layer->cell == LC_RNN || pass->extra);
}

/* malloc aligned to a cache line; the block itself is at *block. */
static void *aligned_memory(int64_t bytes, void **block)
{
    *block = malloc((size_t)bytes + 64);
    return *block ? (void *)(((uintptr_t)*block + 63) & ~(uintptr_t)63) : NULL;
}

int lc_layer_forward(const lc_layer *layer, const lc_pass *pass)
{
    if (!good_pass(layer, pass))
        return LC_BAD_ARGUMENT;
    const lc_kernels *k = kernels_for(layer->dtype);
    void *block, *work = aligned_memory(k->pass_bytes(layer, pass), &block);
    if (!work)
        return LC_NO_MEMORY;
    uint64_t fp = flush_denormals();
    k->layer_forward(layer, pass, work);
    restore_denormals(fp);
    free(block);
    return LC_OK;
}

int lc_layer_backward(const lc_layer *layer, const lc_pass *pass, const lc_grads *grads)
{
    if (!good_pass(layer, pass) || !grads->dh || !grads->dh0 || !grads->dWt || !grads->db ||
        (layer->cell == LC_LSTM && !grads->dc0) || (layer->peephole && !grads->dpeephole))
        return LC_BAD_ARGUMENT;
    const lc_kernels *k = kernels_for(layer->dtype);
    void *block, *work = aligned_memory(k->pass_bytes(layer, pass), &block);
    if (!work)
        return LC_NO_MEMORY;
    uint64_t fp = flush_denormals();
    k->layer_backward(layer, pass, grads, work);
    restore_denormals(fp);
    free(block);
    return LC_OK;
}

int lc_optimizer_step(int dtype, int64_t count, void *parameters, const void *gradient, void *moments,
                      const lc_optimizer *optimizer, int64_t step, double lr, double *norm)
{
    if ((dtype != LC_FLOAT32 && dtype != LC_FLOAT64) || count < 0)
        return LC_BAD_ARGUMENT;
    uint64_t fp = flush_denormals();
    *norm = kernels_for(dtype)->optimizer_step(optimizer, count, parameters, gradient, moments, step, lr);
    restore_denormals(fp);
    return isfinite(*norm) ? LC_OK : LC_NOT_FINITE;
}

/* --- models -------------------------------------------------------------------------------- */

struct lc_engine {
    struct engine e;
    void *block; /* what to free for e.memory */
};

int64_t lc_model_parameters(const lc_model *model)
{
    const lc_layer *layer = &model->layer;
    int64_t H = layer->hidden_size, columns = gate_blocks(layer) * H, total = 0;
    for (int l = 0; l < model->num_layers; l++)
        total += (H + (l ? H : layer->input_size)) * columns + columns + (layer->reset_after ? H : 0) +
                 (layer->peephole ? 3 * H : 0);
    return total + (H + 1) * model->output_size;
}

int lc_engine_new(const lc_model *model, void *parameters, void *gradient, int threads, lc_engine **engine)
{
    *engine = NULL;
    if (!good_layer(&model->layer) || model->layer.reverse || model->num_layers < 1 || model->output_size < 1 ||
        !(model->dropout >= 0 && model->dropout < 1) || threads < 1)
        return LC_BAD_ARGUMENT;
    lc_engine *new = calloc(1, sizeof *new);
    if (!new)
        return LC_NO_MEMORY;
    new->e = (struct engine){.kernels = kernels_for(model->layer.dtype), .model = *model, .parameters = parameters,
                             .gradient = gradient, .parameter_count = lc_model_parameters(model), .threads = threads};
    new->e.sums = calloc(threads, sizeof(shard_sums));
    new->e.pool = pool_new(threads);
    if (!new->e.sums || !new->e.pool) {
        int code = new->e.sums ? LC_NO_THREADS : LC_NO_MEMORY;
        lc_engine_free(new);
        return code;
    }
    *engine = new;
    return LC_OK;
}

void lc_engine_free(lc_engine *engine)
{
    if (!engine)
        return;
    pool_free(engine->e.pool);
    free(engine->e.sums);
    free(engine->block);
    free(engine);
}

int64_t lc_engine_bytes(const lc_engine *engine) { return engine->e.memory_bytes; }

/* Makes room for T steps of B lanes, and says whether backward may overwrite activations. The
 * memory only grows. */
static int reserve(lc_engine *engine, int T, int B, int in_place)
{
    struct engine *e = &engine->e;
    e->ran = e->kept = 0;
    e->T = T;
    e->B = B;
    e->in_place = in_place;
    int64_t bytes = e->kernels->engine_plan(e, NULL);
    if (bytes > e->memory_bytes) {
        free(engine->block);
        e->memory_bytes = 0;
        e->memory = aligned_memory(bytes, &engine->block);
        if (!e->memory)
            return LC_NO_MEMORY;
        e->memory_bytes = bytes;
    }
    e->kernels->engine_plan(e, e->memory);
    return LC_OK;
}

static int64_t count_targets(int64_t n, const int32_t *targets)
{
    int64_t counted = 0;
    for (int64_t i = 0; i < n; i++)
        counted += targets[i] >= 0;
    return counted;
}

static int good_batch(const struct engine *e, int64_t count, const int32_t *inputs, const int32_t *targets)
{
    return good_symbols(count, inputs, 0, e->model.layer.input_size) &&
           (!targets || good_symbols(count, targets, -1, e->model.output_size));
}

int lc_engine_forward(lc_engine *engine, int T, int B, const int32_t *inputs, const int32_t *targets, void *state,
                      int use_dropout, uint64_t dropout_key, int keep, double *loss)
{
    struct engine *e = &engine->e;
    if (!good_size(T, B) || !good_batch(e, (int64_t)T * B, inputs, targets))
        return LC_BAD_ARGUMENT;
    int code = reserve(engine, T, B, !keep);
    if (code)
        return code;
    uint64_t fp = flush_denormals();
    e->inputs = inputs;
    e->targets = targets;
    e->state = state;
    e->use_dropout = use_dropout && e->model.dropout > 0;
    e->dropout_key = dropout_key;
    e->counted = targets ? count_targets((int64_t)T * B, targets) : 0;
    e->kernels->engine_pack(e, keep);
    *loss = e->kernels->engine_forward(e);
    e->kernels->engine_final_state(e, state);
    e->ran = 1;
    e->kept = keep;
    e->has_targets = targets != NULL;
    restore_denormals(fp);
    return LC_OK;
}

int lc_engine_backward(lc_engine *engine, void *dstate, int has_dstate, const void *dlogits)
{
    struct engine *e = &engine->e;
    if (!e->kept || (!e->has_targets && !dlogits))
        return LC_NO_FORWARD;
    uint64_t fp = flush_denormals();
    e->dstate = dstate;
    e->has_dstate = has_dstate;
    e->dlogits = dlogits;
    e->kernels->engine_backward(e);
    restore_denormals(fp);
    return LC_OK;
}

int lc_engine_update(lc_engine *engine, const lc_optimizer *optimizer, void *moments, int64_t step, double lr,
                     double *norm)
{
    struct engine *e = &engine->e;
    uint64_t fp = flush_denormals();
    e->optimizer = optimizer;
    e->moments = moments;
    e->step = step;
    e->lr = lr;
    *norm = e->kernels->engine_norm(e);
    int finite = isfinite(*norm);
    if (finite)
        e->kernels->engine_update(e);
    restore_denormals(fp);
    return finite ? LC_OK : LC_NOT_FINITE;
}

int lc_engine_train(lc_engine *engine, int N, int T, int B, const int32_t *inputs, const int32_t *targets, void *state,
                    const lc_optimizer *optimizer, void *moments, int64_t first_step, const double *lrs,
                    uint64_t dropout_seed, const volatile int32_t *stop, double *losses, double *norms, int *done)
{
    struct engine *e = &engine->e;
    const int64_t batch = (int64_t)T * B;
    *done = 0;
    if (N < 0 || !targets || !good_size(T, B) || !good_batch(e, N * batch, inputs, targets))
        return LC_BAD_ARGUMENT;
    int code = reserve(engine, T, B, 1);
    if (code)
        return code;
    uint64_t fp = flush_denormals();
    e->use_dropout = e->model.dropout > 0;
    e->state = state;
    e->dstate = NULL;
    e->has_dstate = 0;
    e->dlogits = NULL;
    e->optimizer = optimizer;
    e->moments = moments;
    for (int n = 0; n < N && !(stop && *stop); n++) {
        e->inputs = inputs + n * batch;
        e->targets = targets + n * batch;
        e->counted = count_targets(batch, e->targets);
        e->step = first_step + n;
        e->lr = lrs[n];
        e->dropout_key = dropout_step_key(dropout_seed, (uint64_t)e->step);
        e->kernels->engine_pack(e, 1);
        losses[n] = e->kernels->engine_forward(e);
        norms[n] = NAN;
        code = isfinite(losses[n]) ? LC_OK : LC_NOT_FINITE;
        if (!code) {
            e->kernels->engine_backward(e);
            norms[n] = e->kernels->engine_norm(e);
            code = isfinite(norms[n]) ? LC_OK : LC_NOT_FINITE;
        }
        if (code)
            break;
        e->kernels->engine_update(e);
        e->kernels->engine_final_state(e, state);
        *done = n + 1;
    }
    restore_denormals(fp);
    return code;
}

int lc_engine_logits(lc_engine *engine, void *logits)
{
    if (!engine->e.ran)
        return LC_NO_FORWARD;
    engine->e.kernels->engine_logits(&engine->e, logits);
    return LC_OK;
}

int lc_engine_activations(lc_engine *engine, int layer, void *h, void *c, void *gates, void *extra)
{
    if (!engine->e.kept)
        return LC_NO_FORWARD;
    if (layer < 0 || layer >= engine->e.model.num_layers)
        return LC_BAD_ARGUMENT;
    engine->e.kernels->engine_activations(&engine->e, layer, h, c, gates, extra);
    return LC_OK;
}

int lc_engine_sample(lc_engine *engine, void *state, int32_t symbol, int length, double temperature, int top_k,
                     double top_p, uint64_t seed, int64_t offset, int32_t *out)
{
    /* A copy with memory of its own, for one lane in this thread: the last forward stays as it is. */
    struct engine e = engine->e;
    int inputs = e.model.layer.input_size;
    if (length < 0 || symbol < 0 || symbol >= inputs || e.model.output_size > inputs)
        return LC_BAD_ARGUMENT;
    e.threads = e.T = e.B = e.in_place = 1;
    shard_sums sums;
    void *block, *list = malloc((size_t)e.kernels->sample_bytes(&e.model));
    e.memory = aligned_memory(e.kernels->engine_plan(&e, NULL), &block);
    if (!list || !e.memory) {
        free(list);
        free(block);
        return LC_NO_MEMORY;
    }
    uint64_t fp = flush_denormals();
    e.kernels->engine_plan(&e, e.memory);
    e.sums = &sums;
    e.targets = NULL;
    e.counted = 0;
    e.use_dropout = 0;
    e.kernels->engine_pack(&e, 0);
    e.kernels->engine_sample(&e, state, symbol, length, temperature, top_k, top_p, seed, offset, out, list);
    restore_denormals(fp);
    free(list);
    free(block);
    return LC_OK;
}

/* --- looking at the kernels ---------------------------------------------------------------- */

int lc_elementwise(int dtype, int function, int64_t n, const void *x, void *y)
{
    if ((dtype != LC_FLOAT32 && dtype != LC_FLOAT64) || function < 0 || function > 2)
        return LC_BAD_ARGUMENT;
    uint64_t fp = flush_denormals();
    kernels_for(dtype)->elementwise(function, n, x, y);
    restore_denormals(fp);
    return LC_OK;
}

double lc_fma_peak(int dtype, int64_t rounds) { return kernels_for(dtype)->fma_peak(rounds); }
