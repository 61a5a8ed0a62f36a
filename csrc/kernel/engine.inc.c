/* Training and sampling of a whole model; see engine.h for how the work is shared. */
#include <stdlib.h>

#include "engine.h"
#include "gru.inc.c"
#include "lstm.inc.c"
#include "optimizer.inc.c"
#include "output.inc.c"
#include "random.h"
#include "rnn.inc.c"

static void forward_pass(const pass *p)
{
    switch (p->layer->cell) {
    case LC_LSTM: lstm_forward(p); break;
    case LC_GRU: gru_forward(p); break;
    default: rnn_forward(p); break;
    }
}

static void backward_pass(const pass *p, const pass_gradients *g)
{
    switch (p->layer->cell) {
    case LC_LSTM: lstm_backward(p, g); break;
    case LC_GRU: gru_backward(p, g); break;
    default: rnn_backward(p, g); break;
    }
}

INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
INLINE int has_cell_state(const lc_layer *layer) { return layer->cell == LC_LSTM; }
INLINE int state_arrays(const lc_layer *layer) { return has_cell_state(layer) ? 2 : 1; }

static lc_layer layer_of(const lc_model *model, int l)
{
    lc_layer layer = model->layer;
    if (l > 0)
        layer.input_size = layer.hidden_size;
    return layer;
}

/* Where layer l begins in the flat parameters (or gradient); l = num_layers: the output layer. */
static int64_t layer_offset(const lc_model *model, int l)
{
    int64_t offset = 0;
    for (int i = 0; i < l; i++) {
        lc_layer layer = layer_of(model, i);
        int64_t H = layer.hidden_size;
        offset += (H + layer.input_size) * gate_blocks(&layer) * H + bias_size(&layer) + (layer.peephole ? 3 * H : 0);
    }
    return offset;
}

typedef struct {
    real *Wt, *b, *peephole;
} layer_arrays;

static layer_arrays arrays_of(const lc_model *model, real *flat, int l)
{
    lc_layer layer = layer_of(model, l);
    layer_arrays a;
    a.Wt = flat + layer_offset(model, l);
    a.b = a.Wt + (ptrdiff_t)(layer.hidden_size + layer.input_size) * gate_blocks(&layer) * layer.hidden_size;
    a.peephole = layer.peephole ? a.b + bias_size(&layer) : NULL;
    return a;
}

static real *output_weights(const lc_model *model, real *flat) { return flat + layer_offset(model, model->num_layers); }

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
    int shard_count;
    shard *shards;
} engine_memory;

/* Lays out the memory at base, or, with none, only counts the bytes. */
static int64_t plan(const lc_model *model, int threads, int T, int B, int in_place, void *gradient, void *base)
{
    arena arena = {base, 0};
    const int L = model->num_layers, H = model->layer.hidden_size, V = model->output_size;
    const int64_t columns = (int64_t)gate_blocks(&model->layer) * H;
    const int64_t parameters = layer_offset(model, L) + (int64_t)V * H + V;
    engine_memory *head = take(&arena, 1, sizeof *head), m = {0};
    m.shard_count = threads < B ? threads : B;
    m.shards = take(&arena, m.shard_count, sizeof *m.shards);
    m.packed.layers = take(&arena, L, sizeof *m.packed.layers);
    for (int l = 0; l < L; l++) {
        lc_layer layer = layer_of(model, l);
        panels p = plan_panels(&layer, l > 0, &arena);
        if (base)
            m.packed.layers[l] = p;
    }
    m.packed.Wy = TAKE(&arena, packed_size(H, V));
    m.packed.Wyt = TAKE(&arena, packed_size(V, H));
    for (int i = 0; i < m.shard_count; i++) {
        shard s = {0};
        s.first = (int)((int64_t)B * i / m.shard_count);
        s.B = (int)((int64_t)B * (i + 1) / m.shard_count) - s.first;
        const int64_t rows = (int64_t)T * s.B;
        s.layers = take(&arena, L, sizeof *s.layers);
        for (int l = 0; l < L; l++) {
            layer_memory k = {.layer = layer_of(model, l)};
            k.h = TAKE(&arena, (rows + s.B) * H);
            k.c = has_cell_state(&k.layer) ? TAKE(&arena, (rows + s.B) * H) : NULL;
            k.gates = TAKE(&arena, rows * columns);
            k.extra = k.layer.cell == LC_RNN ? NULL : TAKE(&arena, rows * H);
            k.dropped = model->dropout > 0 ? TAKE(&arena, rows * H) : NULL;
            if (base)
                s.layers[l] = k;
        }
        s.logits = TAKE(&arena, rows * V);
        s.log_totals = take(&arena, rows, sizeof(double));
        s.dlogits = in_place ? s.logits : TAKE(&arena, rows * V);
        s.dh = TAKE(&arena, rows * H);
        s.da = in_place ? NULL : TAKE(&arena, rows * columns);
        s.dextra = in_place || !model->layer.reset_after ? NULL : TAKE(&arena, rows * H);
        s.dh_next = TAKE(&arena, (int64_t)s.B * H);
        s.dc_next = has_cell_state(&model->layer) ? TAKE(&arena, (int64_t)s.B * H) : NULL;
        lc_layer top = layer_of(model, L - 1);
        s.scratch = TAKE(&arena, larger(gradient_scratch(&top, L > 1, s.B), outer_scratch(V)));
        s.gradient = m.shard_count > 1 ? TAKE(&arena, parameters) : gradient;
        if (base)
            m.shards[i] = s;
    }
    if (base)
        *head = m;
    return arena.used;
}

