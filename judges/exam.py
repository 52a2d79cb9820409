"""The exam of the tiny world: a model answers held-out questions, and the hidden judge marks them.

A stage that learns asks the judge here and nowhere else, and to print what it was told: no
file with a loss imports judges/hidden.py, so no gradient can come from it. What is measured is
simulated: the judge is a program.
"""

import itertools
import math

import numpy as np
import torch

from data.knowledge import Knowledge
from data.world import world_named
from data.world.languages import LANGUAGES
from judges import kinds
from judges.hidden import judge
from likelihood import next_logprobs
from sampling import respond

ROOM = 80  # tokens of an answer with a query and a line in it
KNOWN = ("kind", "colour", "place", "size", "owner", "opposite", "past")  # few-shot list tasks


def verdicts(questions, texts, ended):
    """What the judge says of each answer: a dict of its parts, and their sum as "score"."""
    return [judge(*row) for row in zip(questions, texts, ended)]


def gold(record):
    """The judge's order of a comparison's responses, by its kind: minus the score; lower is
    better."""
    return [-round(kinds.verdict(record, text)["score"], 6) for text in record["responses"]]


def column(found, part):
    """One part of each verdict, as an array."""
    return np.array([verdict[part] for verdict in found])


def marks(found):
    """Mean score of some verdicts, and the shares that are correct, and rude."""
    score = column(found, "score")
    correct = column(found, "correct") > 0
    rude = column(found, "harmless") < 0
    return {
        "judge": float(score.mean()),
        "correct": float(correct.mean()),
        "rude": float(rude.mean()),
    }


def world_figures(questions, texts, ended):
    """{"judge", "correct", "rude"} of answers to questions of the world, for a stage's log."""
    return marks(verdicts(questions, texts, ended))


def searching(tokenizer):
    """Options of `respond` for a model that knows how to search. The world's own questions need no
    look-up: of what it does not hold, nothing is found."""
    if getattr(tokenizer, "evidence", False):
        return {"lookup": Knowledge().look_up, "max_new_tokens": ROOM}
    return {}


def right_of(model, tokenizer, prompts, machine):
    """Which of the model's likeliest answers the judge takes as right: (n,) of True and False."""
    asked = [prompt["messages"] for prompt in prompts]
    draws = {"temperature": 0.0, **searching(tokenizer)}
    texts, ended = respond(model, tokenizer, asked, machine, **draws)
    return np.array([verdict["correct"] > 0 for verdict in verdicts(prompts, texts, ended)])


def questions_table(model, tokenizer, machine, n_eval, base, data="world"):
    """Held-out questions, by sampling at temperature 1 and greedily: {"test 0-shot sampled":
    {"correct": share, "score": mean, "n": questions}, ...}.

    "test" asks of held-out items, "paraphrase" in wordings that no training text has, "talk" in the
    middle of a conversation. A base model reads a transcript, and is also asked after five worked
    examples. data: the world, as --data names it.
    """
    world = world_named(data)
    rows = [("test", 0), ("paraphrase", 0), ("talk", 0)]
    if base:
        rows = [("test", 0), ("test", 5), ("paraphrase", 0)]
    table = {}
    for split, shots in rows:
        if split == "talk":
            questions = world.talks("test", n_eval)
        else:
            questions = world.prompts(split, n_eval, seed=0)
        asked = [world.few_shot(q, shots, seed=i) for i, q in enumerate(questions)]
        for name, temperature in (("sampled", 1.0), ("greedy", 0.0)):
            draws = {"chat": not base, "temperature": temperature}
            draws |= {} if base else searching(tokenizer)
            texts, ended = respond(model, tokenizer, asked, machine, **draws)
            found = world_figures(questions, texts, ended)
            table[f"{split} {shots}-shot {name}"] = {
                "correct": found["correct"],
                "score": found["judge"],
                "n": len(questions),
            }
    return table


def before_and_after(models, tokenizer, examples, machine, cfg, teacher=None):
    """What a model and the model tuned from it answer: printed, and returned for the log. models:
    {name: network}; the one that is called "base" reads a transcript, others know the template.
    teacher: the base with the prompt that the tuned one has learned from, if any (distillation.py).

    Of --data=FILE some questions of `examples` (ids, mask, messages), by the likeliest answer of
    each; of the world its own, and there the shares of right answers too.
    """
    if cfg.data not in LANGUAGES:
        questions = [messages[:-1] for _, _, messages in examples[:4]]
        samples = likeliest(models, tokenizer, questions, machine, 64)
        return {"results": {}, "samples": samples}
    results = both_tables(models, tokenizer, machine, cfg.n_eval, cfg.data)
    prompts = world_named(cfg.data).prompts("test", 13, seed=1)[:6]
    questions = [prompt["messages"] for prompt in prompts]
    samples = likeliest(models, tokenizer, questions, machine, 32)
    prompted = teacher.kept(results) if teacher else {}
    return {"results": results, "samples": samples, **prompted}


def both_tables(models, tokenizer, machine, n_eval, data="world"):
    """`questions_table` of each of some models, {name: network}: printed and returned."""
    tables = {}
    for name, model in models.items():
        base = name == "base"
        tables[name] = questions_table(model, tokenizer, machine, n_eval, base, data)
    if machine.main:
        head = "held-out questions (judged by simulated labelers' hidden utility)"
        print(f"\n{head}       correct   score")
        for stage, rows in tables.items():
            for name, row in rows.items():
                # The 95% interval of a share of n questions (normal approximation).
                error = 1.96 * math.sqrt(row["correct"] * (1 - row["correct"]) / row["n"])
                share = f"{100 * row['correct']:>22.1f} ± {100 * error:.1f} %"
                print(f"  {stage:<6} {name:<32} {share}  {row['score']:+.2f}")
    return tables


