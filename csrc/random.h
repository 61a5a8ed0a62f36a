/* Random numbers by counting: the n-th number of a key is a hash of both (the finalizer of
 * SplitMix64, Steele et al. 2014), so nothing is kept between calls and they can be computed in any order. */
#ifndef LC_RANDOM_H
#define LC_RANDOM_H

#include <stdint.h>

static inline uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static inline uint64_t random_bits(uint64_t key, uint64_t n) { return mix(key + (n + 1) * 0x9E3779B97F4A7C15u); }

/* In [0, 1), with 53 random bits. */
static inline double random_uniform(uint64_t key, uint64_t n) { return (double)(random_bits(key, n) >> 11) * 0x1p-53; }

static inline uint64_t dropout_step_key(uint64_t seed, uint64_t step) { return mix(mix(seed) + step); }

#endif