static int64_t engine_plan(struct engine *e, void *base)
{
    return plan(&e->model, e->threads, e->T, e->B, e->in_place, e->gradient, base);
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
        pack_panels(&layer, arrays_of(&e->model, e->parameters, l).Wt, backward, &m->packed.layers[l]);
    }
    pack_columns(H, V, Wy, H, m->packed.Wy);
    if (backward)
        pack_rows(V, H, Wy, H, m->packed.Wyt);
}

static pass pass_of(struct engine *e, const engine_memory *m, const shard *s, int l)
{
    layer_memory *k = &s->layers[l];
    layer_arrays a = arrays_of(&e->model, e->parameters, l);
    pass p = {.layer = &k->layer, .T = e->T, .B = s->B, .Wt = a.Wt, .b = a.b, .peephole = a.peephole,
              .packed = m->packed.layers[l], .h = k->h, .c = k->c, .gates = k->gates, .extra = k->extra};
    if (l == 0) {
        p.symbols = e->inputs + s->first;
        p.symbol_stride = e->B;
    } else if (e->use_dropout) {
        p.x = s->layers[l - 1].dropped;
    } else {
        p.x = s->layers[l - 1].h + (ptrdiff_t)s->B * k->layer.hidden_size;
    }
    return p;
}

/* to = from * mask / (1 - dropout), the mask being that of this layer in this step. */
static void apply_dropout(const struct engine *e, const shard *s, int l, const real *from, real *to)
{
    const uint64_t key = mix(e->dropout_key + (uint64_t)l);
    const uint64_t dropped_below = (uint64_t)(e->model.dropout * 16777216.0);
    const real scale = (real)(1 / (1 - e->model.dropout));
    const int H = e->model.layer.hidden_size;
    for (int t = 0; t < e->T; t++)
        for (int b = 0; b < s->B; b++, from += H, to += H) {
            uint64_t n = ((uint64_t)t * e->B + s->first + b) * H;
            for (int u = 0; u < H; u++)
                to[u] = (random_bits(key, n + u) >> 40) < dropped_below ? 0 : from[u] * scale;
        }
}

/* Copies a shard's lanes between the caller's state (L, S, B, H) and one slot of its layers. */
static void copy_state(const struct engine *e, const shard *s, int slot, void *state, int to_state)
{
    const int L = e->model.num_layers, H = e->model.layer.hidden_size, S = state_arrays(&e->model.layer);
    const size_t size = (size_t)s->B * H;
    for (int l = 0; l < L; l++)
        for (int i = 0; i < S; i++) {
            real *lanes = (real *)state + (((ptrdiff_t)l * S + i) * e->B + s->first) * H;
            real *memory = (i ? s->layers[l].c : s->layers[l].h) + slot * (ptrdiff_t)size;
            memcpy(to_state ? lanes : memory, to_state ? memory : lanes, size * sizeof(real));
        }
}

