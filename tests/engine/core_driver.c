/* The C core without Python: every cell, in both precisions, on one to three threads, and two callers at
 * once; then all of it again with every single allocation failing in turn. For the tools that Python gets
 * in the way of: ThreadSanitizer, and the search for leaks. Takes the name of a kernel.
 * Exit status 0 if every call did what it should. */
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lstm_core.h"

enum { T = 5, B = 7, N = 3, D = 11, H = 67, V = 11, LAYERS = 2 }; /* enough work for three threads */

static int kernel;

static void check(int ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "core_driver: %s\n", what);
        exit(1);
    }
}

/* --- allocations that fail: linked with --wrap for each of these --------------------------------- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);

static _Thread_local int succeed = -1; /* how many more will; -1: all */
static _Thread_local int failed;

static int fails(void)
{
    failed |= succeed == 0;
    return succeed < 0 ? 0 : succeed-- == 0;
}

void *__wrap_malloc(size_t size) { return fails() ? NULL : __real_malloc(size); }
void *__wrap_calloc(size_t count, size_t size) { return fails() ? NULL : __real_calloc(count, size); }
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    return fails() ? 11 : __real_pthread_create(thread, attributes, start, argument);
}

/* The code of a call is the error of the allocation that failed in it, or none. */
static int done_or_refused(int code, const char *what)
{
    check(failed ? code == LC_NO_MEMORY || code == LC_NO_THREADS : code == LC_OK, what);
    failed = 0;
    return code == LC_OK;
}

/* --- what is done ------------------------------------------------------------------------------- */

static void *zeros(int64_t count) /* of either precision */
{
    void *array = __real_calloc((size_t)count, sizeof(double));
    check(array != NULL, "no memory");
    return array;
}

/* Small numbers of either sign, by a generator that any thread can run. */
static void *filled(int dtype, int64_t count, uint32_t seed)
{
    void *array = zeros(count);
    for (int64_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        double x = (seed >> 8) / 16777216.0 - 0.5;
        if (dtype == LC_FLOAT32)
            ((float *)array)[i] = (float)x;
        else
            ((double *)array)[i] = x;
    }
    return array;
}

static void release(void **arrays, int count)
{
    for (int i = 0; i < count; i++)
        free(arrays[i]);
}

/* One layer there and back, dense and with symbols, padded and masked. */
static void use_layer(lc_layer layer, int threads)
{
    enum { WT, BIAS, PEEPHOLE, X, MASK, STATES, C, GATES, EXTRA, DH, DX, DH0, DC0, DWT, DB, DPEEPHOLE, ARRAYS };
    const int64_t sizes[ARRAYS] = {
        [WT] = (D + H) * 4 * H, [BIAS] = 5 * H, [PEEPHOLE] = 3 * H, [X] = T * B * D, [MASK] = B * H,
        [STATES] = (T + 1) * B * H, [C] = (T + 1) * B * H, [GATES] = T * B * 4 * H, [EXTRA] = T * B * H,
        [DH] = T * B * H, [DX] = T * B * D, [DH0] = B * H, [DC0] = B * H, [DWT] = (D + H) * 4 * H, [DB] = 5 * H,
        [DPEEPHOLE] = 3 * H,
    };
    void *a[ARRAYS];
    for (int i = 0; i < ARRAYS; i++)
        a[i] = filled(layer.dtype, sizes[i], (uint32_t)i);
    int32_t symbols[T * B], lengths[B];
    for (int i = 0; i < T * B; i++)
        symbols[i] = (i * 7) % D;
    for (int b = 0; b < B; b++)
        lengths[b] = (b * 2) % (T + 1);
    lc_pool *pool;
    if (done_or_refused(lc_pool_new(threads, &pool), "lc_pool_new"))
        for (int dense = 0; dense <= 1; dense++) {
            lc_pass pass = {.T = T, .B = B, .x = dense ? a[X] : NULL, .symbols = dense ? NULL : symbols,
                            .lengths = lengths, .Wt = a[WT], .b = a[BIAS], .peephole = a[PEEPHOLE],
                            .recurrent_mask = a[MASK], .h = a[STATES], .c = a[C], .gates = a[GATES], .extra = a[EXTRA]};
            lc_grads grads = {.dh = a[DH], .dh_T = a[DH], .dx = a[DX], .dh0 = a[DH0], .dc0 = a[DC0], .dWt = a[DWT],
                              .db = a[DB], .dpeephole = a[DPEEPHOLE]};
            if (done_or_refused(lc_layer_forward(&layer, &pass, pool), "lc_layer_forward"))
                done_or_refused(lc_layer_backward(&layer, &pass, &grads, pool), "lc_layer_backward");
        }
    lc_pool_free(pool);
    lc_product product = {.kernel = layer.kernel, .dtype = layer.dtype, .M = B, .N = H, .K = T, .A = a[X], .B = a[DH],
                          .A_transposed = 1, .B_transposed = 1, .C = a[STATES]};
    done_or_refused(lc_multiply(&product), "lc_multiply");
    release(a, ARRAYS);
}

