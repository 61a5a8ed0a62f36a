/* A model at work: its settings, its memory, and the arguments of the call under way. The lanes of
 * a batch are dealt out to shards, one per thread; a shard runs its lanes through all steps and
 * layers alone and has activations and (if there are several) gradients of its own, so threads
 * meet only between the phases of a step, and the same number of threads gives the same bits. */
#ifndef LC_ENGINE_H
#define LC_ENGINE_H

#include "dispatch.h"
#include "pool.h"

typedef struct {
    double loss_sum;   /* over this shard's counted symbols */
    double squares;    /* of this shard's share of the gradient */
    double clipped_squares;
} shard_sums;

struct engine {
    const lc_kernels *kernels;
    lc_model model;
    void *parameters, *gradient;
    int64_t parameter_count;
    int threads;
    pool *pool;
    void *memory;
    int64_t memory_bytes;
    void *sums; /* shard_sums[threads] */

    /* the forward pass that the memory holds */
    int T, B;
    int has_targets;
    int in_place; /* backward may overwrite activations by gradients */
    int ran;      /* its logits are there */
    int kept;     /* and its activations, for backward */

    /* the call under way */
    const int32_t *inputs, *targets;
    void *state;
    int use_dropout;
    uint64_t dropout_key;
    int64_t counted;
    void *dstate;
    int has_dstate;
    const void *dlogits;
    const lc_optimizer *optimizer;
    void *moments;
    int64_t step;
    double lr, norm;
};

#endif
