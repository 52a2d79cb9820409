"""LoRA: fine-tune a model by adding a product of two thin matrices to each of its own, which stay
as they are (Hu et al. 2021, arXiv 2106.09685).

    h = W·x + (α/r)·B·A·x        W (out, in), A (r, in), B (out, r)                        (eq. 3)

What fine-tuning changes has low rank, says the paper, so r = 8 numbers per row and column do. The
gradients and the optimizer's two moments are then of the pairs alone. Once trained, a pair melts
into its matrix, W ← W + (α/r)·B·A: the checkpoint is a plain one, and answers as fast as before.

    python sft.py --lora=8 --lr=0.01 --out=out/sft_lora      a larger rate: B begins at zero
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from plumbing.errors import BadInput

ALPHA = 16  # scales what is added; α/r is one rate for every rank (section 4.1)


class LowRank(nn.Linear):
    """A linear layer whose weight stays and whose pair A, B learns. B begins at zero, so that at
    first nothing is changed; A is random, since at zero as well no gradient would reach either."""

    def __init__(self, linear, rank):
        nn.Module.__init__(self)
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.weight, self.bias = linear.weight, linear.bias
        bound = 1 / math.sqrt(linear.in_features)
        self.A = nn.Parameter(torch.empty(rank, linear.in_features).uniform_(-bound, bound))
        self.B = nn.Parameter(torch.zeros(linear.out_features, rank))
        self.scale = ALPHA / rank

    def forward(self, x):
        """x (..., in) -> (..., out). The thin matrices one after the other cost r·(in + out) a
        token; their product, out × in, is never made."""
        return super().forward(x) + self.scale * F.linear(F.linear(x, self.A), self.B)

    def merged(self):
        """The one matrix (out, in) that does the same."""
        return self.weight + self.scale * self.B @ self.A

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        """What a checkpoint holds: the plain layer."""
        super()._save_to_state_dict(destination, prefix, keep_vars)
        del destination[prefix + "A"], destination[prefix + "B"]
        destination[prefix + "weight"] = self.merged().detach()


def check(cfg):
    """Refuse what a frozen model cannot do."""
    if cfg.lora and cfg.fsdp:
        raise BadInput(f"--lora={cfg.lora} has little to share among processes; leave out --fsdp")
    if cfg.lora and cfg.n_evidence:  # its tokens begin as copies of others, and the table stays
        raise BadInput(f"--lora={cfg.lora} learns no new tokens; leave out --n_evidence")


def attach(model, rank, saved=None):
    """Freeze the model and give every matrix of its blocks, of attention and MLP, a pair of this
    rank. `saved`: the checkpoint of a run to go on with, that holds the `parts` of its model."""
    model.requires_grad_(False)
    for block in model.h:
        for layer in (block.attn, block.mlp):
            for name, linear in list(layer.named_children()):
                setattr(layer, name, LowRank(linear, rank))
    if saved:
        with torch.no_grad():
            for name, p in model.named_parameters():
                p.copy_(saved["parts"][name])


def parts(model):
    """{"parts": matrices and pairs before they are one}, which --resume needs beside the plain
    checkpoint; {} of a model without pairs."""
    if not any(isinstance(module, LowRank) for module in model.modules()):
        return {}
    return {"parts": {name: p.detach() for name, p in model.named_parameters()}}
