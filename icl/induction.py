"""Induction heads (Olsson et al. 2022): probe 4 of icl_eval.py.

An induction head completes [A][B] ... [A] with [B]: it looks back to what followed the last time.
Copying of this kind is the simplest learning in context, and it appears suddenly in training.

* prefix matching  on a random sequence said twice, the mean attention from each token of the second
                   saying to the token that followed it in the first; against attention spread
                   evenly. Two layers are needed: one head tells each token what stood before it.
* copying          the loss on the second saying minus the loss on the first.
* ICL score        the loss late in a block of text minus the loss early in it: context helps.

A control whose answers are known goes through the same code: a network of two layers whose weights
are written by hand to be this circuit (Elhage et al. 2021).
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from data.corpora import PretrainText
from icl.tables import print_beside, spread, where
from model import GPT, GPTConfig
from plumbing.errors import BadInput
from plumbing.records import t_interval

SEQUENCES = 64  # random ones, said twice
BLOCKS = 512  # of text
LENGTH = 20  # tokens of a sequence that is said twice: a line of a song has about as many


# --- the maths ---------------------------------------------------------------------------------


def attention_weights(q, k):
    """P = softmax(Q Kᵀ / √D) over the keys up to the query. q, k (B, H, T, D) -> (B, H, T, T)."""
    T, D = q.shape[-2:]
    scores = (q @ k.transpose(-2, -1)).float() / math.sqrt(D)  # (B, H, T, T)
    future = torch.ones(T, T, dtype=torch.bool, device=q.device).triu(1)
    return scores.masked_fill(future, -math.inf).softmax(-1)


def prefix_matching(weights, L):
    """Mean attention from t to (previous occurrence of token t) + 1 (Olsson et al. 2022, p. 24).

    weights (..., T, T) on one token and then r twice, r of L different tokens, T = 1 + 2L. Token t
    of the second saying, t = 1 + L ... 2L, occurred at t − L, so the head should look to t − L + 1:
    weights[..., t, t − L + 1], averaged over the L places. Returns (...).
    """
    t = torch.arange(1 + L, 1 + 2 * L, device=weights.device)
    return weights[..., t, t - L + 1].mean(-1)


def previous_token(weights):
    """Mean attention from t to t − 1, the other half of the circuit: (..., T, T) -> (...)."""
    return weights.diagonal(offset=-1, dim1=-2, dim2=-1).mean(-1)


def even_attention(L):
    """What `prefix_matching` gives for a head that attends evenly: mean of 1 / (t + 1)."""
    return float(np.mean(1 / np.arange(2 + L, 2 + 2 * L)))


def copying(nll):
    """Mean loss on the second saying minus that on the first, over the same tokens, r₂ … r_L.

    nll (B, 2L): entry t is the loss of token t + 1 of [start; r; r]. r₁ is left out: nothing in
    the context foretells that r begins again. Returns both means, each (B,).
    """
    L = nll.shape[1] // 2
    return nll[:, 1:L].mean(1), nll[:, L + 1 :].mean(1)


def icl_score(nll):
    """Loss late in the context minus loss early in it (Olsson et al. 2022, p. 7), per block.

    nll (B, T) -> (B,). They take tokens 500 and 50 of 512; here, for less noise, the means of the
    last eighth of the positions and of the second sixteenth.
    """
    T = nll.shape[1]
    return nll[:, T - T // 8 :].mean(1) - nll[:, T // 16 : T // 8].mean(1)


# --- looking into a network --------------------------------------------------------------------


@torch.no_grad()
def heads(model, tokens):
    """Attention weights of every layer on tokens (B, T): L tensors (B, H, T, T), one at a time.

    A hook notes what each attention module is given; queries and keys are then computed again from
    that, and the weights from them in plain PyTorch.
    """
    given = []
    hooks = [
        block.attn.register_forward_pre_hook(lambda _, inputs: given.append(inputs[:2]))
        for block in model.h
    ]
    try:
        model.trunk(tokens)
    finally:
        for hook in hooks:
            hook.remove()
    for block, (x, rotation) in zip(model.h, given):
        q, k, _ = block.attn.project(x, rotation)
        yield attention_weights(q, k)


def repeated(n, L, pool, start, seed):
    """n rows [start; r; r] of ids, r being L different tokens of `pool`, at random: (n, 1 + 2L)."""
    rng = np.random.default_rng(seed)
    r = np.stack([rng.choice(pool, L, replace=False) for _ in range(n)])
    return torch.from_numpy(np.concatenate([np.full((n, 1), start), r, r], axis=1))


def hand_built(V=24, L=12):
    """A network with two layers of two heads that is an induction circuit, weights set by hand.

    The stream has three parts: which token this is (V), where it stands (T = 1 + 2L), and which
    token stood before it (V), empty at first. Layer 1, head 0: the query at position t is t, the
    key t + 1, so each token looks to the one before, whose name is written into the third part.
    Layer 2, head 0: the query is this token, the key the token before, so it looks to where this
    token was last followed by something; the name of that is added to the first part and outweighs
    the token's own. Heads 1 and both MLPs are zero: they attend evenly and write nothing.
    """
    T = 1 + 2 * L
    C = -(-(2 * V + T) // 4) * 4  # two heads of even size
    model = GPT(GPTConfig(block_size=T, vocab_size=V, n_layer=2, n_head=2, n_embd=C, pos="learned"))
    token = 0  # where each part of the stream begins
    place = V
    before = V + T
    sharp = 100.0  # scores so far apart that a softmax leaves one

    def carry(row, column, size, scale=1.0, shift=0):
        """The (C, C) map that adds `scale` times part `column` of its input to part `row`."""
        matrix = torch.zeros(C, C)
        i = torch.arange(-shift, size)
        matrix[row + i, column + i + shift] = scale
        return matrix

    def write(attn, query, key, size, to, gain, shift=0):
        """Head 0 looks for the keys that equal its query and writes their tokens to part `to`."""
        q = carry(0, query, size, sharp)
        k = carry(0, key, size, 1.0, shift)
        v = carry(0, token, V)
        attn.c_attn.weight.copy_(torch.cat([q, k, v]))
        attn.c_proj.weight.copy_(carry(to, 0, V, gain))

    with torch.no_grad():
        for name, p in model.named_parameters():
            p.fill_(1.0 if "ln" in name else 0.0)
        model.wte.weight[:, token : token + V] = torch.eye(V)
        model.wpe.weight[:, place : place + T] = torch.eye(T)
        model.ln_f.weight.fill_(2.0)
        write(model.h[0].attn, place, place, T, before, 0.2, shift=-1)
        write(model.h[1].attn, token, before, V, token, 4.0)
    return model.eval()


# --- measuring ---------------------------------------------------------------------------------


@dataclass
class Repeats:
    """What a network does on a repeated random sequence."""

    matching: np.ndarray  # (B, L, H): prefix matching of each sequence, layer and head
    previous: np.ndarray  # (B, L, H): attention to the token before
    first: np.ndarray  # (B,): loss on the first saying
    second: np.ndarray  # (B,): and on the second
    chance: float  # prefix matching of a head that attends evenly


@torch.no_grad()
def measure(model, tokens):
    """Everything about tokens (B, 1 + 2L) = [start; r; r], on the model's device."""
    L = tokens.shape[1] // 2
    matching, previous = [], []
    for weights in heads(model, tokens):
        matching.append(prefix_matching(weights, L).cpu().numpy())
        previous.append(previous_token(weights).cpu().numpy())
    nll = model(tokens[:, :-1], tokens[:, 1:]).float()
    first, second = (part.cpu().numpy() for part in copying(nll))
    return Repeats(np.stack(matching, 1), np.stack(previous, 1), first, second, even_attention(L))


