/* The kernels there are, and which of them this machine can run. */
#include "dispatch.h"

#include <string.h>

extern const lc_variant lc_portable_f32, lc_portable_f64;
static int always(void) { return 1; }

#if defined(__x86_64__)
extern const lc_variant lc_avx2_f32, lc_avx2_f64, lc_avx512_f32, lc_avx512_f64;

static int has_avx2(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static int has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
}
#endif

static const struct {
    const char *name;
    int (*supported)(void);
    const lc_variant *variants[2]; /* by dtype */
} kernels[] = {
    {"portable", always, {&lc_portable_f32, &lc_portable_f64}},
#if defined(__x86_64__)
    {"avx2", has_avx2, {&lc_avx2_f32, &lc_avx2_f64}},
    {"avx512", has_avx512, {&lc_avx512_f32, &lc_avx512_f64}},
#endif
};
enum { KERNELS = sizeof kernels / sizeof *kernels };

int lc_kernel_count(void) { return KERNELS; }

const char *lc_kernel_name(int kernel) { return kernel >= 0 && kernel < KERNELS ? kernels[kernel].name : ""; }

int lc_kernel_supported(int kernel) { return kernel >= 0 && kernel < KERNELS && kernels[kernel].supported(); }

const lc_variant *variant_of(int kernel, int dtype)
{
    const int known = dtype == LC_FLOAT32 || dtype == LC_FLOAT64;
    return known && lc_kernel_supported(kernel) ? kernels[kernel].variants[dtype] : NULL;
}

int lc_cell_index(const char *name)
{
    const lc_variant *any = kernels[0].variants[0]; /* all have the same cells */
    for (int i = 0; i < any->cell_count; i++)
        if (!strcmp(any->cells[i].name, name))
            return i;
    return -1;
}
