/* Training and sampling of a whole model; see engine.h for how the work is shared. */
#include "engine.h"

#include <stdlib.h>

#include "cells.inc.c"
#include "optimizer.inc.c"
#include "output.inc.c"
#include "random.h"

/* Less work than this is not worth waking a thread for: multiply-adds of a forward pass, and numbers
 * of an update, of which more are needed where the threads have not been at work just before. */
enum { ENOUGH_FORWARD = 1 << 18, ENOUGH_UPDATE = 1 << 14, ENOUGH_UPDATE_COLD = 1 << 18 };

INLINE const cell *cell_of(const lc_model *model) { return &cells[model->layer.cell]; }

typedef struct {
    real *Wt, *b, *peephole;
} layer_arrays;

static layer_arrays arrays_of(const lc_model *model, real *flat, int l)
{
    lc_layer layer = layer_of(model, l);
    layer_sizes sizes = sizes_of(cell_of(model), &layer);
    layer_arrays a;
    a.Wt = flat + layer_offset(cell_of(model), model, l);
    a.b = a.Wt + sizes.Wt;
    a.peephole = sizes.peephole ? a.b + sizes.b : NULL;
    return a;
}

static real *output_weights(const lc_model *model, real *flat)
{
    return flat + layer_offset(cell_of(model), model, model->num_layers);
}

/* --- memory ------------------------------------------------------------------------------- */

typedef struct {
    panels *layers;
    real *Wy;  /* h -> logits */
    real *Wyt; /* dlogits -> dh */
} packed_weights;

typedef struct {
    lc_layer layer; /* passes point here */
    real *h, *c, *gates, *extra;
    real *dropped; /* (T, B, H): the output after dropout, what the layer above sees */
} layer_memory;

typedef struct {
    int first, B; /* lanes first .. first + B - 1 */
    layer_memory *layers;
    real *logits; /* (T, B, V) */
    double *log_totals; /* (T, B) */
    real *dlogits, *dh, *da, *dextra, *dh_next, *dc_next, *scratch;
    real *gradient; /* this shard's own, or the caller's where there is one shard */
} shard;

typedef struct {
    packed_weights packed;
    shard *shards; /* engine.shards */
} engine_memory;

/* How many shards a batch is dealt out to. */
static int shards_of(const struct engine *e)
{
    const int threads = pool_threads(e->pool), B = e->batch.B;
    return threads_for((int64_t)e->batch.T * B * e->parameter_count, ENOUGH_FORWARD, threads < B ? threads : B);
}

/* Lays out the memory at base, or, with none, only counts the bytes. */
static int64_t engine_plan(struct engine *e, void *base)
{
    arena arena = {base, 0};
    const lc_model *model = &e->model;
    const cell *cell = cell_of(model);
    const int L = model->num_layers, H = model->layer.hidden_size, V = model->output_size, B = e->batch.B;
    const int columns = columns_of(cell, &model->layer), biased_extra = model->layer.options & cell->biased_extra;
    engine_memory *head = take(&arena, 1, sizeof *head), m = {0};
    e->shards = shards_of(e);
    m.shards = take(&arena, e->shards, sizeof *m.shards);
    m.packed.layers = take(&arena, L, sizeof *m.packed.layers);
    for (int l = 0; l < L; l++) {
        lc_layer layer = layer_of(model, l);
        panels p = plan_panels(cell, &layer, l > 0, &arena);
        if (base)
            m.packed.layers[l] = p;
    }
    m.packed.Wy = TAKE(&arena, packed_size(H, V));
    m.packed.Wyt = TAKE(&arena, packed_size(V, H));
    for (int i = 0; i < e->shards; i++) {
        shard s = {0};
        s.first = (int)((int64_t)B * i / e->shards);
        s.B = (int)((int64_t)B * (i + 1) / e->shards) - s.first;
        const int64_t rows = (int64_t)e->batch.T * s.B, state = (int64_t)s.B * H;
        s.layers = take(&arena, L, sizeof *s.layers);
        for (int l = 0; l < L; l++) {
            layer_memory k = {.layer = layer_of(model, l)};
            k.h = TAKE(&arena, rows * H + state);
            k.c = cell->states == 2 ? TAKE(&arena, rows * H + state) : NULL;
            k.gates = TAKE(&arena, rows * columns);
            k.extra = cell->extra ? TAKE(&arena, rows * H) : NULL;
            k.dropped = model->dropout > 0 ? TAKE(&arena, rows * H) : NULL;
            if (base)
                s.layers[l] = k;
        }
        s.logits = TAKE(&arena, rows * V);
        s.log_totals = take(&arena, rows, sizeof(double));
        s.dlogits = e->in_place ? s.logits : TAKE(&arena, rows * V);
        s.dh = TAKE(&arena, rows * H);
        s.da = e->in_place ? NULL : TAKE(&arena, rows * columns);
        s.dextra = e->in_place || !biased_extra ? NULL : TAKE(&arena, rows * H);
        s.dh_next = TAKE(&arena, state);
        s.dc_next = cell->states == 2 ? TAKE(&arena, state) : NULL;
        lc_layer top = layer_of(model, L - 1);
        s.scratch = TAKE(&arena, larger(gradient_scratch(&top, L > 1, s.B), outer_scratch(V)));
        s.gradient = e->shards > 1 ? TAKE(&arena, e->parameter_count) : e->gradient;
        if (base)
            m.shards[i] = s;
    }
    if (base)
        *head = m;
    return arena.used;
}