def text_of(cfg, loaded):
    """Text of the kind the model was pretrained on that it has not seen, or of the file --data;
    None where there is no such text here."""
    try:
        return PretrainText(cfg.data, loaded.checkpoint, loaded.tokenizer, cfg.seed)
    except BadInput:
        if cfg.data:
            raise
        print(
            f"no ICL score: the text that {loaded.name} was pretrained on is not here; give "
            "--data=FILE"
        )
        return None


def familiar(text, tokenizer):
    """Ids of the tokens that occur in the text now and then, or of all that are no special token:
    one that never occurred in training would test nothing."""
    everything = np.arange(len(tokenizer.vocab))
    if text is None:
        return everything
    counts = np.bincount(text.tokens[: 10**6], minlength=len(everything))[: len(everything)]
    return everything[counts >= 10] if (counts >= 10).sum() > LENGTH else everything


@torch.no_grad()
def text_losses(text, loaded, n, seed, machine):
    """Loss at each position of n random blocks of text: (n, T)."""
    tokens, targets = text.get_batch(n, [seed], machine)
    losses = []
    for part in zip(tokens.split(32), targets.split(32)):
        with machine.autocast():
            losses.append(loaded.model(*part).float().cpu().numpy())
    return np.concatenate(losses)


def repeat_rows(found, about):
    """Rows of one network: each head, and the sequence as a whole."""
    rows = []
    for (layer, head), mean in np.ndenumerate(found.matching.mean(0)):
        row = {**about, "kind": "head", "layer": layer, "head": head, "matching": float(mean)}
        row["half"] = t_interval(found.matching[:, layer, head])[1]
        row["previous"] = float(found.previous[:, layer, head].mean())
        row["chance"] = found.chance
        rows.append(row)
    best = max(rows, key=lambda r: r["matching"])
    row = {**about, "kind": "repeat"}
    for name in ("matching", "half", "layer", "head", "chance"):
        row[name] = best[name]
    row["sequences"] = len(found.first)
    row["first"] = float(found.first.mean())
    row["second"] = float(found.second.mean())
    row["copying"], row["copying_half"] = t_interval(found.second - found.first)
    return [*rows, row]