static void forward_job(void *argument, int index)
{
    struct engine *e = argument;
    const engine_memory *m = memory_of(e);
    if (index >= m->shard_count)
        return;
    const shard *s = &m->shards[index];
    const int L = e->model.num_layers, H = e->model.layer.hidden_size, V = e->model.output_size;
    const int rows = e->T * s->B;
    copy_state(e, s, 0, e->state, 0);
    for (int l = 0; l < L; l++) {
        pass p = pass_of(e, m, s, l);
        forward_pass(&p);
        if (e->use_dropout)
            apply_dropout(e, s, l, after(&p, p.h, 0), s->layers[l].dropped);
    }
    const real *by = output_weights(&e->model, e->parameters) + (ptrdiff_t)V * H;
    const layer_memory *top = &s->layers[L - 1];
    const real *h = e->use_dropout ? top->dropped : top->h + (ptrdiff_t)s->B * H;
    for (int row = 0; row < rows; row++)
        memcpy(s->logits + (ptrdiff_t)row * V, by, V * sizeof(real));
    multiply(rows, V, H, h, H, m->packed.Wy, s->logits, V, 1);
    double loss = 0;
    if (e->targets)
        for (int t = 0, row = 0; t < e->T; t++)
            for (int b = 0; b < s->B; b++, row++) {
                int target = e->targets[(ptrdiff_t)t * e->B + s->first + b];
                if (target < 0)
                    continue;
                const real *y = s->logits + (ptrdiff_t)row * V;
                s->log_totals[row] = log_sum_exp(V, y);
                loss += s->log_totals[row] - (double)y[target];
            }
    ((shard_sums *)e->sums)[index].loss_sum = loss;
}

/* Runs inputs from the given state; the caller then has the mean loss, and the final state is
 * in the last slots. */
static double engine_forward(struct engine *e)
{
    pool_run(e->pool, forward_job, e);
    const int shards = e->threads < e->B ? e->threads : e->B;
    double total = 0;
    for (int i = 0; i < shards; i++)
        total += ((shard_sums *)e->sums)[i].loss_sum;
    return e->counted ? total / (double)e->counted : 0;
}

static void engine_final_state(struct engine *e, void *state)
{
    const engine_memory *m = memory_of(e);
    for (int i = 0; i < m->shard_count; i++)
        copy_state(e, &m->shards[i], e->T, state, 1);
}

/* --- backward ----------------------------------------------------------------------------- */

static void output_gradients(const struct engine *e, const engine_memory *m, const shard *s)
{
    const int L = e->model.num_layers, H = e->model.layer.hidden_size, V = e->model.output_size;
    const int rows = e->T * s->B;
    const real scale = e->counted ? (real)(1 / (double)e->counted) : 0;
    for (int t = 0, row = 0; t < e->T; t++)
        for (int b = 0; b < s->B; b++, row++) {
            ptrdiff_t lane = (ptrdiff_t)t * e->B + s->first + b;
            real *dy = s->dlogits + (ptrdiff_t)row * V;
            if (e->dlogits)
                memcpy(dy, (const real *)e->dlogits + lane * V, V * sizeof(real));
            else if (e->targets[lane] < 0)
                memset(dy, 0, V * sizeof(real));
            else
                cross_entropy_gradient(V, s->logits + (ptrdiff_t)row * V, s->log_totals[row], e->targets[lane], scale,
                                       dy);
        }
    real *dWy = output_weights(&e->model, s->gradient);
    const layer_memory *top = &s->layers[L - 1];
    const real *h = e->use_dropout ? top->dropped : top->h + (ptrdiff_t)s->B * H;
    multiply_outer(V, H, rows, s->dlogits, V, h, H, dWy, H, 0, s->scratch);
    sum_columns(rows, V, s->dlogits, V, dWy + (ptrdiff_t)V * H);
    multiply(rows, H, V, s->dlogits, V, m->packed.Wyt, s->dh, H, 0);
}

