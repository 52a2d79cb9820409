"""The exam of the tiny world: a model answers held-out questions, and the hidden judge marks them.

For evaluation only. What it measures is simulated: the judge is a program (data/judge.py).
"""

import functools
import itertools

import numpy as np
import torch

from data.world import World
from judges.hidden import judge
from likelihood import next_logprobs
from sampling import respond

KNOWN = ("kind", "colour", "place", "size", "owner", "opposite", "past")  # few-shot list tasks


class Exam:
    """Held-out questions, pretraining text and lists of the world: the same for every model and
    with the same draws, so that two models are compared question by question."""

    def __init__(self, tokenizer, machine, n=390, n_lists=105, seed=0):
        self.world, self.tokenizer, self.machine = World(), tokenizer, machine
        self.questions = self.world.prompts("test", n, seed=seed)
        self.noise = torch.rand(n, 32, generator=torch.Generator().manual_seed(seed))
        self.n_lists = n_lists
        text = list(itertools.islice(self.world.documents(10**6), 400))
        ids = torch.tensor(tokenizer.encode_documents(text))
        self.text = ids[: len(ids) // 129 * 129].view(-1, 129)[:64].to(machine.device)

    def answer(self, model, temperature=1.0, chat=True):
        """The judge's verdicts on the model's answers, in the order of the questions."""
        texts, ended = respond(
            model,
            self.tokenizer,
            [q["messages"] for q in self.questions],
            self.machine,
            chat,
            temperature,
            noise=self.noise,
        )
        return [judge(*row) for row in zip(self.questions, texts, ended)]

    def __call__(self, model, temperature=1.0, chat=True):
        """{"judge", "correct", "rude", "ended", "lm_loss", "few_shot"}, and each answer's score."""
        verdicts = self.answer(model, temperature, chat)
        return {
            "judge": float(np.mean([v["score"] for v in verdicts])),
            "correct": float(np.mean([v["correct"] > 0 for v in verdicts])),
            "rude": float(np.mean([v["harmless"] < 0 for v in verdicts])),
            "ended": float(np.mean([v["ended"] == 0 for v in verdicts])),
            "lm_loss": self.lm_loss(model),
            "few_shot": float(self.few_shot(model).mean()),
        }, [v["score"] for v in verdicts]

    def compare(self, **models):
        """A few questions with the likeliest answer of each model, printed and returned as
        [{"question": text, name: text, ...}]."""
        asked = [q["messages"] for q in self.world.prompts("test", 6, seed=1)]
        said = [
            respond(model, self.tokenizer, asked, self.machine, True, 0.0)[0]
            for model in models.values()
        ]
        samples = [
            {"question": question[-1]["content"], **dict(zip(models, texts))}
            for question, *texts in zip(asked, *said)
        ]
        for sample in samples if self.machine.main else []:
            print("\n" + "\n".join(f"  {name:<9} {text}" for name, text in sample.items()))
        return samples

    @torch.no_grad()
    def lm_loss(self, model, rows=64):
        """Loss on pretraining text that no stage has seen, nats per token."""
        with self.machine.autocast():
            return model(self.text[:rows, :-1], self.text[:rows, 1:]).mean().item()

    def few_shot(self, model, shots=8, tasks=KNOWN):
        """Which lists of `shots` examples and one held-out query the model continues with the right
        word, its likeliest token of all: (n_lists,) of True and False."""
        prompts, right = self._lists(shots, tasks)
        guesses = next_logprobs(model, prompts, self.machine).argmax(-1)
        return guesses == right

    @functools.cache
    def _lists(self, shots, tasks):
        """Prompts as ids, and the first token of each answer."""
        lists = [
            self.world.list_prompt(tasks[i % len(tasks)], shots, "test", i)
            for i in range(self.n_lists)
        ]
        encode = self.tokenizer.encode
        return (
            [[self.tokenizer.endoftext, *encode(text)] for text, _, _ in lists],
            np.array([encode(" " + answer)[0] for _, answer, _ in lists]),
        )
