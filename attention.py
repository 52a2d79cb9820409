"""Causal attention, fused: exact, and without ever holding a T x T matrix.

    S = Q K^T / sqrt(D)      P = softmax(S) over the keys up to the query      O = P V

`reference` is that definition. Everything after it computes the same numbers by FlashAttention-2
(Dao 2023, arXiv 2307.08691), once for a CPU and once for a GPU:

  forward  (algorithm 1)  A block of queries walks over blocks of keys and keeps three things: the
           largest score so far m, the sum l of exp(score - m), and the unfinished output O. When a
           block raises m, both l and O are multiplied by exp(m_old - m_new): the online softmax. At
           the end O / l is the result, and L = m + log l is all that the backward pass needs.
  backward (algorithm 2)  P is computed again, as exp(S - L), block by block. Then
           dV = P^T dO      dP = dO V^T      dS = P * (dP - delta)      dQ = dS K      dK = dS^T Q
           where delta = rowsum(dO * O) is what the softmax's own derivative takes away.

Both kernels work in powers of two: the scores carry a factor log2(e), so L is a base-2 logarithm.
Shape letters: B batch, H heads, T tokens, D head size, S cached tokens.

`attention(q, k, v)` says once on stderr which path it takes. ATTENTION=reference|sdpa|fused in the
environment forces one, and is an error where it cannot be had.
"""
import ctypes
import functools
import hashlib
import math
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import torch.nn.functional as F

try:
    import triton
    import triton.language as tl
except ImportError:  # Triton comes with torch where there can be an NVIDIA GPU
    triton = None


# --- the definition ------------------------------------------------------------------------------

def reference(q, k, v):
    """Causal attention by its definition; q, k, v and the result are (B, H, T, D)."""
    T, D = q.shape[-2:]
    scores = q @ k.transpose(-2, -1) / math.sqrt(D)                              # (B, H, T, T)
    future = torch.ones(T, T, dtype=torch.bool, device=q.device).triu(1)
    return scores.masked_fill(future, -math.inf).softmax(-1) @ v                 # (B, H, T, D)


# --- CPU: attention.cpp, built on first use ------------------------------------------------------

class BuildError(Exception):
    """No usable CPU kernel; the message is one line."""


def _cache_dir():
    """Where built kernels are kept, by the custom of each system."""
    home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return Path(home or Path.home() / ".cache") / "nanochatgpt"


def _flag_choices():
    """Compiler flags, best first. A compiler that refuses one set is asked with the next."""
    torch_lib = Path(torch.__file__).parent / "lib"
    mac = sys.platform == "darwin"
    native = "-mcpu=native" if mac and platform.machine() == "arm64" else "-march=native"
    # The same OpenMP library as torch's, so that both share one pool of threads.
    openmp = (["-Xpreprocessor", "-fopenmp", f"-L{torch_lib}", "-lomp", f"-Wl,-rpath,{torch_lib}"]
              if mac else ["-fopenmp"])
    base = ["-O3", "-std=c++17", "-ffp-contract=fast", "-shared", "-fPIC", "-pthread"]
    return [base + [native] + openmp, base + openmp, base + [native], base]


def _cpu_model():
    """What -march=native depends on, for a cache on a disk that several machines share."""
    info = Path("/proc/cpuinfo")
    text = info.read_text(encoding="utf-8") if info.exists() else platform.processor()
    lines = [line for line in text.splitlines() if line.startswith(("flags", "Features"))]
    return lines[0] if lines else text


def _compile(source):
    """Returns the path of the built library. Raises BuildError with the compiler's first error."""
    names = (os.environ.get("CXX"), "c++", "g++", "clang++")
    compiler = next((path for name in names if name and (path := shutil.which(name))), None)
    if compiler is None or os.name == "nt":
        raise BuildError("no C++ compiler")
    ask = functools.partial(subprocess.run, capture_output=True, text=True, errors="replace")
    version = ask([compiler, "--version"]).stdout
    for flags in _flag_choices():
        key = (source.read_text(encoding="utf-8"), os.path.realpath(compiler), version, flags,
               torch.__version__, platform.machine(), _cpu_model())
        built = _cache_dir() / f"attention-{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.so"
        if built.exists():
            return built
        try:
            built.parent.mkdir(parents=True, exist_ok=True)
            handle, unfinished = tempfile.mkstemp(suffix=".so", dir=built.parent)
            os.close(handle)
        except OSError as error:
            raise BuildError(f"cannot write the built kernel: {error}") from error
        result = ask([compiler, *flags, str(source), "-o", unfinished])
        if result.returncode == 0:
            os.replace(unfinished, built)  # atomic: others see no library or a whole one
            return built
        os.unlink(unfinished)
    lines = (result.stderr or result.stdout).splitlines()
    raise BuildError(next((line for line in lines if "error" in line), "the compiler failed"))


