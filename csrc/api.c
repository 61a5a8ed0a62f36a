/* The public functions: they check their arguments, and keep denormals out. */
#include <math.h>
#include <stdatomic.h>
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
    case LC_BUSY: return "another thread is in this engine, or was when this process was forked";
    default: return "unknown error";
    }
}

/* malloc aligned to a cache line; the block itself is at *block. NULL for as much as cannot be counted. */
static void *aligned_memory(int64_t bytes, void **block)
{
    *block = bytes < 0 || bytes > INT64_MAX / 4 || (uint64_t)bytes > SIZE_MAX - 64 ? NULL : malloc((size_t)bytes + 64);
    return *block ? (void *)(((uintptr_t)*block + 63) & ~(uintptr_t)63) : NULL;
}

/* --- layers -------------------------------------------------------------------------------- */

/* Above these a width or a product of sizes would overflow its type: they are refused before anything is computed. */
enum { LARGEST_HIDDEN = INT32_MAX / 8, LARGEST_SIZE = INT32_MAX / 2 };
static int good_width(int size, int largest) { return size >= 1 && size <= largest; }

/* What computes a layer, and its cell; NULL if its settings do not go together. */
static const lc_variant *variant_for(const lc_layer *layer, const cell **cell)
{
    const lc_variant *variant = variant_of(layer->kernel, layer->dtype);
    if (!variant || layer->cell < 0 || layer->cell >= variant->cell_count)
        return NULL;
    *cell = &variant->cells[layer->cell];
    const int good = good_width(layer->input_size, LARGEST_SIZE) && good_width(layer->hidden_size, LARGEST_HIDDEN);
    return good && !(layer->options & ~(*cell)->options) ? variant : NULL;
}

static int good_symbols(int64_t count, const int32_t *symbols, int first, int limit)
{
    for (int64_t i = 0; i < count; i++)
        if (symbols[i] < first || symbols[i] >= limit)
            return 0;
    return 1;
}

/* Steps times sequences must fit an int, which is what counts rows. */
static int good_size(int T, int B) { return T >= 1 && B >= 1 && (int64_t)T * B + B <= INT32_MAX; }

static int good_pass(const lc_layer *layer, const cell *cell, const lc_pass *pass)
{
    if (!good_size(pass->T, pass->B) || (!pass->x == !pass->symbols))
        return 0;
    if (pass->symbols && !good_symbols((int64_t)pass->T * pass->B, pass->symbols, 0, layer->input_size))
        return 0;
    return pass->Wt && pass->b && pass->h && pass->gates && (pass->peephole || !(layer->options & LC_PEEPHOLE)) &&
           (pass->c || cell->states < 2) && (pass->extra || !cell->extra);
}

static int good_gradients(const lc_layer *layer, const cell *cell, const lc_grads *grads)
{
    return grads->dh && grads->dh0 && grads->dWt && grads->db && (grads->dc0 || cell->states < 2) &&
           (grads->dpeephole || !(layer->options & LC_PEEPHOLE));
}

/* Forward, or where the call has gradients backward. */
static int run_layer(const layer_call *call)
{
    const cell *cell;
    const lc_variant *variant = variant_for(call->layer, &cell);
    if (!variant || !good_pass(call->layer, cell, call->pass) ||
        (call->grads && !good_gradients(call->layer, cell, call->grads)))
        return LC_BAD_ARGUMENT;
    void *block, *work = aligned_memory(variant->layer_bytes(call), &block);
    if (!work)
        return LC_NO_MEMORY;
    uint64_t fp = flush_denormals();
    (call->grads ? variant->layer_backward : variant->layer_forward)(call, work);
    restore_denormals(fp);
    free(block);
    return LC_OK;
}

int lc_layer_forward(const lc_layer *layer, const lc_pass *pass, lc_pool *pool)
{
    return run_layer(&(layer_call){layer, pass, NULL, pool});
}

int lc_layer_backward(const lc_layer *layer, const lc_pass *pass, const lc_grads *grads, lc_pool *pool)
{
    return grads ? run_layer(&(layer_call){layer, pass, grads, pool}) : LC_BAD_ARGUMENT;
}

int lc_optimizer_step(const lc_flat *flat, const lc_update *update, double *norm)
{
    const lc_variant *variant = variant_of(flat->kernel, flat->dtype);
    if (!variant || flat->count < 0)
        return LC_BAD_ARGUMENT;
    uint64_t fp = flush_denormals();
    *norm = variant->optimizer_step(flat, update);
    restore_denormals(fp);
    return isfinite(*norm) ? LC_OK : LC_NOT_FINITE;
}

