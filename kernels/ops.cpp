// The small kernels beside attention.cpp, each in one pass over memory: GELU, the loss of the
// output layer, the rotation of queries and keys, and the attention of one new token.
//
// All work on vectors of W floats and on sizes that W divides; the compiler maps them to the
// machine's own registers. Tensors are float32 or bfloat16, arithmetic is float32. No result
// depends on the number of threads: each is made by one thread, in an order fixed by the shapes.

#include <vector>

constexpr int W = 8;
#include "vectors.h"

static inline float sum_of(vec x) {
    return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
}

// ---- GELU ----------------------------------------------------------------------------------
//
//     gelu(x) = x s(2u),   u = sqrt(2/pi) (x + 0.044715 x^3),   s(z) = 1 / (1 + e^-z)
//
// This is Hendrycks & Gimpel's x (1 + tanh u) / 2, since (1 + tanh u) / 2 = s(2u): one exponential
// and one division.

constexpr float A = 2 * 0.79788456f, CUBE = 0.044715f;  // 2 sqrt(2/pi)

struct Gelu { i64 n, is_bf16, threads; const void *x, *dy; void* out; };  // words by ops.py

// Beyond 8 the sigmoid is 0 or 1 to within 1e-21; further out, products of it would be subnormal
// numbers, which are slow.
static inline vec clamp(vec x) {
    x = x < -8.0f ? splat(-8.0f) : x;
    return x > 8.0f ? splat(8.0f) : x;
}
static inline vec sigmoid_of_2u(vec x) {
    return 1.0f / (1.0f + exp2v(-LOG2_E * A * x * (1.0f + CUBE * x * x)));
}

template <class T> static void gelu_forward(const Gelu& c) {
#pragma omp parallel for num_threads(c.threads) schedule(static)
    for (i64 i = 0; i < c.n; i += W) {
        vec x = load((const T*)c.x + i);
        store((T*)c.out + i, x * sigmoid_of_2u(clamp(x)));
    }
}

// d/dx x s(2u) = s + x s (1 - s) 2u',   u' = sqrt(2/pi) (1 + 3 * 0.044715 x^2).
template <class T> static void gelu_backward(const Gelu& c) {
#pragma omp parallel for num_threads(c.threads) schedule(static)
    for (i64 i = 0; i < c.n; i += W) {
        vec x = clamp(load((const T*)c.x + i)), s = sigmoid_of_2u(x);
        vec slope = A * (1.0f + 3 * CUBE * x * x);
        store((T*)c.out + i, load((const T*)c.dy + i) * s * (1.0f + x * (1.0f - s) * slope));
    }
}

extern "C" void gelu_forward(const Gelu* c) {
    c->is_bf16 ? gelu_forward<bf16>(*c) : gelu_forward<float>(*c);
}
extern "C" void gelu_backward(const Gelu* c) {
    c->is_bf16 ? gelu_backward<bf16>(*c) : gelu_backward<float>(*c);
}

// ---- cross-entropy -------------------------------------------------------------------------
//
//     loss = log sum_v e^x_v - x_target,   d loss / d x_v = e^x_v / sum - [v = target]
//
// Of each row of V logits only the logarithm of the sum is kept; the backward pass makes the
// probabilities from it again. A target of -1 has loss 0 and no gradient.

struct Loss {                                     // all 64-bit words, filled by ops.py
    i64 rows, V, is_bf16, threads;
    const void* x;                                // (rows, V) logits
    const i64* target;                            // (rows,)
    float *loss, *lse;                            // (rows,)
    const float* dloss;                           // (rows,)
    void* dx;                                     // (rows, V)
};

template <class T> static void cross_entropy_forward(const Loss& c) {
#pragma omp parallel for num_threads(c.threads) schedule(static)
    for (i64 r = 0; r < c.rows; r++) {
        const T* x = (const T*)c.x + r * c.V;
        const i64 target = c.target[r];
        vec top = load(x), total = {};
        for (i64 v = W; v < c.V; v += W) top = load(x + v) > top ? load(x + v) : top;
        float most = top[0];
        for (int j = 1; j < W; j++) most = top[j] > most ? top[j] : most;
        for (i64 v = 0; v < c.V; v += W) total += exp2v((load(x + v) - most) * LOG2_E);
        c.lse[r] = most + std::log(sum_of(total));
        c.loss[r] = target < 0 ? 0.0f : c.lse[r] - load(x + target / W * W)[target % W];
    }
}

