/* Matrix products. The right-hand factor is packed into panels of PANEL columns, K rows each, so
 * that the inner loop reads it in order; the last panel is filled up with zeros. A tile of
 * up to TILE_ROWS rows and one panel stays in registers over the whole inner loop.
 *
 *   pack_rows      B (K, N) as it lies                  -> panels
 *   pack_columns   B given as its transpose (N, K)      -> panels
 *   multiply       C (M, N) = or += A (M, K) . panels, or = bias + A . panels
 *   multiply_outer C (M, N) = or += A^T . B for A (K, M), B (K, N): a weight gradient
 */
#ifndef LC_GEMM_H
#define LC_GEMM_H

#include "real.h"

#define PANEL (2 * WIDTH)
#if VECTOR_BYTES == 64
#define TILE_ROWS 12 /* 24 of 32 registers hold the tile */
#else
#define TILE_ROWS 6 /* 12 of 16 registers hold the tile */
#endif
#define DEPTH 256     /* K at a time: a panel's share then stays in the first-level cache */
#define ROWS_AT_ONCE 192 /* M at a time: this much of A then stays in the second-level cache */

INLINE ptrdiff_t padded_columns(int N) { return ((ptrdiff_t)N + PANEL - 1) / PANEL * PANEL; }
INLINE ptrdiff_t packed_size(int K, int N) { return K * padded_columns(N); }

static void pack_rows(int K, int N, const real *B, ptrdiff_t ldb, real *packed)
{
    for (int n = 0; n < N; n += PANEL) {
        int columns = N - n < PANEL ? N - n : PANEL;
        for (int k = 0; k < K; k++, packed += PANEL) {
            const real *row = B + k * ldb + n;
            if (columns == PANEL) {
                store(packed, load(row));
                store(packed + WIDTH, load(row + WIDTH));
            } else {
                memset(packed, 0, PANEL * sizeof(real));
                memcpy(packed, row, columns * sizeof(real));
            }
        }
    }
}

/* WIDTH x WIDTH numbers, rows to columns: log2(WIDTH) rounds of interleaving the upper half of the
 * rows with the lower half. */
INLINE void transpose_block(const real *from, ptrdiff_t ld_from, real *to, ptrdiff_t ld_to)
{
    vec rows[WIDTH], mixed[WIDTH];
    UNROLL
    for (int i = 0; i < WIDTH; i++)
        rows[i] = load(from + i * ld_from);
    UNROLL
    for (int round = 1; round < WIDTH; round *= 2) {
        UNROLL
        for (int i = 0; i < WIDTH / 2; i++) {
            mixed[2 * i] = interleave_low(rows[i], rows[i + WIDTH / 2]);
            mixed[2 * i + 1] = interleave_high(rows[i], rows[i + WIDTH / 2]);
        }
        UNROLL
        for (int i = 0; i < WIDTH; i++)
            rows[i] = mixed[i];
    }
    UNROLL
    for (int i = 0; i < WIDTH; i++)
        store(to + i * ld_to, rows[i]);
}

static void pack_columns(int K, int N, const real *Bt, ptrdiff_t ldb, real *packed)
{
    for (int n = 0; n < N; n += PANEL, packed += (ptrdiff_t)K * PANEL) {
        int columns = N - n < PANEL ? N - n : PANEL, k = 0;
        if (columns < PANEL)
            memset(packed, 0, (size_t)K * PANEL * sizeof(real));
        if (columns == PANEL)
            for (; k + WIDTH <= K; k += WIDTH) {
                transpose_block(Bt + n * ldb + k, ldb, packed + (ptrdiff_t)k * PANEL, PANEL);
                transpose_block(Bt + (n + WIDTH) * ldb + k, ldb, packed + (ptrdiff_t)k * PANEL + WIDTH, PANEL);
            }
        for (int j = 0; j < columns; j++)
            for (int i = k; i < K; i++)
                packed[(ptrdiff_t)i * PANEL + j] = Bt[(n + j) * ldb + i];
    }
}

typedef struct {
    int M, N, K;
    const real *A;
    ptrdiff_t lda;
    const real *B; /* panels; multiply_outer: as it lies */
    ptrdiff_t ldb;
    real *C;
    ptrdiff_t ldc;
    const real *bias; /* multiply: (N), what every row starts from, or NULL */
    int accumulate;   /* add to what C holds */
    int backwards;    /* multiply: go through B from its end, which pays if it was just gone through from its beginning */
} product;

/* The part of a product that stays in registers. */
typedef struct {
    int K;
    const real *A;
    ptrdiff_t lda;
    const real *B;
    ptrdiff_t panel_stride; /* where a tile is several panels wide */
    real *C;
    ptrdiff_t ldc;
    const real *bias;
    int accumulate, backwards;
} tile;

/* A_ROWS: element (r, k) of A is A[r * lda + k]. A_PACKED: A was packed for this tile, A[k * rows + r].
 * A_ONE_ROW: the only form that may go backwards. */
enum { A_ROWS, A_PACKED, A_ONE_ROW };