static const engine_memory *memory_of(const struct engine *e) { return e->memory; }

/* --- forward ------------------------------------------------------------------------------ */

static void engine_pack(struct engine *e, int backward)
{
    const engine_memory *m = memory_of(e);
    const int L = e->model.num_layers, H = e->model.layer.hidden_size, V = e->model.output_size;
    const real *Wy = output_weights(&e->model, e->parameters);
    for (int l = 0; l < L; l++) {
        lc_layer layer = layer_of(&e->model, l);
        pack_panels(cell_of(&e->model), &layer, arrays_of(&e->model, e->parameters, l).Wt, backward,
                    &m->packed.layers[l]);
    }
    pack_columns(H, V, Wy, H, m->packed.Wy);
    if (backward)
        pack_rows(V, H, Wy, H, m->packed.Wyt);
}

static pass pass_of(struct engine *e, const engine_memory *m, const shard *s, int l)
{
    layer_memory *k = &s->layers[l];
    layer_arrays a = arrays_of(&e->model, e->parameters, l);
    pass p = {.layer = &k->layer, .cell = cell_of(&e->model), .T = e->batch.T, .B = s->B, .lanes = s->B,
              .Wt = a.Wt, .b = a.b, .peephole = a.peephole, .packed = m->packed.layers[l], .h = k->h, .c = k->c, .gates = k->gates, .extra = k->extra};
    if (l == 0) {
        p.symbols = e->batch.inputs + s->first;
        p.symbol_stride = e->batch.B;
    } else if (e->batch.use_dropout) {
        p.x = s->layers[l - 1].dropped;
    } else {
        p.x = s->layers[l - 1].h + (ptrdiff_t)s->B * k->layer.hidden_size;
    }
    return p;
}

/* to = from * mask / (1 - dropout), the mask being that of this layer in this step. */
static void apply_dropout(const struct engine *e, const shard *s, int l, const real *from, real *to)
{
    const uint64_t key = mix(e->batch.dropout_key + (uint64_t)l);
    const uint64_t dropped_below = (uint64_t)(e->model.dropout * 16777216.0);
    const real scale = (real)(1 / (1 - e->model.dropout));
    const int H = e->model.layer.hidden_size;
    for (int t = 0; t < e->batch.T; t++)
        for (int b = 0; b < s->B; b++, from += H, to += H) {
            uint64_t n = ((uint64_t)t * e->batch.B + s->first + b) * H;
            for (int u = 0; u < H; u++)
                to[u] = (random_bits(key, n + u) >> 40) < dropped_below ? 0 : from[u] * scale;
        }
}

/* Copies a shard's lanes between the caller's state (L, S, B, H) and one slot of its layers. */
static void copy_state(const struct engine *e, const shard *s, int slot, void *state, int to_state)
{
    const int L = e->model.num_layers, H = e->model.layer.hidden_size, S = cell_of(&e->model)->states;
    const size_t size = (size_t)s->B * H;
    for (int l = 0; l < L; l++)
        for (int i = 0; i < S; i++) {
            real *lanes = (real *)state + (((ptrdiff_t)l * S + i) * e->batch.B + s->first) * H;
            real *memory = (i ? s->layers[l].c : s->layers[l].h) + slot * (ptrdiff_t)size;
            memcpy(to_state ? lanes : memory, to_state ? memory : lanes, size * sizeof(real));
        }
}

