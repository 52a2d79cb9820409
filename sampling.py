"""From a checkpoint to text: temperature, top-k, top-p, prefill, decode, respond."""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from insertion import Answer, Evidence
from kernels import graph
from model import GPT
from plumbing.checkpoint import load_checkpoint
from plumbing.errors import BadInput, one_line
from plumbing.machine import right_pad, widest
from plumbing.records import tell
from tokenizer import Reader, StreamDecoder, Tokenizer

CONTEXT = 2048  # tokens of a conversation that a model with RoPE is shown
COLDEST = 1e-6  # below this temperature logits over it leave float32, and the likeliest is certain

# --- a checkpoint, ready to speak ----------------------------------------------------------------


@dataclass
class Loaded:
    """A checkpoint ready for use; `checkpoint` is what else the file holds, without the weights."""

    name: str
    stage: str
    model: GPT
    tokenizer: Tokenizer
    checkpoint: dict

    @property
    def data(self):
        """What its last stage was trained on: "world" or a file."""
        return self.checkpoint.get("train_config", {}).get("data", "")

    @property
    def unfinished(self):
        """What is said of a model whose training is not at its end."""
        whole = self.checkpoint.get("finished", True)
        return "" if whole else f" at step {self.checkpoint.get('step')}, not finished"

    @property
    def chat(self):
        """Does it know the chat template? A base model reads a transcript."""
        return self.stage != "pretrain"


def load_model(checkpoint, path, **changes):
    """The network and the tokenizer that a checkpoint holds; `changes` as in GPT.from_checkpoint.

    Raises BadInput, which names `path`, where they do not fit each other.
    """
    try:
        tokenizer = Tokenizer.from_json(checkpoint["tokenizer"])
        size = checkpoint["model_config"]["vocab_size"]
        if size < tokenizer.n_vocab:
            raise ValueError(
                f"its tokenizer has {tokenizer.n_vocab} tokens, its model only {size}: two runs "
                "were put together"
            )
        return GPT.from_checkpoint(checkpoint, **changes), tokenizer
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a hostile file has many ways; tiktoken's panic is one of them
        raise BadInput(f"{path}: {one_line(error)}") from None


def name_roles(model, tokenizer, share=1.0):
    """The template's tokens, which no pretraining text holds, start as what stands in their place
    there: before a question a document's end, before its answer a line break. A token that is to
    stay as it starts is given a share of it: a copy would be as likely as what it copies."""
    model.adopt(tokenizer.user, [tokenizer.endoftext], share)
    model.adopt(tokenizer.assistant, tokenizer.encode("\n"), share)


def open_checkpoint(path, machine, head="lm", name=""):
    """The network and tokenizer of one file. Raises BadInput when it is damaged or has another
    head than `head`: "lm" gives words, "scalar" scores."""
    checkpoint = load_checkpoint(path)
    stage, config = checkpoint["stage"], checkpoint["model_config"]
    if (config.get("head", "lm") == "lm") != (head == "lm"):
        gives = "scores, not words; talk to one of stage pretrain, sft or ppo"
        if head == "scalar":
            gives = "words, not scores; scores come from stage reward"
        raise BadInput(f"{path} is a checkpoint of stage '{stage}', which gives {gives}")
    model, tokenizer = load_model(checkpoint, path)
    model = model.to(machine.device).eval().choose_path(machine.dtype)
    rest = {key: value for key, value in checkpoint.items() if key not in ("model", "optimizer")}
    return Loaded(name or str(path), stage, model, tokenizer, rest)