/* One engine: all calls, in an order that makes it ask for memory again and again. */
static void use_engine(lc_layer layer, int threads)
{
    enum { PARAMETERS, GRADIENT, MOMENTS, STATE, DSTATE, LOGITS, STATES, C, GATES, EXTRA, ARRAYS };
    lc_model model = {.layer = layer, .num_layers = LAYERS, .output_size = V, .dropout = 0.2};
    lc_optimizer optimizer = {LC_ADAM, 0.9, 0.9, 0.999, 0.95, 1e-8, .clip_norm = 0.1, .clip_value = 0.01};
    const int64_t count = lc_model_parameters(&model);
    const int64_t sizes[ARRAYS] = {
        [PARAMETERS] = count, [GRADIENT] = count, [MOMENTS] = 2 * count, [STATE] = LAYERS * 2 * B * H,
        [DSTATE] = LAYERS * 2 * B * H, [LOGITS] = T * B * V, [STATES] = (T + 1) * B * H, [C] = (T + 1) * B * H,
        [GATES] = T * B * 4 * H, [EXTRA] = T * B * H,
    };
    void *a[ARRAYS];
    for (int i = 0; i < ARRAYS; i++)
        a[i] = i == PARAMETERS ? filled(layer.dtype, sizes[i], 1) : zeros(sizes[i]);
    int32_t inputs[N * T * B], targets[N * T * B], drawn[20], stop = 0;
    double lrs[N], losses[N], norms[N], loss, norm;
    int done;
    for (int i = 0; i < N * T * B; i++) {
        inputs[i] = (i * 7) % D;
        targets[i] = i % 9 ? (i * 5) % V : -1;
    }
    for (int n = 0; n < N; n++)
        lrs[n] = 0.01;

    lc_engine *engine;
    if (!done_or_refused(lc_engine_new(&model, a[PARAMETERS], a[GRADIENT], threads, &engine), "lc_engine_new")) {
        check(engine == NULL, "an engine that could not be made");
        release(a, ARRAYS);
        return;
    }
    const lc_update update = {&optimizer, a[MOMENTS], 9, 0.01};
    check(!lc_engine_update(engine, &update, &norm), "lc_engine_update before anything else");
    for (int batch = 1; batch <= B; batch += 3) {
        lc_training training = {.N = N, .T = T, .B = batch, .inputs = inputs, .targets = targets, .state = a[STATE],
                                .optimizer = &optimizer, .moments = a[MOMENTS], .lrs = lrs, .first_step = 1,
                                .dropout_seed = 3, .stop = &stop, .losses = losses, .norms = norms};
        if (done_or_refused(lc_engine_train(engine, &training, &done), "lc_engine_train"))
            check(done == N && isfinite(losses[N - 1]) && norms[0] > 0, "what lc_engine_train says");
        else
            check(done == 0, "steps that cannot have been done");
    }
    for (int keep = 0; keep <= 1; keep++) {
        lc_batch batch = {.T = T, .B = B, .inputs = inputs, .targets = targets, .state = a[STATE], .keep = keep,
                          .use_dropout = 1, .dropout_key = 5};
        while (!done_or_refused(lc_engine_forward(engine, &batch, &loss), "lc_engine_forward")) {
            lc_activations copies = {a[STATES], a[C], a[GATES], a[EXTRA]};
            check(lc_engine_bytes(engine) == 0, "lc_engine_bytes after a failure");
            check(lc_engine_backward(engine, a[DSTATE], 0, NULL) == LC_NO_FORWARD, "backward after a failure");
            check(lc_engine_logits(engine, a[LOGITS]) == LC_NO_FORWARD, "logits after a failure");
            check(lc_engine_activations(engine, 0, &copies) == LC_NO_FORWARD, "activations after a failure");
            check(!lc_engine_update(engine, &update, &norm), "lc_engine_update after a failure");
        }
    }
    lc_activations copies = {a[STATES], a[C], a[GATES], a[EXTRA]};
    lc_sampling sampling = {.state = a[STATE], .symbol = 3, .length = 20, .temperature = 0.9, .top_k = 5, .top_p = 0.8,
                            .seed = 1, .out = drawn};
    check(!lc_engine_logits(engine, a[LOGITS]), "lc_engine_logits");
    check(!lc_engine_activations(engine, 1, &copies), "lc_engine_activations");
    done_or_refused(lc_engine_sample(engine, &sampling), "lc_engine_sample");
    check(!lc_engine_backward(engine, a[DSTATE], 0, NULL), "lc_engine_backward");
    check(!lc_engine_update(engine, &update, &norm), "lc_engine_update");
    lc_engine_free(engine);

    /* and one that is freed without having done anything */
    if (done_or_refused(lc_engine_new(&model, a[PARAMETERS], a[GRADIENT], threads, &engine), "lc_engine_new"))
        lc_engine_free(engine);
    release(a, ARRAYS);
}

