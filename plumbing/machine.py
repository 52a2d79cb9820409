"""The machine a stage runs on: device, number format, and the other processes if there are any."""

import ctypes
import functools
import math
import os
import platform
import time
import zlib
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
import torch.distributed as dist

from plumbing import shards
from plumbing.errors import BadInput
from plumbing.scale import Scale


@dataclass
class Machine:
    """The device, the number format of the matmuls, and this process's place among its peers."""

    device: str
    dtype: torch.dtype
    rank: int = 0
    processes: int = 1
    recompute: bool = False  # --checkpoint_activations: a backward pass computes blocks again

    def __post_init__(self):
        """float16 has its loss scaled; `scale` is None in the other formats."""
        self.scale = Scale(self.device) if self.dtype == torch.float16 else None

    @property
    def main(self):
        return self.rank == 0

    def __str__(self):
        several = f"{self.processes} × " if self.processes > 1 else ""
        return f"{several}{self.device} {str(self.dtype).removeprefix('torch.')}"

    def autocast(self):
        """float32 master weights; matmuls in 16 bits where the machine is fast at them."""
        if self.dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.split(":")[0], self.dtype)

    def place(self, model, shard=False):
        """Move a model to the device, or, with `shard`, this process's share of it; tell it whether
        a backward pass computes its blocks again (GPT.blocks)."""
        model.recompute = self.recompute
        return shards.shard(model, self) if shard else model.to(self.device)

    def distribute(self, model):
        """Wrap the model so that gradients are averaged over processes (nothing for one process,
        nor for a sharded model, which averages by itself)."""
        if self.processes == 1 or hasattr(model, "reshard"):
            return model
        return torch.nn.parallel.DistributedDataParallel(model)

    def mine(self, rows):
        """This process's share of the rows of a batch that all processes draw alike."""
        return rows[self.rank :: self.processes]

    def backward(self, loss):
        """Gradients of a part of the batch's loss. The parts of all passes and of all processes add
        up to the loss of the whole batch; DistributedDataParallel takes the mean over processes,
        hence the factor. In float16 they are scaled until `optim.step` (plumbing/scale.py)."""
        loss = loss * self.processes
        (self.scale.up(loss) if self.scale else loss).backward()

    def norm(self, norm):
        """The norm of gradients without their scale, as a number."""
        return self.scale.norm(float(norm)) if self.scale else float(norm)

    def parts(self, rows, n):
        """This process's rows of a batch in n parts, to go through one after the other: (rows,
        weight) of each. Where nothing is left for a part it is row 0 at weight 0: every process
        takes part in every backward pass, and this one then adds nothing."""
        for part in np.array_split(rows, n):
            yield (part, 1.0) if len(part) else (np.zeros(1, dtype=np.int64), 0.0)

    def put(self, x):
        """A tensor on the device; on a GPU the copy goes on while Python does."""
        if not self.device.startswith("cuda"):
            return x.to(self.device)
        return x.pin_memory().to(self.device, non_blocking=True)

    def sum(self, value):
        """The sum of a number over all processes."""
        if self.processes == 1:
            return float(value)
        value = torch.as_tensor(value, dtype=widest(self.device), device=self.device)
        dist.all_reduce(value)
        return float(value)

    def mean(self, value):
        """The mean of a number over all processes."""
        return self.sum(value) / self.processes

    def seed(self, *numbers):
        """Seed torch from (run seed, step, ...): a step's draws depend on nothing that came before
        it, so a resumed run needs no saved generator to continue to the same bits."""
        torch.manual_seed(zlib.crc32(repr((*numbers, self.rank)).encode()))


NARROW = ("mps",)  # kinds of device without float64: Apple's GPUs


def widest(device):
    """The format of floating-point numbers with the most digits that a device has."""
    return torch.float32 if torch.device(device).type in NARROW else torch.float64


@functools.cache
def fast_bf16(device):
    """Is bfloat16 arithmetic native here? Without native instructions it is emulated, 100x
    slower."""
    if device.startswith("cuda"):
        return torch.cuda.is_bf16_supported(including_emulation=False)
    features = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return device == "cpu" and bool(features.get("avx512_bf16") or features.get("amx_bf16"))