/* --- models -------------------------------------------------------------------------------- */

struct lc_engine {
    struct engine e;
    void *block; /* what to free for e.memory */
    atomic_uint_fast64_t holder; /* the number of the thread that is in it; 0: none */
    int depth; /* how often that thread has entered */
    atomic_int users; /* the owner, until it frees the engine, and each entry; the last one out destroys it */
};

/* This thread's number, from 1. Unlike an address it is never given out twice: in a forked child, nobody has the number
 * of a thread that was left behind. */
static uint64_t thread_number(void)
{
    static atomic_uint_fast64_t given;
    static _Thread_local uint64_t number;
    if (!number)
        number = atomic_fetch_add(&given, 1) + 1;
    return number;
}

static void destroy(lc_engine *engine)
{
    lc_pool_free(engine->e.pool);
    free(engine->e.loss_sums);
    free(engine->e.squares);
    free(engine->block);
    free(engine);
}

static void let_go(lc_engine *engine)
{
    if (atomic_fetch_sub(&engine->users, 1) == 1)
        destroy(engine);
}

/* LC_OK if this thread now has the engine to itself; then `leave` has to follow. */
static int enter(lc_engine *engine)
{
    const uint64_t me = thread_number();
    uint_fast64_t nobody = 0;
    if (atomic_load(&engine->holder) != me && !atomic_compare_exchange_strong(&engine->holder, &nobody, me))
        return LC_BUSY;
    engine->depth++;
    atomic_fetch_add(&engine->users, 1);
    return LC_OK;
}

/* Hands on the code of the call that ends. */
static int leave(lc_engine *engine, int code)
{
    if (--engine->depth == 0)
        atomic_store(&engine->holder, 0);
    let_go(engine);
    return code;
}

int lc_engine_hold(lc_engine *engine) { return enter(engine); }

int lc_engine_release(lc_engine *engine)
{
    return atomic_load(&engine->holder) == thread_number() ? leave(engine, LC_OK) : LC_BAD_ARGUMENT;
}

/* What computes a model; NULL for one that cannot be. */
static const lc_variant *variant_for_model(const lc_model *model, const cell **cell)
{
    const int good = !model->layer.reverse && model->num_layers >= 1 && good_width(model->output_size, LARGEST_SIZE) &&
                     model->dropout >= 0 && model->dropout < 1;
    const lc_variant *variant = good ? variant_for(&model->layer, cell) : NULL;
    /* One layer's parameters are within 2^62, the output's, too; all layers' might not be. */
    const int64_t further = variant ? layer_parameters(*cell, model, 1) : 0;
    return variant && model->num_layers <= (INT64_MAX >> 8) / further ? variant : NULL;
}

int64_t lc_model_parameters(const lc_model *model)
{
    const cell *cell;
    return variant_for_model(model, &cell) ? layer_offset(cell, model, model->num_layers + 1) : -1;
}

int lc_engine_new(const lc_model *model, void *parameters, void *gradient, int threads, lc_engine **engine)
{
    const cell *cell;
    const lc_variant *variant = variant_for_model(model, &cell);
    *engine = NULL;
    if (!variant || threads < 1)
        return LC_BAD_ARGUMENT;
    const int64_t count = layer_offset(cell, model, model->num_layers + 1);
    lc_engine *new = calloc(1, sizeof *new);
    if (!new)
        return LC_NO_MEMORY;
    new->users = 1;
    new->e = (struct engine){.variant = variant, .model = *model, .parameters = parameters, .gradient = gradient,
                             .parameter_count = count,
                             .loss_sums = calloc((size_t)threads, sizeof *new->e.loss_sums),
                             .squares = calloc((size_t)squares_blocks(count), 2 * sizeof *new->e.squares)};
    const int code = new->e.loss_sums && new->e.squares ? lc_pool_new(threads, &new->e.pool) : LC_NO_MEMORY;
    if (code) {
        lc_engine_free(new);
        return code;
    }
    *engine = new;
    return LC_OK;
}

void lc_engine_free(lc_engine *engine)
{
    if (engine)
        let_go(engine);
}

int64_t lc_engine_bytes(lc_engine *engine)
{
    if (enter(engine))
        return -1;
    const int64_t bytes = engine->e.memory_bytes;
    leave(engine, LC_OK);
    return bytes;
}

/* Makes room for a batch, and says whether backward may overwrite activations. The memory only
 * grows; what the last forward left there is lost. */
