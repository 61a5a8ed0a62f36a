/* Single layers on the caller's own arrays. Threads share the sequences, which do not meet on their way
 * through the steps, and then the columns of the weights' gradients, each of which is summed over all
 * sequences by one thread. */
#include "pool.h"

/* Multiply-adds that are worth waking a thread for; more where it has not been at work just before. */
enum { ENOUGH_OF_A_LAYER = 1 << 18, ENOUGH_OF_A_LAYER_COLD = 1 << 22 };

typedef struct {
    pass p;
    pass_gradients g;
    ptrdiff_t scratch; /* of one thread; each has its own, and its own (3, H) of dpeephole */
    int lane_threads, column_threads;
} layer_work;

/* Lays out the memory of a call, or with no memory only counts. */
static layer_work plan_layer(const layer_call *call, arena *arena)
{
    const lc_layer *layer = call->layer;
    const lc_pass *in = call->pass;
    const cell *cell = &cells[layer->cell];
    const int64_t H = layer->hidden_size, rows = (int64_t)in->T * in->B, columns = columns_of(cell, layer);
    const int64_t work = rows * sizes_of(cell, layer).Wt, groups = (columns + PANEL - 1) / PANEL;
    const int threads = pool_threads(call->pool);
    layer_work w = {
        .p = {.layer = layer, .cell = cell, .T = in->T, .B = in->B, .lanes = in->B, .x = in->x,
              .symbols = in->symbols, .symbol_stride = in->B, .lengths = in->lengths, .Wt = in->Wt, .b = in->b,
              .peephole = in->peephole, .recurrent_mask = cell->recurrent ? in->recurrent_mask : NULL,
              .h = in->h, .c = in->c, .gates = in->gates, .extra = in->extra},
        .lane_threads = threads_for(work, ENOUGH_OF_A_LAYER, threads < in->B ? threads : in->B),
    };
    w.column_threads = threads_for(work, w.lane_threads > 1 ? ENOUGH_OF_A_LAYER : ENOUGH_OF_A_LAYER_COLD,
                                   threads < groups ? threads : (int)groups);
    w.p.packed = plan_panels(cell, layer, in->x != NULL, arena);
    w.p.masked = w.p.recurrent_mask ? TAKE(arena, in->B * H) : NULL;
    if (call->grads) {
        const lc_grads *out = call->grads;
        const int biased_extra = layer->options & cell->biased_extra;
        w.scratch = gradient_scratch(layer, in->x != NULL, in->B);
        w.g = (pass_gradients){.dh = out->dh, .dx = in->x ? out->dx : NULL, .dWt = out->dWt, .db = out->db,
                               .dh_next = out->dh0, .dc_next = out->dc0};
        w.g.da = TAKE(arena, rows * columns);
        w.g.dextra = biased_extra ? TAKE(arena, rows * H) : NULL;
        w.g.scratch = TAKE(arena, w.scratch * larger(w.lane_threads, w.column_threads));
        w.g.dpeephole = TAKE(arena, sizes_of(cell, layer).peephole * w.lane_threads);
        w.g.masked = w.p.recurrent_mask ? TAKE(arena, rows * H) : NULL;
    }
    return w;
}

static int64_t layer_bytes(const layer_call *call)
{
    arena arena = {NULL, 0};
    plan_layer(call, &arena);
    return arena.used;
}

/* The thread's share of the sequences. */
static pass lanes_of(const layer_work *w, int index, int *first)
{
    pass p = w->p;
    const ptrdiff_t H = p.layer->hidden_size, B = p.lanes;
    *first = (int)(B * index / w->lane_threads);
    p.B = (int)(B * (index + 1) / w->lane_threads) - *first;
    const ptrdiff_t skipped = *first, states = skipped * H;
    p.x = p.x ? p.x + skipped * p.layer->input_size : NULL;
    p.symbols = p.symbols ? p.symbols + skipped : NULL;
    p.lengths = p.lengths ? p.lengths + skipped : NULL;
    p.recurrent_mask = p.recurrent_mask ? p.recurrent_mask + states : NULL;
    p.masked = p.masked ? p.masked + states : NULL;
    p.h += states;
    p.c = p.c ? p.c + states : NULL;
    p.gates += states * p.cell->blocks;
    p.extra = p.extra ? p.extra + states : NULL;
    return p;
}

static void layer_forward_job(void *argument, int index)
{
    int first;
    const pass p = lanes_of(argument, index, &first);
    forward_pass(&p);
}

static void layer_forward(const layer_call *call, void *memory)
{
    arena arena = {memory, 0};
    layer_work w = plan_layer(call, &arena);
    pack_panels(w.p.cell, w.p.layer, w.p.Wt, 0, &w.p.packed);
    pool_run(call->pool, w.lane_threads, layer_forward_job, &w);
}

static void layer_backward_job(void *argument, int index)
{
    const layer_work *w = argument;
    int first;
    const pass p = lanes_of(w, index, &first);
    const ptrdiff_t states = (ptrdiff_t)first * p.layer->hidden_size;
    pass_gradients g = w->g;
    g.dh += states;
    g.dh_next += states;
    g.dc_next = g.dc_next ? g.dc_next + states : NULL;
    g.da += states * p.cell->blocks;
    g.dextra = g.dextra ? g.dextra + states : NULL;
    g.dx = g.dx ? g.dx + (ptrdiff_t)first * p.layer->input_size : NULL;
    g.scratch += w->scratch * index;
    g.dpeephole += sizes_of(p.cell, p.layer).peephole * index;
    g.masked = g.masked ? g.masked + states : NULL;
    backward_pass(&p, &g);
}

static void weight_gradients_job(void *argument, int index)
{
    const layer_work *w = argument;
    const int columns = columns_of(w->p.cell, w->p.layer);
    const int64_t groups = (columns + PANEL - 1) / PANEL, end = groups * (index + 1) / w->column_threads * PANEL;
    pass_gradients g = w->g;
    g.scratch += w->scratch * index;
    weight_gradients(&w->p, &g, (int)(groups * index / w->column_threads * PANEL), end < columns ? (int)end : columns);
}

/* to = from, or 0 where there is none. */
static void copy_or_clear(int64_t count, const real *from, real *to)
{
    if (from)
        memcpy(to, from, (size_t)count * sizeof(real));
    else
        memset(to, 0, (size_t)count * sizeof(real));
}

static void layer_backward(const layer_call *call, void *memory)
{
    arena arena = {memory, 0};
    layer_work w = plan_layer(call, &arena);
    const lc_grads *out = call->grads;
    const int64_t state = state_size(&w.p), peephole = sizes_of(w.p.cell, w.p.layer).peephole;
    pack_panels(w.p.cell, w.p.layer, w.p.Wt, 1, &w.p.packed);
    copy_or_clear(state, out->dh_T, out->dh0);
    if (w.g.dc_next)
        copy_or_clear(state, out->dc_T, out->dc0);
    pool_run(call->pool, w.lane_threads, layer_backward_job, &w);
    pool_run(call->pool, w.column_threads, weight_gradients_job, &w);
    if (peephole) {
        memcpy(out->dpeephole, w.g.dpeephole, (size_t)peephole * sizeof(real));
        for (int i = 1; i < w.lane_threads; i++)
            add_rows(peephole, out->dpeephole, w.g.dpeephole + i * peephole, out->dpeephole);
    }
}
