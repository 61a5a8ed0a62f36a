/* What the three cells share: one pass over a sequence, its packed weights, and the work that
 * does not depend on the cell (input projection, weight gradients). */
#ifndef LC_LAYER_H
#define LC_LAYER_H

#include "gemm.h"
#include "lstm_core.h"
#include "vecmath.h"

INLINE int gate_blocks(const lc_layer *layer) { return layer->cell == LC_LSTM ? 4 : layer->cell == LC_GRU ? 3 : 1; }
INLINE int bias_size(const lc_layer *layer)
{
    return (gate_blocks(layer) + (layer->reset_after ? 1 : 0)) * layer->hidden_size;
}

/* A GRU's candidate meets h separately from its gates, so its recurrent weights are two factors. */
INLINE int split_columns(const lc_layer *layer)
{
    return layer->cell == LC_GRU ? 2 * layer->hidden_size : gate_blocks(layer) * layer->hidden_size;
}

/* Weights packed for multiply, once per update. U are the columns that meet h, Ux those that meet x. */
typedef struct {
    real *U;            /* h -> gates           (H, G*H), GRU (H, 2H) */
    real *U_candidate;  /* h -> candidate       (H, H), GRU */
    real *Ut;           /* da -> dh             (G*H, H), GRU (2H, H) */
    real *Ut_candidate; /* da -> dh             (H, H), GRU */
    real *Ux;           /* x -> all blocks      (D, G*H), dense input */
    real *Uxt;          /* da -> dx             (G*H, D), dense input */
} panels;

/* One pass over T steps and B sequences; fields as in lc_pass. */
typedef struct {
    const lc_layer *layer;
    int T, B;
    const real *x;
    const int32_t *symbols;
    ptrdiff_t symbol_stride; /* from one step's symbols to the next */
    const int32_t *lengths;
    const real *Wt, *b, *peephole;
    const real *recurrent_mask;
    panels packed;
    real *h, *c, *gates, *extra;
    real *masked; /* (B, H), with a recurrent mask */
} pass;

/* Gradients of a pass. da may be gates itself and dextra may be extra itself, where the
 * activations are not needed afterwards. */
typedef struct {
    const real *dh;
    real *dh_next; /* (B, H): of the final h on entry, of the initial h on return */
    real *dc_next; /* (B, H), LSTM */
    real *da;      /* (T, B, G*H): of the pre-activations */
    real *dextra;  /* (T, B, H), GRU */
    real *dx, *dWt, *db, *dpeephole;
    real *scratch; /* gradient_scratch numbers */
    real *masked;  /* (T, B, H), with a recurrent mask */
} pass_gradients;

/* Under AddressSanitizer, every piece of an arena is followed by a gap that nobody may touch. */
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
enum { ARENA_GAP = 64 };
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)0)
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)0)
enum { ARENA_GAP = 0 };
#endif

/* Hands out consecutive, aligned pieces of one block; with no block it only counts. */
typedef struct {
    char *base;
    int64_t used;
} arena;

static void *take(arena *arena, int64_t count, size_t size)
{
    const int64_t bytes = count * (int64_t)size, room = (bytes + 63) / 64 * 64 + ARENA_GAP;
    char *piece = arena->base ? arena->base + arena->used : NULL;
    if (piece) {
        ASAN_UNPOISON_MEMORY_REGION(piece, bytes);
        ASAN_POISON_MEMORY_REGION(piece + bytes, room - bytes);
    }
    arena->used += room;
    return piece;
}
#define TAKE(arena, count) ((real *)take(arena, count, sizeof(real)))

static panels plan_panels(const lc_layer *layer, int dense, arena *arena)
{
    int H = layer->hidden_size, D = layer->input_size, columns = split_columns(layer), all = gate_blocks(layer) * H;
    panels p = {0};
    p.U = TAKE(arena, packed_size(H, columns));
    p.Ut = TAKE(arena, packed_size(columns, H));
    if (columns < all) {
        p.U_candidate = TAKE(arena, packed_size(H, H));
        p.Ut_candidate = TAKE(arena, packed_size(H, H));
    }
    if (dense) {
        p.Ux = TAKE(arena, packed_size(D, all));
        p.Uxt = TAKE(arena, packed_size(all, D));
    }
    return p;
}

/* The transposed ones only where a backward pass will follow. */
static void pack_panels(const lc_layer *layer, const real *Wt, int backward, const panels *p)
{
    int H = layer->hidden_size, D = layer->input_size, columns = split_columns(layer), all = gate_blocks(layer) * H;
    pack_rows(H, columns, Wt, all, p->U);
    if (columns < all)
        pack_rows(H, H, Wt + columns, all, p->U_candidate);
    if (p->Ux)
        pack_rows(D, all, Wt + (ptrdiff_t)H * all, all, p->Ux);
    if (!backward)
        return;
    pack_columns(columns, H, Wt, all, p->Ut);
    if (columns < all)
        pack_columns(H, H, Wt + columns, all, p->Ut_candidate);
    if (p->Ux)
        pack_columns(all, D, Wt + (ptrdiff_t)H * all, all, p->Uxt);
}

/* The t of the s-th step to be taken, and where its states lie. */
INLINE int step_time(const pass *p, int s) { return p->layer->reverse ? p->T - 1 - s : s; }
INLINE ptrdiff_t state_size(const pass *p) { return (ptrdiff_t)p->B * p->layer->hidden_size; }
INLINE real *before(const pass *p, real *states, int t) { return states + state_size(p) * (t + p->layer->reverse); }
INLINE real *after(const pass *p, real *states, int t) { return states + state_size(p) * (t + !p->layer->reverse); }
INLINE int past_end(const pass *p, int t, int b) { return p->lengths && t >= p->lengths[b]; }

