"""The GPT: a decoder-only transformer.

Shapes are written in one alphabet, here and in the stages:
B batch, T tokens, C channels (n_embd), H heads, D head size (C/H), L layers, S cache slots, V
vocabulary, P prompt tokens, R response tokens, K candidate answers.

Batches are padded on the right, everywhere. Attention is causal, so what stands after a text
changes nothing before it, and no padding mask is needed.
"""

import math
from dataclasses import dataclass, fields, replace

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

from kernels import attention, ops


@dataclass
class GPTConfig:
    """The shape of a network. The defaults are a model that trains in minutes on a CPU."""

    block_size: int = 128  # training context, in tokens
    vocab_size: int = 1024
    n_layer: int = 4
    n_head: int = 4
    n_embd: int = 128
    dropout: float = 0.0
    bias: bool = False  # in Linear and LayerNorm; GPT-2 has it
    pos: str = "rope"  # "learned" table (GPT-2) or "rope" rotations (Su et al. 2021)
    rotary: float = 0.5  # with rope: share of a head's channels that turn with position
    qk_norm: bool = True  # with rope: queries and keys of one length (Henry et al. 2020)
    head: str = "lm"  # "lm": words, over V; "scalar": one number per token; "reward": both

    def check(self):
        """Raises ValueError for a shape that no network can have."""
        for field in fields(self):
            value = getattr(self, field.name)
            if type(value) not in ((int, float) if field.type is float else (field.type,)):
                raise ValueError(f"{field.name}={value!r:.40}: expected {field.type.__name__}")
            if field.type is int and value < 1:
                raise ValueError(f"{field.name}={value}: expected a number above 0")
        if self.head not in ("lm", "scalar", "reward"):
            raise ValueError(f"head={self.head:.40}: expected lm, scalar or reward")
        if self.pos not in ("rope", "learned"):
            raise ValueError(f"pos={self.pos}: expected rope or learned")
        if not 0 < self.rotary <= 1:
            raise ValueError(f"rotary={self.rotary}: expected a share above 0, at most 1")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout={self.dropout}: expected at least 0 and less than 1")
        if self.n_embd % self.n_head or self.n_embd // self.n_head % 2:
            raise ValueError(
                f"n_embd={self.n_embd} must divide into n_head={self.n_head} even heads"
            )

    def check_weights(self, weights):
        """Raises ValueError where weights (a state dict) are not of this shape, before a network is
        built that could have any size."""
        layers = {name.split(".")[1] for name in weights if name.startswith("h.")}
        shapes = {"wte.weight": (self.vocab_size, self.n_embd)}
        if self.pos == "learned":
            shapes["wpe.weight"] = (self.block_size, self.n_embd)
        fits = len(layers) == self.n_layer
        for name, shape in shapes.items():
            fits = fits and name in weights and tuple(weights[name].shape) == shape
        if not fits:
            raise ValueError("weights do not fit the model: its config has another shape")

    def room(self, tokens):
        """How many of so many tokens have a position: a learned table ends with the block."""
        return min(tokens, self.block_size) if self.pos == "learned" else tokens


# --- the layers --------------------------------------------------------------------------------


QK_LENGTH = 1.25  # of a normalised query or key, in units of √D: no score is above 1.25²·√D
POLAR = ("cpu",)  # where cosine and sine come in one pass; Apple's GPUs have no complex numbers


