"""The optimizers of every stage: Muon for the hidden matrices, AdamW for all else.

Muon (Jordan et al. 2024) replaces a matrix's momentum by the nearest orthogonal matrix, so that
every direction of a layer learns at the same rate.
"""

import math

import torch

from plumbing.shards import is_shared, share, whole


class Muon(torch.optim.Optimizer):
    """Muon with Nesterov momentum and decoupled weight decay, for 2-D parameters.

    # differs from torch.optim.Muon: that one orthogonalises in bfloat16 everywhere, which a CPU
    # without bfloat16 instructions emulates over 30 times slower than float32, and one matrix at a
    # time. Here that arithmetic is of the caller's `dtype` and matrices of one shape go as a batch.
    """

    def __init__(self, params, lr=0.02, momentum=0.95, weight_decay=0.0, dtype=torch.float32):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        self.dtype = dtype

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            shapes = {}
            for p in group["params"]:
                if p.grad is not None:  # sharded matrices go one by one: one is whole at a time
                    key = id(p) if is_shared(p) else p.shape
                    shapes.setdefault(key, []).append(p)
            for params in shapes.values():
                for p in params:
                    self.state[p].setdefault("momentum_buffer", torch.zeros_like(p))
                moments = [self.state[p]["momentum_buffer"] for p in params]
                grads = [p.grad for p in params]
                torch._foreach_lerp_(moments, grads, 1 - group["momentum"])
                update = torch._foreach_lerp(grads, moments, group["momentum"])
                G = torch.stack([whole(x) for x in update]).to(self.dtype)
                update = orthogonalise(G).to(params[0].dtype).unbind()
                update = [share(x, p) for x, p in zip(update, params)]
                # A tall matrix gets a larger step, so that every output changes equally.
                rows, columns = params[0].shape
                scale = max(1, rows / columns) ** 0.5
                torch._foreach_mul_(params, 1 - group["lr"] * group["weight_decay"])
                torch._foreach_add_(params, update, alpha=-group["lr"] * scale)


def orthogonalise(G, steps=5):
    """Nearly the U·Vᵀ of each matrix G = U·S·Vᵀ in a batch (N, rows, columns), in G's dtype.

    Newton-Schulz: X ← Q·X, Q = a·I + b·A + c·A², A = X·Xᵀ drives every singular value towards 1.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    wide = G.shape[1] <= G.shape[2]
    X = G if wide else G.mT
    X = X / X.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    if X.dtype == torch.bfloat16 or X.shape[1] == X.shape[2]:
        for _ in range(steps):
            A = X @ X.mT
            X = torch.baddbmm(X, torch.baddbmm(A, A, A, beta=b, alpha=c), X, beta=a)
        return X if wide else X.mT
    # The same with less arithmetic for oblong matrices. Every Q is a polynomial in the first A, so
    # all commute: A becomes A·Q², and X need not be known until the end. In bfloat16 small values
    # of A would be rounded to negative ones, which then grow; hence the loop above.
    A, P = X @ X.mT, None  # (N, m, m), m the shorter side; P is the product of the Qs
    for step in range(steps):
        Q = torch.baddbmm(A, A, A, beta=b, alpha=c)
        Q.diagonal(dim1=1, dim2=2).add_(a)
        P = Q if P is None else Q @ P
        if step + 1 < steps:
            A = Q @ A @ Q
    X = P @ X
    return X if wide else X.mT


def learning_rate(step, steps, warmup=0, final=0.1):
    """Factor on the peak rate: linear warm-up, then a cosine down to `final` at the last step."""
    if step < warmup:
        return (step + 1) / (warmup + 1)
    progress = (step - warmup) / max(1, steps - 1 - warmup)
    return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def build(
    model, lr, matrix_lr=0.0, weight_decay=0.0, betas=(0.9, 0.95), eps=1e-8, dtype=torch.float32
):
    """The optimizers of a model, as a list: Muon at `matrix_lr` on the blocks' matrices (none if it
    is 0), its matmuls in `dtype`, AdamW at `lr` on the rest. Weight decay falls on matrices only,
    never on norms and biases."""
    if dtype == torch.float16:  # too narrow for Muon's powers of a matrix
        dtype = torch.float32
    params = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    # The pairs of lora.py are AdamW's, as in its paper: orthogonal steps of B and of A make no
    # orthogonal step of their product, whose length would depend on how it is factored.
    matrices = [p for name, p in params if name.startswith("h.") and name.endswith(".weight")]
    hidden = [p for p in matrices if p.ndim == 2 and matrix_lr > 0]
    taken = {id(p) for p in hidden}
    rest = [p for _, p in params if id(p) not in taken]
    groups = [
        {"params": [p for p in rest if p.ndim == 2], "weight_decay": weight_decay},
        {"params": [p for p in rest if p.ndim != 2], "weight_decay": 0.0},
    ]
    adamw = torch.optim.AdamW(groups, lr=lr, betas=betas, eps=eps, fused=True)
    muon = [Muon(hidden, matrix_lr, weight_decay=weight_decay, dtype=dtype)] if hidden else []
    optimizers = [adamw, *muon]
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak_lr"] = group["lr"]
    return optimizers


@torch.no_grad()
def follow(average, model, decay):
    """The moving average of a model's weights, in place: θ̄ ← decay·θ̄ + (1 − decay)·θ."""
    torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - decay)


def step(optimizers, model, factor, clip=1.0):
    """One update at `factor` times the peak rates after clipping the gradient norm to `clip`.

    Returns the norm before clipping and leaves the gradients empty. In float16 the run has given
    the optimizers the scale of the gradients; where these overflow there is no update, norm 0.
    """
    scale = getattr(optimizers[0], "scale", None)
    if scale:
        scale.down(optimizers)
    norm = whole(torch.nn.utils.clip_grad_norm_(model.parameters(), clip))
    fits = not scale or scale.fits(norm)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = factor * group["peak_lr"]
        if fits:
            optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return norm if fits else torch.zeros_like(norm)
