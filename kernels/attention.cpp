// FlashAttention-2 on a CPU: causal attention, forward and backward, without a T x T matrix.
//
// The steps below are those of arXiv 2307.08691, algorithms 1 and 2. Shapes: B batch, H heads,
// T tokens, D head size. One work item is one block of queries (forward) or one head (backward).
//
// Where the speed comes from. All seven matrix products have one form, C = init + A * B, where
// single elements of A are broadcast and rows of B and C are read as vectors. The scores are kept
// transposed, S^T (keys down, queries across): then the softmax over keys runs lane by lane with no
// horizontal step, and K, V, Q, dO are read as they lie in memory. Only Q^T and dO^T are packed.
// Where the CPU multiplies bfloat16s, two neighbours along the depth at a time, operands whose
// depth runs down the rows are packed too.
//
// Every sum is taken in an order fixed by the shapes alone, so the bits of the result depend
// neither on the number of threads nor on their timing.

#include <atomic>
#include <type_traits>
#include <utility>
#include <vector>
#ifndef _OPENMP
#include <thread>
#endif
#ifdef __AVX512BF16__
#include <immintrin.h>
#endif

// ---- vectors -------------------------------------------------------------------------------

#if defined(__AVX512F__)
constexpr int W = 16, NV = 2, R = 12;  // floats in a vector; vectors and rows in a register tile
#elif defined(__AVX__)
constexpr int W = 8, NV = 2, R = 6;    // 12 accumulators of the 16 registers
#else
constexpr int W = 4, NV = 4, R = 6;    // NEON: 24 accumulators of the 32 registers
#endif
#include "vectors.h"

constexpr int N = W * NV;              // queries handled side by side: the columns of a tile
constexpr int B_R = 128, B_C = 64;     // the block of queries and the block of keys
constexpr int S_ROW = B_R + 16;        // a row of S^T: not a power of two, which caches dislike
constexpr int MAX_D = 128;

static inline vec larger(vec a, vec b) { return a > b ? a : b; }
static inline i64 lesser(i64 a, i64 b) { return a < b ? a : b; }

// ---- C = init + A * B ----------------------------------------------------------------------
//
// What a lane multiplies in one step of the depth is a float or, where the CPU has AVX512-BF16, a
// pair: two bfloat16s that are neighbours along the depth, in 32 bits. Their two products are
// exact, and both are added to the float that the lane holds: the same tile, twice the depth.

using pair = uint32_t;
typedef pair loose_pair __attribute__((aligned(2), may_alias));
typedef pair loose_pairs __attribute__((vector_size(W * 4), aligned(2), may_alias));
template <class X> constexpr i64 PER = 1;          // elements in an X
template <> constexpr i64 PER<pair> = 2;
template <class X> static i64 steps(i64 depth) { return (depth + PER<X> - 1) / PER<X>; }