def text_rows(nll, about):
    """Rows of text: the ICL score, and the loss at each position; nll (N, T)."""
    score, half = t_interval(icl_score(nll))
    row = {**about, "kind": "text", "blocks": len(nll), "loss": float(nll.mean())}
    rows = [{**row, "icl_score": score, "icl_half": half}]
    for i, loss in enumerate(nll.mean(0)):
        rows.append({**about, "kind": "position", "position": i + 1, "loss": float(loss)})
    return rows


def control_rows(step):
    """Rows of the network written by hand."""
    model = hand_built()
    L = (model.config.block_size - 1) // 2
    tokens = repeated(SEQUENCES, L, np.arange(1, model.config.vocab_size), start=0, seed=0)
    about = {"probe": "induction", "ckpt": "control", "step": step, "control": True}
    return repeat_rows(measure(model, tokens), about)


def probe(cfg, loaded, machine):
    """Rows of kind "head", "repeat", "text" and "position" of the model, and of the control."""
    model = loaded.model.eval()
    text = text_of(cfg, loaded)
    pool = familiar(text, loaded.tokenizer)
    L = min(LENGTH, (model.config.block_size - 1) // 2)
    if L < 2:
        raise BadInput(
            f"{loaded.name}: a context of {model.config.block_size} tokens is too short "
            "for a sequence said twice"
        )
    tokens = repeated(SEQUENCES, L, pool, loaded.tokenizer.endoftext, cfg.seed)
    about = {"probe": "induction", **loaded.about()}
    rows = repeat_rows(measure(model, tokens.to(machine.device)), about)
    if text is not None:
        nll = text_losses(text, loaded, cfg.prompts or BLOCKS, cfg.seed, machine)
        rows += text_rows(nll, about)
    return rows + control_rows(about["step"])


# --- tables ------------------------------------------------------------------------------------

HEAD = {
    "prefix matching": "matching",
    "95%": "± {half:.3f}",
    "even attention": "chance",
    "to the token before": "previous",
}
REPEAT = {
    "step": "step",
    "prefix matching": "matching",
    "even": "chance",
    "first": "first",
    "second": "second",
    "copying": "{copying:+.3f} ± {copying_half:.3f}",
}


def head_name(r):
    return f"{r['ckpt']} layer {r['layer'] + 1}, head {r['head'] + 1}"


def show(rows):
    """Print each model's heads, its copying and ICL score, and the control beside them."""
    models = [r for r in rows if "control" not in r]
    control = where(rows, control=True)
    heads_of = where(models, kind="head")
    repeats = where(models, kind="repeat") + where(control, kind="repeat")[:1]
    texts = where(models, kind="text")
    print_beside(
        "Attention of each head on random sequences said twice",
        ("head",),
        spread(heads_of, head_name, HEAD),
    )
    scores = {r["ckpt"]: {"ICL score": "-"} for r in repeats}
    scores |= spread(texts, "ckpt", {"ICL score": "{icl_score:+.3f} ± {icl_half:.3f}"})
    print_beside(
        "The best head, copying (loss on the second saying minus the first) and the ICL "
        "score\n(loss late in a block of text minus early in it), nats per token",
        ("model",),
        spread(repeats, "ckpt", REPEAT),
        scores,
    )
    idle = where(control, kind="head", layer=1, head=1)[0]
    print(
        f"  control: a circuit written by hand; its idle head gives {idle['matching']:.4f}, even "
        f"attention {idle['chance']:.4f}"
    )
    print(
        "\nA mechanism in a toy world: a head that copies is one way to learn in context, not all"
        " of it;\nin large models the labels' meaning is overridden too (Wei et al. 2023)."
    )


def headline(rows):
    """One line for --watch."""
    best = where(rows, kind="repeat")[0]
    line = "prefix matching {matching:.3f} (even {chance:.3f}), copying {copying:+.3f}"
    texts = [f", ICL score {r['icl_score']:+.3f}" for r in where(rows, kind="text")]
    return "".join([line.format(**best), *texts])