static int reserve(lc_engine *engine, const lc_batch *batch, int in_place)
{
    struct engine *e = &engine->e;
    e->ran = e->kept = 0;
    e->batch = *batch;
    e->batch.use_dropout = batch->use_dropout && e->model.dropout > 0;
    e->in_place = in_place;
    int64_t bytes = e->variant->engine_plan(e, NULL);
    if (bytes > e->memory_bytes) {
        free(engine->block);
        e->memory_bytes = 0;
        e->memory = aligned_memory(bytes, &engine->block);
        if (!e->memory)
            return LC_NO_MEMORY;
        e->memory_bytes = bytes;
    }
    e->variant->engine_plan(e, e->memory);
    return LC_OK;
}

static int64_t count_targets(int64_t n, const int32_t *targets)
{
    int64_t counted = 0;
    for (int64_t i = 0; targets && i < n; i++)
        counted += targets[i] >= 0;
    return counted;
}

static int good_batch(const struct engine *e, int64_t count, const int32_t *inputs, const int32_t *targets)
{
    return good_symbols(count, inputs, 0, e->model.layer.input_size) &&
           (!targets || good_symbols(count, targets, -1, e->model.output_size));
}

static int forward(lc_engine *engine, const lc_batch *batch, double *loss)
{
    struct engine *e = &engine->e;
    const int64_t count = (int64_t)batch->T * batch->B;
    if (!good_size(batch->T, batch->B) || !good_batch(e, count, batch->inputs, batch->targets))
        return LC_BAD_ARGUMENT;
    int code = reserve(engine, batch, !batch->keep);
    if (code)
        return code;
    uint64_t fp = flush_denormals();
    e->counted = count_targets(count, batch->targets);
    e->variant->engine_pack(e, batch->keep);
    *loss = e->variant->engine_forward(e);
    e->variant->engine_final_state(e);
    e->ran = 1;
    e->kept = batch->keep;
    restore_denormals(fp);
    return LC_OK;
}

int lc_engine_forward(lc_engine *engine, const lc_batch *batch, double *loss)
{
    const int code = enter(engine);
    return code ? code : leave(engine, forward(engine, batch, loss));
}

static int backward(lc_engine *engine, void *dstate, int has_dstate, const void *dlogits)
{
    struct engine *e = &engine->e;
    if (!e->kept || (!e->batch.targets && !dlogits))
        return LC_NO_FORWARD;
    uint64_t fp = flush_denormals();
    e->dstate = dstate;
    e->has_dstate = has_dstate;
    e->dlogits = dlogits;
    e->variant->engine_backward(e);
    restore_denormals(fp);
    return LC_OK;
}

int lc_engine_backward(lc_engine *engine, void *dstate, int has_dstate, const void *dlogits)
{
    const int code = enter(engine);
    return code ? code : leave(engine, backward(engine, dstate, has_dstate, dlogits));
}

static int update(lc_engine *engine, const lc_update *by, double *norm)
{
    struct engine *e = &engine->e;
    uint64_t fp = flush_denormals();
    e->update = *by;
    *norm = e->variant->engine_norm(e);
    int finite = isfinite(*norm);
    if (finite)
        e->variant->engine_update(e);
    restore_denormals(fp);
    return finite ? LC_OK : LC_NOT_FINITE;
}

int lc_engine_update(lc_engine *engine, const lc_update *by, double *norm)
{
    const int code = enter(engine);
    return code ? code : leave(engine, update(engine, by, norm));
}

static int train(lc_engine *engine, const lc_training *t, int *done)
{
    struct engine *e = &engine->e;
    const int64_t count = (int64_t)t->T * t->B;
    *done = 0;
    if (t->N < 0 || t->first_step < 0 || t->first_step > INT64_MAX - t->N || !t->targets ||
        !good_size(t->T, t->B) || !good_batch(e, t->N * count, t->inputs, t->targets))
        return LC_BAD_ARGUMENT;
    const lc_batch batch = {.T = t->T, .B = t->B, .state = t->state, .use_dropout = 1};
    int code = reserve(engine, &batch, 1);
    if (code)
        return code;
    uint64_t fp = flush_denormals();
    e->dstate = NULL;
    e->has_dstate = 0;
    e->dlogits = NULL;
    e->update = (lc_update){.optimizer = t->optimizer, .moments = t->moments};
    for (int n = 0; n < t->N && !(t->stop && *t->stop); n++) {
        e->batch.inputs = t->inputs + n * count;
        e->batch.targets = t->targets + n * count;
        e->counted = count_targets(count, e->batch.targets);
        e->update.step = t->first_step + n;
        e->update.lr = t->lrs[n];
        e->batch.dropout_key = dropout_step_key(t->dropout_seed, (uint64_t)e->update.step);
        e->variant->engine_pack(e, 1);
        t->losses[n] = e->variant->engine_forward(e);
        t->norms[n] = NAN;
        code = isfinite(t->losses[n]) ? LC_OK : LC_NOT_FINITE;
        if (!code) {
            e->variant->engine_backward(e);
            t->norms[n] = e->variant->engine_norm(e);
            code = isfinite(t->norms[n]) ? LC_OK : LC_NOT_FINITE;
        }
        if (code)
            break;
        e->variant->engine_update(e);
        e->variant->engine_final_state(e);
        *done = n + 1;
    }
    restore_denormals(fp);
    return code;
}

