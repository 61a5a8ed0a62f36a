/* The C core without Python: every cell, in both precisions, on one to three threads, and two engines
 * at once. For the tools that Python gets in the way of: ThreadSanitizer, and the search for leaks.
 * Exit status 0 if every call did what it should. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "lstm_core.h"

enum { T = 5, B = 7, N = 3, D = 11, H = 19, V = 11, LAYERS = 2 };

static void check(int ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "core_driver: %s\n", what);
        exit(1);
    }
}

static void *zeros(int64_t count) /* of either precision */
{
    void *array = calloc((size_t)count, sizeof(double));
    check(array != NULL, "no memory");
    return array;
}

/* Small weights of either sign, by a generator that any thread can run. */
static void fill(int dtype, int64_t count, void *array, uint32_t seed)
{
    for (int64_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        double x = (seed >> 8) / 16777216.0 - 0.5;
        if (dtype == LC_FLOAT32)
            ((float *)array)[i] = (float)x;
        else
            ((double *)array)[i] = x;
    }
}

/* One engine: all calls, in an order that makes it ask for memory again and again. */
static void use_engine(lc_layer layer, int threads)
{
    const int dtype = layer.dtype, states = layer.cell == LC_LSTM ? 2 : 1;
    lc_model model = {.layer = layer, .num_layers = LAYERS, .output_size = V, .dropout = 0.2};
    lc_optimizer optimizer = {LC_ADAM, 0.9, 0.9, 0.999, 0.95, 1e-8, .clip_norm = 0.1, .clip_value = 0.01};
    const int64_t count = lc_model_parameters(&model);
    void *parameters = zeros(count), *gradient = zeros(count), *moments = zeros(2 * count);
    void *state = zeros(LAYERS * states * B * H), *dstate = zeros(LAYERS * states * B * H);
    void *logits = zeros(T * B * V), *h = zeros((T + 1) * B * H), *c = zeros((T + 1) * B * H);
    void *gates = zeros(T * B * 4 * H), *extra = zeros(T * B * H);
    int32_t inputs[N * T * B], targets[N * T * B], drawn[20], stop = 0;
    double lrs[N], losses[N], norms[N], loss, norm;
    int done;
    fill(dtype, count, parameters, 1);
    for (int i = 0; i < N * T * B; i++) {
        inputs[i] = (i * 7) % D;
        targets[i] = i % 9 ? (i * 5) % V : -1;
    }
    for (int n = 0; n < N; n++)
        lrs[n] = 0.01;

    lc_engine *engine;
    check(lc_engine_new(&model, parameters, gradient, threads, &engine) == LC_OK, "lc_engine_new");
    for (int batch = 1; batch <= B; batch += 3) {
        check(!lc_engine_train(engine, N, T, batch, inputs, targets, state, &optimizer, moments, 1, lrs, 3, &stop,
                               losses, norms, &done), "lc_engine_train");
        check(done == N && isfinite(losses[N - 1]) && norms[0] > 0, "what lc_engine_train says");
    }
    for (int keep = 0; keep <= 1; keep++)
        check(!lc_engine_forward(engine, T, B, inputs, targets, state, 1, 5, keep, &loss), "lc_engine_forward");
    check(!lc_engine_logits(engine, logits), "lc_engine_logits");
    check(!lc_engine_activations(engine, 1, h, states == 2 ? c : NULL, gates, layer.cell == LC_RNN ? NULL : extra),
          "lc_engine_activations");
    check(!lc_engine_backward(engine, dstate, 0, NULL), "lc_engine_backward");
    check(!lc_engine_update(engine, &optimizer, moments, 9, 0.01, &norm), "lc_engine_update");
    check(!lc_engine_sample(engine, state, 3, 20, 0.9, 5, 0.8, 1, 0, drawn), "lc_engine_sample");
    lc_engine_free(engine);

    /* and one that is freed without having done anything */
    check(lc_engine_new(&model, parameters, gradient, threads, &engine) == LC_OK, "lc_engine_new");
    lc_engine_free(engine);
    void *arrays[] = {parameters, gradient, moments, state, dstate, logits, h, c, gates, extra};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        free(arrays[i]);
}

static void *use_all_cells(void *argument)
{
    (void)argument;
    for (int dtype = LC_FLOAT32; dtype <= LC_FLOAT64; dtype++)
        for (int threads = 1; threads <= 3; threads++)
            for (int option = 0; option < 5; option++)
                use_engine((lc_layer){.dtype = dtype, .cell = option < 2 ? LC_LSTM : option < 4 ? LC_GRU : LC_RNN,
                                      .input_size = D, .hidden_size = H, .peephole = option == 1,
                                      .coupled = option == 1, .reset_after = option == 3},
                           threads);
    return NULL;
}

int main(void)
{
    pthread_t other;
    check(!pthread_create(&other, NULL, use_all_cells, NULL), "pthread_create");
    use_all_cells(NULL);
    pthread_join(other, NULL);
    return 0;
}
