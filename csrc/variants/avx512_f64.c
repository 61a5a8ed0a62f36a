#define TARGET "avx2,fma,avx512f,avx512dq,avx512vl,avx512bw"
#define VECTOR_BYTES 64
#define REAL_IS_FLOAT 0
#define VARIANT lc_avx512_f64
#include "kernel/x86.inc.c"