static void backward_job(void *argument, int index)
{
    struct engine *e = argument;
    const engine_memory *m = memory_of(e);
    if (index >= m->shard_count)
        return;
    const shard *s = &m->shards[index];
    const int L = e->model.num_layers, H = e->model.layer.hidden_size, S = state_arrays(&e->model.layer);
    output_gradients(e, m, s);
    for (int l = L - 1; l >= 0; l--) {
        pass p = pass_of(e, m, s, l);
        if (e->use_dropout)
            apply_dropout(e, s, l, s->dh, s->dh);
        real *states[2] = {s->dh_next, s->dc_next};
        layer_arrays d = arrays_of(&e->model, s->gradient, l);
        for (int i = 0; i < S; i++) {
            const size_t size = (size_t)s->B * H * sizeof(real);
            if (e->has_dstate)
                memcpy(states[i], (real *)e->dstate + (((ptrdiff_t)l * S + i) * e->B + s->first) * H, size);
            else
                memset(states[i], 0, size);
        }
        pass_gradients g = {.dh = s->dh, .dh_next = s->dh_next, .dc_next = s->dc_next,
                            .da = s->da ? s->da : p.gates, .dextra = s->dextra ? s->dextra : p.extra,
                            .dx = l > 0 ? s->dh : NULL, /* all of dh has been read by then */
                            .dWt = d.Wt, .db = d.b, .dpeephole = d.peephole, .scratch = s->scratch};
        backward_pass(&p, &g);
        if (e->dstate)
            for (int i = 0; i < S; i++)
                memcpy((real *)e->dstate + (((ptrdiff_t)l * S + i) * e->B + s->first) * H, states[i],
                       (size_t)s->B * H * sizeof(real));
    }
}

/* The thread's share of the parameters, in whole vectors. */
static void share_of(const struct engine *e, int index, int64_t *first, int64_t *count)
{
    int64_t vectors = (e->parameter_count + WIDTH - 1) / WIDTH;
    *first = vectors * index / e->threads * WIDTH;
    int64_t end = vectors * (index + 1) / e->threads * WIDTH;
    *count = (end < e->parameter_count ? end : e->parameter_count) - *first;
}

/* Adds up the shards' gradients. */
static void collect_job(void *argument, int index)
{
    struct engine *e = argument;
    const engine_memory *m = memory_of(e);
    int64_t first, count;
    share_of(e, index, &first, &count);
    real *total = (real *)e->gradient + first;
    add_rows(count, m->shards[0].gradient + first, m->shards[1].gradient + first, total);
    for (int i = 2; i < m->shard_count; i++)
        add_rows(count, total, m->shards[i].gradient + first, total);
}

static void engine_backward(struct engine *e)
{
    pool_run(e->pool, backward_job, e);
    if (e->threads > 1 && e->B > 1)
        pool_run(e->pool, collect_job, e);
}

/* --- update ------------------------------------------------------------------------------- */

static void norm_job(void *argument, int index)
{
    struct engine *e = argument;
    shard_sums *sums = &((shard_sums *)e->sums)[index];
    int64_t first, count;
    share_of(e, index, &first, &count);
    const real *g = (real *)e->gradient + first, clip = (real)e->optimizer->clip_value;
    sums->squares = sum_of_squares(count, g, 0);
    sums->clipped_squares = clip > 0 ? sum_of_squares(count, g, clip) : sums->squares;
}

/* The gradient's norm before clipping; the norm after clip_value stays in e->norm. */
static double engine_norm(struct engine *e)
{
    double squares = 0, clipped_squares = 0;
    pool_run(e->pool, norm_job, e);
    for (int i = 0; i < e->threads; i++) {
        squares += ((shard_sums *)e->sums)[i].squares;
        clipped_squares += ((shard_sums *)e->sums)[i].clipped_squares;
    }
    e->norm = sqrt(clipped_squares);
    return sqrt(squares);
}

