/* Compiles variant.inc.c for the instruction set TARGET, whatever the rest is compiled for, so that
 * one binary serves every machine. System headers come first: they are not to use the set. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__clang__)
#define TARGET_ATTRIBUTE(set) _Pragma(#set)
#define PUSH_TARGET(set) TARGET_ATTRIBUTE(clang attribute push(__attribute__((target(set))), apply_to = function))
PUSH_TARGET(TARGET)
#include "variant.inc.c"
#pragma clang attribute pop
#else
#define TARGET_PRAGMA(set) _Pragma(#set)
#define SET_TARGET(set) TARGET_PRAGMA(GCC target(set))
SET_TARGET(TARGET)
#include "variant.inc.c"
#endif

#else
typedef int no_such_instruction_set; /* a file must not be empty */
#endif