static void forward_job(void *argument, int index)
{
    struct engine *e = argument;
    const engine_memory *m = memory_of(e);
    const shard *s = &m->shards[index];
    const int L = e->model.num_layers, H = e->model.layer.hidden_size, V = e->model.output_size;
    const int rows = e->batch.T * s->B;
    copy_state(e, s, 0, e->batch.state, 0);
    for (int l = 0; l < L; l++) {
        pass p = pass_of(e, m, s, l);
        forward_pass(&p);
        if (e->batch.use_dropout)
            apply_dropout(e, s, l, after(&p, p.h, 0), s->layers[l].dropped);
    }
    const real *by = output_weights(&e->model, e->parameters) + (ptrdiff_t)V * H;
    const layer_memory *top = &s->layers[L - 1];
    const real *h = e->batch.use_dropout ? top->dropped : top->h + (ptrdiff_t)s->B * H;
    multiply(&(product){.M = rows, .N = V, .K = H, .A = h, .lda = H, .B = m->packed.Wy, .C = s->logits, .ldc = V,
                        .bias = by});
    double loss = 0;
    if (e->batch.targets)
        for (int t = 0, row = 0; t < e->batch.T; t++)
            for (int b = 0; b < s->B; b++, row++) {
                int target = e->batch.targets[(ptrdiff_t)t * e->batch.B + s->first + b];
                if (target < 0)
                    continue;
                const real *y = s->logits + (ptrdiff_t)row * V;
                s->log_totals[row] = log_sum_exp(V, y);
                loss += s->log_totals[row] - (double)y[target];
            }
    e->loss_sums[index] = loss;
}

/* Runs inputs from the given state; the caller then has the mean loss, and the final state is
 * in the last slots. */
static double engine_forward(struct engine *e)
{
    double total = 0;
    pool_run(e->pool, e->shards, forward_job, e);
    for (int i = 0; i < e->shards; i++)
        total += e->loss_sums[i];
    return e->counted ? total / (double)e->counted : 0;
}

static void engine_final_state(struct engine *e)
{
    const engine_memory *m = memory_of(e);
    for (int i = 0; i < e->shards; i++)
        copy_state(e, &m->shards[i], e->batch.T, e->batch.state, 1);
}

/* --- backward ----------------------------------------------------------------------------- */

static void output_gradients(const struct engine *e, const engine_memory *m, const shard *s)
{
    const int L = e->model.num_layers, H = e->model.layer.hidden_size, V = e->model.output_size;
    const int rows = e->batch.T * s->B;
    const real scale = e->counted ? (real)(1 / (double)e->counted) : 0;
    for (int t = 0, row = 0; t < e->batch.T; t++)
        for (int b = 0; b < s->B; b++, row++) {
            ptrdiff_t lane = (ptrdiff_t)t * e->batch.B + s->first + b;
            real *dy = s->dlogits + (ptrdiff_t)row * V;
            if (e->dlogits)
                memcpy(dy, (const real *)e->dlogits + lane * V, V * sizeof(real));
            else if (e->batch.targets[lane] < 0)
                memset(dy, 0, V * sizeof(real));
            else
                cross_entropy_gradient(V, s->logits + (ptrdiff_t)row * V, s->log_totals[row], e->batch.targets[lane], scale,
                                       dy);
        }
    real *dWy = output_weights(&e->model, s->gradient);
    const layer_memory *top = &s->layers[L - 1];
    const real *h = e->batch.use_dropout ? top->dropped : top->h + (ptrdiff_t)s->B * H;
    multiply_outer(&(product){.M = V, .N = H, .K = rows, .A = s->dlogits, .lda = V, .B = h, .ldb = H, .C = dWy, .ldc = H},
                   s->scratch);
    sum_columns(rows, V, s->dlogits, V, dWy + (ptrdiff_t)V * H);
    multiply(&(product){.M = rows, .N = H, .K = V, .A = s->dlogits, .lda = V, .B = m->packed.Wyt, .C = s->dh, .ldc = H});
}