static void update_job(void *argument, int index)
{
    struct engine *e = argument;
    int64_t first, count;
    share_of(e, index, &first, &count);
    update_rule rule = rule_of(e->optimizer, e->step, e->lr, e->norm);
    real *moments = e->moments;
    update_parameters(&rule, count, (real *)e->parameters + first, (real *)e->gradient + first, moments + first,
                      moments + e->parameter_count + first);
}

static void engine_update(struct engine *e) { pool_run(e->pool, update_job, e); }

/* --- what is left to look at --------------------------------------------------------------- */

/* Copies the lanes of all shards side by side: width numbers for each of rows x B. */
static void gather_lanes(const struct engine *e, const shard *s, int rows, int64_t width, const real *from, real *to)
{
    for (int row = 0; row < rows; row++)
        memcpy(to + ((int64_t)row * e->B + s->first) * width, from + (int64_t)row * s->B * width,
               (size_t)(s->B * width) * sizeof(real));
}

static void engine_logits(struct engine *e, void *logits)
{
    const engine_memory *m = memory_of(e);
    for (int i = 0; i < m->shard_count; i++)
        gather_lanes(e, &m->shards[i], e->T, e->model.output_size, m->shards[i].logits, logits);
}

static void engine_activations(struct engine *e, int layer, void *h, void *c, void *gates, void *extra)
{
    const engine_memory *m = memory_of(e);
    const int H = e->model.layer.hidden_size;
    for (int i = 0; i < m->shard_count; i++) {
        const layer_memory *k = &m->shards[i].layers[layer];
        gather_lanes(e, &m->shards[i], e->T + 1, H, k->h, h);
        if (c)
            gather_lanes(e, &m->shards[i], e->T + 1, H, k->c, c);
        gather_lanes(e, &m->shards[i], e->T, (int64_t)gate_blocks(&k->layer) * H, k->gates, gates);
        if (extra)
            gather_lanes(e, &m->shards[i], e->T, H, k->extra, extra);
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

/* One symbol from softmax(y / temperature), cut to the top_k likeliest and then to the shortest
 * list that holds top_p of the rest. */
static int draw(int V, const real *y, double temperature, int top_k, double top_p, double uniform, candidate *q)
{
    int best = 0;
    for (int v = 1; v < V; v++)
        if (y[v] > y[best])
            best = v;
    if (temperature <= 0)
        return best;
    double total = 0;
    for (int v = 0; v < V; v++) {
        q[v] = (candidate){exp(((double)y[v] - (double)y[best]) / temperature), v};
        total += q[v].q;
    }
    int cut_k = top_k > 0 && top_k < V, kept = cut_k ? top_k : V;
    if (cut_k || top_p < 1) {
        qsort(q, (size_t)V, sizeof *q, likelier_first);
        total = 0;
        for (int i = 0; i < kept; i++)
            total += q[i].q;
        if (top_p < 1) {
            double sum = 0;
            int n = 0;
            while (n < kept && (n == 0 || sum < top_p * total))
                sum += q[n++].q;
            kept = n;
            total = sum;
        }
        for (int i = kept; i < V; i++)
            q[i].q = 0;
        /* back into the order of symbols, so that equal candidates are told apart by it alone */
        double weight;
        for (int i = 0; i < V; i++)
            while (q[i].symbol != i) {
                int to = q[i].symbol;
                weight = q[to].q;
                int symbol = q[to].symbol;
                q[to] = q[i];
                q[i] = (candidate){weight, symbol};
            }
    }
    double sum = 0;
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

static void engine_sample(struct engine *e, void *state, int32_t symbol, int length, double temperature, int top_k,
                          double top_p, uint64_t seed, int64_t offset, int32_t *out, void *work)
{
    const uint64_t key = mix(seed);
    e->inputs = &symbol;
    e->state = state;
    const engine_memory *m = memory_of(e);
    for (int n = 0; n < length; n++) {
        forward_job(e, 0);
        copy_state(e, &m->shards[0], 1, state, 1);
        symbol = draw(e->model.output_size, m->shards[0].logits, temperature, top_k, top_p,
                      random_uniform(key, (uint64_t)(offset + n)), work);
        out[n] = symbol;
    }
}