static const int options[] = {0, LC_RESET_AFTER, LC_PEEPHOLE | LC_COUPLED | LC_FORCE_OUTPUT};
enum { OPTIONS = sizeof options / sizeof *options };

static lc_layer layer_for(int cell, int dtype, int option)
{
    return (lc_layer){.kernel = kernel, .dtype = dtype, .cell = cell, .input_size = D, .hidden_size = H,
                      .options = options[option], .force_value = {0.2, 0.5, 0.7}};
}

/* Whether there is such a cell, and it takes the options. */
static int there(lc_layer layer)
{
    lc_model model = {.layer = layer, .num_layers = 1, .output_size = V};
    return lc_model_parameters(&model) >= 0;
}

static void *use_all_cells(void *argument)
{
    for (int dtype = LC_FLOAT32; dtype <= LC_FLOAT64; dtype++)
        for (int threads = 1; threads <= 3; threads++)
            for (int cell = 0; there(layer_for(cell, dtype, 0)); cell++)
                for (int option = 0; option < OPTIONS; option++)
                    if (there(layer_for(cell, dtype, option))) {
                        use_layer(layer_for(cell, dtype, option), threads);
                        use_engine(layer_for(cell, dtype, option), threads);
                    }
    return argument;
}

/* Everything that one cell can do, the n-th allocation failing, for n = 0, 1, ... until all succeed. */
static void fail_everywhere(void)
{
    const lc_layer layer = layer_for(lc_cell_index("lstm"), LC_FLOAT32, OPTIONS - 1);
    for (int n = 0, more = 1; more; n++) {
        succeed = n;
        use_layer(layer, 3);
        use_engine(layer, 3);
        more = succeed < 0;
    }
    succeed = -1;
}

/* What another thread is told while this one keeps the engine, and that its free waits for the release. */
static void *meet_a_held_engine(void *argument)
{
    lc_engine *engine = argument;
    double norm;
    int done;
    check(lc_engine_forward(engine, NULL, &norm) == LC_BUSY, "forward of a held engine");
    check(lc_engine_backward(engine, NULL, 0, NULL) == LC_BUSY, "backward of a held engine");
    check(lc_engine_update(engine, NULL, &norm) == LC_BUSY, "update of a held engine");
    check(lc_engine_train(engine, NULL, &done) == LC_BUSY, "train of a held engine");
    check(lc_engine_logits(engine, NULL) == LC_BUSY, "logits of a held engine");
    check(lc_engine_activations(engine, 0, NULL) == LC_BUSY, "activations of a held engine");
    check(lc_engine_sample(engine, NULL) == LC_BUSY, "sample of a held engine");
    check(lc_engine_bytes(engine) == -1, "bytes of a held engine");
    check(lc_engine_hold(engine) == LC_BUSY, "hold of a held engine");
    check(lc_engine_release(engine) == LC_BAD_ARGUMENT, "release of an engine that another thread holds");
    lc_engine_free(engine);
    return NULL;
}

/* One engine, two threads that both go at it: each call is done alone or refused, and some of each are done. */
typedef struct {
    lc_engine *engine;
    lc_batch batch;
    int done;
} caller;

static void *call_again_and_again(void *argument)
{
    caller *c = argument;
    double loss;
    while (c->done < 20) {
        const int code = lc_engine_forward(c->engine, &c->batch, &loss);
        check(code == LC_OK || code == LC_BUSY, "forward of a shared engine");
        c->done += code == LC_OK;
        sched_yield();
    }
    return NULL;
}

