"""Checkpoints found, asked and compared, for the terminal, the page and the labelers' desk."""

import secrets
import threading
from collections import OrderedDict
from pathlib import Path

import torch
import torch.nn.functional as F

from data.principles import are_revisions
from data.questions import world_read
from data.world.languages import LANGUAGES
from desk.lines import stamp_of
from insertion import Answer, Evidence, answering
from judges.facts import fact_check, spoken
from judges.scores import score_texts
from plumbing.checkpoint import ancestry, load_checkpoint
from plumbing.console import quoted
from plumbing.errors import BadInput
from sampling import as_text, fit_one, open_checkpoint, recent, stream

KEPT = 4  # models in memory at a time


class Unknown(BadInput):
    """A name that stands for nothing here."""


class Shelf:
    """The checkpoints `out/*/ckpt.pt`, and what can be asked of them.

    Names are looked up among the folders that are there; nothing else is ever opened. Several
    threads may ask at once: one lock lets a single one compute, a token at a time, so that nobody
    waits for another's whole answer.
    """

    def __init__(self, out, machine, lookup=None):
        """lookup: the function query -> line that models which know how to search are given."""
        self.out = Path(out)
        self.machine, self.lookup = machine, lookup
        self.lock = threading.RLock()
        self.summaries = {}  # name -> (stamp of the file, what `list` says of it)
        self.loaded = OrderedDict()  # name -> (stamp and head, Loaded), the last used at the end

    # --- finding

    def paths(self):
        """{name: path} of every checkpoint file there is, by name. Bytes of a name that are no
        UTF-8 show as question marks."""
        found = sorted(self.out.glob("*/ckpt.pt"))
        return {path.parent.name.encode(errors="replace").decode(): path for path in found}

    def path(self, name):
        paths = self.paths()
        if name not in paths:
            known = ", ".join(paths) or f"none yet: {self.maker} makes the first"
            raise Unknown(f"no checkpoint '{name}' in {self.out}; there are {known}")
        return paths[name]

    @property
    def maker(self):
        """The command that makes models here: all of the chain where it keeps them by itself."""
        chains = {"out": "python ppo.py", "out/ko": "python ppo.py --preset=ko"}
        out = self.out.as_posix()
        return chains.get(out, f"python sft.py --out={quoted(out + '/sft')}")

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

    def world(self):
        """The world that the models here talk about, as --data names it; "" for none."""
        return next((c["world"] for c in self.list() if c.get("world")), "")

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

    def steps(self, loaded, prompts, limit, lookup=None, **settings):
        """`sampling.stream` of ragged prompts, with the lock held for one step at a time."""
        if loaded.tokenizer.evidence:
            settings["evidence"] = Evidence(loaded.tokenizer, [lookup] * len(prompts))
        steps = stream(loaded.model, prompts, limit, **settings)
        while True:
            with self.lock, self.machine.autocast():
                new = next(steps, None)
            if new is None:
                return
            yield new

    def speak(self, loaded, ids, stop, limit, seed=0, **settings):
        """Sample one continuation of `ids`, as `sampling.as_text` gives it. Seed 0 draws a new
        one."""
        seed = seed or secrets.randbits(32)
        settings |= {"stop": stop, "seed": seed}
        steps = self.steps(loaded, [ids], limit, self.lookup, **settings)
        return as_text(loaded.tokenizer, steps, stop)

    def talk(self, loaded, ids, stop, limit, asked=(), **settings):
        """`speak` as events for the page: {"text": ...} as it is written, {"search": ...} and
        {"result": ...} likewise, and at the end

        {"tokens": [{"text", "p", "top", "part"}], "ended": bool, "fact"}: for each token its text,
        its probability and what else the model considered, as the model has it at temperature 1,
        and of which part it is (a "result" is not the model's own). Where the messages `asked` end
        in a question of the tiny world, and nothing was looked up, "fact" tells whether the answer
        is right, and the truth; otherwise it is None.
        """
        ids, limit = fit_one(loaded.model.config, ids, limit)
        new, texts, parts = [], [], []
        for token, text, part in self.speak(loaded, ids, stop, limit, **settings):
            if token is None:
                texts[-1] += text
            else:
                new.append(token)
                texts.append(text)
                parts.append(part)
            if text:
                yield {"text" if part == "content" else part: text}
        tokens = self.considered(loaded, ids, new)
        for token, text, part in zip(tokens, texts, parts):
            token |= {"text": text, "part": part}
        event = {"tokens": tokens, "ended": new[-1] in stop, "ids": new}
        yield {**event, "fact": marked(loaded, asked, event)[1]}

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
        likeliest = p.topk(min(top, p.shape[-1]))
        found = []
        for i, token in enumerate(new):
            others = [spell(loaded.tokenizer, t) for t in likeliest.indices[i].tolist()]
            top_p = zip(others, likeliest.values[i].tolist())
            found.append({"p": p[i, token].item(), "top": list(top_p)})
        return found

    # --- comparing

    def score(self, reward, messages, text):
        """The reward model's r(x, y); None where it cannot read what was looked up."""
        read = [*messages, answering(text)]
        if not reward.tokenizer.evidence and any("search" in turn for turn in read):
            return None
        with self.lock:
            scores = score_texts(reward.model, reward.tokenizer, [messages], [text], self.machine)
        return float(scores[0])

    def logprob(self, loaded, messages, new, ended, own=None):
        """log π(y|x) in nats, of the answer's ids `new` without what ended it and, if it `ended`,
        of ending there: the probability of all tokens that end this model's turn. Those count that
        are its `own` (a list of bool, None: all)."""
        ids, stop, _ = recent(loaded, messages)
        if loaded.model.config.pos == "learned":
            ids = ids[-(loaded.model.config.block_size - len(new)) :]
        logp = self.logits(loaded, ids, new).log_softmax(-1)  # (R+1, V)
        taken = logp[range(len(new)), new]  # (R,)
        total = taken[own].sum() if own else taken.sum()
        return (total + logp[-1, stop].logsumexp(0) if ended else total).item()

    def log_ratio(self, loaded, reference, messages, new, ended, own=None):
        """log π(y|x) − log π_SFT(y|x) in nats: its mean over sampled answers is the KL that PPO
        pays for (InstructGPT eq. 2). None for another vocabulary.

        Each model reads the prompt in its own form, and the answer too: the template has a blank
        before a word alone, and a base model may begin with any, so its words are encoded again.
        """
        alike = loaded.tokenizer.vocab == reference.tokenizer.vocab
        if not alike or loaded.tokenizer.evidence > reference.tokenizer.evidence:
            return None
        same = new
        if loaded.chat != reference.chat:
            tokenizer = reference.tokenizer
            encode = tokenizer.turn if reference.chat else tokenizer.encode
            same = encode(loaded.tokenizer.decode(new).strip())
        logp = self.logprob(loaded, messages, new, ended, own)
        return logp - self.logprob(reference, messages, same, ended, own)

    def compare(self, names, messages, limit, reward=None, reference=None, **settings):
        """The answers of several checkpoints to one conversation, as the events of `talk` with
        the checkpoint's "name"; the last of each adds "reward" and "kl", or None for a missing
        model."""
        for name in names:
            loaded = self.get(name)
            ids, stop, _ = recent(loaded, messages)
            for event in self.talk(loaded, ids, stop, limit, messages, **settings):
                if "tokens" in event:
                    event |= self.figures(loaded, messages, event, reward, reference)
                yield {"name": name, **event}

    def figures(self, loaded, messages, event, reward, reference):
        """The "reward" and "kl" of a finished answer."""
        found = {"reward": None, "kl": None}
        new = event["ids"][:-1] if event["ended"] else event["ids"]
        if reward:
            text = answer_of(loaded, event)
            found["reward"] = self.score(self.get(reward, "scalar"), messages, text)
        if reference:
            sft = self.get(reference)
            own = [token["part"] != "result" for token in event["tokens"]][: len(new)]
            own = None if all(own) else own  # a line that was inserted
            found["kl"] = self.log_ratio(loaded, sft, messages, new, event["ended"], own)
        return found


