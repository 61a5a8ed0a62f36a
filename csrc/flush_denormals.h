/* Denormal numbers cost up to a hundred times more to compute with, and mean nothing here: they
 * count as zero while the core computes. The caller's own setting is put back on return. */
#ifndef LC_FLUSH_DENORMALS_H
#define LC_FLUSH_DENORMALS_H

#include <stdint.h>

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>

static inline uint64_t flush_denormals(void)
{
    unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040); /* flush to zero, denormals are zero */
    return before;
}

static inline void restore_denormals(uint64_t before) { _mm_setcsr((unsigned)before); }

#elif defined(__aarch64__)

static inline uint64_t flush_denormals(void)
{
    uint64_t before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"(before | (1u << 24)));
    return before;
}

static inline void restore_denormals(uint64_t before) { __asm__ volatile("msr fpcr, %0" : : "r"(before)); }

#else

static inline uint64_t flush_denormals(void) { return 0; }
static inline void restore_denormals(uint64_t before) { (void)before; }

#endif

#endif