int lc_engine_train(lc_engine *engine, const lc_training *t, int *done)
{
    const int code = enter(engine);
    return code ? code : leave(engine, train(engine, t, done));
}

static int copy_logits(lc_engine *engine, void *logits)
{
    if (!engine->e.ran)
        return LC_NO_FORWARD;
    engine->e.variant->engine_logits(&engine->e, logits);
    return LC_OK;
}

int lc_engine_logits(lc_engine *engine, void *logits)
{
    const int code = enter(engine);
    return code ? code : leave(engine, copy_logits(engine, logits));
}

static int copy_activations(lc_engine *engine, int layer, const lc_activations *activations)
{
    if (!engine->e.kept)
        return LC_NO_FORWARD;
    if (layer < 0 || layer >= engine->e.model.num_layers)
        return LC_BAD_ARGUMENT;
    engine->e.variant->engine_activations(&engine->e, layer, activations);
    return LC_OK;
}

int lc_engine_activations(lc_engine *engine, int layer, const lc_activations *activations)
{
    const int code = enter(engine);
    return code ? code : leave(engine, copy_activations(engine, layer, activations));
}

static int sample(lc_engine *engine, const lc_sampling *sampling)
{
    /* A copy with memory of its own, for one lane in this thread: the last forward stays as it is. */
    struct engine e = engine->e;
    const int inputs = e.model.layer.input_size;
    if (sampling->length < 0 || sampling->symbol < 0 || sampling->symbol >= inputs || e.model.output_size > inputs)
        return LC_BAD_ARGUMENT;
    double loss;
    e.batch = (lc_batch){.T = 1, .B = 1};
    e.pool = NULL;
    e.in_place = 1;
    e.loss_sums = &loss;
    e.counted = 0;
    void *block, *list = malloc((size_t)e.variant->sample_bytes(&e.model));
    e.memory = aligned_memory(e.variant->engine_plan(&e, NULL), &block);
    if (!list || !e.memory) {
        free(list);
        free(block);
        return LC_NO_MEMORY;
    }
    uint64_t fp = flush_denormals();
    e.variant->engine_plan(&e, e.memory);
    e.variant->engine_pack(&e, 0);
    e.variant->engine_sample(&e, sampling, list);
    restore_denormals(fp);
    free(list);
    free(block);
    return LC_OK;
}

int lc_engine_sample(lc_engine *engine, const lc_sampling *sampling)
{
    const int code = enter(engine);
    return code ? code : leave(engine, sample(engine, sampling));
}

/* --- the kernels by themselves ------------------------------------------------------------- */

int lc_multiply(const lc_product *p)
{
    const lc_variant *variant = variant_of(p->kernel, p->dtype);
    if (!variant || p->M < 1 || p->N < 1 || p->K < 1 || !p->A || !p->B || !p->C)
        return LC_BAD_ARGUMENT;
    void *block, *work = aligned_memory(variant->multiply_bytes(p), &block);
    if (!work)
        return LC_NO_MEMORY;
    uint64_t fp = flush_denormals();
    variant->multiply(p, work);
    restore_denormals(fp);
    free(block);
    return LC_OK;
}

int lc_elementwise(int kernel, int dtype, int function, int64_t n, const void *x, void *y)
{
    const lc_variant *variant = variant_of(kernel, dtype);
    if (!variant || function < 0 || function > 2)
        return LC_BAD_ARGUMENT;
    uint64_t fp = flush_denormals();
    variant->elementwise(function, n, x, y);
    restore_denormals(fp);
    return LC_OK;
}

double lc_fma_peak(int kernel, int dtype, int64_t rounds)
{
    const lc_variant *variant = variant_of(kernel, dtype);
    return variant ? variant->fma_peak(rounds) : 0;
}