static void backward_job(void *argument, int index)
{
    struct engine *e = argument;
    const engine_memory *m = memory_of(e);
    const shard *s = &m->shards[index];
    const int L = e->model.num_layers, H = e->model.layer.hidden_size, S = cell_of(&e->model)->states;
    const int biased_extra = e->model.layer.options & cell_of(&e->model)->biased_extra;
    output_gradients(e, m, s);
    for (int l = L - 1; l >= 0; l--) {
        pass p = pass_of(e, m, s, l);
        if (e->batch.use_dropout)
            apply_dropout(e, s, l, s->dh, s->dh);
        real *states[2] = {s->dh_next, s->dc_next};
        layer_arrays d = arrays_of(&e->model, s->gradient, l);
        for (int i = 0; i < S; i++) {
            const size_t size = (size_t)s->B * H * sizeof(real);
            if (e->has_dstate)
                memcpy(states[i], (real *)e->dstate + (((ptrdiff_t)l * S + i) * e->batch.B + s->first) * H, size);
            else
                memset(states[i], 0, size);
        }
        pass_gradients g = {.dh = s->dh, .dh_next = s->dh_next, .dc_next = s->dc_next,
                            .da = s->da ? s->da : p.gates, .dextra = s->dextra || !biased_extra ? s->dextra : p.extra,
                            .dx = l > 0 ? s->dh : NULL, /* all of dh has been read by then */
                            .dWt = d.Wt, .db = d.b, .dpeephole = d.peephole, .scratch = s->scratch};
        backward_pass(&p, &g);
        weight_gradients(&p, &g, 0, columns_of(p.cell, p.layer));
        if (e->dstate)
            for (int i = 0; i < S; i++)
                memcpy((real *)e->dstate + (((ptrdiff_t)l * S + i) * e->batch.B + s->first) * H, states[i],
                       (size_t)s->B * H * sizeof(real));
    }
}

/* How many threads take part in what is done to every parameter, and each one's share of them, in whole blocks. */
static int update_threads(const struct engine *e)
{
    const int64_t enough = e->shards > 1 ? ENOUGH_UPDATE : ENOUGH_UPDATE_COLD;
    return threads_for(e->parameter_count, enough, pool_threads(e->pool));
}

typedef struct {
    int64_t first_block, end_block, first, count;
} share;

static share share_of(const struct engine *e, int index)
{
    const int threads = update_threads(e);
    const int64_t blocks = squares_blocks(e->parameter_count);
    share s = {.first_block = blocks * index / threads, .end_block = blocks * (index + 1) / threads};
    const int64_t end = s.end_block * SQUARES_BLOCK;
    s.first = s.first_block * SQUARES_BLOCK;
    s.count = (end < e->parameter_count ? end : e->parameter_count) - s.first;
    return s;
}

/* Adds up the shards' gradients. */
static void collect_job(void *argument, int index)
{
    struct engine *e = argument;
    const engine_memory *m = memory_of(e);
    const share s = share_of(e, index);
    real *total = (real *)e->gradient + s.first;
    add_rows(s.count, m->shards[0].gradient + s.first, m->shards[1].gradient + s.first, total);
    for (int i = 2; i < e->shards; i++)
        add_rows(s.count, total, m->shards[i].gradient + s.first, total);
}

static void engine_backward(struct engine *e)
{
    pool_run(e->pool, e->shards, backward_job, e);
    if (e->shards > 1)
        pool_run(e->pool, update_threads(e), collect_job, e);
}

/* --- update ------------------------------------------------------------------------------- */

static void norm_job(void *argument, int index)
{
    struct engine *e = argument;
    const share s = share_of(e, index);
    const int64_t count = e->parameter_count, blocks = squares_blocks(count);
    const real clip = (real)e->update.optimizer->clip_value;
    for (int64_t i = s.first_block; i < s.end_block; i++) {
        e->squares[i] = squares_of(count, e->gradient, i, 0);
        e->squares[blocks + i] = clip > 0 ? squares_of(count, e->gradient, i, clip) : e->squares[i];
    }
}

/* The gradient's norm before clipping; the norm after clip_value stays in e->clipped_norm. */
static double engine_norm(struct engine *e)
{
    const int64_t blocks = squares_blocks(e->parameter_count);
    double squares = 0, clipped_squares = 0;
    pool_run(e->pool, update_threads(e), norm_job, e);
    for (int64_t i = 0; i < blocks; i++) {
        squares += e->squares[i];
        clipped_squares += e->squares[blocks + i];
    }
    e->clipped_norm = sqrt(clipped_squares);
    return sqrt(squares);
}

static void update_job(void *argument, int index)
{
    struct engine *e = argument;
    const share s = share_of(e, index);
    const update_rule rule = rule_of(&e->update, e->clipped_norm);
    real *moments = (real *)e->update.moments + s.first;
    update_parameters(&rule, &(flat_arrays){s.count, (real *)e->parameters + s.first, (real *)e->gradient + s.first,
                                            moments, moments + e->parameter_count});
}

