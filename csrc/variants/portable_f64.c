#define VECTOR_BYTES 16
#define REAL_IS_FLOAT 0
#define VARIANT lc_portable_f64
#include "kernel/variant.inc.c"
