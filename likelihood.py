"""How likely a text is, per token and per option; and what a reward model says of it.

One alignment for all: entry t of a (B, T−1) tensor scores `tokens[:, t+1]`. Masks, values, rewards
and advantages live in it.
"""

import numpy as np
import torch
import torch.nn.functional as F

from model import rows_at_once
from plumbing.machine import right_pad

TOKENS_AT_ONCE = 16_384  # tokens of one forward pass, pads included


def masked_mean(x, mask):
    """Mean of x where mask is 1, over tokens and not over rows."""
    return (x * mask).sum() / mask.sum()


def token_logprobs(model, tokens):
    """log p(tokens[:, t+1] | tokens[:, :t+1]) as (B, T−1): entry t scores the token at t+1.

    tokens (B, T), ids. A model that is given targets says −log p of each, (B, T), and never holds
    the logits of them all.
    """
    targets = F.pad(tokens[:, 1:], (0, 1), value=-1)  # (B, T): nothing follows the last column
    return -model(tokens, targets)[:, :-1]


@torch.no_grad()
def policy_terms(policy, ref, tokens):
    """What a policy and its reference think of the tokens taken, (B, T), at each choice: log π of
    the token, log π_ref of it, the policy's entropy, and the exact KL(π || π_ref), four (B, T−1).

    Entropy and KL are sums over the whole vocabulary, so the choices go through in parts: all
    probabilities of all choices would fill the memory several times.
    """
    x = policy.trunk(tokens)[:, :-1]  # (B, T−1, C), from which the head makes the logits
    ref_x = ref.trunk(tokens)[:, :-1]
    taken = tokens[:, 1:]
    rows = rows_at_once(policy.config.vocab_size)
    parts = zip(*(each.flatten(0, 1).split(rows) for each in (x, ref_x, taken)))
    found = []
    for part, ref_part, token in parts:
        p = F.linear(part, policy.wte.weight).float().log_softmax(-1)  # (rows, V)
        q = F.linear(ref_part, ref.wte.weight).float().log_softmax(-1)
        logp = p.gather(1, token[:, None]).squeeze(1)
        ref_logp = q.gather(1, token[:, None]).squeeze(1)
        entropy = -(p.exp() * p).sum(-1)
        kl = (p.exp() * (p - q)).sum(-1)
        found.append(torch.stack([logp, ref_logp, entropy, kl]))
    return torch.cat(found, 1).view(4, *taken.shape)


def answer_scores(model, tokens, last, mask):
    """What a reward model says of whole answers: tokens (B, T), the index of each row's last real
    token (B,), and mask (B, T−1), 1 where the token that follows is of the answer -> (B,).

        r(x, y) = s(x, y) + α/√N · Σ_t log p(y_t | x, y_<t)        N tokens, t = 1 … N

    The scalar s is read at the last token: under a causal mask only there has it read the whole
    text. Beside it stands what the model's own word head thinks of the answer, with its
    <|endoftext|>. A sum would punish length, and a mean lets a courtesy's easy words water down a
    wrong one; √N stands between. A model whose head is the scalar alone says s.
    """
    targets = tokens[:, 1:].masked_fill(mask == 0, -1)
    targets = F.pad(targets, (0, 1), value=-1)  # (B, T): nothing follows the last column
    scores = model(tokens, targets)
    return scores[torch.arange(len(tokens), device=tokens.device), last]


def groups(lengths):
    """Indices of rows in groups of similar length that fill TOKENS_AT_ONCE, right-padded."""
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        end = start + 1
        # Each row is the longest so far, and all before it are padded to its length.
        while end < len(order) and (end + 1 - start) * lengths[order[end]] <= TOKENS_AT_ONCE:
            end += 1
        yield order[start:end].tolist()
        start = end


@torch.no_grad()
def next_logprobs(model, prompts, machine):
    """log p(next token | prompt) of each prompt (a list of N lists of ids), as (N, V) float32."""
    model.eval()
    out = np.empty((len(prompts), model.config.vocab_size), dtype=np.float32)
    for rows in groups([len(p) for p in prompts]):
        last = torch.tensor([len(prompts[i]) - 1 for i in rows])
        with machine.autocast():
            x = model.trunk(right_pad([prompts[i] for i in rows]).to(machine.device))
        x = x[torch.arange(len(rows)), last]  # (rows, C)
        out[rows] = _token_logprobs(model, x, machine).cpu().numpy()
    return out


@torch.no_grad()
def score_options(model, prompts, options, machine):
    """log p of every token of every option, given its prompt and the option's earlier tokens, and
    whether greedy decoding over the whole vocabulary writes the option.

    prompts: N lists of ids; options: for each prompt a list of lists of ids, none empty. Returns,
    for each prompt, a list of 1-D float arrays, one per option: its sum is log p(option | prompt);
    and for each prompt a list of bool, one per option.

    A prompt is read once. Its keys and values are then copied for each option, which costs only its
    own tokens.
    """
    model.eval()
    logps = [[None] * len(texts) for texts in options]
    greedy = [[None] * len(texts) for texts in options]
    for part in groups([len(p) for p in prompts]):
        lengths = [len(prompts[i]) for i in part]

        # option length -> [(row, option)]: those of one length go on together
        pairs = {}
        for row, i in enumerate(part):
            for m, option in enumerate(options[i]):
                pairs.setdefault(len(option), []).append((row, m))

        # The prompts are read, with room for the longest option behind the longest of them.
        with machine.autocast():
            cache = model.new_cache(len(part), max(lengths) + max(pairs))
            x = model.trunk(right_pad([prompts[i] for i in part]).to(machine.device), cache)
        ends = torch.tensor(lengths, device=machine.device)  # (B,)
        x = x[torch.arange(len(part)), ends - 1]  # (B, C)
        first = _token_logprobs(model, x, machine)  # (B, V)

        for same in pairs.values():
            for group in groups([lengths[row] for row, _ in same]):
                chosen = [same[g] for g in group]
                ids = [options[part[row]][m] for row, m in chosen]
                ids = torch.tensor(ids, device=machine.device)  # (n, R)
                rows = torch.tensor([row for row, _ in chosen], device=machine.device)  # (n,)
                found = _continue(model, first, cache, ends, rows, ids, machine)
                for (row, m), values, likeliest in zip(chosen, *found):
                    logps[part[row]][m] = values
                    greedy[part[row]][m] = bool(likeliest.all())
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
    logps = [first[rows, options[:, 0]]]
    best = [first.argmax(-1)[rows] == options[:, 0]]
    if options.shape[1] > 1:
        cache, lengths = cache[:, :, rows], lengths[rows]  # (L, 2, n, H, S, D), (n,)
    for t, token in enumerate(options.T[1:]):
        with machine.autocast():
            x = model.trunk(options[:, t : t + 1], cache, lengths + t)[:, 0]  # (n, C)
        predicted = _token_logprobs(model, x, machine)  # (n, V)
        logps.append(predicted.gather(1, token[:, None]).squeeze(1))
        best.append(predicted.argmax(-1) == token)
    return torch.stack(logps, 1).cpu().numpy(), torch.stack(best, 1).cpu().numpy()
