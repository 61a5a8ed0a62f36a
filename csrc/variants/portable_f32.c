#define VECTOR_BYTES 16
#define REAL_IS_FLOAT 1
#define VARIANT lc_portable_f32
#include "kernel/variant.inc.c"