@functools.cache
def _library():
    """Builds the kernel, or finds it built. Raises BuildError, with the compiler's first error."""
    try:
        library = ctypes.CDLL(str(_compile(Path(__file__).with_name("attention.cpp"))))
    except OSError as error:
        raise BuildError(f"the built kernel does not load: {error}") from error
    library.attention_forward.restype = library.attention_backward.restype = None
    return library


def _call(kernel, lse, *tensors):
    """Fills attention.cpp's struct Call: shape, flags, then data and strides of each tensor."""
    q = tensors[0]
    words = [*q.shape, q.dtype == torch.bfloat16, torch.get_num_threads(), lse.data_ptr()]
    for x in tensors:
        words += (x.data_ptr(), *x.stride()[:3])
    words += [0] * (7 + 4 * 8 - len(words))
    kernel((ctypes.c_int64 * len(words))(*words))


# --- GPU: Triton ---------------------------------------------------------------------------------
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
    def _forward_kernel(q_ptr, k_ptr, v_ptr, o_ptr, lse_ptr, qb, qh, qt, kb, kh, kt, vb, vh, vt,
                        ob, oh, ot, H, T, scale,
                        D: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr):
        """One program: one block of BM queries. The last blocks, the longest, start first."""
        block, head = tl.num_programs(0) - 1 - tl.program_id(0), tl.program_id(1)
        start = block * BM
        rows = start + tl.arange(0, BM)
        q = _tile(q_ptr + _offset(head, H, qb, qh), rows, qt, T, D)
        k_ptr += _offset(head, H, kb, kh)
        v_ptr += _offset(head, H, vb, vh)
        m = tl.full([BM], float("-inf"), tl.float32)                         # line 5
        l = tl.zeros([BM], tl.float32)
        o = tl.zeros([BM, D], tl.float32)
        for DIAGONAL in tl.static_range(2):  # first the keys all in the past, then the diagonal
            low, high = (start, tl.minimum(start + BM, T)) if DIAGONAL else (0, start)
            for n in range(low, high, BN):                                   # line 6
                keys = n + tl.arange(0, BN)
                k, v = _tile(k_ptr, keys, kt, T, D), _tile(v_ptr, keys, vt, T, D)
                s = tl.dot(q, tl.trans(k), input_precision="ieee") * scale   # line 8: S = Q K^T
                if DIAGONAL:
                    s = tl.where(rows[:, None] >= keys[None, :], s, float("-inf"))
                m_new = tl.maximum(m, tl.max(s, 1))                          # line 9: m, P, l
                p = tl.exp2(s - m_new[:, None])
                alpha = tl.exp2(m - m_new)
                l = l * alpha + tl.sum(p, 1)
                o = tl.dot(p.to(v.dtype), v, o * alpha[:, None], input_precision="ieee")  # line 10
                m = m_new
        _put(o_ptr + _offset(head, H, ob, oh), rows, ot, T, o / l[:, None], D)     # lines 12-15
        tl.store(lse_ptr + head.to(tl.int64) * T + rows, m + tl.log2(l), mask=rows < T)

    @triton.jit
    def _delta_kernel(o_ptr, do_ptr, delta_ptr, ob, oh, ot, db, dh, dt, H, T,
                      D: tl.constexpr, BM: tl.constexpr):
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
    def _dkv_kernel(q_ptr, k_ptr, v_ptr, do_ptr, lse_ptr, delta_ptr, dk_ptr, dv_ptr,
                    qb, qh, qt, kb, kh, kt, vb, vh, vt, db, dh, dt, gb, gh, gt, H, T, scale,
                    D: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr):
        """One program: dK and dV of BN keys, from the queries that see them (BM divides BN)."""
        head, start = tl.program_id(1), tl.program_id(0) * BN
        keys = start + tl.arange(0, BN)
        k = _tile(k_ptr + _offset(head, H, kb, kh), keys, kt, T, D)
        v = _tile(v_ptr + _offset(head, H, vb, vh), keys, vt, T, D)
        q_ptr += _offset(head, H, qb, qh)
        do_ptr += _offset(head, H, db, dh)
        dk = tl.zeros([BN, D], tl.float32)
        dv = tl.zeros([BN, D], tl.float32)
        for PAST in tl.static_range(2):      # first the diagonal, then the queries all after
            low, high = (start + BN, T) if PAST else (start, tl.minimum(start + BN, T))
            for n in range(low, high, BM):
                rows = n + tl.arange(0, BM)
                at = head.to(tl.int64) * T + rows
                q, do = _tile(q_ptr, rows, qt, T, D), _tile(do_ptr, rows, dt, T, D)
                lse = tl.load(lse_ptr + at, mask=rows < T, other=0.0)
                delta = tl.load(delta_ptr + at, mask=rows < T, other=0.0)
                p, ds = _p_and_ds(q, k, v, do, lse, delta, rows, keys, scale, 1 - PAST)
                dv = tl.dot(tl.trans(p.to(do.dtype)), do, dv, input_precision="ieee")  # line 12
                dk = tl.dot(tl.trans(ds.to(q.dtype)), q, dk, input_precision="ieee")   # line 16
        # S holds log2(e) / sqrt(D); its derivative keeps 1 / sqrt(D).
        _put(dk_ptr + _offset(head, H, gb, gh), keys, gt, T, dk * (scale * 0.6931471805599453), D)
        _put(dv_ptr + _offset(head, H, gb, gh), keys, gt, T, dv, D)

    @triton.jit
    def _dq_kernel(q_ptr, k_ptr, v_ptr, do_ptr, lse_ptr, delta_ptr, dq_ptr,
                   qb, qh, qt, kb, kh, kt, vb, vh, vt, db, dh, dt, gb, gh, gt, H, T, scale,
                   D: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr):
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
                dq = tl.dot(ds.to(k.dtype), k, dq, input_precision="ieee")             # line 15
        _put(dq_ptr + _offset(head, H, gb, gh), rows, gt, T, dq * (scale * 0.6931471805599453), D)