def rope(positions, config):
    """The turns of rotary positions (Su et al. 2021, eq. 34), as (cosine, sine); with qk_norm each
    also has QK_LENGTH, to which the kernel brings what it turns.

        (x₁ + i·x₂) ← (x₁ + i·x₂) · e^(i·m·θ_j)        θ_j = 10000^(−j / pairs that turn)

    Channels are taken in pairs; at position m, pair j turns by m·θ_j radians, so that q·k depends
    on the distance alone. Some pairs turn; the others stand still, and what they ask for is found
    at any distance. positions (T,) or (B, 1) -> (T or B×1, 1, 1, D/2, 2).
    """
    D = config.n_embd // config.n_head
    pairs = torch.arange(D // 2, device=positions.device)
    turning = math.ceil(config.rotary * D / 2)
    frequency = 10000.0 ** (-pairs / turning) * (pairs < turning)  # (D/2,)
    angle = positions[..., None, None, None] * frequency
    length = torch.full_like(angle, QK_LENGTH if config.qk_norm else 1.0)
    if positions.device.type in POLAR:
        return torch.view_as_real(torch.polar(length, angle))
    return torch.stack((length * angle.cos(), length * angle.sin()), -1)


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.n_head, self.dropout, self.qk_norm = config.n_head, config.dropout, config.qk_norm
        self.c_attn = nn.Linear(config.n_embd, 3 * config.n_embd, bias=config.bias)
        self.c_proj = nn.Linear(config.n_embd, config.n_embd, bias=config.bias)

    def project(self, x, rotation):
        """Queries and keys, turned by position, and values: (B, T, C) -> three (B, H, T, D)."""
        B, T, C = x.shape
        qkv = self.c_attn(x).view(B, T, 3, self.n_head, C // self.n_head)
        qk, v = qkv.split((2, 1), 2)
        if rotation is not None:
            qk = ops.rotate(qk, rotation, self.qk_norm)
        return [x.transpose(1, 2) for x in (*qk.unbind(2), v.squeeze(2))]

    def forward(self, x, rotation, cache, lengths):
        B, T, C = x.shape
        q, k, v = self.project(x, rotation)
        if cache is None:  # softmax(QKᵀ/√D)·V, causal: see kernels/attention.py, `reference`
            y = attention.attention(q, k, v)
        elif lengths is None:  # prefill: fill the first T slots
            cache[0, :, :, :T], cache[1, :, :, :T] = k, v
            y = attention.attention(q, k, v)
        else:  # decode: row b writes its one new token into slot lengths[b]
            y = attention.decode(q, k, v, cache, lengths)
        y = y.transpose(1, 2).reshape(B, T, C)
        return F.dropout(self.c_proj(y), self.dropout, self.training)


class MLP(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.dropout = config.dropout
        self.c_fc = nn.Linear(config.n_embd, 4 * config.n_embd, bias=config.bias)
        self.c_proj = nn.Linear(4 * config.n_embd, config.n_embd, bias=config.bias)

    def forward(self, x):
        x = ops.gelu(self.c_fc(x))  # (B, T, 4C)
        return F.dropout(self.c_proj(x), self.dropout, self.training)


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd, bias=config.bias)
        self.attn = Attention(config)
        self.ln_2 = nn.LayerNorm(config.n_embd, bias=config.bias)
        self.mlp = MLP(config)

    def forward(self, x, rotation, cache, lengths):
        x = x + self.attn(self.ln_1(x), rotation, cache, lengths)
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    """GPT-2's architecture: pre-norm blocks, tanh GELU, the token table shared with the output
    head."""

    def __init__(self, config):
        super().__init__()
        config.check()
        self.config = config
        self.recompute = False  # see `blocks`
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        if config.pos == "learned":
            self.wpe = nn.Embedding(config.block_size, config.n_embd)
        self.h = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.n_embd, bias=config.bias)
        if config.head != "lm":
            self.scalar_head = nn.Linear(config.n_embd, 1)
        if config.head == "reward":  # what a nat of the word head is worth beside the scalar
            self.register_buffer("alpha", torch.ones(()))
        self.apply(self._init)
        # Each block adds to the residual stream twice; smaller exits keep its variance at 1 (GPT-2,
        # 2.3).
        for name, p in self.named_parameters():
            if name.endswith("c_proj.weight"):
                nn.init.normal_(p, std=0.02 / math.sqrt(2 * config.n_layer))

    @staticmethod
    def _init(module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            scalar = isinstance(module, nn.Linear) and module.out_features == 1
            nn.init.normal_(module.weight, std=0.0 if scalar else 0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    @classmethod
    def of(cls, options, n_vocab):
        """A network of the shape that a stage's options ask for, for so many different tokens."""
        vocab_size = -(-n_vocab // 64) * 64  # a multiple of 64 keeps the matmuls aligned
        known = GPTConfig.__dataclass_fields__
        shape = {name: value for name, value in vars(options).items() if name in known}
        return cls(GPTConfig(**{**shape, "vocab_size": vocab_size}))

    @classmethod
    def from_checkpoint(cls, checkpoint, **changes):
        """The network a checkpoint holds. `changes` override its config, such as head="scalar":
        what the new head adds is fresh, and of a reward model a scalar head leaves the words."""
        before = {"rotary": 1.0, "qk_norm": False}  # of checkpoints that do not tell
        config = GPTConfig(**{**before, **checkpoint["model_config"], **changes})
        config.check()
        config.check_weights(checkpoint["model"])
        model = cls(config)
        try:
            missing, unexpected = model.load_state_dict(checkpoint["model"], strict=False)
        except RuntimeError as error:
            reason = str(error).splitlines()[-1].strip()
            raise ValueError(f"weights do not fit the model: {reason}") from None
        of_heads = ("scalar_head", "alpha")
        foreign = [name for name in missing if not name.startswith(of_heads)]
        foreign += [name for name in unexpected if name != "alpha"]
        if foreign:
            raise ValueError(f"weights do not fit the model: {foreign[:3]}")
        return model

    def choose_path(self, dtype):
        """Have it said now how attention is computed in this number format, not within an
        answer; returns the network."""
        head_size = self.config.n_embd // self.config.n_head
        attention.path_in_use(self.wte.weight.device.type, dtype, head_size)
        return self

    @torch.no_grad()
    def adopt(self, token, like, share=1.0):
        """Start a token that no text has held as the mean of some that were learned (ids), or move
        it there a share of the way."""
        self.wte.weight[token].lerp_(self.wte.weight[like].mean(0), share)

    @torch.no_grad()
    def grow(self, n, like):
        """Make room for `n` different tokens: the token table, which is the output head as well,
        gets new rows, each started like the token `like`. What fits already stays as it is.

        No more rows than that: a row that no text trains would take `like`'s share of every choice.
        """
        new = n - self.config.vocab_size
        if new > 0:
            rows = self.wte.weight[like].expand(new, -1)  # (new, C)
            self.wte = nn.Embedding.from_pretrained(torch.cat([self.wte.weight, rows]), False)
            self.config = replace(self.config, vocab_size=n)

    def trunk(self, tokens, cache=None, lengths=None):
        """tokens (B, T) -> hidden states after the last norm (B, T, C).

        With a `cache` from `new_cache` and no `lengths`, fills it (prefill). With `lengths` (B,)
        and T = 1, the token of row b stands at position lengths[b] (decode). The cache is written
        in place.
        """
        B, T = tokens.shape
        if lengths is None:
            positions = torch.arange(T, device=tokens.device)  # (T,)
        else:
            positions = lengths[:, None]  # (B, 1)
        x = self.wte(tokens)  # (B, T, C)
        rotation = None
        if self.config.pos == "learned":
            if lengths is None and T > self.config.block_size:
                raise ValueError(
                    f"{T} tokens do not fit the {self.config.block_size} learned positions"
                )
            x = x + self.wpe(positions)
        else:
            rotation = rope(positions, self.config)
        x = F.dropout(x, self.config.dropout, self.training)
        return self.ln_f(self.blocks(x, rotation, cache, lengths))

    def blocks(self, x, rotation, cache, lengths):
        """One block after the other: (B, T, C) -> (B, T, C).

        With `recompute` a backward pass finds what went into each block and computes the block
        again, dropout's draws included, instead of all that the blocks made (Chen et al. 2016,
        arXiv 1604.06174): a third more arithmetic for a small part of the memory.
        """
        again = self.recompute and cache is None and torch.is_grad_enabled()
        draws = self.config.dropout > 0  # are there random numbers to repeat?
        for layer, block in enumerate(self.h):
            if again:
                options = dict(use_reentrant=False, preserve_rng_state=draws)
                x = checkpoint(block, x, rotation, None, lengths, **options)
            else:
                x = block(x, rotation, None if cache is None else cache[layer], lengths)
        return x

    def new_cache(self, B, S):
        """Keys and values of every layer for B rows of S slots: (L, 2, B, H, S, D), zeros."""
        c = self.config
        D = c.n_embd // c.n_head
        device = self.wte.weight.device
        autocast = torch.is_autocast_enabled(device.type)
        dtype = torch.get_autocast_dtype(device.type) if autocast else None
        return torch.zeros(c.n_layer, 2, B, c.n_head, S, D, device=device, dtype=dtype)

    def forward(self, tokens, targets=None):
        """tokens (B, T) -> logits (B, T, V); a scalar head gives (B, T).

        With `targets` (B, T): the loss −log p(target) of each position (B, T), 0 where target = −1.
        A reward head then gives its scalar plus α/√N times the log p of the row's N targets (B, T).
        """
        x = self.trunk(tokens)
        if self.config.head == "scalar":
            return self.scalar_head(x).squeeze(-1).float()  # (B, T)
        if targets is None:
            return F.linear(x, self.wte.weight)  # (B, T, V)
        if self.config.head == "lm":
            return nll(x.flatten(0, 1), self.wte.weight, targets.flatten()).view_as(targets)
        own = targets >= 0  # (B, T): the few whose logits are needed
        logp = -nll(x[own], self.wte.weight, targets[own])
        logp = torch.zeros_like(own, dtype=logp.dtype).masked_scatter(own, logp)
        words = logp.sum(1, keepdim=True) / own.sum(1, keepdim=True).clamp(min=1).sqrt()
        return self.scalar_head(x).squeeze(-1).float() + self.alpha * words

    def flops_per_token(self, T):
        """Multiply-adds of one training token, forward and backward, counted twice (PaLM, App. B),
        with the causal half of attention: 6·N + 6·L·C·T. The token table counts once, as the
        head."""
        N = sum(p.numel() for name, p in self.named_parameters() if name != "wpe.weight")
        return 6 * N + 6 * self.config.n_layer * self.config.n_embd * T


MOST_LOGITS = 2**25  # 128 MiB in float32: what is held of them at a time


def rows_at_once(vocab_size):
    """Rows of logits that are held at a time."""
    return max(1, MOST_LOGITS // vocab_size)


def nll(x, weight, targets):
    """−log softmax(x·weightᵀ)[target] of each row: x (N, C), weight (V, C), targets (N,) -> (N,).

    GPT-2's vocabulary makes the logits the largest tensor of a step. Beyond MOST_LOGITS the rows go
    through in parts, whose logits the backward pass computes again rather than keep.
    """

    def part(x, targets):
        return ops.cross_entropy(F.linear(x, weight), targets)

    rows = rows_at_once(len(weight))
    if len(x) <= rows:
        return part(x, targets)
    parts = zip(x.split(rows), targets.split(rows))
    return torch.cat([checkpoint(part, *p, use_reentrant=False) for p in parts])
