"""Context distillation: what a prompt does, learned, so that the prompt is not needed any more
(Askell et al. 2021, arXiv 2112.00861, section 2).

A text before each question makes a base model answer it. The same network learns to give, without
that text, each token of such answers the probability that it has after it:

    L(θ) = KL(p(y | context, x) || π_θ(y | x))            x a question, y an answer that p writes

Nobody has demonstrated an answer: HH-RLHF starts from such a model (Bai et al. 2022a).

    python sft.py --preset=distill          the prompt is data/prompt.txt; --distill names another
"""

import os
from pathlib import Path

import torch
import torch.nn.functional as F

from data.files import read_text
from data.formats import read_prompts
from data.questions import COUNTS, load_demonstrations, tell_idle
from data.world import world_named
from data.world.languages import LANGUAGES
from judges.exam import world_figures
from likelihood import groups
from plumbing.config import idle
from plumbing.errors import BadInput
from plumbing.files import ROOT
from plumbing.machine import right_pad
from plumbing.records import tell
from sampling import fit, generate, load_model

ANSWER = 48  # tokens of an answer; one that has not ended by then is cut off


def check(cfg):
    """Refuse options that --distill leaves without work."""
    if not cfg.distill:
        return
    idle(cfg, "with --distill: no prompt teaches a base model to search", "n_evidence")
    read_context(cfg.distill)


def questions(cfg, parent):
    """What is asked: conversations up to a user's turn, of the world or of a file. Its answers, if
    it has any, count for nothing."""
    if cfg.data in LANGUAGES:
        return [record["messages"][:-1] for record in load_demonstrations(cfg, parent)]
    tell_idle(cfg, *COUNTS)
    return [record["messages"] for record in read_prompts(cfg.data)]


def read_context(given):
    """The text that --distill names: what a file holds, here or beside the scripts, or the words
    themselves."""
    found = [path for path in (given, ROOT / given) if os.path.isfile(path)]  # however long it is
    if found:
        text = read_text(found[0]).strip()
    elif os.path.isdir(given) or Path(given).suffix in (".txt", ".md"):
        raise BadInput(f"--distill={given}: no such file; give a text, or a file that holds it")
    else:
        text = given.strip()
    if not text:
        raise BadInput(f"--distill={given}: no text; nothing would change how the model answers")
    return text


class Prompted:
    """A base model that reads a text before every question. It stays as it is.

    checkpoint: a base model's, of --init; --distill names the text. Raises BadInput where there is
    no text, or the model was tuned and reads no transcript.
    """

    def __init__(self, checkpoint, cfg, machine):
        if checkpoint["stage"] != "pretrain":
            raise BadInput(
                f"--distill: {cfg.init} was tuned, and answers without a prompt; start from a base "
                "model, --init=out/pretrain/ckpt.pt"
            )
        self.model, self.tokenizer = load_model(checkpoint, cfg.init)
        self.model.to(machine.device).eval().requires_grad_(False).choose_path(machine.dtype)
        self.parent, self.cfg, self.machine = checkpoint, cfg, machine
        self.context = self.tokenizer.encode(read_context(cfg.distill) + "\n")
        _, self.limit = fit(self.model.config, [], ANSWER)
        block = self.model.config.block_size
        if len(self.context) > block - self.limit:
            end = "its end alone is read" if self.model.config.pos == "learned" else "it reads on"
            tell(
                f"--distill: a prompt of {len(self.context):,} tokens, with {self.limit} for an "
                f"answer more than the {block} that {cfg.init} was trained on: {end}",
                prompt=len(self.context),
                block=block,
            )

    def prompt(self, messages):
        """Ids of the context and of a transcript up to the answer, and the ids that end it. A
        learned table of positions may have no room for all: then their end, as for any prompt."""
        (begin, *asked), stop = self.tokenizer.prompt(messages, chat=False)
        ids, _ = fit(self.model.config, [begin, *self.context, *asked], self.limit)
        return ids, stop

    def respond(self, conversations, temperature=1.0, seed=0):
        """What it says to each of some conversations, and whether it ended by itself: two lists."""
        prompts, stops = zip(*map(self.prompt, conversations))
        texts, ended = [""] * len(prompts), [False] * len(prompts)
        for rows in groups([len(prompt) + self.limit for prompt in prompts]):
            draws = {"stop": stops[0], "temperature": temperature, "seed": seed + rows[0]}
            with self.machine.autocast():
                found = generate(self.model, [prompts[i] for i in rows], self.limit, **draws)
            for i, ids in zip(rows, found):
                ended[i] = ids[-1] in stops[0]
                texts[i] = self.tokenizer.decode(ids[:-1] if ended[i] else ids).strip()
        return texts, ended

    def demonstrations(self):
        """Conversations in its own words: to each an answer that it samples, if it says a word. Of
        earlier answers nothing is learned. Whether an answer has ended does not matter: behind its
        last token the loss asks for what the base model would say next, an end or more."""
        asked = questions(self.cfg, self.parent)
        texts, _ = self.respond(asked, seed=self.cfg.seed)
        made = []
        for messages, text in zip(asked, texts):
            if text:
                earlier = [{**turn, "weight": 0} for turn in messages]
                said = {"role": "assistant", "content": text}
                made.append({"messages": [*earlier, said]})
        return made

    @torch.no_grad()
    def targets(self, examples):
        """p of every token at each choice of the answers, (N, V), N choices in the order of rows.

        examples: (ids, mask, messages), of which the last answer is learned. The base model ends an
        answer with its line, the template with <|endoftext|>: that is given the probability of all
        that ends a line.
        """
        rows, chosen = [], []
        for _, mask, messages in examples:
            prompt, stop = self.prompt(messages[:-1])
            rows.append(prompt + self.tokenizer.turn(messages[-1]["content"]))
            count = sum(mask[1:])  # fewer than the answer's where a long example was cut
            chosen.append(slice(len(rows[-1]) - count, len(rows[-1])))
        x = self.model.trunk(self.machine.put(right_pad(rows)))  # (B, T, C)
        x = torch.cat([row[part] for row, part in zip(x, chosen)])  # (N, C)
        p = F.linear(x, self.model.wte.weight).float().softmax(-1)
        ends = p[:, stop].sum(1)
        p[:, stop] = 0
        p[:, self.tokenizer.endoftext] = ends
        return p

    def kl(self, logits, mask, examples):
        """KL(p || π) at each choice of the answers of `examples`, 0 elsewhere, in nats: logits
        (B, T, V) of the network that learns, mask (B, T) -> (B, T)."""
        p = self.targets(examples)
        logp = logits[mask > 0].float().log_softmax(-1)  # (N, V)
        found = torch.zeros_like(mask)
        found[mask > 0] = (torch.xlogy(p, p) - p * logp).sum(-1)
        return found

    def kept(self, results):
        """How much of what the prompt gains is there without it, by the world's held-out questions:
        printed, and returned for the log. results: the tables of `questions_table` (judges/exam.py)
        of the base and of what learned from it."""
        asked = world_named(self.cfg.data).prompts("test", self.cfg.n_eval, seed=0)
        texts, ended = self.respond([each["messages"] for each in asked], temperature=0.0)
        prompted = world_figures(asked, texts, ended)["correct"]
        base, tuned = (results[name]["test 0-shot greedy"]["correct"] for name in ("base", "sft"))
        if self.machine.main:
            print(
                f"\nright by the likeliest answer, of {len(asked)} questions: the base model "
                f"{base:.1%}, with the prompt {prompted:.1%}; what has learned from it, without, "
                f"{tuned:.1%}"
            )
        return {"prompted": prompted}
