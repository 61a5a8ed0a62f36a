/* Hands out consecutive, aligned pieces of one block; with no block it only counts, up to ARENA_FULL. */
#ifndef LC_ARENA_H
#define LC_ARENA_H

#include "real.h"

/* Under AddressSanitizer, every piece is followed by a gap that nobody may touch. */
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
enum { ARENA_GAP = 64 };
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)0)
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)0)
enum { ARENA_GAP = 0 };
#endif

#define ARENA_FULL (INT64_MAX / 2) /* more than there is, and far enough from what overflows */

typedef struct {
    char *base;
    int64_t used;
} arena;

static void *take(arena *arena, int64_t count, size_t size)
{
    if (count > (ARENA_FULL - arena->used) / (int64_t)size - 2 * 64) {
        arena->used = ARENA_FULL;
        return NULL;
    }
    const int64_t bytes = count * (int64_t)size, room = (bytes + 63) / 64 * 64 + ARENA_GAP;
    char *piece = arena->base ? arena->base + arena->used : NULL;
    if (piece) {
        ASAN_UNPOISON_MEMORY_REGION(piece, bytes);
        ASAN_POISON_MEMORY_REGION(piece + bytes, room - bytes);
    }
    arena->used += room;
    return piece;
}
#define TAKE(arena, count) ((real *)take(arena, count, sizeof(real)))

#endif
