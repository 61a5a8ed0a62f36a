/* A few threads that run one function together: fork, join, nothing else. */
#ifndef LC_POOL_H
#define LC_POOL_H

#include "lstm_core.h"

/* How many threads there are, the caller's included; 1 without a pool. */
int pool_threads(const lc_pool *pool);
/* Runs job(argument, 0) here and job(argument, i) for the other i < threads elsewhere, and waits.
 * The others are left asleep. */
void pool_run(lc_pool *pool, int threads, void (*job)(void *argument, int index), void *argument);

/* How many threads, at most max_threads, get a share of `work`, if less than `enough` is not worth waking one for. */
static inline int threads_for(int64_t work, int64_t enough, int max_threads)
{
    const int64_t worth = work / enough;
    return worth < 1 ? 1 : worth < max_threads ? (int)worth : max_threads;
}

#endif
