/* lstm_core: recurrent layers and a language model, forward and backward, on one CPU.
 *
 * This header is the whole contract. Everything between the two "cffi" markers is also what
 * Python's binding is generated from, so the two cannot drift apart.
 *
 * Arrays are row-major, of the dtype named in the settings, and time-major: (T, B, .).
 * T steps, B sequences, D inputs, H hidden units, G gate blocks of the cell, V symbols.
 * One layer's weights are Wt (H+D, G*H), the transpose of the textbook's W in W.[h, x] + b: the
 * first H rows meet h_{t-1}, the other D rows meet x_t, columns are the cell's blocks:
 *
 *     rnn      h            gru      r, z, n         options: LC_RESET_AFTER
 *     mingru   z, n         lstm     i, f, g, o      options: LC_PEEPHOLE, LC_COUPLED, LC_FORCE_*
 *
 * No weights of a mingru meet h_{t-1}: its Wt is (D, G*H), the D rows alone.
 *
 * Functions return LC_OK or an error code; lc_error_text puts it into words. Nothing aborts, no
 * result depends on global variables or on the environment, and different engines may run in
 * different threads. Sizes that overflow are refused.
 */
#ifndef LSTM_CORE_H
#define LSTM_CORE_H

#include <stdint.h>

/* cffi: begin */
enum {
    LC_OK = 0,
    LC_NO_MEMORY = 1,
    LC_BAD_ARGUMENT = 2,
    LC_NOT_FINITE = 3, /* a loss or a gradient is NaN or infinite */
    LC_NO_FORWARD = 4, /* backward without a forward that kept its activations */
    LC_NO_THREADS = 5,
    LC_BUSY = 6, /* another thread is in this engine, or was when this process was forked */
};
const char *lc_error_text(int code);

/* Kernels, the same computation for different instruction sets, are numbered from 0, the slowest
 * first. Every setting that has a `kernel` expects one that this machine supports. */
int lc_kernel_count(void);
const char *lc_kernel_name(int kernel);
int lc_kernel_supported(int kernel);
const char *lc_compiler(void);

/* The number of a cell, or -1 where there is none of that name. */
int lc_cell_index(const char *name);

/* Threads that work on one call together. One pool serves any number of callers, one after the
 * other; no pool, NULL, is the caller's thread alone. */
typedef struct lc_pool lc_pool;
int lc_pool_new(int threads, lc_pool **pool);
void lc_pool_free(lc_pool *pool);

enum { LC_FLOAT32 = 0, LC_FLOAT64 = 1 };
/* What a cell may be asked for. */
enum {
    LC_RESET_AFTER = 1,   /* reset gate after the matrix product (cuDNN, PyTorch), with b (4H) */
    LC_PEEPHOLE = 2,      /* diagonal connections from the cell to i, f (c_{t-1}) and o (c_t) */
    LC_COUPLED = 4,       /* i = 1 - f */
    LC_FORCE_INPUT = 8,   /* gates held at force_value */
    LC_FORCE_FORGET = 16,
    LC_FORCE_OUTPUT = 32,
};

/* The settings of one recurrent layer. */
typedef struct {
    int kernel;
    int dtype;
    int cell;
    int input_size;  /* D */
    int hidden_size; /* H */
    int reverse;     /* run from t = T-1 down to 0 */
    int options;     /* bits, of those that the cell takes */
    double force_value[3]; /* input, forget, output */
} lc_layer;

/* One pass of a layer over T steps. Slots of h and c: going forward, slot 0 holds the initial
 * state and slot t+1 the state after step t; going in reverse, slot T holds the initial state
 * and slot t the state after step t. The caller fills the initial slot. */
typedef struct {
    int T, B;
    const void *x;          /* (T, B, D), or NULL when symbols are given */
    const int32_t *symbols; /* (T, B), each in [0, D) */
    const int32_t *lengths; /* (B), or NULL: steps t >= lengths[b] leave the state alone */
    const void *Wt;         /* (H+D, G*H) */
    const void *b;          /* (G*H), with LC_RESET_AFTER (G*H + H) */
    const void *peephole;   /* (3, H): i, f, o; or NULL */
    const void *recurrent_mask; /* (B, H) or NULL: factors of h_{t-1} where W meets it, alike at all steps */
    void *h;                /* (T+1, B, H) */
    void *c;                /* (T+1, B, H), LSTM */
    void *gates;            /* (T, B, G*H): the activations of every block */
    void *extra;            /* (T, B, H): LSTM tanh(c); GRU r*h_{t-1} (times mask), or Un.h_{t-1} + b_hn; else unused */
} lc_pass;

/* Gradients of one pass. dh comes in; the rest goes out (arrays may be NULL where not wanted:
 * dx; where absent: dh_T, dc_T count as zero). */
typedef struct {
    const void *dh;   /* (T, B, H): gradient of the loss with respect to each step's output */
    const void *dh_T; /* (B, H): additional gradient of the final h, or NULL */
    const void *dc_T; /* (B, H): gradient of the final c, or NULL */
    void *dx;         /* (T, B, D), or NULL */
    void *dh0;        /* (B, H) */
    void *dc0;        /* (B, H), LSTM */
    void *dWt;        /* (H+D, G*H), overwritten */
    void *db;         /* like b, overwritten */
    void *dpeephole;  /* (3, H), overwritten, or NULL */
} lc_grads;

/* As many threads of the pool take part as there is work for, which depends on nothing but sizes. */
int lc_layer_forward(const lc_layer *layer, const lc_pass *pass, lc_pool *pool);
int lc_layer_backward(const lc_layer *layer, const lc_pass *pass, const lc_grads *grads, lc_pool *pool);