static void engine_update(struct engine *e) { pool_run(e->pool, update_threads(e), update_job, e); }

/* --- what is left to look at --------------------------------------------------------------- */

/* Copies the lanes of all shards side by side: width numbers for each of rows x B. */
static void gather_lanes(const struct engine *e, const shard *s, int rows, int64_t width, const real *from, real *to)
{
    for (int row = 0; row < rows; row++)
        memcpy(to + ((int64_t)row * e->batch.B + s->first) * width, from + (int64_t)row * s->B * width,
               (size_t)(s->B * width) * sizeof(real));
}

static void engine_logits(struct engine *e, void *logits)
{
    const engine_memory *m = memory_of(e);
    for (int i = 0; i < e->shards; i++)
        gather_lanes(e, &m->shards[i], e->batch.T, e->model.output_size, m->shards[i].logits, logits);
}

static void engine_activations(struct engine *e, int layer, const lc_activations *to)
{
    const engine_memory *m = memory_of(e);
    const int T = e->batch.T, H = e->model.layer.hidden_size;
    for (int i = 0; i < e->shards; i++) {
        const shard *s = &m->shards[i];
        const layer_memory *k = &s->layers[layer];
        gather_lanes(e, s, T + 1, H, k->h, to->h);
        gather_lanes(e, s, T, columns_of(cell_of(&e->model), &k->layer), k->gates, to->gates);
        if (k->c)
            gather_lanes(e, s, T + 1, H, k->c, to->c);
        if (k->extra)
            gather_lanes(e, s, T, H, k->extra, to->extra);
    }
}

/* --- sampling ------------------------------------------------------------------------------ */

typedef struct {
    double q;
    int symbol;
} candidate;

static int likelier_first(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    return x->q > y->q ? -1 : x->q < y->q ? 1 : x->symbol - y->symbol;
}

/* Keeps the top_k likeliest, then of those the shortest list that holds top_p of their weight: the
 * others weigh nothing from then on. Returns the weight of what is kept. */
static double cut(int V, const lc_sampling *s, candidate *q)
{
    int kept = s->top_k > 0 && s->top_k < V ? s->top_k : V;
    double total = 0;
    qsort(q, (size_t)V, sizeof *q, likelier_first);
    for (int i = 0; i < kept; i++)
        total += q[i].q;
    if (s->top_p < 1) {
        double sum = 0;
        int n = 0;
        while (n < kept && (n == 0 || sum < s->top_p * total))
            sum += q[n++].q;
        kept = n;
        total = sum;
    }
    for (int i = kept; i < V; i++)
        q[i].q = 0;
    /* back into the order of symbols, so that equal candidates are told apart by it alone */
    for (int i = 0; i < V; i++)
        while (q[i].symbol != i) {
            candidate there = q[q[i].symbol];
            q[q[i].symbol] = q[i];
            q[i] = there;
        }
    return total;
}

/* One symbol from softmax(y / temperature), as far as top_k and top_p leave it. */
static int draw(int V, const real *y, const lc_sampling *s, double uniform, candidate *q)
{
    int best = 0;
    for (int v = 1; v < V; v++)
        if (y[v] > y[best])
            best = v;
    if (s->temperature <= 0)
        return best;
    double total = 0, sum = 0;
    for (int v = 0; v < V; v++) {
        q[v] = (candidate){exp(((double)y[v] - (double)y[best]) / s->temperature), v};
        total += q[v].q;
    }
    if ((s->top_k > 0 && s->top_k < V) || s->top_p < 1)
        total = cut(V, s, q);
    int last = best;
    for (int v = 0; v < V; v++) {
        if (q[v].q <= 0)
            continue;
        sum += q[v].q;
        last = v;
        if (sum > uniform * total)
            return v;
    }
    return last;
}

static int64_t sample_bytes(const lc_model *model) { return (int64_t)model->output_size * (int64_t)sizeof(candidate); }

static void engine_sample(struct engine *e, const lc_sampling *s, void *work)
{
    const uint64_t key = mix(s->seed);
    const engine_memory *m = memory_of(e);
    int32_t symbol = s->symbol;
    e->batch.inputs = &symbol;
    e->batch.state = s->state;
    for (int n = 0; n < s->length; n++) {
        forward_job(e, 0);
        engine_final_state(e);
        symbol = draw(e->model.output_size, m->shards[0].logits, s, random_uniform(key, (uint64_t)s->offset + (uint64_t)n), work);
        s->out[n] = symbol;
    }
}