static inline uvec load(const pair* p) { return *reinterpret_cast<const loose_pairs*>(p); }
static inline void store(pair* p, uvec x) { *reinterpret_cast<loose_pairs*>(p) = x; }
static inline vec multiply_add(vec sum, vec a, vec b) { return sum + a * b; }
#ifdef __AVX512BF16__
static inline vec multiply_add(vec sum, uvec a, uvec b) {
    return (vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
}
#endif
static inline vec spread(const float* p) { return splat(*p); }
static inline uvec spread(const pair* p) {
    return *reinterpret_cast<const loose_pair*>(p) + uvec{};
}

template <class X> struct Rows {
    X* p; i64 row;                     // rows of X, `row` apart (0: one row, repeated)
    Rows at(i64 r, i64 c = 0) const { return {p + r * row + c, row}; }
};
static float zero_row[MAX_D];
static const Rows<float> ZERO{zero_row, 0};

// A register tile: ROWS x N results stay in registers while the depth is walked once.
template <int ROWS, bool A_T, class X>
static void register_tile(i64 depth, Rows<X> a, Rows<X> b, Rows<float> init, Rows<float> c) {
    vec acc[ROWS][NV];
    for (int r = 0; r < ROWS; r++)
        for (int j = 0; j < NV; j++) acc[r][j] = load(init.p + r * init.row + j * W);
    for (i64 k = 0; k < depth; k++) {
        decltype(load(b.p)) x[NV];
        for (int j = 0; j < NV; j++) x[j] = load(b.p + k * b.row + j * W);
        for (int r = 0; r < ROWS; r++) {
            auto s = spread(A_T ? a.p + k * a.row + r : a.p + r * a.row + k);
            for (int j = 0; j < NV; j++) acc[r][j] = multiply_add(acc[r][j], s, x[j]);
        }
    }
    for (int r = 0; r < ROWS; r++)
        for (int j = 0; j < NV; j++) store(c.p + r * c.row + j * W, acc[r][j]);
}

template <int ROWS, bool A_T, class... Args>
static inline void dispatch_rows(i64 rows, Args... args) {
    if (rows == ROWS) return register_tile<ROWS, A_T>(args...);
    if constexpr (ROWS > 1) dispatch_rows<ROWS - 1, A_T>(rows, args...);
}

// A is rows x depth (stored transposed if A_T), B is depth x cols, cols a multiple of N; a depth of
// pairs is rounded up. The rows are shared evenly over register tiles: a tile of few rows would
// wait for its own additions.
template <bool A_T, class X>
static void matmul(i64 rows, i64 cols, i64 depth, Rows<X> a, Rows<X> b, Rows<float> init,
                   Rows<float> c) {
    i64 tiles = (rows + R - 1) / R;
    for (i64 j = 0; j < cols; j += N)
        for (i64 t = 0; t < tiles; t++) {
            i64 r = rows * t / tiles, n = rows * (t + 1) / tiles - r;
            dispatch_rows<R, A_T>(n, steps<X>(depth), A_T ? a.at(0, r) : a.at(r), b.at(0, j),
                                  init.at(r, j), c.at(r, j));
        }
}

// ---- operands ------------------------------------------------------------------------------

static inline float to_float(float x) { return x; }
static inline float to_float(bf16 x) {
    uint32_t bits = uint32_t(x) << 16; float f; memcpy(&f, &bits, 4); return f;
}
static inline void from_float(float x, float& y) { y = x; }
static inline void from_float(float x, bf16& y) {  // round to nearest, ties to even; NaN stays NaN
    uint32_t bits; memcpy(&bits, &x, 4);
    y = x != x ? 0x7fc0 : bf16((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// Rows of a tensor, padded with zeros to whole tiles, as floats or as pairs along the row. Where
// there is nothing to pad or to convert, they are used where they lie.
template <class E>
static Rows<float> as_rows(E* x, i64 stride, i64 n, i64 D, i64 padded, float* buffer) {
    if constexpr (std::is_same_v<E, float>)
        if (D == padded) return {x, stride};
    for (i64 r = 0; r < n; r++) {
        for (i64 d = 0; d < D; d++) buffer[r * padded + d] = to_float(x[r * stride + d]);
        for (i64 d = D; d < padded; d++) buffer[r * padded + d] = 0;
    }
    return {buffer, padded};
}

// Operands whose depth runs down the rows (`down`), and weights whose depth runs along the row
// (`along`): n x cols. Floats serve both as they are; pairs are put together in `buffer`.
static Rows<float> down(Rows<float> x, i64, i64, float*) { return x; }
static Rows<float> along(Rows<float> x, i64, i64, float*) { return x; }

#ifdef __AVX512BF16__
static Rows<pair> as_rows(bf16* x, i64 stride, i64 n, i64 D, i64 padded, pair* buffer) {
    if (D == padded && stride % 2 == 0) return {reinterpret_cast<pair*>(x), stride / 2};
    for (i64 r = 0; r < n; r++) {
        char* row = reinterpret_cast<char*>(buffer + r * padded / 2);
        memcpy(row, x + r * stride, D * 2);
        memset(row + D * 2, 0, (padded - D) * 2);
    }
    return {buffer, padded / 2};
}

// Two vectors of floats, rounded: the first fills the lower half.
static inline __m512i rounded(vec a, vec b) {
    return (__m512i)_mm512_cvtne2ps_pbh((__m512)b, (__m512)a);
}
// a, b, a + 1, b + 1, ...: for shuffles of 32 halves that lay two runs of them side by side.
static inline __m512i zip_order(int a, int b) {
    alignas(64) uint16_t order[2 * W];
    for (int i = 0; i < W; i++) order[2 * i] = a + i, order[2 * i + 1] = b + i;
    return _mm512_load_si512(order);
}

static Rows<pair> down(Rows<pair> x, i64 n, i64 cols, pair* buffer) {
    const __m512i low = zip_order(0, 2 * W), high = zip_order(W, 3 * W);
    for (i64 r = 0; r < n; r += 2)
        for (i64 c = 0; c < cols; c += 2 * W) {
            __m512i a = (__m512i)load(x.at(r, c / 2).p);
            __m512i b = r + 1 < n ? (__m512i)load(x.at(r + 1, c / 2).p) : __m512i{};
            pair* to = buffer + r / 2 * cols + c;
            store(to, (uvec)_mm512_permutex2var_epi16(a, low, b));
            store(to + W, (uvec)_mm512_permutex2var_epi16(a, high, b));
        }
    return {buffer, cols};
}
static Rows<pair> down(Rows<float> x, i64 n, i64 cols, pair* buffer) {
    const __m512i order = zip_order(0, W);
    cols = (cols + W - 1) / W * W;
    for (i64 r = 0; r < n; r += 2)
        for (i64 c = 0; c < cols; c += W) {
            vec a = load(x.at(r, c).p), b = r + 1 < n ? load(x.at(r + 1, c).p) : vec{};
            store(buffer + r / 2 * cols + c,
                  (uvec)_mm512_permutexvar_epi16(order, rounded(a, b)));
        }
    return {buffer, cols};
}
static Rows<pair> along(Rows<float> x, i64 n, i64 cols, pair* buffer) {
    for (i64 r = 0; r < n; r++)
        for (i64 c = 0; c < cols; c += N)
            store(buffer + r * B_R / 2 + c / 2,
                  (uvec)rounded(load(x.at(r, c).p), load(x.at(r, c + W).p)));
    return {buffer, B_R / 2};
}
#endif

template <int S, class V, int... J>
static inline void exchange(V& a, V& b, std::integer_sequence<int, J...>) {
#if defined(__clang__)
    V lo = __builtin_shufflevector(a, b, (J & S ? W + J - S : J)...);
    V hi = __builtin_shufflevector(a, b, (J & S ? W + J : J + S)...);
#else
    V lo = __builtin_shuffle(a, b, ivec{(J & S ? W + J - S : J)...});
    V hi = __builtin_shuffle(a, b, ivec{(J & S ? W + J : J + S)...});
#endif
    a = lo, b = hi;
}
// Transposes W x W: swaps the off-diagonal squares of size S, then S / 2, down to 1.
template <int S, class V> static inline void transpose(V (&x)[W]) {
    for (int i = 0; i < W; i++)
        if (!(i & S)) exchange<S>(x[i], x[i + S], std::make_integer_sequence<int, W>());
    if constexpr (S > 1) transpose<S / 2>(x);
}

// n <= B_R rows of `cols` floats or pairs -> groups of N queries, each (cols, N): column c of query
// r lies at [r / N][c][r % N]. Missing rows are zero.
template <class X> static void pack_transposed(Rows<X> x, i64 n, i64 cols, X* out) {
    for (i64 r0 = 0; r0 < n; r0 += N)
        for (i64 r = r0; r < r0 + N; r += W)
            for (i64 c = 0; c < cols; c += W) {
                decltype(load(x.p)) t[W] = {};
                for (int i = 0; i < W && r + i < n; i++) t[i] = load(x.at(r + i, c).p);
                transpose<W / 2>(t);
                for (int i = 0; i < W; i++) store(out + r0 * cols + (c + i) * N + r - r0, t[i]);
            }
}

// ---- the call ------------------------------------------------------------------------------

struct Tensor { char* p; i64 b, h, t; };          // strides in elements; D is contiguous
struct Call {                                     // filled by attention.py, all 64-bit words
    i64 B, H, T, D, is_bf16, threads;
    float* lse;                                   // (B, H, T): log2 of the sum of 2^scores
    Tensor q, k, v, o, dout, dq, dk, dv;
};
template <class E> static E* at(const Tensor& x, i64 b, i64 h, i64 t) {
    return reinterpret_cast<E*>(x.p) + b * x.b + h * x.h + t * x.t;
}

template <class X> struct Scratch {               // one per thread, about a second-level cache
    alignas(64) X q[B_R * MAX_D], q_t[B_R * MAX_D], q_down[B_R * MAX_D];
    alignas(64) X dout[B_R * MAX_D], do_t[B_R * MAX_D], do_down[B_R * MAX_D];
    alignas(64) X k[B_C * MAX_D], k_down[B_C * MAX_D], v[B_C * MAX_D], v_down[B_C * MAX_D];
    alignas(64) X o[B_R * MAX_D], weights[B_C * B_R];
    alignas(64) float acc[B_R * MAX_D], p[B_C * S_ROW], ds[B_C * S_ROW];
    alignas(64) float max[B_R], sum[B_R], alpha[N], lse[B_R], delta[B_R];
    std::vector<float> sums;                      // dK and dV of the keys at hand, (2, n, P)
};

// Threads take items from a shared counter; torch's own OpenMP pool where there is one.
template <class X, class Body>
static void parallel_for(i64 items, i64 threads, Body body) {
    std::atomic<i64> next{0};
    auto worker = [&] {
        static thread_local Scratch<X> scratch;
        for (i64 i; (i = next++) < items;) body(scratch, i);
    };
    threads = lesser(threads, items);
    if (threads < 1) return;
#ifdef _OPENMP
#pragma omp parallel num_threads(threads)
    worker();
#else
    std::vector<std::thread> pool;
    for (i64 i = 1; i < threads; i++) pool.emplace_back(worker);
    worker();
    for (auto& t : pool) t.join();
#endif
}

// ---- forward: algorithm 1 ------------------------------------------------------------------

template <class E, class X>
static void forward_block(Scratch<X>& s, const Call& c, i64 b, i64 h, i64 q0) {
    const i64 D = c.D, P = (D + N - 1) / N * N, qn = lesser(B_R, c.T - q0);
    const float scale = LOG2_E / std::sqrt(float(D));  // so that e^x is 2^x
    // Lines 4-5: load Q_i; O_i = 0, l_i = 0, m_i = -inf.
    Rows<X> q = as_rows(at<E>(c.q, b, h, q0), c.q.t, qn, D, P, s.q);
    pack_transposed(q, qn, P / PER<X>, s.q_t);
    for (int i = 0; i < B_R; i++) s.max[i] = -INFINITY, s.sum[i] = 0;

    // Line 6: for each block of keys. Blocks wholly in the future are not visited.
    for (i64 k0 = 0; k0 < q0 + qn; k0 += B_C) {
        i64 kn = lesser(B_C, q0 + qn - k0);
        Rows<X> k = as_rows(at<E>(c.k, b, h, k0), c.k.t, kn, D, P, s.k);
        Rows<X> v = as_rows(at<E>(c.v, b, h, k0), c.v.t, kn, D, P, s.v);
        v = down(v, kn, P, s.v_down);
        for (i64 g = k0 > q0 ? k0 - q0 : 0; g < qn; g += N) {
            // On the diagonal a group of N queries stops at its own last key.
            i64 first = q0 + g, n = lesser(kn, first + N - k0);
            float* st = s.p;                       // S^T, then P^T: (n, N)
            // Line 8: S = Q_i K_j^T.
            matmul<false>(n, N, D, k, {s.q_t + g * P / PER<X>, N}, ZERO, {st, N});
            for (i64 r = first + 1 - k0; r < n; r++)
                for (i64 x = 0; x < k0 + r - first; x++) st[r * N + x] = -INFINITY;
            // Line 9: m_i = max(m_old, rowmax S), P = exp(S - m_i),
            // l_i = l_i exp(m_old - m_i) + rowsum P.
            for (int x = 0; x < N; x += W) {
                vec old = load(s.max + g + x), m = splat(-INFINITY), sum = {};
                for (i64 r = 0; r < n; r++) m = larger(load(st + r * N + x), m);
                m = larger(m * scale, old);
                for (i64 r = 0; r < n; r++) {
                    vec p = exp2v(load(st + r * N + x) * scale - m);
                    store(st + r * N + x, p);
                    sum += p;
                }
                vec alpha = exp2v(old - m);
                store(s.alpha + x, alpha);
                store(s.max + g + x, m);
                store(s.sum + g + x, load(s.sum + g + x) * alpha + sum);
            }
            // Line 10: O_i = diag(exp(m_old - m_i)) O_i + P V_j.
            Rows<float> o{s.acc + g * P, P};
            i64 rows = lesser(N, qn - g);
            for (i64 r = 0; k0 && r < rows; r++)
                for (i64 d = 0; d < P; d += W)
                    store(o.at(r, d).p, load(o.at(r, d).p) * s.alpha[r]);
            Rows<X> p = down(Rows<float>{st, N}, n, N, s.weights);
            matmul<true>(rows, P, n, p, v, k0 ? o : ZERO, o);
        }
    }
    // Lines 12-15: O_i / l_i and L_i = m_i + log l_i, the only things kept for the backward pass.
    for (i64 r = 0; r < qn; r++) {
        E* out = at<E>(c.o, b, h, q0 + r);
        float inverse = 1 / s.sum[r];
        for (i64 d = 0; d < D; d++) from_float(s.acc[r * P + d] * inverse, out[d]);
        c.lse[(b * c.H + h) * c.T + q0 + r] = s.max[r] + std::log2(s.sum[r]);
    }
}

// ---- backward: algorithm 2 -----------------------------------------------------------------

template <class X> struct QueryBlock { i64 q0, n; Rows<X> q, dout; };

// Loads Q_i and dO_i, and line 4: delta = rowsum(dO * O).
template <class E, class X>
static QueryBlock<X> load_queries(Scratch<X>& s, const Call& c, i64 b, i64 h, i64 q0, i64 P) {
    const i64 n = lesser(B_R, c.T - q0), cols = P / PER<X>;
    Rows<X> q = as_rows(at<E>(c.q, b, h, q0), c.q.t, n, c.D, P, s.q);
    Rows<X> dout = as_rows(at<E>(c.dout, b, h, q0), c.dout.t, n, c.D, P, s.dout);
    Rows<X> o = as_rows(at<E>(c.o, b, h, q0), c.o.t, n, c.D, P, s.o);
    pack_transposed(q, n, cols, s.q_t);
    pack_transposed(dout, n, cols, s.do_t);
    const float* lse = c.lse + (b * c.H + h) * c.T + q0;
    for (i64 r0 = 0; r0 < n; r0 += W) {
        vec t[W] = {};                             // W row sums at once, by way of a transpose
        for (i64 r = r0; r < lesser(r0 + W, n); r++)
            for (i64 d = 0; d < cols; d += W)
                t[r - r0] = multiply_add(t[r - r0], load(o.at(r, d).p), load(dout.at(r, d).p));
        transpose<W / 2>(t);
        for (int i = 1; i < W; i++) t[0] += t[i];
        store(s.delta + r0, -t[0]);
    }
    for (i64 r = 0; r < B_R; r++) s.lse[r] = r < n ? lse[r] : 0;
    return {q0, n, down(q, n, P, s.q_down), down(dout, n, P, s.do_down)};
}

// One tile: queries i, keys j. Adds to dK_j and dV_j, or to dQ_i, or to both, where given; the
// factor 1 / sqrt(D) of dQ and dK is left for the end.
template <class X>
static void backward_tile(Scratch<X>& s, const QueryBlock<X>& x, Rows<X> k, Rows<X> v, i64 k0,
                          i64 kn, i64 D, i64 P, Rows<float> dq, Rows<float> dk, Rows<float> dv) {
    const float scale = LOG2_E / std::sqrt(float(D));
    const i64 shift = k0 - x.q0;           // on the diagonal, >= 0, query r sees keys <= r - shift
    const bool diagonal = shift >= 0;
    const Rows<float> p{s.p, S_ROW}, ds{s.ds, S_ROW};
    for (i64 g = diagonal ? shift : 0; g < x.n; g += N) {
        i64 n = diagonal ? lesser(kn, g + N - shift) : kn, group = g * P / PER<X>;
        // Lines 10-11: S^T, and lines 13-14: dP^T - delta.
        matmul<false>(n, N, D, k, {s.q_t + group, N}, ZERO, p.at(0, g));
        matmul<false>(n, N, D, v, {s.do_t + group, N}, {s.delta + g, 0}, ds.at(0, g));
        // P = exp(S - L_i), dS = P * (dP - delta); no weight on the future.
        for (int x = 0; x < N; x += W) {
            vec lse = load(s.lse + g + x);
            for (i64 r = 0; r < n; r++) {
                vec e = exp2v(load(p.at(r, g + x).p) * scale - lse);
                store(p.at(r, g + x).p, e);
                store(ds.at(r, g + x).p, e * load(ds.at(r, g + x).p));
            }
        }
        for (i64 r = g + 1 - shift; diagonal && r < n; r++)
            for (i64 x = 0; x < r + shift - g; x++) *p.at(r, g + x).p = *ds.at(r, g + x).p = 0;
    }
    // On the diagonal, a strip of N keys begins at its own first query, and a strip of N queries
    // ends at its own last key.
    const i64 step = diagonal ? N : B_R;
    for (i64 r = 0; dk.p && r < kn; r += step) {
        i64 q = diagonal ? r + shift : 0, rows = lesser(step, kn - r), depth = x.n - q;
        Rows<float> v_sum = dv.at(r), k_sum = dk.at(r);
        // Line 12: dV_j += P^T dO_i, and line 16: dK_j += dS^T Q_i.
        matmul<false>(rows, P, depth, along(p.at(r, q), rows, depth, s.weights),
                      x.dout.at(q / PER<X>), diagonal ? ZERO : v_sum, v_sum);
        matmul<false>(rows, P, depth, along(ds.at(r, q), rows, depth, s.weights),
                      x.q.at(q / PER<X>), diagonal ? ZERO : k_sum, k_sum);
    }
    k = down(k, kn, P, s.k_down);
    for (i64 r = diagonal ? shift : 0; dq.p && r < x.n; r += step) {
        i64 n = diagonal ? lesser(kn, r + N - shift) : kn, rows = lesser(step, x.n - r);
        // Line 15: dQ_i += dS K_j.
        matmul<true>(rows, P, n, down(ds.at(0, r), n, rows, s.weights), k,
                     k0 ? dq.at(r) : ZERO, dq.at(r));
    }
}

template <class E>
static void store_rows(Rows<float> from, float scale, E* to, i64 stride, i64 n, i64 D) {
    for (i64 r = 0; r < n; r++)
        for (i64 d = 0; d < D; d++) from_float(from.at(r, d).p[0] * scale, to[r * stride + d]);
}

// Queries [q0, q1) against keys [begin, end), summing what is asked for.
template <class E, class X>
static void backward_blocks(Scratch<X>& s, const Call& c, i64 b, i64 h, i64 q0, i64 q1, i64 begin,
                            i64 end, bool want_dq, bool want_dkv) {
    const i64 D = c.D, P = (D + N - 1) / N * N, n = end - begin;
    const float scale = 1 / std::sqrt(float(D));
    Rows<float> dk{}, dv{}, dq{};
    if (want_dkv) {
        s.sums.resize(2 * n * P);
        dk = {s.sums.data(), P}, dv = dk.at(n);
    }
    for (; q0 < q1; q0 += B_R) {
        QueryBlock<X> x = load_queries<E>(s, c, b, h, q0, P);
        if (want_dq) dq = {s.acc, P};
        for (i64 k0 = begin; k0 < lesser(end, q0 + x.n); k0 += B_C) {
            i64 kn = lesser(B_C, c.T - k0);
            Rows<X> k = as_rows(at<E>(c.k, b, h, k0), c.k.t, kn, D, P, s.k);
            Rows<X> v = as_rows(at<E>(c.v, b, h, k0), c.v.t, kn, D, P, s.v);
            backward_tile(s, x, k, v, k0, kn, D, P, dq, dk.at(k0 - begin), dv.at(k0 - begin));
        }
        if (want_dq) store_rows(dq, scale, at<E>(c.dq, b, h, q0), c.dq.t, x.n, D);
    }
    if (want_dkv) {
        store_rows(dk, scale, at<E>(c.dk, b, h, begin), c.dk.t, n, D);
        store_rows(dv, 1, at<E>(c.dv, b, h, begin), c.dv.t, n, D);
    }
}

template <class E, class X> static void forward(const Call& c) {
    i64 blocks = (c.T + B_R - 1) / B_R;
    parallel_for<X>(c.B * c.H * blocks, c.threads, [&](Scratch<X>& s, i64 item) {
        i64 head = item / blocks, i = blocks - 1 - item % blocks;  // the longest first
        forward_block<E>(s, c, head / c.H, head % c.H, i * B_R);
    });
}

// One item is one head. With fewer heads than threads, dK, dV and dQ are made apart, block by
// block, at the price of computing P and dS twice. Either way each sum runs in the same order.
template <class E, class X> static void backward(const Call& c) {
    i64 blocks = (c.T + B_R - 1) / B_R, heads = c.B * c.H;
    if (heads >= c.threads)
        return parallel_for<X>(heads, c.threads, [&](Scratch<X>& s, i64 head) {
            backward_blocks<E>(s, c, head / c.H, head % c.H, 0, c.T, 0, c.T, true, true);
        });
    parallel_for<X>(heads * blocks * 2, c.threads, [&](Scratch<X>& s, i64 item) {
        i64 head = item / (blocks * 2), b = head / c.H, h = head % c.H, i = item / 2 % blocks;
        i64 begin = i * B_R, end = lesser(begin + B_R, c.T);
        if (item % 2) backward_blocks<E>(s, c, b, h, begin, c.T, begin, end, false, true);
        else backward_blocks<E>(s, c, b, h, begin, end, 0, c.T, true, false);
    });
}

#ifdef __AVX512BF16__
using Half = pair;                                // what bfloat16 tensors are multiplied as
#else
using Half = float;
#endif
extern "C" void attention_forward(const Call* c) {
    c->is_bf16 ? forward<bf16, Half>(*c) : forward<float, float>(*c);
}
extern "C" void attention_backward(const Call* c) {
    c->is_bf16 ? backward<bf16, Half>(*c) : backward<float, float>(*c);
}