def answer_of(loaded, event):
    """The text of a finished answer, an Answer, without what ended it."""
    new = event["ids"][:-1] if event["ended"] else event["ids"]
    return Answer.of(loaded.tokenizer.read(new))


def marked(loaded, asked, event):
    """The text of a finished answer, and what `fact_check` says of it: None where the conversation
    `asked` does not end in a question of the tiny world that this model learned of."""
    text = answer_of(loaded, event)
    # Another model cannot know these facts, and what was looked up may say otherwise.
    world = world_of(loaded.checkpoint)
    known = asked and not text.evidence and world == spoken(asked[-1]["content"])
    return text, fact_check(asked, text) if known else None


def world_of(checkpoint):
    """The world that a model learned to talk about, as --data names it, "" where it is none. What
    DPO learns from are comparisons of the answers of the model that it came from."""
    talkers = (one for one in ancestry(checkpoint) if one["stage"] != "dpo")
    data = next(talkers, {}).get("data") or ""
    if are_revisions(data):  # its own answers, to the questions of the world that its base has read
        return world_read(checkpoint)
    return data if data in LANGUAGES else ""


def summary(name, path):
    """What the list says of a checkpoint; of a damaged one, what is wrong with it."""
    try:
        checkpoint = load_checkpoint(path)
        return {
            "name": name,
            "stage": str(checkpoint["stage"]),
            "step": checkpoint.get("step"),
            "finished": checkpoint.get("finished", True),
            "parameters": sum(tensor.numel() for tensor in checkpoint["model"].values()),
            "head": str(checkpoint["model_config"].get("head", "lm")),
            "world": world_of(checkpoint),
        }
    except (BadInput, OSError, AttributeError) as error:
        return {"name": name, "error": str(error).encode(errors="replace").decode()}


def spell(tokenizer, token):
    """A token as text that can be shown alone: half a character appears as its bytes."""
    if token >= tokenizer.n_vocab:  # the model's table is larger than the vocabulary
        return f"#{token}"
    data = tokenizer.encoding.decode_single_token_bytes(token)
    return data.decode("utf-8", errors="backslashreplace")
