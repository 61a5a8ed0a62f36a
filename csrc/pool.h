/* A few threads that run one function together: fork, join, nothing else. */
#ifndef LC_POOL_H
#define LC_POOL_H

typedef struct pool pool;

/* NULL if the threads cannot be had. With 1 thread no thread is made. */
pool *pool_new(int threads);
void pool_free(pool *pool);
/* Runs job(argument, 0) here and job(argument, i) for the other i < threads elsewhere, and waits. */
void pool_run(pool *pool, void (*job)(void *argument, int index), void *argument);

#endif
