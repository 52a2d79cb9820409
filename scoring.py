"""How a prompt's continuation is scored and how a share is reported: shared by the probes of
in-context learning (icl_eval.py)."""

import json
import math
import os
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from common import BadInput

# Two-sided 95% points of Student's t for 1, 2, ... degrees of freedom.
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
TOKENS_AT_ONCE = 16_384  # tokens of one forward pass, pads included


def groups(lengths):
    """Indices of rows in groups of similar length that fill TOKENS_AT_ONCE, right-padded."""
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        size = 1
        while (start + size < len(order)
               and (size + 1) * lengths[order[start + size]] <= TOKENS_AT_ONCE):
            size += 1
        yield order[start : start + size].tolist()
        start += size


def pad(rows, device):
    """Lists of ids, right-padded with zeros, as one (N, T) tensor: under a causal mask what follows
    a row's end changes nothing before it."""
    tokens = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    for i, ids in enumerate(rows):
        tokens[i, : len(ids)] = torch.tensor(ids)
    return tokens.to(device)


@torch.no_grad()
def next_logprobs(model, prompts, machine):
    """log p(next token | prompt) of each prompt (a list of N lists of ids), as (N, V) float32."""
    model.eval()
    out = np.empty((len(prompts), model.config.vocab_size), dtype=np.float32)
    for rows in groups([len(p) for p in prompts]):
        last = torch.tensor([len(prompts[i]) - 1 for i in rows])
        with machine.autocast():
            x = model.trunk(pad([prompts[i] for i in rows], machine.device))
        x = x[torch.arange(len(rows)), last]  # (rows, C)
        out[rows] = _token_logprobs(model, x, machine).cpu().numpy()
    return out


def option_logprobs(model, prompts, options, machine):
    """log p of every token of every option, given its prompt and the option's earlier tokens.

    prompts: N lists of ids; options: for each prompt a list of lists of ids, none empty. Returns,
    for each prompt, a list of 1-D float arrays, one per option: its sum is log p(option | prompt).
    """
    return score_options(model, prompts, options, machine)[0]


@torch.no_grad()
def score_options(model, prompts, options, machine):
    """What `option_logprobs` returns, and for each prompt a list of bool, one per option: does
    greedy decoding over the whole vocabulary write this option?

    A prompt is read once. Its keys and values are then copied for each option, which costs only its
    own tokens.
    """
    model.eval()
    logps, greedy = ([[None] * len(o) for o in options] for _ in range(2))
    for part in groups([len(p) for p in prompts]):
        lengths = [len(prompts[i]) for i in part]
        pairs = {}  # option length -> [(row, option)]: those of one length go on together
        for j, i in enumerate(part):
            for m, option in enumerate(options[i]):
                pairs.setdefault(len(option), []).append((j, m))
        with machine.autocast():
            cache = model.new_cache(len(part), max(lengths) + max(pairs))
            x = model.trunk(pad([prompts[i] for i in part], machine.device), cache)
        last = torch.tensor(lengths, device=machine.device) - 1
        first = _token_logprobs(model, x[torch.arange(len(part)), last], machine)  # (B, V)
        for same in pairs.values():
            for group in groups([lengths[j] for j, _ in same]):
                chosen = [same[g] for g in group]
                ids = torch.tensor([options[part[j]][m] for j, m in chosen], device=machine.device)
                rows = torch.tensor([j for j, _ in chosen], device=machine.device)
                logp, best = _continue(model, first, cache, last + 1, rows, ids, machine)
                for (j, m), values, likeliest in zip(chosen, logp, best):
                    logps[part[j]][m], greedy[part[j]][m] = values, bool(likeliest.all())
    return logps, greedy


def _token_logprobs(model, x, machine):
    """Hidden states (B, C) -> log-probabilities of the next token (B, V), float32."""
    with machine.autocast():
        logits = F.linear(x, model.wte.weight)
    return logits.float().log_softmax(-1)


def _continue(model, first, cache, lengths, rows, options, machine):
    """Go on from rows (n,) of the cache with options (n, R) of ids: log p of each token, and
    whether it is the likeliest of all, two (n, R) arrays. `first` (B, V) holds log p of the token
    after each prompt, `lengths` (B,) the prompts' lengths."""
    logps, best = [first[rows, options[:, 0]]], [first.argmax(-1)[rows] == options[:, 0]]
    if options.shape[1] > 1:
        cache, lengths = cache[:, :, rows], lengths[rows]  # (L, 2, n, H, S, D), (n,)
    for t, token in enumerate(options.T[1:]):
        with machine.autocast():
            x = model.trunk(options[:, t : t + 1], cache, lengths + t)[:, 0]  # (n, C)
        predicted = _token_logprobs(model, x, machine)  # (n, V)
        logps.append(predicted.gather(1, token[:, None]).squeeze(1))
        best.append(predicted.argmax(-1) == token)
    return torch.stack(logps, 1).cpu().numpy(), torch.stack(best, 1).cpu().numpy()


def wilson(right, n):
    """95% interval of a share, `right` of `n` (Wilson 1927): (low, high). It stays within 0..1."""
    z = 1.96
    centre, spread = right + z * z / 2, z * math.sqrt(right * (n - right) / n + z * z / 4)
    return (centre - spread) / (n + z * z), (centre + spread) / (n + z * z)


def t_interval(values):
    """Mean of a few repeated measurements and half the width of its 95% interval (Student's t)."""
    n = len(values)
    if n < 2:
        return float(np.mean(values)), math.nan
    if n - 2 < len(STUDENT):
        t = STUDENT[n - 2]
    else:  # the normal point and the first two corrections to it (Cornish and Fisher 1938)
        t = 1.95996 + 2.37227 / (n - 1) + 2.82250 / (n - 1) ** 2
    return float(np.mean(values)), t * float(np.std(values, ddof=1)) / math.sqrt(n)


def numbers(text, default, name):
    """The whole numbers of an option such as --n=0,1,8, in order; `default` where it is empty."""
    try:
        values = sorted({int(part) for part in text.split(",")}) if text else list(default)
    except ValueError:
        values = [-1]
    if min(values) < 0:
        raise BadInput(f"--{name}={text}: expected whole numbers with commas between: --{name}=0,8")
    return values


def write_records(path, head, rows):
    """JSON Lines: `head` (what was run), then one object per row; whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    lines = []
    for record in (head, *rows):  # JSON knows no NaN: an interval that does not exist is null
        record = {k: None if isinstance(v, float) and math.isnan(v) else v
                  for k, v in record.items()}
        lines.append(json.dumps(record, ensure_ascii=False, allow_nan=False))
    temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    os.replace(temporary, path)


def print_table(title, columns, rows):
    """Rows of cells under their columns: text to the left, numbers to the right."""
    cells = [columns, *([f"{c:.3f}" if isinstance(c, float) else str(c) for c in row]
                        for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    print(f"\n{title}")
    for row in cells:
        right = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        print("  " + "  ".join([row[0].ljust(widths[0]), *right]).rstrip())
