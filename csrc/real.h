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
