/* The kernels there are, and which of them this machine can run. */
#include "dispatch.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    const lc_kernels *variants[2]; /* by dtype */
} kernels[] = {
    {"portable", {&lc_portable_f32, &lc_portable_f64}},
#if defined(__x86_64__)
    {"avx2", {&lc_avx2_f32, &lc_avx2_f64}},
    {"avx512", {&lc_avx512_f32, &lc_avx512_f64}},
#endif
};
enum { KERNELS = sizeof kernels / sizeof *kernels };

int lc_kernel_count(void) { return KERNELS; }

const char *lc_kernel_name(int index) { return index >= 0 && index < KERNELS ? kernels[index].name : ""; }

int lc_kernel_supported(int index)
{
    if (index == 0)
        return 1;
#if defined(__x86_64__)
    __builtin_cpu_init();
    int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (index == 1)
        return avx2;
    if (index == 2)
        return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
#endif
    return 0;
}

int lc_kernel_current(void)
{
    const char *wanted = getenv("LSTM_LAB_KERNEL");
    int best = 0;
    for (int i = 0; i < KERNELS; i++) {
        if (!lc_kernel_supported(i))
            continue;
        best = i;
        if (wanted && !strcmp(wanted, kernels[i].name))
            break;
    }
    return best;
}

const lc_kernels *kernels_for(int dtype) { return kernels[lc_kernel_current()].variants[dtype]; }