def _gpu_settings(q, long):
    """(long block, short block, launch options): on sm_80 and sm_90 little or no register spilling."""
    warps = 8 if q.shape[-1] == 128 else 4
    if q.dtype == torch.float32:
        return 32, 16, {"num_warps": warps, "num_stages": 2}
    hopper = q.is_cuda and torch.cuda.get_device_capability(q.device)[0] >= 9
    return long, 64, {"num_warps": warps, "num_stages": 3 if hopper else 2}


def _gpu_forward(q, k, v, o, lse):
    B, H, T, D = q.shape
    long, short, options = _gpu_settings(q, long=128)
    strides = [n for x in (q, k, v, o) for n in x.stride()[:3]]
    _forward_kernel[(triton.cdiv(T, long), B * H)](
        q, k, v, o, lse, *strides, H, T, math.log2(math.e) / math.sqrt(D), D, long, short, **options)


def _gpu_backward(q, k, v, o, lse, dout, dq, dk, dv):
    B, H, T, D = q.shape
    long, short, options = _gpu_settings(q, long=64)
    grid, delta = (triton.cdiv(T, long), B * H), torch.empty_like(lse)
    _delta_kernel[grid](o, dout, delta, *o.stride()[:3], *dout.stride()[:3], H, T, D, long)
    strides = [n for x in (q, k, v, dout, dq) for n in x.stride()[:3]]
    rest = (*strides, H, T, math.log2(math.e) / math.sqrt(D), D)
    _dkv_kernel[grid](q, k, v, dout, lse, delta, dk, dv, *rest, short, long, **options)
    _dq_kernel[grid](q, k, v, dout, lse, delta, dq, *rest, long, short, **options)


# --- one operator for torch ----------------------------------------------------------------------
# torch.compile sees two opaque operators whose shapes the fake versions tell.

def _result_like(q):
    """(B, H, T, D) whose memory is (B, T, H, D): joining the heads afterwards costs no copy."""
    B, H, T, D = q.shape
    return q.new_empty(B, T, H, D).transpose(1, 2)


def _rows_contiguous(*tensors):
    return [x if x.stride(-1) == 1 else x.contiguous() for x in tensors]


def _forward_fake(q, k, v):
    return _result_like(q), q.new_empty(q.shape[:3], dtype=torch.float32)  # (B, H, T, D), (B, H, T)


def _backward_fake(dout, q, k, v, o, lse):
    return _result_like(q), _result_like(q), _result_like(q)


def _forward_op(q, k, v):
    q, k, v = _rows_contiguous(q, k, v)
    o, lse = _forward_fake(q, k, v)
    if q.is_cuda:
        _gpu_forward(q, k, v, o, lse)
    else:
        _call(_library().attention_forward, lse, q, k, v, o)
    return o, lse


