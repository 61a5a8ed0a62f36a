/* One precision and one vector width, chosen by the variant that is being compiled:
 * REAL_IS_FLOAT is 0 or 1, VECTOR_BYTES is 16, 32 or 64. Everything numeric is written with
 * these names and compiled once for every pair. Vectors are GCC's and clang's own vector types,
 * so that the same lines serve SSE, NEON, AVX2 and AVX-512. */
#ifndef LC_REAL_H
#define LC_REAL_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if REAL_IS_FLOAT
typedef float real;
typedef int32_t real_bits;
#else
typedef double real;
typedef int64_t real_bits;
#endif

#define WIDTH ((int)(VECTOR_BYTES / sizeof(real))) /* numbers in a vector */

typedef real vec __attribute__((vector_size(VECTOR_BYTES)));
typedef real_bits ivec __attribute__((vector_size(VECTOR_BYTES)));
/* The same, at any address. */
typedef real vec_in_memory __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real)), may_alias));

#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

INLINE vec load(const real *p) { return *(const vec_in_memory *)p; }
INLINE void store(real *p, vec v) { *(vec_in_memory *)p = v; }
INLINE vec splat(real x) { return (vec){0} + x; }

INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

/* The first n numbers; the others read as 0 and are left alone in memory. */
INLINE vec load_part(const real *p, int n)
{
    vec v = {0};
    for (int i = 0; i < n; i++)
        v[i] = p[i];
    return v;
}

INLINE void store_part(real *p, vec v, int n)
{
    for (int i = 0; i < n; i++)
        p[i] = v[i];
}

INLINE vec load_n(const real *p, int n) { return n >= WIDTH ? load(p) : load_part(p, n); }
INLINE void store_n(real *p, vec v, int n)
{
    if (n >= WIDTH)
        store(p, v);
    else
        store_part(p, v, n);
}

/* a0 b0 a1 b1 ... of the first halves, and of the second halves. */
#if VECTOR_BYTES == 64 && REAL_IS_FLOAT
#define LOW_HALVES 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH_HALVES 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif VECTOR_BYTES == 64 || (VECTOR_BYTES == 32 && REAL_IS_FLOAT)
#define LOW_HALVES 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH_HALVES 4, 12, 5, 13, 6, 14, 7, 15
#elif VECTOR_BYTES == 32 || REAL_IS_FLOAT
#define LOW_HALVES 0, 4, 1, 5
#define HIGH_HALVES 2, 6, 3, 7
#else
#define LOW_HALVES 0, 2
#define HIGH_HALVES 1, 3
#endif
#if defined(__clang__)
INLINE vec interleave_low(vec a, vec b) { return __builtin_shufflevector(a, b, LOW_HALVES); }
INLINE vec interleave_high(vec a, vec b) { return __builtin_shufflevector(a, b, HIGH_HALVES); }
#else
INLINE vec interleave_low(vec a, vec b) { return __builtin_shuffle(a, b, (ivec){LOW_HALVES}); }
INLINE vec interleave_high(vec a, vec b) { return __builtin_shuffle(a, b, (ivec){HIGH_HALVES}); }
#endif

/* Where the mask is set, a, elsewhere b. */
INLINE vec choose(ivec mask, vec a, vec b) { return (vec)((mask & (ivec)a) | (~mask & (ivec)b)); }

INLINE real sum_of(vec v)
{
    real total = 0;
    for (int i = 0; i < WIDTH; i++)
        total += v[i];
    return total;
}

#endif
