/* What the cells share: one pass over a sequence, its packed weights, and the work that does not
 * depend on the cell (input projection, weight gradients). */
#ifndef LC_LAYER_H
#define LC_LAYER_H

#include "arena.h"
#include "cell.h"
#include "gemm.h"
#include "vecmath.h"

/* Weights packed for multiply, once per update. U are the columns that meet h, Ux those that meet x.
 * The last cell->apart blocks do not meet h itself, or are not simply added to what x contributes (a
 * GRU's candidate), so their share of U is a factor of its own. */
typedef struct {
    real *U;        /* h -> joint blocks     (H, columns) */
    real *U_apart;  /* extra -> blocks apart (H, columns) */
    real *Ut;       /* da -> dh, transposed U */
    real *Ut_apart; /* da -> dextra, or dextra -> dh */
    real *Ux;       /* x -> all blocks       (D, G*H), dense input */
    real *Uxt;      /* da -> dx              (G*H, D), dense input */
} panels;

/* One pass over T steps and B sequences, which are some of those that lie side by side in memory;
 * fields as in lc_pass. */
typedef struct pass {
    const lc_layer *layer;
    const cell *cell;
    int T, B;
    int lanes; /* sequences in memory, B or more */
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
typedef struct pass_gradients {
    const real *dh;
    real *dh_next; /* (B, H): of the final h on entry, of the initial h on return */
    real *dc_next; /* (B, H), LSTM */
    real *da;      /* (T, B, G*H): of the pre-activations */
    real *dextra;  /* (T, B, H), where extra has biases */
    real *dx, *dWt, *db, *dpeephole;
    real *scratch; /* gradient_scratch numbers */
    real *masked;  /* (T, B, H), with a recurrent mask: h_{t-1} as W met it */
} pass_gradients;

INLINE int columns_of(const cell *cell, const lc_layer *layer) { return cell->blocks * layer->hidden_size; }
INLINE int joint_columns(const cell *cell, const lc_layer *layer)
{
    return (cell->blocks - cell->apart) * layer->hidden_size;
}

static panels plan_panels(const cell *cell, const lc_layer *layer, int dense, arena *arena)
{
    const int H = layer->hidden_size, D = layer->input_size, all = columns_of(cell, layer);
    const int joint = joint_columns(cell, layer);
    panels p = {0};
    if (cell->recurrent) {
        p.U = TAKE(arena, packed_size(H, joint));
        p.Ut = TAKE(arena, packed_size(joint, H));
    }
    if (cell->apart) {
        p.U_apart = TAKE(arena, packed_size(H, all - joint));
        p.Ut_apart = TAKE(arena, packed_size(all - joint, H));
    }
    if (dense) {
        p.Ux = TAKE(arena, packed_size(D, all));
        p.Uxt = TAKE(arena, packed_size(all, D));
    }
    return p;
}

/* The rows of Wt, or of its gradient, that meet x. */
INLINE ptrdiff_t input_rows(const cell *cell, const lc_layer *layer)
{
    return (ptrdiff_t)cell->recurrent * layer->hidden_size * columns_of(cell, layer);
}

/* The transposed ones only where a backward pass will follow. */
static void pack_panels(const cell *cell, const lc_layer *layer, const real *Wt, int backward, const panels *p)
{
    const int H = layer->hidden_size, D = layer->input_size, all = columns_of(cell, layer);
    const int joint = joint_columns(cell, layer);
    const real *Wx = Wt + input_rows(cell, layer);
    if (cell->recurrent)
        pack_rows(H, joint, Wt, all, p->U);
    if (cell->apart)
        pack_rows(H, all - joint, Wt + joint, all, p->U_apart);
    if (p->Ux)
        pack_rows(D, all, Wx, all, p->Ux);
    if (!backward)
        return;
    if (cell->recurrent)
        pack_columns(joint, H, Wt, all, p->Ut);
    if (cell->apart)
        pack_columns(all - joint, H, Wt + joint, all, p->Ut_apart);
    if (p->Ux)
        pack_columns(all, D, Wx, all, p->Uxt);
}

/* The t of the s-th step to be taken, and where its states lie. */
INLINE int step_time(const pass *p, int s) { return p->layer->reverse ? p->T - 1 - s : s; }
INLINE ptrdiff_t state_stride(const pass *p) { return (ptrdiff_t)p->lanes * p->layer->hidden_size; }
INLINE ptrdiff_t state_size(const pass *p) { return (ptrdiff_t)p->B * p->layer->hidden_size; }
INLINE real *before(const pass *p, real *states, int t) { return states + state_stride(p) * (t + p->layer->reverse); }
INLINE real *after(const pass *p, real *states, int t) { return states + state_stride(p) * (t + !p->layer->reverse); }
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

/* --- one step ------------------------------------------------------------------------------ */

/* One sequence at one step: where its numbers lie, H of each, in gates and da one block after the other. */
typedef struct {
    int H, options;
    const double *force_value;
    const real *peephole;
    const real *h_before, *c_before;
    const real *seen; /* h_before as W meets it; forward only */
    real *h, *c, *gates, *extra;
    /* the way back: dh_next and dc_next come in from step t+1 and leave for step t-1 */
    const real *dh;
    real *dh_next, *dc_next, *da, *dextra, *dpeephole;
} lane;

typedef void units_function(const lane *lane, int u, int n);

/* Calls units(lane, u, n) for every group of n <= WIDTH units, n being a constant but for the last. */
INLINE void for_units(units_function *units, const lane *lane)
{
    int u = 0;
    for (; u + WIDTH <= lane->H; u += WIDTH)
        units(lane, u, WIDTH);
    if (u < lane->H)
        units(lane, u, lane->H - u);
}

/* g is NULL on the way forward. options: the layer's, as a constant where that saves work. */
INLINE lane lane_at(const pass *p, const pass_gradients *g, int options, int t, int b)
{
    const int H = p->layer->hidden_size;
    const ptrdiff_t row = (ptrdiff_t)b * H, at = t * state_stride(p) + row, blocks_at = at * p->cell->blocks;
    return (lane){
        .H = H,
        .options = options,
        .force_value = p->layer->force_value,
        .peephole = p->peephole,
        .h_before = before(p, p->h, t) + row,
        .c_before = p->c ? before(p, p->c, t) + row : NULL,
        .h = after(p, p->h, t) + row,
        .c = p->c ? after(p, p->c, t) + row : NULL,
        .gates = p->gates + blocks_at,
        .extra = p->extra ? p->extra + at : NULL,
        .dh = g ? g->dh + at : NULL,
        .dh_next = g ? g->dh_next + row : NULL,
        .dc_next = g && g->dc_next ? g->dc_next + row : NULL,
        .da = g ? g->da + blocks_at : NULL,
        .dextra = g && g->dextra ? g->dextra + at : NULL,
        .dpeephole = g ? g->dpeephole : NULL,
    };
}

/* A step beyond the sequence's end: the state stays, the activations count as 0. */
INLINE void leave_alone(const cell *cell, lane l)
{
    const size_t size = l.H * sizeof(real);
    memset(l.gates, 0, cell->blocks * size);
    if (l.extra)
        memset(l.extra, 0, size);
    if (l.c)
        memcpy(l.c, l.c_before, size);
    memcpy(l.h, l.h_before, size);
}

/* The same step on the way back: gradients of the state pass through. */
INLINE void pass_through(const cell *cell, lane l)
{
    memset(l.da, 0, cell->blocks * l.H * sizeof(real));
    if (l.dextra)
        memset(l.dextra, 0, l.H * sizeof(real));
    add_rows(l.H, l.dh_next, l.dh, l.dh_next);
}

/* h_{t-1} as W meets it. */
INLINE const real *seen_by_weights(const pass *p, int t)
{
    const real *h_before = before(p, p->h, t);
    if (!p->recurrent_mask)
        return h_before;
    multiply_rows(state_size(p), h_before, p->recurrent_mask, p->masked);
    return p->masked;
}

/* Symbols: W.x + b of step t is a row of Wt plus b. */
static void project_symbols(const pass *p, int t)
{
    const int columns = columns_of(p->cell, p->layer);
    const real *Wx = p->Wt + input_rows(p->cell, p->layer);
    real *a = p->gates + (ptrdiff_t)t * p->lanes * columns;
    for (int b = 0; b < p->B; b++, a += columns)
        add_rows(columns, Wx + (ptrdiff_t)p->symbols[t * p->symbol_stride + b] * columns, p->b, a);
}

/* Completes the pre-activations of the joint blocks at the s-th step, and returns h_{t-1} as they met it. */
static const real *meet_weights(const pass *p, int s)
{
    const int t = step_time(p, s), H = p->layer->hidden_size, columns = columns_of(p->cell, p->layer);
    if (p->symbols)
        project_symbols(p, t);
    const real *seen = seen_by_weights(p, t);
    multiply(&(product){.M = p->B, .N = joint_columns(p->cell, p->layer), .K = H, .A = seen, .lda = H,
                        .B = p->packed.U, .C = p->gates + (ptrdiff_t)t * p->lanes * columns, .ldc = columns,
                        .accumulate = 1, .backwards = s % 2});
    return seen;
}

/* dh_next = (or +=) the gradient of h_{t-1} by way of weights: `way` says A, that of what they made (B, K), and B. */
static void back_through_weights(const pass *p, const pass_gradients *g, product way)
{
    const int accumulate = way.accumulate;
    way.M = p->B;
    way.N = way.ldc = p->layer->hidden_size;
    way.C = g->dh_next;
    if (!p->recurrent_mask) {
        multiply(&way);
        return;
    }
    way.C = p->masked;
    way.accumulate = way.backwards = 0;
    multiply(&way);
    multiply_rows(state_size(p), p->masked, p->recurrent_mask, p->masked);
    if (accumulate)
        add_rows(state_size(p), g->dh_next, p->masked, g->dh_next);
    else
        memcpy(g->dh_next, p->masked, state_size(p) * sizeof(real));
}

/* --- all steps at once --------------------------------------------------------------------- */

/* The rows of a (T, B, .) array, in as few pieces as lie side by side. */
INLINE int pieces(const pass *p) { return p->B == p->lanes ? 1 : p->T; }
INLINE int piece_rows(const pass *p) { return p->B == p->lanes ? p->T * p->B : p->B; }

/* Dense input: what all steps' inputs contribute. */
static void project_dense(const pass *p)
{
    const int D = p->layer->input_size, columns = columns_of(p->cell, p->layer), rows = piece_rows(p);
    for (int i = 0; i < pieces(p); i++) {
        const ptrdiff_t first = (ptrdiff_t)i * p->lanes;
        multiply(&(product){.M = rows, .N = columns, .K = D, .A = p->x + first * D, .lda = D, .B = p->packed.Ux,
                            .C = p->gates + first * columns, .ldc = columns, .bias = p->b});
    }
}

static void input_gradient(const pass *p, const pass_gradients *g)
{
    const int D = p->layer->input_size, columns = columns_of(p->cell, p->layer);
    for (int i = 0; i < pieces(p); i++) {
        const ptrdiff_t first = (ptrdiff_t)i * p->lanes;
        multiply(&(product){.M = piece_rows(p), .N = D, .K = columns, .A = g->da + first * columns, .lda = columns,
                            .B = p->packed.Uxt, .C = g->dx + first * D, .ldc = D});
    }
}

static void forward_pass(const pass *p)
{
    if (!p->symbols)
        project_dense(p);
    p->cell->forward(p);
}

/* Everything but the gradients of the parameters; weight_gradients may follow. dx may be dh. */
static void backward_pass(const pass *p, const pass_gradients *g)
{
    if (p->layer->options & LC_PEEPHOLE)
        memset(g->dpeephole, 0, (size_t)sizes_of(p->cell, p->layer).peephole * sizeof(real));
    p->cell->backward(p, g);
    if (p->recurrent_mask)
        for (int t = 0; t < p->T; t++)
            multiply_rows(state_size(p), before(p, p->h, 0) + t * state_stride(p), p->recurrent_mask,
                          g->masked + t * state_stride(p));
    if (g->dx)
        input_gradient(p, g);
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
    const int M = dense && layer->input_size > layer->hidden_size ? layer->input_size : layer->hidden_size;
    const ptrdiff_t outer = outer_scratch(M), step = (ptrdiff_t)B * layer->hidden_size;
    return outer > step ? outer : step;
}

/* The gradients of columns first .. end - 1 of Wt and b, the columns that extra's biases belong to included,
 * when da is complete. p is all the sequences there are. */
static void weight_gradients(const pass *p, const pass_gradients *g, int first, int end)
{
    const int H = p->layer->hidden_size, D = p->layer->input_size, rows = p->T * p->B;
    const int columns = columns_of(p->cell, p->layer), joint = joint_columns(p->cell, p->layer);
    const real *seen = p->recurrent_mask ? g->masked : before(p, p->h, 0);
    const int joint_end = end < joint ? end : joint, apart_first = first > joint ? first : joint;
    if (p->cell->recurrent && first < joint_end)
        multiply_outer(&(product){.M = H, .N = joint_end - first, .K = rows, .A = seen, .lda = H, .B = g->da + first,
                                  .ldb = columns, .C = g->dWt + first, .ldc = columns}, g->scratch);
    if (p->cell->apart && apart_first < end) {
        const int N = end - apart_first, width = columns - joint;
        const real *dextra = g->dextra ? g->dextra + (apart_first - joint) : NULL;
        multiply_outer(&(product){.M = H, .N = N, .K = rows, .A = dextra ? seen : p->extra, .lda = H,
                                  .B = dextra ? dextra : g->da + apart_first, .ldb = dextra ? width : columns,
                                  .C = g->dWt + apart_first, .ldc = columns}, g->scratch);
        if (dextra)
            sum_columns(rows, N, dextra, width, g->db + columns + (apart_first - joint));
    }

    real *dWx = g->dWt + input_rows(p->cell, p->layer) + first;
    const real *da = g->da + first;
    const int N = end - first;
    if (p->symbols) {
        for (int d = 0; d < D; d++)
            memset(dWx + (ptrdiff_t)d * columns, 0, N * sizeof(real));
        for (int t = 0; t < p->T; t++)
            for (int b = 0; b < p->B; b++, da += columns) {
                real *row = dWx + (ptrdiff_t)p->symbols[t * p->symbol_stride + b] * columns;
                add_rows(N, row, da, row);
            }
        sum_columns(D, N, dWx, columns, g->db + first); /* every da went into exactly one row */
    } else {
        multiply_outer(&(product){.M = D, .N = N, .K = rows, .A = p->x, .lda = D, .B = da, .ldb = columns, .C = dWx,
                                  .ldc = columns}, g->scratch);
        sum_columns(rows, N, da, columns, g->db + first);
    }
}

#endif
