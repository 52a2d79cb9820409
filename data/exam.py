"""The exam of the tiny world: a model answers held-out questions, and the hidden judge marks them.

For evaluation only. What it measures is simulated: the judge is a program (data/judge.py).
"""

import itertools

import numpy as np
import torch

from data.judge import judge
from data.world import World
from model import generate


def respond(
    model, tokenizer, conversations, machine, chat=True, temperature=1.0, seed=0, max_new_tokens=32
):
    """Answer each conversation (a list of messages): texts, and whether the answer ended by itself.

    `chat=False` asks a base model in the form of a transcript.
    """
    prompts, stops = zip(*(tokenizer.prompt(messages, chat) for messages in conversations))
    longest = max(map(len, prompts))
    if model.config.pos == "learned":
        max_new_tokens = min(max_new_tokens, model.config.block_size // 2)
        prompts = [p[-(model.config.block_size - max_new_tokens) :] for p in prompts]
    texts, ended = [], []
    model.eval()
    # Many short prompts go through at once; long ones in smaller groups, to bound the cache.
    size = max(8, 32_768 // (longest + max_new_tokens))
    for i in range(0, len(prompts), size):
        with machine.autocast():
            answers = generate(
                model,
                prompts[i : i + size],
                max_new_tokens,
                temperature=temperature,
                stop=stops[0],
                seed=seed + i,
            )
        texts += [tokenizer.decode(ids).strip() for ids in answers]
        ended += [ids[-1] in stops[0] for ids in answers]
    model.train()
    return texts, ended


class Exam:
    """Held-out questions, pretraining text and few-shot lists of the world, the same each time."""

    def __init__(self, tokenizer, machine, n=390, seed=0):
        self.world, self.tokenizer, self.machine = World(), tokenizer, machine
        self.questions = self.world.prompts("test", n, seed=seed)
        self.noise = torch.rand(n, 32, generator=torch.Generator().manual_seed(seed))
        text = list(itertools.islice(self.world.documents(10**6), 400))
        ids = torch.tensor(tokenizer.encode_documents(text))
        self.text = ids[: len(ids) // 129 * 129].view(-1, 129)[:64].to(machine.device)
        self.lists = [
            self.world.list_prompt(task, 8, "test", i)
            for i in range(20)
            for task in ("kind", "colour", "place", "size", "novel")
        ]

    @torch.no_grad()
    def __call__(self, model, temperature=1.0):
        """{"judge", "correct", "rude", "ended", "lm_loss", "few_shot"}, and each answer's score."""
        model.eval()
        prompts, stops = zip(*(self.tokenizer.prompt(q["messages"]) for q in self.questions))
        with self.machine.autocast():
            answers = generate(model, prompts, 32, stop=stops[0], noise=self.noise,
                               temperature=temperature)
        ended = [ids[-1] in stops[0] for ids in answers]
        texts = [self.tokenizer.decode(ids).strip() for ids in answers]
        verdicts = [judge(*row) for row in zip(self.questions, texts, ended)]
        scores = [v["score"] for v in verdicts]
        return {"judge": float(np.mean(scores)),
                "correct": float(np.mean([v["correct"] > 0 for v in verdicts])),
                "rude": float(np.mean([v["harmless"] < 0 for v in verdicts])),
                "ended": float(np.mean(ended)), "lm_loss": self.lm_loss(model),
                "few_shot": self.few_shot(model)}, scores

    @torch.no_grad()
    def lm_loss(self, model, rows=64):
        """Loss on pretraining text that no stage has seen, nats per token."""
        with self.machine.autocast():
            return model(self.text[:rows, :-1], self.text[:rows, 1:]).mean().item()

    @torch.no_grad()
    def few_shot(self, model):
        """Share of lists of eight examples that the model continues with the right word."""
        rows = [[self.tokenizer.endoftext, *self.tokenizer.encode(text)]
                for text, _, _ in self.lists]
        tokens = torch.full((len(rows), max(map(len, rows))), self.tokenizer.pad)
        for i, ids in enumerate(rows):
            tokens[i, : len(ids)] = torch.tensor(ids)
        last = torch.tensor([len(ids) - 1 for ids in rows])
        with self.machine.autocast():
            logits = model(tokens.to(self.machine.device))[torch.arange(len(rows)), last]
        right = [self.tokenizer.encode(" " + answer)[0] for _, answer, _ in self.lists]
        return float(np.mean(np.array(logits.argmax(-1).tolist()) == right))
