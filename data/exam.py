"""The exam of the tiny world: a model answers held-out questions, and the hidden judge marks them.

For evaluation only. What it measures is simulated: the judge is a program (data/judge.py).
"""

import functools
import itertools

import numpy as np
import torch

from data.judge import judge
from data.world import World
from model import generate
from scoring import next_logprobs

KNOWN = ("kind", "colour", "place", "size", "owner", "opposite", "past")  # few-shot list tasks


def respond(model, tokenizer, conversations, machine, chat=True, temperature=1.0, seed=0,
            max_new_tokens=32, noise=None):
    """Answer each conversation (a list of messages): texts, and whether the answer ended by itself.

    `chat=False` asks a base model in the form of a transcript. `noise` (rows, max_new_tokens) gives
    the draws; otherwise `seed` does.
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
        draws = {"seed": seed + i} if noise is None else {"noise": noise[i : i + size]}
        with machine.autocast():
            answers = generate(model, prompts[i : i + size], max_new_tokens, stop=stops[0],
                               temperature=temperature, **draws)
        texts += [tokenizer.decode(ids).strip() for ids in answers]
        ended += [ids[-1] in stops[0] for ids in answers]
    model.train()
    return texts, ended


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
        texts, ended = respond(model, self.tokenizer, [q["messages"] for q in self.questions],
                               self.machine, chat, temperature, noise=self.noise)
        return [judge(*row) for row in zip(self.questions, texts, ended)]

    def __call__(self, model, temperature=1.0, chat=True):
        """{"judge", "correct", "rude", "ended", "lm_loss", "few_shot"}, and each answer's score."""
        verdicts = self.answer(model, temperature, chat)
        return {"judge": float(np.mean([v["score"] for v in verdicts])),
                "correct": float(np.mean([v["correct"] > 0 for v in verdicts])),
                "rude": float(np.mean([v["harmless"] < 0 for v in verdicts])),
                "ended": float(np.mean([v["ended"] == 0 for v in verdicts])),
                "lm_loss": self.lm_loss(model), "few_shot": float(self.few_shot(model).mean())
                }, [v["score"] for v in verdicts]

    def compare(self, **models):
        """A few questions with the likeliest answer of each model, printed and returned as
        [{"question": text, name: text, ...}]."""
        asked = [q["messages"] for q in self.world.prompts("test", 6, seed=1)]
        said = [respond(model, self.tokenizer, asked, self.machine, True, 0.0)[0]
                for model in models.values()]
        samples = [{"question": question[-1]["content"], **dict(zip(models, texts))}
                   for question, *texts in zip(asked, *said)]
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
        lists = [self.world.list_prompt(tasks[i % len(tasks)], shots, "test", i)
                 for i in range(self.n_lists)]
        encode = self.tokenizer.encode
        return ([[self.tokenizer.endoftext, *encode(text)] for text, _, _ in lists],
                np.array([encode(" " + answer)[0] for _, answer, _ in lists]))