template <class T> static void cross_entropy_backward(const Loss& c) {
#pragma omp parallel for num_threads(c.threads) schedule(static)
    for (i64 r = 0; r < c.rows; r++) {
        const T* x = (const T*)c.x + r * c.V;
        T* dx = (T*)c.dx + r * c.V;
        const i64 target = c.target[r];
        const float lse = c.lse[r], g = target < 0 ? 0.0f : c.dloss[r];
        for (i64 v = 0; v < c.V; v += W) {
            vec p = exp2v((load(x + v) - lse) * LOG2_E);
            if (v <= target && target < v + W) p[target - v] -= 1.0f;
            store(dx + v, g * p);
        }
    }
}

extern "C" void cross_entropy_forward(const Loss* c) {
    c->is_bf16 ? cross_entropy_forward<bf16>(*c) : cross_entropy_forward<float>(*c);
}
extern "C" void cross_entropy_backward(const Loss* c) {
    c->is_bf16 ? cross_entropy_backward<bf16>(*c) : cross_entropy_backward<float>(*c);
}

// ---- rotation of queries and keys ----------------------------------------------------------
//
//     y = s R x,   s = 1 / sqrt(mean x^2 + eps), or 1 where lengths are left alone
//
// R turns pair j of channels by the position's angle: (a, b) -> (a cos - b sin, b cos + a sin), and
// may stretch it. Its transpose turns back. So with u = s R^T dy
//
//     dx = u - x mean(x u) / (mean x^2 + eps), or u where lengths are left alone

struct Turn {                                     // all 64-bit words, filled by ops.py
    i64 rows, heads, D, stride, turns, normalise, is_bf16, threads;
    const void* x;                                // rows of heads x D numbers, `stride` apart
    const float* turn;                            // (turns, D/2, 2): cos and sin
    const void* dy;                               // (rows, heads, D)
    void* out;                                    // (rows, heads, D): y or dx
};
constexpr float EPS = 1e-6f;

// (a, b) of each pair becomes (a cos - b sin, b cos + a sin); way = -1 turns back.
static inline vec turned(vec x, vec turn, float way) {
    typedef uint64_t pairs __attribute__((vector_size(W * 4)));
    pairs p, t;
    memcpy(&p, &x, sizeof p);
    memcpy(&t, &turn, sizeof t);
    pairs swap = p << 32 | p >> 32, twice_cos = t << 32 | t << 32 >> 32, twice_sin = t >> 32;
    twice_sin |= twice_sin << 32;
    vec swapped, cos, sin, sign = {-way, way, -way, way, -way, way, -way, way};
    memcpy(&swapped, &swap, sizeof swap);
    memcpy(&cos, &twice_cos, sizeof cos);
    memcpy(&sin, &twice_sin, sizeof sin);
    return x * cos + swapped * sign * sin;
}

template <class T, bool BACKWARD> static void rotate(const Turn& c) {
#pragma omp parallel for num_threads(c.threads) schedule(static)
    for (i64 row = 0; row < c.rows; row++) {
        const float* turn = c.turn + row % c.turns * c.D;  // rows run through the positions
        for (i64 h = 0; h < c.heads; h++) {
            const T* x = (const T*)c.x + row * c.stride + h * c.D;
            const i64 at = (row * c.heads + h) * c.D;
            const T* dy = (const T*)c.dy + at;
            T* out = (T*)c.out + at;
            vec squares = {}, products = {};
            for (i64 d = 0; d < c.D; d += W) {
                vec v = load(x + d);
                squares += v * v;
                if (BACKWARD) products += v * turned(load(dy + d), load(turn + d), -1);
            }
            const float square = sum_of(squares) / c.D + EPS;
            const float s = c.normalise ? 1 / std::sqrt(square) : 1.0f;
            const float along = c.normalise ? s * sum_of(products) / c.D / square : 0.0f;
            for (i64 d = 0; d < c.D; d += W) {
                vec v = BACKWARD ? load(dy + d) : load(x + d);
                v = s * turned(v, load(turn + d), BACKWARD ? -1 : 1);
                store(out + d, BACKWARD ? v - along * load(x + d) : v);
            }
        }
    }
}