def likeliest(models, tokenizer, questions, machine, limit):
    """Some questions with the likeliest answer of each of some models, {name: network}: printed,
    special tokens by their names, and returned: [{"question": text, name: text, ...}]."""
    samples = [{"question": messages[-1]["content"]} for messages in questions]
    for name, model in models.items():
        texts = shown(model, tokenizer, questions, machine, name != "base", limit)
        for sample, text in zip(samples, texts):
            sample[name] = text
    if machine.main:
        print("\nthe likeliest answer of each model")
        for sample in samples:
            print()
            for name, text in sample.items():
                print(f"  {name:<9} {text}")
    return samples


def shown(model, tokenizer, questions, machine, chat, limit):
    """The likeliest answers as people look at them: the special tokens are there by their names."""
    draws = {"temperature": 0.0, "max_new_tokens": limit}
    draws |= searching(tokenizer) if chat else {}
    texts, _ = respond(model, tokenizer, questions, machine, chat, **draws)
    return [tokenizer.show(text.ids).strip() for text in texts]


def wins(scores, others):
    """1 where the judge prefers the first answer, ½ for a tie: (Q,)."""
    scores, others = np.asarray(scores), np.asarray(others)
    return (scores > others) + 0.5 * (scores == others)


def open_exam(cfg, tokenizer, machine):
    """The Exam of the world that --data names, None where it is no world."""
    if cfg.data not in LANGUAGES:
        return None
    return Exam(tokenizer, machine, data=cfg.data)


class Exam:
    """Held-out questions, pretraining text and lists of the world: the same for every model and
    with the same draws, so that two models are compared question by question."""

    def __init__(
        self,
        tokenizer,
        machine,
        n=390,
        n_lists=105,
        seed=0,
        n_talks=260,
        data="world",
    ):
        self.world = world_named(data)
        self.tokenizer = tokenizer
        self.machine = machine
        self.questions = self.world.prompts("test", n, seed=seed)
        generator = torch.Generator().manual_seed(seed)
        self.options = searching(tokenizer)
        room = self.options.get("max_new_tokens", 32)
        self.noise = torch.rand(n, room, generator=generator)
        self.talks = self.world.talks("test", n_talks, seed=seed)
        self.n_lists = n_lists
        text = list(itertools.islice(self.world.documents(10**6), 400))
        ids = torch.tensor(tokenizer.encode_documents(text))
        blocks = ids[: 64 * 129].view(64, 129)
        self.text = blocks.to(machine.device)

    def answer(self, model, temperature=1.0, chat=True):
        """The judge's verdicts on the model's answers, in the order of the questions."""
        asked = [q["messages"] for q in self.questions]
        draws = {"noise": self.noise, **self.options}
        texts, ended = respond(
            model, self.tokenizer, asked, self.machine, chat, temperature, **draws
        )
        return verdicts(self.questions, texts, ended)

    def __call__(self, model, temperature=1.0, chat=True):
        """{"judge", "correct", "rude", "ended", "talk", "lm_loss", "few_shot"}, and each answer's
        score. "talk": the share of right answers in conversation, the likeliest of each."""
        found = self.answer(model, temperature, chat)
        ended = column(found, "ended") == 0
        figures = {
            **marks(found),
            "ended": float(ended.mean()),
            "talk": float(right_of(model, self.tokenizer, self.talks, self.machine).mean()),
            "lm_loss": self.lm_loss(model),
            "few_shot": float(self.few_shot(model).mean()),
        }
        return figures, [verdict["score"] for verdict in found]

    def compare(self, **models):
        """A few questions with the likeliest answer of each model, printed and returned as
        [{"question": text, name: text, ...}]."""
        asked = [q["messages"] for q in self.world.prompts("test", 6, seed=1)]
        return likeliest(models, self.tokenizer, asked, self.machine, 32)

    def compare_with(self, ref, before, ref_scores, model):
        """The exam of `model` beside the reference's (`before`, `ref_scores`): printed, and
        returned for the log."""
        after, scores = self(model)
        won = wins(scores, ref_scores)
        samples = self.compare(sft=ref, ppo=model)
        if self.machine.main:
            names = " ".join(f"{name:>9}" for name in after)
            print(f"\n{'held-out questions (simulated judge)':<40} {names}")
            for name, row in (("sft", before), ("ppo", after)):
                print(f"  {name:<38}", *(f"{value:>9.3f}" for value in row.values()))
            print(
                f"the judge prefers PPO's answer to SFT's on {won.mean():.1%} of {len(won)} "
                "questions (ties count half)"
            )
        return {
            "held_out": after,
            "win_rate": float(won.mean()),
            "n": len(won),
            "samples": samples,
        }

    @torch.no_grad()
    def lm_loss(self, model, rows=64):
        """Loss on pretraining text that no stage has seen, nats per token."""
        with self.machine.autocast():
            return model(self.text[:rows, :-1], self.text[:rows, 1:]).mean().item()

    def few_shot(self, model, shots=8, tasks=KNOWN):
        """Which lists of `shots` examples and one held-out query the model continues with the right
        word, its likeliest token of all: (n_lists,) of True and False."""
        prompts, right = self.lists(shots, tasks)
        guesses = next_logprobs(model, prompts, self.machine).argmax(-1)
        return guesses == right

    def lists(self, shots, tasks):
        """Prompts as ids, and the first token of each answer (n_lists,)."""
        encode = self.tokenizer.encode
        prompts = []
        right = []
        for i in range(self.n_lists):
            task = tasks[i % len(tasks)]
            text, answer, _ = self.world.list_prompt(task, shots, "test", i)
            prompts.append([self.tokenizer.endoftext, *encode(text)])
            right.append(encode(" " + answer)[0])
        return prompts, np.array(right)