def fit(config, ids, limit):
    """The end of `ids` and the number of new tokens that the positions have room for.

    A learned table ends with the block, so the oldest words make room for the answer, which may
    take up to half of it. RoPE has no end, but a conversation that never ends costs ever more."""
    if config.pos == "learned":
        limit = min(limit, config.block_size // 2)
        return ids[-(config.block_size - limit) :], limit
    return ids[-CONTEXT:], limit


def fit_one(config, ids, limit):
    """`fit` of a single prompt: the answer takes what the prompt leaves of a learned table, and at
    least a quarter, so that turns that `recent` has chosen stay whole."""
    if config.pos == "learned":
        limit = min(limit, max(config.block_size - len(ids), config.block_size // 4))
    return fit(config, ids, limit)


def fit_answers(cfg, config, tokenizer, questions):
    """Lower --max_new_tokens to what a network of this shape has positions for, and tell how many
    questions are cut for it, or are longer than what it was trained on; the log has both."""
    limit = fit(config, [], cfg.max_new_tokens)[1]
    if limit < cfg.max_new_tokens:
        tell(f"the model has {config.block_size} positions: --max_new_tokens={limit}", limit=limit)
    cfg.max_new_tokens = limit
    shown = config.block_size - limit if config.pos == "learned" else CONTEXT
    try:
        sizes = [len(tokenizer.prompt(question["messages"])[0]) for question in questions]
    except ValueError as error:  # one in which something is looked up
        raise BadInput(f"{cfg.data}: {error}") from None
    cut = sum(size > shown for size in sizes)
    beyond = sum(size + limit > config.block_size for size in sizes)
    if cut + beyond:
        tell(
            f"{cfg.data}: of {len(sizes)} questions {cut} exceed {shown} tokens and lose their "
            f"left, and {beyond}, with an answer, the {config.block_size} tokens of the model's "
            "training",
            file=cfg.data,
            cut=cut,
            beyond=beyond,
            of=len(sizes),
        )


def recent(loaded, messages):
    """The prompt of a conversation's last whole turns that fit what the model was trained on, with
    a quarter of its context left for the answer; of a last turn that is longer, its end. Rotary
    positions have no end, but nothing was learned beyond it.

    Returns ids, the ids that end an answer, and how many messages are not seen, or not whole.
    """
    config = loaded.model.config
    room = config.block_size - config.block_size // 4
    for first in range(0, len(messages), 2):  # a turn: what is asked, and its answer
        ids, stop = loaded.tokenizer.prompt(messages[first:], loaded.chat)
        if len(ids) <= room:
            return ids, stop, first
    return ids[-room:], stop, first + 1


# --- one token ---------------------------------------------------------------------------------


def filter_logits(logits, temperature=1.0, top_k=0, top_p=1.0):
    """Scale (B, V) logits by 1/temperature, then drop all but the top_k likeliest tokens, then all
    but the smallest set whose probability reaches top_p (Holtzman et al. 2020). 0 and 1.0 drop
    nothing."""
    logits = logits.float() / temperature
    if top_k:
        kth = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
        logits = logits.masked_fill(logits < kth, -math.inf)
    if top_p < 1:
        ordered, index = logits.sort(descending=True)
        p = ordered.softmax(-1)
        outside = p.cumsum(-1) - p >= top_p  # the set is full before this token
        outside[:, 0] = False  # the likeliest always stays
        logits = logits.masked_fill(outside.scatter(1, index, outside), -math.inf)
    return logits


def pick(logits, noise, temperature=1.0, top_k=0, top_p=1.0):
    """One token per row of (B, V) logits; `noise` (B,) is uniform in [0, 1). Temperature 0 is
    greedy.

    Inverse transform: the first token whose cumulative probability exceeds the noise. One number
    per token, drawn in advance, makes a run repeatable whatever the batch looks like when it is
    used.
    """
    if temperature < COLDEST:
        return logits.argmax(-1)
    p = filter_logits(logits, temperature, top_k, top_p).softmax(-1)
    cumulative = p.to(widest(p.device)).cumsum(-1)
    bound = noise.to(cumulative.dtype)[:, None] * cumulative[:, -1:]
    return torch.searchsorted(cumulative, bound, right=True).squeeze(1)


def check_finite(logits):
    """Refuse logits that are no numbers: no token could be drawn."""
    if not logits.isfinite().all():
        raise BadInput(
            "the network's logits are not numbers: its training has diverged; train it again with "
            "a lower --lr"
        )


# --- many tokens -------------------------------------------------------------------------------


def random(rows, columns, seed):
    """Draws (rows, columns) from 0 to 1; the same for the same seed, None for others each time."""
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    return torch.rand(rows, columns, generator=generator)


def on_device(noise, device):
    """Draws in a device's widest numbers; one that is rounded to them stays below 1."""
    wide = widest(device)
    return noise.to(wide).clamp(max=1 - torch.finfo(wide).eps / 2).to(device)


@torch.no_grad()
def stream(
    model,
    prompts,
    max_new_tokens,
    *,
    temperature=1.0,
    top_k=0,
    top_p=1.0,
    stop=(),
    seed=None,
    noise=None,
    evidence=None,
):
    """Sample from ragged prompts (a list of B lists of ids), yielding after each step the list of B
    new tokens, None in rows that have stopped. The stop token itself is yielded. With `evidence`
    (an Evidence of B rows) what they look up is inserted, and counts among the new tokens.

    Prompts are padded on the right and prefilled in one pass; each row then writes its keys and
    values at its own length. Once half of the rows in the cache have stopped, they are dropped from
    it, unless the steps are a graph. `seed` or `noise` (B, max_new_tokens) fixes the draws.
    """
    device, B = model.wte.weight.device, len(prompts)
    noise = on_device(random(B, max_new_tokens, seed) if noise is None else noise, device)
    stop = torch.tensor(sorted(stop), device=device, dtype=torch.long)
    lengths = torch.tensor([len(p) for p in prompts], device=device)  # (B,)
    longest = max(map(len, prompts))
    size = model.config.block_size
    if model.config.pos == "learned" and longest + max_new_tokens - 1 > size:
        what = f"{longest} + {max_new_tokens} tokens do not fit the {size} learned positions"
        raise ValueError(what)
    tokens = right_pad(prompts).to(device)
    rows, done = torch.arange(B, device=device), torch.zeros(B, dtype=torch.bool, device=device)
    cache = model.new_cache(B, longest + max_new_tokens)
    logits = F.linear(model.trunk(tokens, cache)[rows, lengths - 1], model.wte.weight)  # (B, V)
    check_finite(logits)
    # A sharded model (--fsdp) gathers its weights anew at each step, so no graph can hold them.
    long = max_new_tokens >= graph.GRAPH_FROM
    graphed = device.type in graph.GRAPHED and long and not hasattr(model, "reshard")
    decode = graph.Decoder(model, cache, lengths, graphed)
    for t in range(max_new_tokens):
        logits = evidence.close(logits, rows) if evidence else logits
        new = pick(logits, noise[rows, t], temperature, top_k, top_p)
        new = evidence.insert(new, rows, done) if evidence else new
        out = [None] * B
        for row, token, over in zip(rows.tolist(), new.tolist(), done.tolist()):
            out[row] = None if over else token
        if max(new.tolist()) >= logits.shape[-1]:  # no share of the probability was found
            check_finite(logits)
        yield out
        done = done | torch.isin(new, stop)
        if t + 1 == max_new_tokens or done.all():
            return
        if not graphed and 2 * int(done.sum()) >= len(rows):
            live = (~done).nonzero().squeeze(1)
            rows, new, done = rows[live], new[live], done[live]
            decode.keep(live)
        logits = decode(new)


def generate(model, prompts, max_new_tokens, **options):
    """The responses of `stream` as B lists of ids, each up to and including its stop token."""
    responses = [[] for _ in prompts]
    for step in stream(model, prompts, max_new_tokens, **options):
        for response, token in zip(responses, step):
            if token is not None:
                response.append(token)
    return responses


def as_text(tokenizer, steps, stop):
    """The row of a `stream` of one prompt as text, while it is written: yields (token, the
    characters that it completes, what they are of: "search", "result" or "content"), and at the end
    a None with what is left of a character cut in two.

    The token that ends the answer and blanks before the first word of a part are no text.
    """
    reader = Reader(tokenizer)
    decoder = StreamDecoder(tokenizer)
    part, begun = reader.kind, False
    for (token,) in steps:
        text = "" if token in stop else decoder.feed(token if reader.feed(token) else None)
        text = text if begun else text.lstrip()
        begun = begun or bool(text)
        yield token, text, part
        if reader.kind != part:
            decoder = StreamDecoder(tokenizer)
            part, begun = reader.kind, False
    yield None, decoder.feed(), part


def answer(model, tokenizer, conversations, machine, chat=True, max_new_tokens=32, **draws):
    """Answer each conversation (a list of messages) in one batch. `chat=False` asks a base model in
    the form of a transcript; `draws` are options of `stream`. A model that knows how to search and
    is given no `evidence` answers without.

    Returns prompts and answers as lists of ids, the texts, which know what was looked up for them,
    and whether each answer ended by itself.
    """
    prompts, stops = zip(*(tokenizer.prompt(messages, chat) for messages in conversations))
    limit = fit(model.config, [], max_new_tokens)[1]
    prompts = [fit(model.config, ids, limit)[0] for ids in prompts]
    if tokenizer.evidence and not draws.get("evidence"):
        draws["evidence"] = Evidence(tokenizer, [None] * len(prompts))
    with machine.autocast():
        answers = generate(model, prompts, limit, stop=stops[0], **draws)
    texts = [Answer.of(tokenizer.read(ids), ids) for ids in answers]
    ended = [ids[-1] in stops[0] for ids in answers]
    return prompts, answers, texts, ended


def lay_out(prompts, answers, pad, own=None):
    """Prompts and the answers to them, as lists of ids, in one right-padded batch.

    Returns tokens (B, T); mask (B, T−1), 1 where the token that follows is of the answer, or, with
    `own`, where that says so of it; and the index of the last real token (B,).
    """
    tokens = right_pad([p + a for p, a in zip(prompts, answers)], pad)
    mask = torch.zeros(len(tokens), tokens.shape[1] - 1)
    last = torch.zeros(len(tokens), dtype=torch.long)
    for row, (p, a) in enumerate(zip(prompts, answers)):
        # The first choice is made at the prompt's last token; the last one ends the answer.
        last[row] = len(p) + len(a) - 1
        mask[row, len(p) - 1 : len(p) + len(a) - 1] = torch.tensor(own[row]) if own else 1
    return tokens, mask, last


@torch.no_grad()
def sample(policy, tokenizer, questions, cfg, machine, noise, lookup=None):
    """What a policy answers at temperature 1, for it to learn from. What it looks up is inserted,
    and is not its own.

    Returns right-padded tokens (B, T), mask (B, T−1), 1 where the token that follows is the
    policy's choice, index of the last real token (B,), texts, and whether each answer ended by
    itself.
    """
    asked = [question["messages"] for question in questions]
    evidence = Evidence(tokenizer, [lookup] * len(asked)) if lookup else None
    draws = {"max_new_tokens": cfg.max_new_tokens, "noise": noise, "evidence": evidence}
    prompts, answers, texts, ended = answer(policy, tokenizer, asked, machine, **draws)
    tokens, mask, last = lay_out(prompts, answers, tokenizer.pad, evidence and evidence.own)
    return machine.put(tokens), machine.put(mask), machine.put(last), texts, ended


def respond(
    model, tokenizer, conversations, machine, chat=True, temperature=1.0, seed=0,
    max_new_tokens=32, noise=None, lookup=None,
):  # fmt: skip
    """The texts of `answer` and whether each ended by itself, for any number of conversations.

    `noise` (rows, max_new_tokens) gives the draws; otherwise `seed` does. lookup: a function query
    -> line for all of them, or a list with one, or None, for each.
    """
    lookups = lookup if isinstance(lookup, list) else [lookup] * len(conversations)
    lengths = [len(tokenizer.prompt(messages, chat)[0]) for messages in conversations]
    order = np.argsort(lengths, kind="stable")  # those of similar length go together
    texts, ended = [""] * len(order), [False] * len(order)
    model.eval()
    # Many short prompts go through at once; long ones in smaller groups, to bound the cache.
    size = max(8, 32_768 // (max(lengths) + max_new_tokens))
    for i in range(0, len(order), size):
        rows = order[i : i + size]
        draws = {"seed": seed + i} if noise is None else {"noise": noise[rows]}
        draws["temperature"] = temperature
        if tokenizer.evidence:
            draws["evidence"] = Evidence(tokenizer, [lookups[row] for row in rows])
        part = [conversations[row] for row in rows]
        _, _, said, over = answer(model, tokenizer, part, machine, chat, max_new_tokens, **draws)
        for row, text, end in zip(rows, said, over):
            texts[row], ended[row] = text, end
    model.train()
    return texts, ended
