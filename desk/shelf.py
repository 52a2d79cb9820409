"""Checkpoints found, asked and compared: what the terminal (chat.py), the page (web.py) and the
labelers' desk (label.py) share."""

import secrets
import threading
from collections import OrderedDict
from pathlib import Path

import torch
import torch.nn.functional as F

from plumbing.checkpoint import load_checkpoint
from plumbing.errors import BadInput
from sampling import CONTEXT, fit, open_checkpoint, stream
from tokenizer import StreamDecoder

KEPT = 4  # models in memory at a time


class Unknown(BadInput):
    """A name that stands for nothing here."""


class Shelf:
    """The checkpoints `out/*/ckpt.pt`, and what can be asked of them.

    Names are looked up among the folders that are there; nothing else is ever opened. Several
    threads may ask at once: one lock lets a single one compute, a token at a time, so that nobody
    waits for another's whole answer.
    """

    def __init__(self, out, machine):
        self.out, self.machine = Path(out), machine
        self.lock = threading.RLock()
        self.summaries, self.loaded = {}, OrderedDict()

    # --- finding

    def paths(self):
        """{name: path} of every checkpoint file there is, by name."""
        return {path.parent.name: path for path in sorted(self.out.glob("*/ckpt.pt"))}

    def path(self, name):
        paths = self.paths()
        if name not in paths:
            known = ", ".join(paths) or "none yet: python sft.py makes the first two"
            raise Unknown(f"no checkpoint '{name}' in {self.out}; there are {known}")
        return paths[name]

    def list(self):
        """One dict per checkpoint: name, stage, step, parameters, head; or name and error."""
        found = []
        for name, path in self.paths().items():
            with self.lock:
                stamp = stamp_of(path)
                if self.summaries.get(name, (None,))[0] != stamp:
                    self.summaries[name] = stamp, summary(name, path)
                found.append(self.summaries[name][1])
        return found

    def first(self, stage):
        """The name of a checkpoint of this stage, or None; the folder named like it goes first."""
        names = [c["name"] for c in self.list() if c.get("stage") == stage]
        return stage if stage in names else next(iter(names), None)

    def get(self, name, head="lm"):
        """The checkpoint of this name, from memory unless its file has changed."""
        path = self.path(name)
        with self.lock:
            stamp = stamp_of(path), head
            if self.loaded.get(name, (None,))[0] != stamp:
                self.loaded[name] = stamp, open_checkpoint(path, self.machine, head, name)
            self.loaded.move_to_end(name)
            while len(self.loaded) > KEPT:
                self.loaded.popitem(last=False)
            return self.loaded[name][1]

    # --- asking

    def steps(self, loaded, prompts, limit, **options):
        """`model.stream` of ragged prompts, with the lock held for one step at a time."""
        steps = stream(loaded.model, prompts, limit, **options)
        while True:
            with self.lock, self.machine.autocast():
                new = next(steps, None)
            if new is None:
                return
            yield new

    def speak(self, loaded, ids, stop, limit, seed=0, **sampling):
        """Sample one continuation of `ids`: yields (token, text that it completed), and at the end
        (None, what is left of a character that was cut in two). Seed 0 draws a new one."""
        decoder, begun = StreamDecoder(loaded.tokenizer), False
        seed = seed or secrets.randbits(32)
        for (token,) in self.steps(loaded, [ids], limit, stop=stop, seed=seed, **sampling):
            text = "" if token in stop else decoder.feed(token)
            text = text if begun else text.lstrip()
            begun = begun or bool(text)
            yield token, text
        yield None, decoder.feed()

    def answer(self, loaded, ids, stop, limit, **sampling):
        """`speak` as events for the page: {"text": ...} as it is written, and at the end

        {"tokens": [{"text", "p", "top"}], "ended": bool}: for each token its text, its probability
        and what else the model considered, as the model has it at temperature 1.
        """
        ids, limit = fit(loaded.model.config, ids, limit)
        new, texts = [], []
        for token, text in self.speak(loaded, ids, stop, limit, **sampling):
            if token is None:
                texts[-1] += text
            else:
                new.append(token)
                texts.append(text)
            if text:
                yield {"text": text}
        tokens = self.considered(loaded, ids, new)
        tokens = [{"text": text, **token} for text, token in zip(texts, tokens)]
        yield {"tokens": tokens, "ended": new[-1] in stop, "ids": new}

    @torch.no_grad()
    def logits(self, loaded, ids, new):
        """Logits at each of the R tokens `new` after `ids` and of what follows: (R+1, V)."""
        tokens = torch.tensor([ids + new], device=self.machine.device)
        with self.lock, self.machine.autocast():
            x = loaded.model.trunk(tokens)[0, len(ids) - 1 :]  # (R+1, C)
            return F.linear(x, loaded.model.wte.weight).float()

    def considered(self, loaded, ids, new, top=6):
        """For each token of `new`: {"p": its probability, "top": [(text, probability)]}."""
        p = self.logits(loaded, ids, new[:-1]).softmax(-1).cpu()  # (R, V)
        likeliest, which = p.topk(min(top, p.shape[-1]))
        return [
            {
                "p": p[i, token].item(),
                "top": [
                    (spell(loaded.tokenizer, t), q)
                    for t, q in zip(which[i].tolist(), likeliest[i].tolist())
                ],
            }
            for i, token in enumerate(new)
        ]

    # --- comparing

    @torch.no_grad()
    def score(self, reward, messages, text):
        """The reward model's r(x, y), read at the answer's last token."""
        answer = {"role": "assistant", "content": text}
        ids = reward.tokenizer.render([*messages, answer])[0]
        config = reward.model.config
        ids = ids[-(config.block_size if config.pos == "learned" else CONTEXT) :]
        with self.lock, self.machine.autocast():
            return reward.model(torch.tensor([ids], device=self.machine.device))[0, -1].item()

    def logprob(self, loaded, messages, new, ended):
        """log π(y|x) in nats, of the answer's ids `new` without what ended it and, if it `ended`,
        of ending there: the probability of all tokens that end this model's turn."""
        ids, stop = loaded.tokenizer.prompt(messages, loaded.chat)
        if loaded.model.config.pos == "learned":
            ids = ids[-(loaded.model.config.block_size - len(new)) :]
        logp = self.logits(loaded, ids, new).log_softmax(-1)  # (R+1, V)
        total = logp[range(len(new)), new].sum()
        return (total + logp[-1, stop].logsumexp(0) if ended else total).item()

    def log_ratio(self, loaded, reference, messages, new, ended):
        """log π(y|x) − log π_SFT(y|x) in nats: its mean over sampled answers is the KL that PPO
        pays for (InstructGPT eq. 2). None for another vocabulary.

        Each model reads the prompt in its own form. A base model begins an answer with a blank,
        which the template has no place for, so its words are encoded again for the reference.
        """
        if loaded.tokenizer.vocab != reference.tokenizer.vocab:
            return None
        same = new
        if loaded.chat != reference.chat:
            same = reference.tokenizer.encode(loaded.tokenizer.decode(new).strip())
        own = self.logprob(loaded, messages, new, ended)
        return own - self.logprob(reference, messages, same, ended)

    def compare(self, names, messages, limit, reward=None, reference=None, **sampling):
        """The answers of several checkpoints to one conversation, as the events of `answer` with
        the checkpoint's "name"; the last of each adds "reward" and "kl", or None for a missing
        model."""
        for name in names:
            loaded = self.get(name)
            ids, stop = loaded.tokenizer.prompt(messages, loaded.chat)
            for event in self.answer(loaded, ids, stop, limit, **sampling):
                if "tokens" in event:
                    new = event["ids"][:-1] if event["ended"] else event["ids"]
                    text = loaded.tokenizer.decode(new).strip()
                    event |= {"reward": None, "kl": None}
                    if reward:
                        event["reward"] = self.score(self.get(reward, "scalar"), messages, text)
                    if reference:
                        event["kl"] = self.log_ratio(
                            loaded, self.get(reference), messages, new, event["ended"]
                        )
                yield {"name": name, **event}


def stamp_of(path):
    """Tells whether a file has changed."""
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino


def summary(name, path):
    """What the list says of a checkpoint; of a damaged one, what is wrong with it."""
    try:
        checkpoint = load_checkpoint(path)
        sizes = [tensor.numel() for tensor in checkpoint["model"].values()]
        return {
            "name": name,
            "stage": str(checkpoint["stage"]),
            "step": checkpoint.get("step"),
            "parameters": sum(sizes),
            "head": checkpoint["model_config"].get("head", "lm"),
            "world": checkpoint.get("train_config", {}).get("data") == "world",
        }
    except (BadInput, OSError, AttributeError) as error:
        return {"name": name, "error": str(error)}


def spell(tokenizer, token):
    """A token as text that can be shown alone: half a character appears as its bytes."""
    if token >= tokenizer.n_vocab:  # the model's table is larger than the vocabulary
        return f"#{token}"
    data = tokenizer.encoding.decode_single_token_bytes(token)
    return data.decode("utf-8", errors="backslashreplace")