static void share_an_engine(void)
{
    const lc_layer layer = layer_for(lc_cell_index("lstm"), LC_FLOAT32, 0);
    const lc_model model = {.layer = layer, .num_layers = LAYERS, .output_size = V};
    const int64_t count = lc_model_parameters(&model);
    void *a[] = {filled(LC_FLOAT32, count, 1), zeros(count), zeros(LAYERS * 2 * B * H), zeros(LAYERS * 2 * B * H)};
    int32_t symbols[T * B] = {0};
    pthread_t other;
    lc_engine *engine;
    check(!lc_engine_new(&model, a[0], a[1], 2, &engine), "lc_engine_new");
    caller callers[2];
    for (int i = 0; i < 2; i++)
        callers[i] = (caller){engine, {.T = T, .B = B - 3 * i, .inputs = symbols, .state = a[2 + i]}, 0};
    check(!pthread_create(&other, NULL, call_again_and_again, &callers[1]), "pthread_create");
    call_again_and_again(&callers[0]);
    pthread_join(other, NULL);
    check(callers[0].done == 20 && callers[1].done == 20, "calls of a shared engine");

    check(!lc_engine_hold(engine) && !lc_engine_hold(engine) && !lc_engine_release(engine), "hold within hold");
    check(!pthread_create(&other, NULL, meet_a_held_engine, engine), "pthread_create");
    pthread_join(other, NULL);
    double loss;
    check(!lc_engine_forward(engine, &callers[0].batch, &loss), "the holder's own call, after the other's free");
    check(!lc_engine_release(engine), "lc_engine_release");
    release(a, 4);
}

static void refuse_what_is_wrong(void)
{
    lc_engine *engine;
    lc_pool *pool;
    const lc_layer good = layer_for(lc_cell_index("rnn"), LC_FLOAT32, 0);
    const int lstm = lc_cell_index("lstm"), gru = lc_cell_index("gru");
    const lc_layer wrong[] = {
        {.kernel = -1, .cell = lstm, .input_size = 1, .hidden_size = 1},
        {.kernel = lc_kernel_count(), .cell = lstm, .input_size = 1, .hidden_size = 1},
        {.kernel = kernel, .dtype = 2, .cell = lstm, .input_size = 1, .hidden_size = 1},
        {.kernel = kernel, .cell = -1, .input_size = 1, .hidden_size = 1},
        {.kernel = kernel, .cell = 99, .input_size = 1, .hidden_size = 1},
        {.kernel = kernel, .cell = lstm, .input_size = 0, .hidden_size = 1},
        {.kernel = kernel, .cell = lstm, .input_size = 1, .hidden_size = 1, .options = LC_RESET_AFTER},
        {.kernel = kernel, .cell = gru, .input_size = 1, .hidden_size = 1, .options = LC_PEEPHOLE},
        {.kernel = kernel, .cell = lstm, .input_size = 1, .hidden_size = INT32_MAX},
        {.kernel = kernel, .cell = lstm, .input_size = INT32_MAX, .hidden_size = 1},
    };
    check(lc_cell_index("lstm ") == -1, "a cell that there is not");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        lc_model model = {.layer = wrong[i], .num_layers = 1, .output_size = 1};
        lc_pass pass = {.T = 1, .B = 1};
        check(lc_model_parameters(&model) == -1, "lc_model_parameters");
        check(lc_engine_new(&model, NULL, NULL, 1, &engine) == LC_BAD_ARGUMENT && !engine, "lc_engine_new");
        check(lc_layer_forward(&wrong[i], &pass, NULL) == LC_BAD_ARGUMENT, "lc_layer_forward");
    }
    lc_model model = {.layer = good, .num_layers = 1, .output_size = V};
    check(lc_model_parameters(&model) == (H + D) * H + H + (H + 1) * V, "what lc_model_parameters counts");
    check(lc_engine_new(&model, NULL, NULL, 0, &engine) == LC_BAD_ARGUMENT, "no threads");
    model.layer.hidden_size = 1 << 28;
    model.layer.hidden_size--;
    model.num_layers = INT32_MAX;
    check(lc_model_parameters(&model) == -1, "more parameters than can be counted");
    check(lc_pool_new(0, &pool) == LC_BAD_ARGUMENT && !pool, "a pool of none");
}

int main(int count, char **arguments)
{
    for (kernel = 0; kernel < lc_kernel_count(); kernel++)
        if (count == 2 && !strcmp(arguments[1], lc_kernel_name(kernel)) && lc_kernel_supported(kernel))
            break;
    check(kernel < lc_kernel_count(), "expected the name of a kernel that this machine runs");
    pthread_t other;
    check(!pthread_create(&other, NULL, use_all_cells, NULL), "pthread_create");
    use_all_cells(NULL);
    pthread_join(other, NULL);
    fail_everywhere();
    share_an_engine();
    refuse_what_is_wrong();
    return 0;
}
