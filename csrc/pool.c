#include "pool.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "flush_denormals.h"

#if defined(_WIN32)

/* Without POSIX threads everything runs in the caller's thread, in the same order. */
struct pool {
    int threads;
};

pool *pool_new(int threads)
{
    pool *p = malloc(sizeof *p);
    if (p)
        p->threads = threads;
    return p;
}

void pool_free(pool *p) { free(p); }

void pool_run(pool *p, void (*job)(void *, int), void *argument)
{
    for (int i = 0; i < p->threads; i++)
        job(argument, i);
}

#else

#include <pthread.h>
#include <sched.h>

enum { SPINS = 2000 }; /* some microseconds: most joins are over by then, and nobody is put to sleep */

struct pool {
    int threads, started;
    pthread_t *handles;
    pthread_mutex_t mutex;
    pthread_cond_t work, finished;
    void (*job)(void *, int);
    void *argument;
    atomic_uint round; /* goes up by one with every job */
    atomic_int running;
    atomic_int closing;
};

typedef struct {
    pool *pool;
    int index;
} worker;

static void wait_for_round(pool *p, unsigned seen)
{
    for (int i = 0; i < SPINS; i++)
        if (atomic_load(&p->round) != seen || atomic_load(&p->closing))
            return;
    pthread_mutex_lock(&p->mutex);
    while (atomic_load(&p->round) == seen && !atomic_load(&p->closing))
        pthread_cond_wait(&p->work, &p->mutex);
    pthread_mutex_unlock(&p->mutex);
}

static void *work_loop(void *argument)
{
    worker self = *(worker *)argument;
    free(argument);
    pool *p = self.pool;
    flush_denormals();
    for (unsigned seen = 0;;) {
        wait_for_round(p, seen);
        if (atomic_load(&p->closing))
            return NULL;
        seen++;
        p->job(p->argument, self.index);
        if (atomic_fetch_sub(&p->running, 1) == 1) {
            pthread_mutex_lock(&p->mutex);
            pthread_cond_signal(&p->finished);
            pthread_mutex_unlock(&p->mutex);
        }
    }
}

pool *pool_new(int threads)
{
    pool *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->threads = threads;
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->finished, NULL);
    p->handles = calloc(threads, sizeof *p->handles);
    if (!p->handles) {
        pool_free(p);
        return NULL;
    }
    for (int i = 1; i < threads; i++) {
        worker *self = malloc(sizeof *self);
        if (self)
            *self = (worker){p, i};
        if (!self || pthread_create(&p->handles[i], NULL, work_loop, self)) {
            free(self);
            pool_free(p);
            return NULL;
        }
        p->started++;
    }
    return p;
}

void pool_free(pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->mutex);
    atomic_store(&p->closing, 1);
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->mutex);
    for (int i = 1; i <= p->started; i++)
        pthread_join(p->handles[i], NULL);
    pthread_cond_destroy(&p->work);
    pthread_cond_destroy(&p->finished);
    pthread_mutex_destroy(&p->mutex);
    free(p->handles);
    free(p);
}

void pool_run(pool *p, void (*job)(void *, int), void *argument)
{
    if (p->threads > 1) {
        pthread_mutex_lock(&p->mutex);
        p->job = job;
        p->argument = argument;
        atomic_store(&p->running, p->threads - 1);
        atomic_fetch_add(&p->round, 1);
        pthread_cond_broadcast(&p->work);
        pthread_mutex_unlock(&p->mutex);
    }
    job(argument, 0);
    if (p->threads > 1) {
        for (int i = 0; i < SPINS && atomic_load(&p->running); i++)
            ;
        pthread_mutex_lock(&p->mutex);
        while (atomic_load(&p->running))
            pthread_cond_wait(&p->finished, &p->mutex);
        pthread_mutex_unlock(&p->mutex);
    }
}

#endif