/* rows x (vectors * WIDTH) of C, over K steps; two vectors fill a panel. So that a tile of few numbers
 * does not wait for its own last addition, `ways` sums run side by side. All arguments but the tile
 * are constants in every call. C is fetched while the sums are made and only then added to. */
INLINE void run_tile(const int rows, const int vectors, const int ways, const int form, const tile *tile)
{
    const int K = tile->K, accumulate = tile->accumulate;
    const ptrdiff_t lda = tile->lda, ldc = tile->ldc, panel_stride = tile->panel_stride;
    const ptrdiff_t direction = form == A_ONE_ROW && tile->backwards ? -1 : 1;
    const real *A = tile->A, *B = tile->B, *bias = tile->bias;
    real *C = tile->C;
    vec sum[4][TILE_ROWS][2 * 4];
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int v = 0; v < vectors; v++) {
            __builtin_prefetch(C + r * ldc + v * WIDTH, 1);
            UNROLL
            for (int w = 0; w < ways; w++)
                sum[w][r][v] = (vec){0};
        }
    }
    if (direction < 0) {
        A += K - 1;
        B += (ptrdiff_t)(K - 1) * PANEL;
    }
    for (int k = 0; k < K; k += ways) {
        UNROLL
        for (int w = 0; w < ways; w++) {
            if (w > 0 && k + w >= K)
                break;
            vec b[2 * 4];
            UNROLL
            for (int v = 0; v < vectors; v++)
                b[v] = load(B + v / 2 * panel_stride + v % 2 * WIDTH);
            UNROLL
            for (int r = 0; r < rows; r++) {
                real a = form == A_PACKED ? A[r] : A[r * lda];
                UNROLL
                for (int v = 0; v < vectors; v++)
                    sum[w][r][v] += a * b[v];
            }
            A += form == A_PACKED ? rows : direction;
            B += direction * PANEL;
        }
    }
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int v = 0; v < vectors; v++) {
            vec total = sum[0][r][v];
            UNROLL
            for (int w = 1; w < ways; w++)
                total += sum[w][r][v];
            real *to = C + r * ldc + v * WIDTH;
            store(to, bias ? load(bias + v * WIDTH) + total : accumulate ? load(to) + total : total);
        }
    }
}

typedef void tile_function(const tile *tile);

/* A whole panel, half a panel (where no more columns are left), and a whole one with A packed. */
#define DEFINE_TILES(rows, ways)                                                                     \
    static void tile_##rows(const tile *tile) { run_tile(rows, 2, ways, A_ROWS, tile); }             \
    static void half_tile_##rows(const tile *tile) { run_tile(rows, 1, ways, A_ROWS, tile); }        \
    static void packed_tile_##rows(const tile *tile) { run_tile(rows, 2, 1, A_PACKED, tile); }