/* y = a + b, n numbers. */
INLINE void add_rows(ptrdiff_t n, const real *a, const real *b, real *y)
{
    ptrdiff_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH)
        store(y + i, load(a + i) + load(b + i));
    for (; i < n; i++)
        y[i] = a[i] + b[i];
}

/* y = a * b, n numbers. */
INLINE void multiply_rows(ptrdiff_t n, const real *a, const real *b, real *y)
{
    ptrdiff_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH)
        store(y + i, load(a + i) * load(b + i));
    for (; i < n; i++)
        y[i] = a[i] * b[i];
}

/* The direction in which the s-th step goes through the weights. */
INLINE int in_turn(int s) { return s % 2 ? -1 : 1; }

/* h_{t-1} as W meets it. */
INLINE const real *seen_by_weights(const pass *p, int t)
{
    const real *h_before = before(p, p->h, t);
    if (!p->recurrent_mask)
        return h_before;
    multiply_rows(state_size(p), h_before, p->recurrent_mask, p->masked);
    return p->masked;
}

/* The same for all steps, (T, B, H). */
static const real *all_seen_by_weights(const pass *p, const pass_gradients *g)
{
    const real *h_before = before(p, p->h, 0);
    if (!p->recurrent_mask)
        return h_before;
    for (int t = 0; t < p->T; t++)
        multiply_rows(state_size(p), h_before + t * state_size(p), p->recurrent_mask, g->masked + t * state_size(p));
    return g->masked;
}

/* dh_next = (or +=) the gradient of h_{t-1} by way of the weights, da (B, K) being that of what they
 * made at the s-th step. */
static void back_through_weights(const pass *p, const pass_gradients *g, int s, int K, const real *da, ptrdiff_t lda,
                                 const real *packed, int accumulate)
{
    const int H = p->layer->hidden_size;
    if (!p->recurrent_mask) {
        multiply_along(in_turn(s), p->B, H, K, da, lda, packed, g->dh_next, H, accumulate);
        return;
    }
    multiply(p->B, H, K, da, lda, packed, p->masked, H, 0);
    multiply_rows(state_size(p), p->masked, p->recurrent_mask, p->masked);
    if (accumulate)
        add_rows(state_size(p), g->dh_next, p->masked, g->dh_next);
    else
        memcpy(g->dh_next, p->masked, state_size(p) * sizeof(real));
}

/* Dense input: what all steps' inputs contribute, in one product. */
static void project_dense(const pass *p)
{
    int D = p->layer->input_size, columns = gate_blocks(p->layer) * p->layer->hidden_size, rows = p->T * p->B;
    for (int row = 0; row < rows; row++)
        memcpy(p->gates + (ptrdiff_t)row * columns, p->b, columns * sizeof(real));
    multiply(rows, columns, D, p->x, D, p->packed.Ux, p->gates, columns, 1);
}

/* Symbols: W.x + b of step t is a row of Wt plus b. */
static void project_symbols(const pass *p, int t)
{
    int H = p->layer->hidden_size, columns = gate_blocks(p->layer) * H;
    real *a = p->gates + (ptrdiff_t)t * p->B * columns;
    for (int b = 0; b < p->B; b++, a += columns)
        add_rows(columns, p->Wt + (ptrdiff_t)(H + p->symbols[t * p->symbol_stride + b]) * columns, p->b, a);
}

static void sum_columns(int rows, int columns, const real *a, ptrdiff_t lda, real *sums)
{
    memset(sums, 0, columns * sizeof(real));
    for (int row = 0; row < rows; row++)
        add_rows(columns, sums, a + row * lda, sums);
}

/* Room for multiply_outer and, in a GRU's loop, for one step's (B, H). */
INLINE ptrdiff_t gradient_scratch(const lc_layer *layer, int dense, int B)
{
    int M = dense && layer->input_size > layer->hidden_size ? layer->input_size : layer->hidden_size;
    ptrdiff_t outer = outer_scratch(M), step = (ptrdiff_t)B * layer->hidden_size;
    return outer > step ? outer : step;
}

/* The columns of Wt that meet x, the bias and dx, when da is complete. */
static void input_gradients(const pass *p, const pass_gradients *g)
{
    int H = p->layer->hidden_size, D = p->layer->input_size, columns = gate_blocks(p->layer) * H, rows = p->T * p->B;
    real *dWx = g->dWt + (ptrdiff_t)H * columns;
    if (p->symbols) {
        memset(dWx, 0, (size_t)D * columns * sizeof(real));
        const real *da = g->da;
        for (int t = 0; t < p->T; t++)
            for (int b = 0; b < p->B; b++, da += columns) {
                real *row = dWx + (ptrdiff_t)p->symbols[t * p->symbol_stride + b] * columns;
                add_rows(columns, row, da, row);
            }
        sum_columns(D, columns, dWx, columns, g->db); /* every da went into exactly one row */
    } else {
        multiply_outer(D, columns, rows, p->x, D, g->da, columns, dWx, columns, 0, g->scratch);
        sum_columns(rows, columns, g->da, columns, g->db);
        if (g->dx)
            multiply(rows, D, columns, g->da, columns, p->packed.Uxt, g->dx, D, 0);
    }
}

/* Calls body(u, n) for every group of n <= WIDTH units, n being a constant but for the last. */
#define FOR_UNITS(H, body)                  \
    do {                                    \
        int u_ = 0;                         \
        for (; u_ + WIDTH <= (H); u_ += WIDTH) \
            body(u_, WIDTH);                \
        if (u_ < (H))                       \
            body(u_, (H) - u_);             \
    } while (0)

#endif
