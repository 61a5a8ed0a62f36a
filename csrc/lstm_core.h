/* lstm_core: recurrent layers and a language model, forward and backward, on one CPU.
 *
 * This header is the whole contract. Everything between the two "cffi" markers is also what
 * Python's binding is generated from, so the two cannot drift apart.
 *
 * Arrays are row-major, of the dtype named in the settings, and time-major: (T, B, .).
 * T steps, B sequences, D inputs, H hidden units, G gate blocks (4 LSTM, 3 GRU, 1 RNN), V symbols.
 * One layer's weights are Wt (H+D, G*H), the transpose of the textbook's W in W.[h, x] + b: the
 * first H rows meet h_{t-1}, the other D rows meet x_t, columns are the blocks i, f, g, o (LSTM),
 * r, z, n (GRU) or the single block of the RNN.
 *
 * Functions return LC_OK or an error code; lc_error_text puts it into words. Nothing aborts,
 * nothing is kept in global variables, and different engines may run in different threads.
 */
#ifndef LSTM_CORE_H
#define LSTM_CORE_H

#include <stdint.h>

/* cffi: begin */
enum { LC_FLOAT32 = 0, LC_FLOAT64 = 1 };
enum { LC_RNN = 0, LC_GRU = 1, LC_LSTM = 2 };
enum { LC_FORCE_INPUT = 1, LC_FORCE_FORGET = 2, LC_FORCE_OUTPUT = 4 };
enum { LC_SGD = 0, LC_RMSPROP = 1, LC_ADAGRAD = 2, LC_ADAM = 3 };
enum {
    LC_OK = 0,
    LC_NO_MEMORY = 1,
    LC_BAD_ARGUMENT = 2,
    LC_NOT_FINITE = 3, /* a loss or a gradient is NaN or infinite */
    LC_NO_FORWARD = 4, /* backward without a forward that kept its activations */
    LC_NO_THREADS = 5,
};