def _backward_op(dout, q, k, v, o, lse):
    dout, q, k, v, o = _rows_contiguous(dout, q, k, v, o)
    gradients = _backward_fake(dout, q, k, v, o, lse)
    if q.is_cuda:
        _gpu_backward(q, k, v, o, lse, dout, *gradients)
    else:
        _call(_library().attention_backward, lse, q, k, v, o, dout, *gradients)
    return gradients


def _save(ctx, inputs, output):
    ctx.save_for_backward(*inputs, *output)


def _differentiate(ctx, dout, dlse):
    return torch.ops.nanochatgpt.attention_backward(dout, *ctx.saved_tensors)


_ops = torch.library.Library("nanochatgpt", "DEF")
_ops.define("attention(Tensor q, Tensor k, Tensor v) -> (Tensor, Tensor)")
_ops.define("attention_backward(Tensor dout, Tensor q, Tensor k, Tensor v, Tensor o, Tensor lse)"
            " -> (Tensor, Tensor, Tensor)")
for _device in ("CPU", "CUDA"):
    _ops.impl("attention", _forward_op, _device)
    _ops.impl("attention_backward", _backward_op, _device)
torch.library.register_fake("nanochatgpt::attention", _forward_fake, lib=_ops)
torch.library.register_fake("nanochatgpt::attention_backward", _backward_fake, lib=_ops)
torch.library.register_autograd("nanochatgpt::attention", _differentiate, setup_context=_save,
                                lib=_ops)


# --- dispatch ------------------------------------------------------------------------------------

def _why_not_fused(device, dtype, D):
    """None if the fused kernel takes such tensors on this machine, else the reason in words."""
    if device == "cuda":
        if triton is None:
            return "Triton is not installed"
        if dtype not in (torch.float32, torch.bfloat16, torch.float16) or D not in (32, 64, 128):
            return f"the GPU kernel has no {dtype} with head size {D} (32, 64 or 128)"
        return None
    if device != "cpu":
        return f"there is no kernel for {device}"
    if dtype not in (torch.float32, torch.bfloat16) or D % 8 or not 16 <= D <= 128:
        return f"the CPU kernel has no {dtype} with head size {D} (a multiple of 8 from 16 to 128)"
    try:
        _library()
    except BuildError as error:
        return str(error)
    return None


_paths = {}


@torch.compiler.assume_constant_result
def path_in_use(device, dtype, D):
    """"fused", "sdpa" or "reference" for such tensors; decided, and said on stderr, once.

    Raises RuntimeError if ATTENTION in the environment names a path that cannot be had."""
    if (device, dtype, D) in _paths:
        return _paths[device, dtype, D]
    wanted = os.environ.get("ATTENTION", "")
    if wanted not in ("", "reference", "sdpa", "fused"):
        raise RuntimeError(f"ATTENTION={wanted}: expected reference, sdpa or fused")
    reason = None if wanted in ("reference", "sdpa") else _why_not_fused(device, dtype, D)
    if wanted == "fused" and reason:
        raise RuntimeError(f"ATTENTION=fused cannot be had: {reason}")
    path = _paths[device, dtype, D] = wanted or ("sdpa" if reason else "fused")
    _say(f"attention: {path} on {device}" + (f" ({reason})" if reason else ""))
    return path


@functools.cache
def _say(line):
    print(line, file=sys.stderr, flush=True)


def attention(q, k, v):
    """Causal attention, differentiable: q, k, v and the result are (B, H, T, D), of one dtype.

    Any strides are taken as they are if the last dimension is contiguous. Raises ValueError if the
    shapes or dtypes differ, RuntimeError for a forced path that cannot be had."""
    if not q.shape == k.shape == v.shape or not q.dtype == k.dtype == v.dtype:
        raise ValueError(f"attention takes q, k, v of one shape and dtype, not {tuple(q.shape)} "
                         f"{q.dtype}, {tuple(k.shape)} {k.dtype}, {tuple(v.shape)} {v.dtype}")
    path = path_in_use(q.device.type, q.dtype, q.shape[-1])
    if path == "fused":
        return torch.ops.nanochatgpt.attention(q, k, v)[0]
    if path == "sdpa":
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return reference(q, k, v)


def decode(q, k, v, lengths):
    """One new query per row against its cache: q (B, H, 1, D), k, v (B, H, S, D), result as q.

    Row b sees the keys before lengths[b] (B,), int64, each at least 1; what lies beyond weighs 0."""
    unseen = torch.arange(k.shape[2], device=q.device) >= lengths[:, None, None, None]
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])                    # (B, H, 1, S)
    return scores.masked_fill(unseen, -math.inf).softmax(-1) @ v                 # (B, H, 1, D)
