/* A model at work: its settings, its memory, and the arguments of the call under way. The lanes of
 * a batch are dealt out to shards, one per thread; a shard runs its lanes through all steps and
 * layers alone and has activations and (if there are several) gradients of its own, so threads
 * meet only between the phases of a step. How many shards there are depends on sizes alone, and so
 * do, but for that, all the bits. */
#ifndef LC_ENGINE_H
#define LC_ENGINE_H

#include "dispatch.h"
#include "pool.h"

enum { SQUARES_BLOCK = 4096 }; /* numbers of the gradient whose squares are added up at a time */
static inline int64_t squares_blocks(int64_t count) { return (count + SQUARES_BLOCK - 1) / SQUARES_BLOCK; }

struct engine {
    const lc_variant *variant;
    lc_model model;
    void *parameters, *gradient;
    int64_t parameter_count;
    lc_pool *pool;
    void *memory;
    int64_t memory_bytes;
    double *loss_sums; /* one per thread of the pool: over its shard's counted symbols */
    double *squares;   /* (2, blocks): of each block of the gradient, and of the same limited by clip_value */

    /* the forward pass that the memory holds */
    lc_batch batch; /* dropout only where it is to act */
    int64_t counted; /* targets */
    int shards;
    int in_place; /* backward may overwrite activations by gradients */
    int ran;      /* its logits are there */
    int kept;     /* and its activations, for backward */

    /* the call under way */
    void *dstate;
    int has_dstate;
    const void *dlogits;
    lc_update update;
    double clipped_norm;
};

#endif