/* The settings of one recurrent layer. */
typedef struct {
    int dtype;
    int cell;
    int input_size;  /* D */
    int hidden_size; /* H */
    int reset_after; /* GRU: reset gate after the matrix product (cuDNN, PyTorch), with b (4H) */
    int peephole;    /* LSTM: diagonal connections from the cell to i, f (c_{t-1}) and o (c_t) */
    int coupled;     /* LSTM: i = 1 - f */
    int reverse;     /* run from t = T-1 down to 0 */
    int force;       /* LSTM: bits LC_FORCE_*: gates held at force_value */
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
    const void *b;          /* (G*H), for reset_after (G*H + H) */
    const void *peephole;   /* (3, H): i, f, o; or NULL */
    const void *recurrent_mask; /* (B, H) or NULL: factors of h_{t-1} where W meets it, alike at all steps */
    void *h;                /* (T+1, B, H) */
    void *c;                /* (T+1, B, H), LSTM */
    void *gates;            /* (T, B, G*H): the activations of every block */
    void *extra;            /* (T, B, H): LSTM tanh(c); GRU r*h_{t-1} (times mask), or Un.h_{t-1} + b_hn; RNN unused */
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

int lc_layer_forward(const lc_layer *layer, const lc_pass *pass);
int lc_layer_backward(const lc_layer *layer, const lc_pass *pass, const lc_grads *grads);

/* A model: stacked layers with symbols as input, and a softmax over output_size symbols.
 * Parameters lie in one flat array: per layer Wt, b, (peephole); then Wy (V, H) and by (V). */
typedef struct {
    lc_layer layer; /* input_size and hidden_size of the first layer; the others take H inputs */
    int num_layers; /* L */
    int output_size; /* V */
    double dropout; /* of each layer's output on its way up, 0 <= dropout < 1 */
} lc_model;

typedef struct {
    int kind;
    double momentum, beta1, beta2, rho, eps;
    double clip_norm;  /* 0: off */
    double clip_value; /* 0: off */
} lc_optimizer;

/* One update of any flat arrays: parameters and gradient (count), moments (2, count). step counts
 * from 1. norm: of the gradient before clipping; if it is not finite, nothing is changed. */
int lc_optimizer_step(int dtype, int64_t count, void *parameters, const void *gradient, void *moments,
                      const lc_optimizer *optimizer, int64_t step, double lr, double *norm);

typedef struct lc_engine lc_engine;

int64_t lc_model_parameters(const lc_model *model);
/* parameters and gradient are the caller's arrays and must outlive the engine. */
int lc_engine_new(const lc_model *model, void *parameters, void *gradient, int threads, lc_engine **engine);
void lc_engine_free(lc_engine *engine);

/* state (L, S, B, H), S = 2 for an LSTM (h, c), else 1: read, then overwritten by the final state.
 * targets (T, B) with -1 for "not counted", or NULL; backward reads both again, so they must still
 * be there then. dropout_key is used if use_dropout. Without keep it takes less memory, and neither
 * backward nor activations may follow. */
int lc_engine_forward(lc_engine *engine, int T, int B, const int32_t *inputs, const int32_t *targets, void *state,
                      int use_dropout, uint64_t dropout_key, int keep, double *loss);
/* Fills gradient; dstate is the gradient of the final state on entry (if has_dstate) and of the
 * initial state on return; dlogits (T, B, V) replaces the loss's own gradient if not NULL. */
int lc_engine_backward(lc_engine *engine, void *dstate, int has_dstate, const void *dlogits);
/* step counts from 1. moments (2, parameters). norm: of the gradient before clipping. */
int lc_engine_update(lc_engine *engine, const lc_optimizer *optimizer, void *moments, int64_t step, double lr,
                     double *norm);
/* N steps: inputs and targets (N, T, B), lrs (N). The n-th step has number first_step + n.
 * losses and norms (N) receive each step's figures, done the number of completed steps. Ends
 * early, after a whole step, when *stop is not 0; on LC_NOT_FINITE weights, moments and state are
 * those before the failing step, whose loss and norm stand at losses[done], norms[done]. */
int lc_engine_train(lc_engine *engine, int N, int T, int B, const int32_t *inputs, const int32_t *targets, void *state,
                    const lc_optimizer *optimizer, void *moments, int64_t first_step, const double *lrs,
                    uint64_t dropout_seed, const volatile int32_t *stop, double *losses, double *norms, int *done);
/* Copies of what the last forward left: logits (T, B, V); of one layer the arrays of lc_pass. */
int lc_engine_logits(lc_engine *engine, void *logits);
int lc_engine_activations(lc_engine *engine, int layer, void *h, void *c, void *gates, void *extra);
/* Feeds symbol (the input and output alphabets being the same), draws the next from softmax(logits / temperature), feeds it, and so on. state (L, S, 1, H). */
int lc_engine_sample(lc_engine *engine, void *state, int32_t symbol, int length, double temperature, int top_k,
                     double top_p, uint64_t seed, int64_t offset, int32_t *out);
int64_t lc_engine_bytes(const lc_engine *engine); /* working memory held, without parameters and gradient */

const char *lc_error_text(int code);
/* Kernels: "portable", "avx2", "avx512"; chosen for this machine when first asked for, or by the
 * environment variable LSTM_LAB_KERNEL. */
int lc_kernel_count(void);
const char *lc_kernel_name(int index);
int lc_kernel_supported(int index);
int lc_kernel_current(void);
const char *lc_compiler(void);
/* y[i] = f(x[i]) with the current kernel's own vector functions: 0 sigmoid, 1 tanh, 2 exp. */
int lc_elementwise(int dtype, int function, int64_t n, const void *x, void *y);
/* Runs the fused-multiply-add loop of the current kernel and returns the operations done. */
double lc_fma_peak(int dtype, int64_t rounds);
/* cffi: end */

#endif
