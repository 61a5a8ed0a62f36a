#define TARGET "avx2,fma"
#define VECTOR_BYTES 32
#define REAL_IS_FLOAT 0
#define VARIANT lc_avx2_f64
#include "kernel/x86.inc.c"
