/* exp, sigmoid and tanh on vectors, from one polynomial for e^x - 1.
 *
 * x = n ln 2 + r with |r| <= ln(2)/2; e^r - 1 is a polynomial q(r) (float: Cephes' expf; double:
 * Taylor to r^13, error below 1e-17); then e^x = 2^n + 2^n q. tanh and sigmoid keep their
 * relative accuracy near 0 and in the tails, because tanh is built from e^x - 1, not e^x. */
#ifndef LC_VECMATH_H
#define LC_VECMATH_H

#include "real.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if REAL_IS_FLOAT
#define EXP_LIMIT 87.0f
#define TANH_LIMIT 10.0f
#define MANTISSA_BITS 23
#define EXPONENT_BIAS 127
#define ROUNDER 12582912.0f /* 1.5 * 2^23: adding it rounds to an integer */
#define LN2_HIGH 0.693359375f
#define LN2_LOW -2.12194440e-4f
#else
#define EXP_LIMIT 708.0
#define TANH_LIMIT 20.0
#define MANTISSA_BITS 52
#define EXPONENT_BIAS 1023
#define ROUNDER 6755399441055744.0 /* 1.5 * 2^52 */
#define LN2_HIGH 6.93147180369123816490e-01
#define LN2_LOW 1.90821492927058770002e-10
#endif

/* 2^n and q = e^r - 1, for x within +-EXP_LIMIT. */
INLINE vec split_exp(vec x, vec *power)
{
    vec shifted = x * (real)1.44269504088896340736 + (real)ROUNDER;
    vec n = shifted - (real)ROUNDER;
    ivec exponent = (ivec)shifted - (ivec)splat((real)ROUNDER);
    *power = (vec)((exponent + EXPONENT_BIAS) << MANTISSA_BITS);
    vec r = x - n * (real)LN2_HIGH;
    r = r - n * (real)LN2_LOW;
#if REAL_IS_FLOAT
    vec p = splat(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
#else
    static const double taylor[] = {1 / 6227020800., 1 / 479001600., 1 / 39916800., 1 / 3628800., 1 / 362880., 1 / 40320.,
                                    1 / 5040.,       1 / 720.,       1 / 120.,      1 / 24.,      1 / 6.,      1 / 2.};
    vec p = splat(taylor[0]);
    UNROLL
    for (int i = 1; i < 12; i++)
        p = p * r + taylor[i];
#endif
    return r * r * p + r;
}

/* x within +-limit. NaN stays NaN: the instructions hand on their second operand where either is
 * NaN, and comparisons with it are false. */
INLINE vec clamp(vec x, real limit)
{
    const vec high = splat(limit), low = splat(-limit);
#if VECTOR_BYTES == 64
    return REAL_IS_FLOAT ? (vec)_mm512_max_ps((__m512)low, _mm512_min_ps((__m512)high, (__m512)x))
                         : (vec)_mm512_max_pd((__m512d)low, _mm512_min_pd((__m512d)high, (__m512d)x));
#elif VECTOR_BYTES == 32
    return REAL_IS_FLOAT ? (vec)_mm256_max_ps((__m256)low, _mm256_min_ps((__m256)high, (__m256)x))
                         : (vec)_mm256_max_pd((__m256d)low, _mm256_min_pd((__m256d)high, (__m256d)x));
#elif defined(__x86_64__)
    return REAL_IS_FLOAT ? (vec)_mm_max_ps((__m128)low, _mm_min_ps((__m128)high, (__m128)x))
                         : (vec)_mm_max_pd((__m128d)low, _mm_min_pd((__m128d)high, (__m128d)x));
#else
    x = choose((ivec)(x > high), high, x);
    return choose((ivec)(x < low), low, x);
#endif
}

INLINE vec vexp(vec x)
{
    vec power, q = split_exp(clamp(x, EXP_LIMIT), &power);
    return power * q + power;
}

/* 1 / x for x >= 1. Where there is a fast estimate (14 bits), Newton's r + r (1 - x r) doubles its
 * bits, within an ulp of what the much slower division gives. */
INLINE vec reciprocal(vec x)
{
#if VECTOR_BYTES == 64
    vec r = REAL_IS_FLOAT ? (vec)_mm512_rcp14_ps((__m512)x) : (vec)_mm512_rcp14_pd((__m512d)x);
    r += r * ((real)1 - x * r);
    if (!REAL_IS_FLOAT)
        r += r * ((real)1 - x * r);
    return r;
#else
    return (real)1 / x;
#endif
}

/* 1 / (1 + e^-x) */
INLINE vec vsigmoid(vec x)
{
    vec power, q = split_exp(clamp(-x, EXP_LIMIT), &power);
    return reciprocal(power * q + (power + (real)1));
}

/* (e^2x - 1) / (e^2x + 1) */
INLINE vec vtanh(vec x)
{
    vec power, q = split_exp(clamp(x + x, 2 * TANH_LIMIT), &power);
    vec expm1 = power * q + (power - (real)1);
    return expm1 * reciprocal(expm1 + (real)2);
}

INLINE vec vsqrt(vec x)
{
#if VECTOR_BYTES == 64
    return REAL_IS_FLOAT ? (vec)_mm512_sqrt_ps((__m512)x) : (vec)_mm512_sqrt_pd((__m512d)x);
#elif VECTOR_BYTES == 32
    return REAL_IS_FLOAT ? (vec)_mm256_sqrt_ps((__m256)x) : (vec)_mm256_sqrt_pd((__m256d)x);
#elif defined(__x86_64__)
    return REAL_IS_FLOAT ? (vec)_mm_sqrt_ps((__m128)x) : (vec)_mm_sqrt_pd((__m128d)x);
#else
    for (int i = 0; i < WIDTH; i++)
        x[i] = REAL_IS_FLOAT ? (real)sqrtf((float)x[i]) : (real)sqrt((double)x[i]);
    return x;
#endif
}

#endif