DEFINE_TILES(1, 4) DEFINE_TILES(2, 2) DEFINE_TILES(3, 1) DEFINE_TILES(4, 1) DEFINE_TILES(5, 1) DEFINE_TILES(6, 1)
#if TILE_ROWS == 12
DEFINE_TILES(7, 1) DEFINE_TILES(8, 1) DEFINE_TILES(9, 1) DEFINE_TILES(10, 1) DEFINE_TILES(11, 1) DEFINE_TILES(12, 1)
#define EVERY_TILE(kind)                                                                                            \
    {0, kind##_1, kind##_2, kind##_3, kind##_4, kind##_5, kind##_6, kind##_7, kind##_8, kind##_9, kind##_10,        \
     kind##_11, kind##_12}
#else
#define EVERY_TILE(kind) {0, kind##_1, kind##_2, kind##_3, kind##_4, kind##_5, kind##_6}
#endif

static tile_function *const tiles[] = EVERY_TILE(tile), *const half_tiles[] = EVERY_TILE(half_tile),
                     *const packed_tiles[] = EVERY_TILE(packed_tile);

/* One row takes several panels at once, as many as there are. It meets every weight only once, so
 * reading the weights is all that counts: going through them in turn forwards and backwards finds
 * the last ones read still in the first-level cache. */
static void wide_tile_4(const tile *tile) { run_tile(1, 2 * 4, 1, A_ONE_ROW, tile); }
static void wide_tile_2(const tile *tile) { run_tile(1, 2 * 2, 2, A_ONE_ROW, tile); }

static const struct {
    int panels;
    tile_function *run;
} wide_tiles[] = {{4, wide_tile_4}, {2, wide_tile_2}};

/* M rows in tiles that differ by one row at most: 32 rows are 11 + 11 + 10, never 12 + 12 + 8. */
INLINE int first_tile(int M)
{
    int count = (M + TILE_ROWS - 1) / TILE_ROWS;
    return (M + count - 1) / count;
}

/* One tile of C that may have fewer columns than its panel: those go by way of a copy. */
INLINE void run_columns(tile_function *run, int rows, int columns, const tile *whole)
{
    if (columns == PANEL) {
        run(whole);
        return;
    }
    real copy[TILE_ROWS * PANEL], *C = whole->C;
    tile part = *whole;
    part.C = copy;
    part.ldc = PANEL;
    part.bias = NULL;
    part.accumulate = whole->accumulate || whole->bias;
    if (part.accumulate)
        for (int r = 0; r < rows; r++) {
            memcpy(copy + r * PANEL, whole->bias ? whole->bias : C + r * whole->ldc, columns * sizeof(real));
            memset(copy + r * PANEL + columns, 0, (PANEL - columns) * sizeof(real));
        }
    run(&part);
    for (int r = 0; r < rows; r++)
        memcpy(C + r * whole->ldc, copy + r * PANEL, columns * sizeof(real));
}

/* One row: as many columns as fill wide tiles; returns how many those are. */
static int multiply_row(const product *p)
{
    tile wide = {.K = p->K, .A = p->A, .panel_stride = (ptrdiff_t)p->K * PANEL, .accumulate = p->accumulate,
                 .backwards = p->backwards};
    int first[2], end[2], n = 0;
    for (int i = 0; i < 2; i++) {
        int width = wide_tiles[i].panels * PANEL;
        first[i] = n;
        end[i] = n += (p->N - n) / width * width;
    }
    for (int j = 0; j < 2; j++) {
        int i = p->backwards ? 1 - j : j, width = wide_tiles[i].panels * PANEL;
        for (int at = first[i]; at < end[i]; at += width) {
            int m = p->backwards ? end[i] - width - (at - first[i]) : at;
            wide.B = p->B + (ptrdiff_t)m * p->K;
            wide.C = p->C + m;
            wide.bias = p->bias ? p->bias + m : NULL;
            wide_tiles[i].run(&wide);
        }
    }
    return n;
}

static void multiply(const product *p)
{
    const int n0 = p->M == 1 ? multiply_row(p) : 0;
    tile tile = {.lda = p->lda, .ldc = p->ldc};
    for (int m0 = 0; m0 < p->M; m0 += ROWS_AT_ONCE) {
        int m1 = m0 + ROWS_AT_ONCE < p->M ? m0 + ROWS_AT_ONCE : p->M;
        for (int k0 = 0; k0 < p->K; k0 += DEPTH) {
            tile.K = p->K - k0 < DEPTH ? p->K - k0 : DEPTH;
            tile.accumulate = p->accumulate || k0 > 0;
            for (int n = n0; n < p->N; n += PANEL) {
                int columns = p->N - n < PANEL ? p->N - n : PANEL;
                tile.B = p->B + (ptrdiff_t)n * p->K + (ptrdiff_t)k0 * PANEL;
                tile.bias = p->bias && k0 == 0 ? p->bias + n : NULL;
                for (int m = m0, rows; m < m1; m += rows) {
                    rows = first_tile(m1 - m);
                    tile.A = p->A + m * p->lda + k0;
                    tile.C = p->C + m * p->ldc + n;
                    run_columns(columns > WIDTH ? tiles[rows] : half_tiles[rows], rows, columns, &tile);
                }
            }
        }
    }
}

/* Room that multiply_outer needs, in numbers: DEPTH rows of A and one panel of B. */
INLINE ptrdiff_t outer_scratch(int M) { return (ptrdiff_t)DEPTH * (M + PANEL); }

/* rows columns of A (depth, lda), side by side. Whole vectors are copied, of which the next copy
 * overwrites what is too much; `left` numbers may be read from A on. */
INLINE real *pack_tile_columns(int depth, int rows, const real *A, ptrdiff_t lda, ptrdiff_t left, real *to)
{
    enum { SPAN = (TILE_ROWS + WIDTH - 1) / WIDTH * WIDTH };
    for (int k = 0; k < depth; k++, A += lda, left -= lda, to += rows) {
        if (left >= SPAN) {
            UNROLL
            for (int v = 0; v < SPAN; v += WIDTH)
                store(to + v, load(A + v));
        } else {
            memcpy(to, A, rows * sizeof(real));
        }
    }
    return to;
}

static void multiply_outer(const product *p, real *scratch)
{
    const int M = p->M, N = p->N;
    real *packed_a = scratch, *packed_b = scratch + (ptrdiff_t)DEPTH * M;
    tile tile = {.B = packed_b, .ldc = p->ldc};
    for (int k0 = 0; k0 < p->K; k0 += DEPTH) {
        tile.K = p->K - k0 < DEPTH ? p->K - k0 : DEPTH;
        tile.accumulate = p->accumulate || k0 > 0;
        real *to = packed_a;
        for (int m = 0, rows; m < M; m += rows) {
            rows = first_tile(M - m);
            to = pack_tile_columns(tile.K, rows, p->A + k0 * p->lda + m, p->lda, (p->K - 1 - k0) * p->lda + M - m, to);
        }
        for (int n = 0; n < N; n += PANEL) {
            int columns = N - n < PANEL ? N - n : PANEL;
            pack_rows(tile.K, columns, p->B + k0 * p->ldb + n, p->ldb, packed_b);
            for (int m = 0, rows; m < M; m += rows) {
                rows = first_tile(M - m);
                tile.A = packed_a + (ptrdiff_t)m * tile.K;
                tile.C = p->C + m * p->ldc + n;
                run_columns(packed_tiles[rows], rows, columns, &tile);
            }
        }
    }
}

#endif
