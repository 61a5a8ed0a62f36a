/* What the rest of the core knows about a cell. Each cell has a file in kernel/ and a row in the
 * table of kernel/cells.inc.c; nothing else asks which cell it is. */
#ifndef LC_CELL_H
#define LC_CELL_H

#include "lstm_core.h"

struct pass;
struct pass_gradients;

typedef struct {
    const char *name;
    int blocks;       /* G, the gate blocks */
    int apart;        /* how many of them, the last ones, meet h by way of `extra`: see kernel/layer.h */
    int states;       /* 1: h; 2: h and c */
    int recurrent;    /* whether weights meet h: the first H rows of Wt */
    int extra;        /* whether lc_pass.extra is in use */
    int options;      /* all that it takes */
    int biased_extra; /* the option with which extra is a product, and has biases of its own behind the others */
    void (*forward)(const struct pass *p);
    void (*backward)(const struct pass *p, const struct pass_gradients *g);
} cell;

/* How many parameters each array of a layer has; they lie one after the other in this order. */
typedef struct {
    int64_t Wt, b, peephole;
} layer_sizes;

static inline layer_sizes sizes_of(const cell *cell, const lc_layer *layer)
{
    const int64_t H = layer->hidden_size, columns = cell->blocks * H;
    return (layer_sizes){.Wt = (cell->recurrent * H + layer->input_size) * columns,
                         .b = columns + (layer->options & cell->biased_extra ? H : 0),
                         .peephole = layer->options & LC_PEEPHOLE ? 3 * H : 0};
}

static inline lc_layer layer_of(const lc_model *model, int l)
{
    lc_layer layer = model->layer;
    if (l > 0)
        layer.input_size = layer.hidden_size;
    return layer;
}

static inline int64_t layer_parameters(const cell *cell, const lc_model *model, int l)
{
    const lc_layer layer = layer_of(model, l);
    const layer_sizes sizes = sizes_of(cell, &layer);
    return sizes.Wt + sizes.b + sizes.peephole;
}

/* Where layer l begins in a model's flat parameters (or gradient); l = num_layers: the output layer;
 * one more: where they end. All layers but the first are alike. */
static inline int64_t layer_offset(const cell *cell, const lc_model *model, int l)
{
    const int layers = l < model->num_layers ? l : model->num_layers;
    int64_t offset = layers > 0 ? layer_parameters(cell, model, 0) : 0;
    if (layers > 1)
        offset += (layers - 1) * layer_parameters(cell, model, 1);
    return l > model->num_layers ? offset + (model->layer.hidden_size + (int64_t)1) * model->output_size : offset;
}

#endif
