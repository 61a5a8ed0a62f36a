#include "pool.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "flush_denormals.h"

#if defined(_WIN32)

/* Without POSIX threads everything runs in the caller's thread, in the same order. */
struct lc_pool {
    int threads;
};

int lc_pool_new(int threads, lc_pool **pool)
{
    *pool = threads < 1 ? NULL : malloc(sizeof **pool);
    if (*pool)
        (*pool)->threads = threads;
    return *pool ? LC_OK : threads < 1 ? LC_BAD_ARGUMENT : LC_NO_MEMORY;
}

void lc_pool_free(lc_pool *p) { free(p); }

int pool_threads(const lc_pool *p) { return p ? p->threads : 1; }

void pool_run(lc_pool *p, int threads, void (*job)(void *, int), void *argument)
{
    (void)p;
    for (int i = 0; i < threads; i++)
        job(argument, i);
}

#else

#include <pthread.h>
#include <unistd.h>

enum { SPINS = 2000 }; /* some microseconds: most joins are over by then, without putting a thread to sleep */

typedef struct {
    lc_pool *pool;
    int index;
    pthread_t handle;
    pthread_cond_t work;
    atomic_uint round; /* goes up by one with every job */
} worker;

struct lc_pool {
    pthread_mutex_t in_use; /* by one caller at a time */
    pthread_mutex_t mutex;
    pthread_cond_t finished;
    void (*job)(void *, int);
    void *argument;
    atomic_int running;
    atomic_int closing;
    pid_t owner;      /* after a fork the child has a copy of this, but none of the threads */
    int threads;
    int started;      /* workers 1 .. started */
    worker workers[]; /* the first is the caller */
};

static void wait_for_round(worker *self, unsigned seen)
{
    lc_pool *p = self->pool;
    for (int i = 0; i < SPINS; i++)
        if (atomic_load(&self->round) != seen || atomic_load(&p->closing))
            return;
    pthread_mutex_lock(&p->mutex);
    while (atomic_load(&self->round) == seen && !atomic_load(&p->closing))
        pthread_cond_wait(&self->work, &p->mutex);
    pthread_mutex_unlock(&p->mutex);
}

static void *work_loop(void *argument)
{
    worker *self = argument;
    lc_pool *p = self->pool;
    flush_denormals();
    for (unsigned seen = 0;; seen++) {
        wait_for_round(self, seen);
        if (atomic_load(&p->closing))
            return NULL;
        p->job(p->argument, self->index);
        if (atomic_fetch_sub(&p->running, 1) == 1) {
            pthread_mutex_lock(&p->mutex);
            pthread_cond_signal(&p->finished);
            pthread_mutex_unlock(&p->mutex);
        }
    }
}

int lc_pool_new(int threads, lc_pool **pool)
{
    *pool = NULL;
    if (threads < 1)
        return LC_BAD_ARGUMENT;
    lc_pool *p = calloc(1, sizeof *p + (size_t)threads * sizeof *p->workers);
    if (!p)
        return LC_NO_MEMORY;
    p->threads = threads;
    p->owner = getpid();
    pthread_mutex_init(&p->in_use, NULL);
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->finished, NULL);
    for (int i = 1; i < threads; i++) {
        worker *w = &p->workers[i];
        w->pool = p;
        w->index = i;
        pthread_cond_init(&w->work, NULL);
        if (pthread_create(&w->handle, NULL, work_loop, w)) {
            pthread_cond_destroy(&w->work);
            lc_pool_free(p);
            return LC_NO_THREADS;
        }
        p->started = i;
    }
    *pool = p;
    return LC_OK;
}

void lc_pool_free(lc_pool *p)
{
    if (!p)
        return;
    if (p->owner != getpid()) {
        free(p);
        return;
    }
    pthread_mutex_lock(&p->mutex);
    atomic_store(&p->closing, 1);
    for (int i = 1; i <= p->started; i++)
        pthread_cond_signal(&p->workers[i].work);
    pthread_mutex_unlock(&p->mutex);
    for (int i = 1; i <= p->started; i++) {
        pthread_join(p->workers[i].handle, NULL);
        pthread_cond_destroy(&p->workers[i].work);
    }
    pthread_cond_destroy(&p->finished);
    pthread_mutex_destroy(&p->mutex);
    pthread_mutex_destroy(&p->in_use);
    free(p);
}

int pool_threads(const lc_pool *p) { return p ? p->threads : 1; }

void pool_run(lc_pool *p, int threads, void (*job)(void *, int), void *argument)
{
    if (threads == 1 || p->owner != getpid()) {
        for (int i = 0; i < threads; i++) /* the same shares in the same order: the same bits */
            job(argument, i);
        return;
    }
    pthread_mutex_lock(&p->in_use);
    pthread_mutex_lock(&p->mutex);
    p->job = job;
    p->argument = argument;
    atomic_store(&p->running, threads - 1);
    for (int i = 1; i < threads; i++) {
        atomic_fetch_add(&p->workers[i].round, 1);
        pthread_cond_signal(&p->workers[i].work);
    }
    pthread_mutex_unlock(&p->mutex);
    job(argument, 0);
    for (int i = 0; i < SPINS && atomic_load(&p->running); i++)
        ;
    pthread_mutex_lock(&p->mutex);
    while (atomic_load(&p->running))
        pthread_cond_wait(&p->finished, &p->mutex);
    pthread_mutex_unlock(&p->mutex);
    pthread_mutex_unlock(&p->in_use);
}

#endif
