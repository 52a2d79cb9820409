"""The GPU kernels of attention.py, in Triton: FlashAttention-2 (arXiv 2307.08691).

The comments name the lines of the paper's algorithms 1 and 2. attention.py explains the algorithm
and calls `forward` and `backward`; without Triton, `triton` is None here and it takes another path.
"""

import math

import torch

try:
    import triton
    import triton.language as tl
except ImportError:  # Triton comes with torch where there can be an NVIDIA GPU
    triton = None


# Names tell where things live: q_ptr in GPU memory, q in registers or shared memory.

if triton is not None:

    @triton.jit
    def _offset(head, H, stride_b, stride_h):
        return (head // H).to(tl.int64) * stride_b + (head % H).to(tl.int64) * stride_h

    @triton.jit
    def _tile(base, rows, stride, T, D: tl.constexpr):
        """Rows `rows` of a (T, D) matrix; rows beyond T read as zero."""
        at = rows.to(tl.int64)[:, None] * stride + tl.arange(0, D)[None, :]
        return tl.load(base + at, mask=rows[:, None] < T, other=0.0)

    @triton.jit
    def _put(base, rows, stride, T, x, D: tl.constexpr):
        at = rows.to(tl.int64)[:, None] * stride + tl.arange(0, D)[None, :]
        tl.store(base + at, x.to(base.dtype.element_ty), mask=rows[:, None] < T)

    @triton.jit
    def _forward_kernel(
        q_ptr,
        k_ptr,
        v_ptr,
        o_ptr,
        lse_ptr,
        qb,
        qh,
        qt,
        kb,
        kh,
        kt,
        vb,
        vh,
        vt,
        ob,
        oh,
        ot,
        H,
        T,
        scale,
        D: tl.constexpr,
        BM: tl.constexpr,
        BN: tl.constexpr,
    ):
        """One program: one block of BM queries. The last blocks, the longest, start first."""
        block, head = tl.num_programs(0) - 1 - tl.program_id(0), tl.program_id(1)
        start = block * BM
        rows = start + tl.arange(0, BM)
        q = _tile(q_ptr + _offset(head, H, qb, qh), rows, qt, T, D)
        k_ptr += _offset(head, H, kb, kh)
        v_ptr += _offset(head, H, vb, vh)
        m = tl.full([BM], float("-inf"), tl.float32)  # line 5
        l = tl.zeros([BM], tl.float32)
        o = tl.zeros([BM, D], tl.float32)
        for DIAGONAL in tl.static_range(2):  # first the keys all in the past, then the diagonal
            low, high = (start, tl.minimum(start + BM, T)) if DIAGONAL else (0, start)
            for n in range(low, high, BN):  # line 6
                keys = n + tl.arange(0, BN)
                k, v = _tile(k_ptr, keys, kt, T, D), _tile(v_ptr, keys, vt, T, D)
                s = tl.dot(q, tl.trans(k), input_precision="ieee") * scale  # line 8: S = Q K^T
                if DIAGONAL:
                    s = tl.where(rows[:, None] >= keys[None, :], s, float("-inf"))
                m_new = tl.maximum(m, tl.max(s, 1))  # line 9: m, P, l
                p = tl.exp2(s - m_new[:, None])
                alpha = tl.exp2(m - m_new)
                l = l * alpha + tl.sum(p, 1)
                o = tl.dot(p.to(v.dtype), v, o * alpha[:, None], input_precision="ieee")  # line 10
                m = m_new
        _put(o_ptr + _offset(head, H, ob, oh), rows, ot, T, o / l[:, None], D)  # lines 12-15
        tl.store(lse_ptr + head.to(tl.int64) * T + rows, m + tl.log2(l), mask=rows < T)

    @triton.jit
    def _delta_kernel(
        o_ptr, do_ptr, delta_ptr, ob, oh, ot, db, dh, dt, H, T, D: tl.constexpr, BM: tl.constexpr
    ):
        """Line 4 of algorithm 2: delta = rowsum(dO * O)."""
        rows, head = tl.program_id(0) * BM + tl.arange(0, BM), tl.program_id(1)
        o = _tile(o_ptr + _offset(head, H, ob, oh), rows, ot, T, D).to(tl.float32)
        do = _tile(do_ptr + _offset(head, H, db, dh), rows, dt, T, D).to(tl.float32)
        tl.store(delta_ptr + head.to(tl.int64) * T + rows, tl.sum(o * do, 1), mask=rows < T)

    @triton.jit
    def _p_and_ds(q, k, v, do, lse, delta, rows, keys, scale, DIAGONAL: tl.constexpr):
        """Lines 10-14: P = exp(S - L) and dS = P * (dP - delta) of one tile."""
        p = tl.exp2(tl.dot(q, tl.trans(k), input_precision="ieee") * scale - lse[:, None])
        if DIAGONAL:
            p = tl.where(rows[:, None] >= keys[None, :], p, 0.0)
        dp = tl.dot(do, tl.trans(v), input_precision="ieee")
        return p, p * (dp - delta[:, None])

    @triton.jit
    def _dkv_kernel(
        q_ptr,
        k_ptr,
        v_ptr,
        do_ptr,
        lse_ptr,
        delta_ptr,
        dk_ptr,
        dv_ptr,
        qb,
        qh,
        qt,
        kb,
        kh,
        kt,
        vb,
        vh,
        vt,
        db,
        dh,
        dt,
        gb,
        gh,
        gt,
        H,
        T,
        scale,
        D: tl.constexpr,
        BM: tl.constexpr,
        BN: tl.constexpr,
    ):
        """One program: dK and dV of BN keys, from the queries that see them (BM divides BN)."""
        head, start = tl.program_id(1), tl.program_id(0) * BN
        keys = start + tl.arange(0, BN)
        k = _tile(k_ptr + _offset(head, H, kb, kh), keys, kt, T, D)
        v = _tile(v_ptr + _offset(head, H, vb, vh), keys, vt, T, D)
        q_ptr += _offset(head, H, qb, qh)
        do_ptr += _offset(head, H, db, dh)
        dk = tl.zeros([BN, D], tl.float32)
        dv = tl.zeros([BN, D], tl.float32)
        for PAST in tl.static_range(2):  # first the diagonal, then the queries all after
            low, high = (start + BN, T) if PAST else (start, tl.minimum(start + BN, T))
            for n in range(low, high, BM):
                rows = n + tl.arange(0, BM)
                at = head.to(tl.int64) * T + rows
                q, do = _tile(q_ptr, rows, qt, T, D), _tile(do_ptr, rows, dt, T, D)
                lse = tl.load(lse_ptr + at, mask=rows < T, other=0.0)
                delta = tl.load(delta_ptr + at, mask=rows < T, other=0.0)
                p, ds = _p_and_ds(q, k, v, do, lse, delta, rows, keys, scale, 1 - PAST)
                dv = tl.dot(tl.trans(p.to(do.dtype)), do, dv, input_precision="ieee")  # line 12
                dk = tl.dot(tl.trans(ds.to(q.dtype)), q, dk, input_precision="ieee")  # line 16
        # S holds log2(e) / sqrt(D); its derivative keeps 1 / sqrt(D).
        _put(dk_ptr + _offset(head, H, gb, gh), keys, gt, T, dk * (scale * 0.6931471805599453), D)
        _put(dv_ptr + _offset(head, H, gb, gh), keys, gt, T, dv, D)

    @triton.jit
    def _dq_kernel(
        q_ptr,
        k_ptr,
        v_ptr,
        do_ptr,
        lse_ptr,
        delta_ptr,
        dq_ptr,
        qb,
        qh,
        qt,
        kb,
        kh,
        kt,
        vb,
        vh,
        vt,
        db,
        dh,
        dt,
        gb,
        gh,
        gt,
        H,
        T,
        scale,
        D: tl.constexpr,
        BM: tl.constexpr,
        BN: tl.constexpr,
    ):
        """One program: dQ of BM queries (BN divides BM), apart from dK: no atomic additions."""
        block, head = tl.num_programs(0) - 1 - tl.program_id(0), tl.program_id(1)
        start = block * BM
        rows = start + tl.arange(0, BM)
        q = _tile(q_ptr + _offset(head, H, qb, qh), rows, qt, T, D)
        do = _tile(do_ptr + _offset(head, H, db, dh), rows, dt, T, D)
        k_ptr += _offset(head, H, kb, kh)
        v_ptr += _offset(head, H, vb, vh)
        at = head.to(tl.int64) * T + rows
        lse = tl.load(lse_ptr + at, mask=rows < T, other=0.0)
        delta = tl.load(delta_ptr + at, mask=rows < T, other=0.0)
        dq = tl.zeros([BM, D], tl.float32)
        for DIAGONAL in tl.static_range(2):
            low, high = (start, tl.minimum(start + BM, T)) if DIAGONAL else (0, start)
            for n in range(low, high, BN):
                keys = n + tl.arange(0, BN)
                k, v = _tile(k_ptr, keys, kt, T, D), _tile(v_ptr, keys, vt, T, D)
                p, ds = _p_and_ds(q, k, v, do, lse, delta, rows, keys, scale, DIAGONAL)
                dq = tl.dot(ds.to(k.dtype), k, dq, input_precision="ieee")  # line 15
        _put(dq_ptr + _offset(head, H, gb, gh), rows, gt, T, dq * (scale * 0.6931471805599453), D)


def _settings(q, long):
    """(long block, short block, launch options) for sm_80 and sm_90."""
    warps = 8 if q.shape[-1] == 128 else 4
    if q.dtype == torch.float32:
        return 32, 16, {"num_warps": warps, "num_stages": 2}
    hopper = q.is_cuda and torch.cuda.get_device_capability(q.device)[0] >= 9
    return long, 64, {"num_warps": warps, "num_stages": 3 if hopper else 2}


def forward(q, k, v, o, lse):
    B, H, T, D = q.shape
    long, short, options = _settings(q, long=128)
    strides = [n for x in (q, k, v, o) for n in x.stride()[:3]]
    _forward_kernel[(triton.cdiv(T, long), B * H)](
        q, k, v, o, lse, *strides, H, T, math.log2(math.e) / math.sqrt(D), D, long, short, **options
    )


def backward(q, k, v, o, lse, dout, dq, dk, dv):
    B, H, T, D = q.shape
    long, short, options = _settings(q, long=64)
    grid, delta = (triton.cdiv(T, long), B * H), torch.empty_like(lse)
    _delta_kernel[grid](o, dout, delta, *o.stride()[:3], *dout.stride()[:3], H, T, D, long)
    strides = [n for x in (q, k, v, dout, dq) for n in x.stride()[:3]]
    rest = (*strides, H, T, math.log2(math.e) / math.sqrt(D), D)
    _dkv_kernel[grid](q, k, v, dout, lse, delta, dk, dv, *rest, short, long, **options)
    _dq_kernel[grid](q, k, v, dout, lse, delta, dq, *rest, long, short, **options)