extern "C" void rotate_forward(const Turn* c) {
    c->is_bf16 ? rotate<bf16, false>(*c) : rotate<float, false>(*c);
}
extern "C" void rotate_backward(const Turn* c) {
    c->is_bf16 ? rotate<bf16, true>(*c) : rotate<float, true>(*c);
}

// ---- attention of one new token per row ----------------------------------------------------
//
// Write its key and value into the cache, then read the row's own slots and no others. With one
// query there is nothing to share between rows: the work is to read the cache once, and the next
// head's part of it is on its way while this one's is summed.

struct Heads { void* p; i64 b, h; };              // strides of row and head; D is contiguous
struct Decode {                                   // all 64-bit words, filled by attention.py
    i64 B, H, D, is_bf16, threads;
    const i64* lengths;                           // (B,) slots filled before this token
    Heads q, k, v, cache_k, cache_v, out;         // a slot of the cache is D numbers
};
template <class T> static T* at(const Heads& x, i64 b, i64 h) {
    return (T*)x.p + b * x.b + h * x.h;
}

// Asks memory for D numbers that are read soon; they travel while other work goes on.
template <class T> static inline void fetch(const T* p, i64 D) {
    for (i64 d = 0; d < D; d += 64 / sizeof(T)) __builtin_prefetch(p + d);
}

// The weight of each of n slots goes through `weights`, which has room for a multiple of W.
template <class T> static void decode_head(const Decode& c, i64 b, i64 h, float* weights) {
    const i64 D = c.D, last = c.lengths[b], n = last + 1;
    T *keys = at<T>(c.cache_k, b, h), *values = at<T>(c.cache_v, b, h), *out = at<T>(c.out, b, h);
    memcpy(keys + last * D, at<T>(c.k, b, h), D * sizeof(T));
    memcpy(values + last * D, at<T>(c.v, b, h), D * sizeof(T));

    const T* q = at<T>(c.q, b, h);
    const float scale = LOG2_E / std::sqrt(float(D));
    const i64 next = b * c.H + h + 1 < c.B * c.H ? b * c.H + h + 1 : 0;
    const T* next_keys = at<T>(c.cache_k, next / c.H, next % c.H);
    const T* next_values = at<T>(c.cache_v, next / c.H, next % c.H);
    float most = -INFINITY;
    for (i64 s = 0; s < n; s++) {
        vec sum = {};
        for (i64 d = 0; d < D; d += W) sum += load(q + d) * load(keys + s * D + d);
        weights[s] = scale * sum_of(sum);
        fetch(next_keys + s * D, D);
        fetch(next_values + s * D, D);
        most = weights[s] > most ? weights[s] : most;
    }
    for (i64 s = n; s % W; s++) weights[s] = -INFINITY;
    vec total = {};
    for (i64 s = 0; s < n; s += W) {
        vec w = exp2v(load(weights + s) - most);
        store(weights + s, w);
        total += w;
    }
    for (i64 d = 0; d < D; d += W) {
        vec sum = {};
        for (i64 s = 0; s < n; s++) sum += weights[s] * load(values + s * D + d);
        store(out + d, sum / sum_of(total));
    }
}

template <class T> static void decode(const Decode& c) {
    i64 longest = 0;
    for (i64 b = 0; b < c.B; b++) longest = c.lengths[b] > longest ? c.lengths[b] : longest;
#pragma omp parallel num_threads(c.threads)
    {
        std::vector<float> weights(longest + 1 + W);
#pragma omp for schedule(static)
        for (i64 i = 0; i < c.B * c.H; i++) decode_head<T>(c, i / c.H, i % c.H, weights.data());
    }
}

extern "C" void decode(const Decode* c) { c->is_bf16 ? decode<bf16>(*c) : decode<float>(*c); }