def fast_dtype(device):
    """The number format of matmuls that a device is fast at. GPUs of capability 7.0 to 7.5 (V100,
    T4, RTX 20) have float16 and no bfloat16; older ones gain nothing by either."""
    if fast_bf16(device):
        return torch.bfloat16
    if device.startswith("cuda") and (7, 0) <= torch.cuda.get_device_capability(device) < (8, 0):
        return torch.float16
    return torch.float32


def keep_freed_memory():
    """Linux's allocator hands large blocks back to the system at once, and the next tensor pays for
    fresh pages: a tenth of a training step on a CPU. Ask it to keep them (mallopt, glibc only)."""
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(-3, 1 << 30)  # M_MMAP_THRESHOLD: blocks up to 1 GiB come from the heap
        libc.mallopt(-1, 1 << 30)  # M_TRIM_THRESHOLD: up to 1 GiB of free heap stays


def setup(cfg):
    """Choose device and dtype, join the other processes if `torchrun` started us, seed."""
    keep_freed_memory()
    rank, processes = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    device = cfg.device
    if device == "auto":
        mps = torch.backends.mps.is_available()
        device = "cuda" if torch.cuda.is_available() else "mps" if mps else "cpu"
    if device not in ("cpu", "cuda", "mps"):
        raise BadInput(f"--device={device}: expected auto, cpu, cuda or mps")
    if device == "cuda":
        if not torch.cuda.is_available():
            raise BadInput("--device=cuda: torch sees no CUDA GPU here; use --device=cpu")
        device = f"cuda:{os.environ.get('LOCAL_RANK', 0)}"
        torch.cuda.set_device(device)
        torch.set_float32_matmul_precision("high")
    if cfg.dtype not in ("auto", "float32", "bfloat16", "float16"):
        raise BadInput(f"--dtype={cfg.dtype}: expected auto, float32, bfloat16 or float16")
    dtype = fast_dtype(device) if cfg.dtype == "auto" else getattr(torch, cfg.dtype)
    if dtype == torch.float16 and getattr(cfg, "fsdp", False):
        raise BadInput("--fsdp has no scale of the loss, as float16 needs: add --dtype=float32")
    if processes == 1 and getattr(cfg, "fsdp", False):
        raise BadInput(
            "--fsdp shares a model among several processes, and this is one; start them "
            "by torchrun --nproc_per_node=N, or leave --fsdp out (--fsdp=false)"
        )
    if processes > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    Machine(device, dtype).seed(cfg.seed)  # not by rank: all draw the same first weights
    return Machine(device, dtype, rank, processes, getattr(cfg, "checkpoint_activations", False))


def check_batch(cfg, rows):
    """Refuse a batch of `rows` that does not divide among gradient accumulation and processes."""
    processes = int(os.environ.get("WORLD_SIZE", 1))
    if rows % (cfg.grad_accum * processes):
        raise BadInput(
            f"--batch_size={rows} does not divide into --grad_accum={cfg.grad_accum} parts on "
            f"{processes} processes"
        )


def memory():
    """Bytes of this machine's memory; without limit where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return math.inf


def check_memory(parameters):
    """Refuse a network that cannot be trained here: a number each for its weight, its gradient and
    the optimizer's two."""
    if 16 * parameters > memory():
        raise BadInput(
            f"a network of {parameters:,} parameters needs {16e-9 * parameters:,.0f} GB to train, "
            f"and this machine has {1e-9 * memory():,.0f}; lower --n_layer, --n_embd, --vocab_size"
        )


def right_pad(rows, fill=0):
    """Lists of ids, right-padded with `fill`, as one (N, T) tensor.

    Under a causal mask what follows a row's end changes nothing before it.
    """
    tokens = torch.full((len(rows), max(map(len, rows))), fill)
    for i, ids in enumerate(rows):
        tokens[i, : len(ids)] = torch.tensor(ids)
    return tokens


def gemm_rate(machine, n=0):
    """This machine's matmul rate in FLOP/s, measured in a moment: what `mfu` is a share of. n: the
    side of the matrices; 0: one that suits the device."""
    n = n or (8192 if machine.device.startswith("cuda") else 512)
    a = torch.randn(n, n, device=machine.device, dtype=machine.dtype)
    best = math.inf
    for _ in range(10):
        start = time.perf_counter()
        (a @ a)[0, 0].item()
        best = min(best, time.perf_counter() - start)
    return 2 * n**3 / best