typedef struct {
    int kind; /* LC_SGD ... LC_ADAM */
    double momentum, beta1, beta2, rho, eps;
    double clip_norm;  /* 0: off */
    double clip_value; /* 0: off */
} lc_optimizer;
enum { LC_SGD = 0, LC_RMSPROP = 1, LC_ADAGRAD = 2, LC_ADAM = 3 };

typedef struct {
    const lc_optimizer *optimizer;
    void *moments; /* (2, count) */
    int64_t step;  /* counts from 1 */
    double lr;
} lc_update;

/* Any flat arrays that an optimizer can work on. */
typedef struct {
    int kernel;
    int dtype;
    int64_t count;
    void *parameters;
    const void *gradient;
} lc_flat;

/* norm: of the gradient before clipping; if it is not finite, nothing is changed. */
int lc_optimizer_step(const lc_flat *flat, const lc_update *update, double *norm);

/* A model: stacked layers with symbols as input, and a softmax over output_size symbols.
 * Parameters lie in one flat array: per layer Wt, b, (peephole); then Wy (V, H) and by (V). */
typedef struct {
    lc_layer layer; /* input_size and hidden_size of the first layer; the others take H inputs */
    int num_layers; /* L */
    int output_size; /* V */
    double dropout; /* of each layer's output on its way up, 0 <= dropout < 1 */
} lc_model;

typedef struct lc_engine lc_engine;

/* How many parameters a model has; -1 for one that cannot be. */
int64_t lc_model_parameters(const lc_model *model);
/* parameters and gradient are the caller's arrays and must outlive the engine. */
int lc_engine_new(const lc_model *model, void *parameters, void *gradient, int threads, lc_engine **engine);
/* If a thread is in it, that thread frees it on its way out. */
void lc_engine_free(lc_engine *engine);

/* An engine serves one thread at a time: while it does, every other thread's call returns LC_BUSY.
 * Between hold and release, which may be nested, the calling thread keeps it to itself also between calls. */
int lc_engine_hold(lc_engine *engine);
int lc_engine_release(lc_engine *engine);

/* What a forward pass reads. state (L, S, B, H), S = 2 for an LSTM (h, c), else 1, is then
 * overwritten by the final one. Backward reads the symbols again: they must still be there then. */
typedef struct {
    int T, B;
    const int32_t *inputs;  /* (T, B) */
    const int32_t *targets; /* (T, B) with -1 for "not counted", or NULL */
    void *state;
    int keep;               /* if not, it takes less memory, and neither backward nor activations may follow */
    int use_dropout;
    uint64_t dropout_key;
} lc_batch;

int lc_engine_forward(lc_engine *engine, const lc_batch *batch, double *loss);
/* Fills gradient; dstate is the gradient of the final state on entry (if has_dstate) and of the
 * initial state on return; dlogits (T, B, V) replaces the loss's own gradient if not NULL. */
int lc_engine_backward(lc_engine *engine, void *dstate, int has_dstate, const void *dlogits);
/* norm: of the gradient before clipping. */
int lc_engine_update(lc_engine *engine, const lc_update *update, double *norm);

/* N steps of forward, backward and update. */
typedef struct {
    int N, T, B;
    const int32_t *inputs, *targets; /* (N, T, B) */
    void *state;                     /* as in lc_batch, carried from each step to the next */
    const lc_optimizer *optimizer;
    void *moments;                   /* (2, parameters) */
    const double *lrs;               /* (N) */
    int64_t first_step;              /* the n-th step has number first_step + n */
    uint64_t dropout_seed;
    const volatile int32_t *stop;    /* or NULL; ends it early, after a whole step, once it is not 0 */
    double *losses, *norms;          /* (N), each step's figures */
} lc_training;

/* done: the number of completed steps. On LC_NOT_FINITE weights, moments and state are those
 * before the failing step, whose loss and norm stand at losses[done], norms[done]. */
int lc_engine_train(lc_engine *engine, const lc_training *training, int *done);

/* Copies of what the last forward left: logits (T, B, V); of one layer the arrays of lc_pass. */
typedef struct {
    void *h, *c, *gates, *extra; /* c and extra NULL where there are none */
} lc_activations;

int lc_engine_logits(lc_engine *engine, void *logits);
int lc_engine_activations(lc_engine *engine, int layer, const lc_activations *activations);

/* Feeds symbol (the input and output alphabets being the same), draws the next from
 * softmax(logits / temperature), feeds it, and so on. */
typedef struct {
    void *state; /* (L, S, 1, H) */
    int32_t symbol;
    int length;
    double temperature; /* 0: always the likeliest */
    int top_k;          /* 0: all */
    double top_p;       /* 1: all */
    uint64_t seed;
    int64_t offset;     /* the n-th draw takes random number offset + n of seed */
    int32_t *out;       /* (length) */
} lc_sampling;

int lc_engine_sample(lc_engine *engine, const lc_sampling *sampling);
int64_t lc_engine_bytes(lc_engine *engine); /* working memory, without parameters and gradient; -1 where busy */

/* C (M, N) = A (M, K) . B (K, N). The bits are the same wherever A and B lie, transposed or not. */
typedef struct {
    int kernel;
    int dtype;
    int M, N, K;
    const void *A, *B;
    int A_transposed; /* A lies in memory as (K, M) */
    int B_transposed; /* B lies in memory as (N, K) */
    void *C;
} lc_product;

int lc_multiply(const lc_product *product);

/* y[i] = f(x[i]) with the kernel's own vector functions: 0 sigmoid, 1 tanh, 2 exp. */
int lc_elementwise(int kernel, int dtype, int function, int64_t n, const void *x, void *y);
/* Runs the kernel's fused-multiply-add loop and returns the operations done, 0 for no such kernel. */
double lc_fma_peak(int kernel, int dtype, int64_t rounds);
/* cffi: end */

#endif
