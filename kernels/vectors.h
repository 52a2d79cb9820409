// Vectors of W floats, in the compiler's own vector types, and bfloat16 beside them. The file that
// includes this one says first how many floats a vector has: constexpr int W.

#include <cmath>
#include <cstdint>
#include <cstring>

using i64 = int64_t;
using bf16 = uint16_t;  // the upper half of a float's bits
typedef float vec __attribute__((vector_size(W * 4)));
typedef int32_t ivec __attribute__((vector_size(W * 4)));
typedef uint32_t uvec __attribute__((vector_size(W * 4)));
typedef float loose_vec __attribute__((vector_size(W * 4), aligned(4), may_alias));
typedef uint16_t loose_half __attribute__((vector_size(W * 2), aligned(2), may_alias));

static inline vec load(const float* p) { return *reinterpret_cast<const loose_vec*>(p); }
static inline void store(float* p, vec x) { *reinterpret_cast<loose_vec*>(p) = x; }
static inline vec load(const bf16* p) {
    uvec bits = __builtin_convertvector(*reinterpret_cast<const loose_half*>(p), uvec) << 16;
    vec x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
static inline void store(bf16* p, vec x) {  // round to nearest, ties to even; NaN stays NaN
    uvec bits;
    memcpy(&bits, &x, sizeof bits);
    bits = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    bits = x != x ? uvec{} + 0x7fc0 : bits;
    *reinterpret_cast<loose_half*>(p) = __builtin_convertvector(bits, loose_half);
}
static inline vec splat(float x) { return x - vec{}; }

// 2^x for x < 127: split x = n + f with |f| <= 1/2, a polynomial for 2^f, then n is added to the
// exponent field. At x <= -127 the sum is the bit pattern of exactly 0. A NaN stays a NaN.
static inline vec exp2v(vec x) {
    x = x < -127.0f ? splat(-127.0f) : x;
    vec shifted = x + 12582912.0f;     // 1.5 * 2^23: the low bits now hold n, rounded
    vec f = x - (shifted - 12582912.0f);
    vec p = splat(1.32647143e-3f);     // minimax: relative error 9e-8
    p = p * f + 9.67151264e-3f;
    p = p * f + 5.55073377e-2f;
    p = p * f + 0.240222421f;
    p = p * f + 0.693146978f;
    p = p * f + 1.0f;
    ivec n, bits;
    memcpy(&n, &shifted, sizeof n);
    memcpy(&bits, &p, sizeof bits);
    bits += n << 23;
    memcpy(&p, &bits, sizeof p);
    return p;
}
constexpr float LOG2_E = 1.44269504f;  // e^x is 2^(x log2 e)
