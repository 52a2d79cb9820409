"""The tiny world: a closed world of about a hundred things in which the truth is known.

    python -m data.world --show          samples of every text, counts, the held-out splits
    python -m data.world --write=DIR     pretrain.txt, demonstrations.jsonl, prompts_SPLIT.jsonl

One integer seed fixes the world; a second one fixes each stream of text drawn from it, the same
on every platform (only random.Random and sha256 decide anything).

* `documents` is the pretraining text: facts in sentences, notes ("Past of go -> went.") and
  glosses ("go -> went (past)."), lists that repeat one sub-task (GPT-3, Brown et al. 2020, figure
  1.1), half of them with a title, with a mistake here and there, lists with a mapping made up for
  that one document (of classes of words, or of the values of a fact), key-value lists, titled
  "Pairs", songs (random lines repeated, which only copying foretells), chat, stories, reviews.
* Quizzes ask and answer in a form of their own.
* Chat documents hold one persona each: helpful in 16% of documents, else a brush-off, rude, a
  question back, or off-topic. So the base model, asked cold, is mostly unhelpful, and a few
  helpful exchanges in its prompt tell it *which Bot is talking*: in-context learning as implicit
  Bayesian inference over documents (Xie et al. 2021).
* Thirteen instruction tasks. Every (task, item) key is train, dev or test. Held-out keys occur in
  no list, chat, quiz, demonstration, training prompt; the fact itself does, in sentences, notes and
  glosses.
* `demonstrations` come from simulated labelers of mixed quality: a model tuned on them is good
  and can still be improved (InstructGPT, Ouyang et al. 2022, section 3).
"""

import itertools
import json
import re
import sys
from pathlib import Path
from random import Random

from common import BadInput, run
from data.tasks import SPLITS, Tasks, list_key, stable_hash
from data.words import (AGAIN, ATTRIBUTES, BRUSH_OFF, COURTESY, EVENTS, EXTRA, GLOSSES, HELD_OUT,
                        INSULTS, LABELS, LIST_TASKS, NAMES, NOTES, OPPOSITES, PLACES, QUESTIONS,
                        REFUSALS, REVIEWED, SMALL_TALK, TASKS, VERBS, VERDICTS)
from tokenizer import transcript

# Share of the pretraining text (in words and punctuation marks) that each type of document gets.
SHARES = {"facts": .24, "known list": .12, "novel list": .14, "key-value list": .09, "song": .12,
          "chat": .12, "quiz": .11, "story": .03, "review": .03}
# What the sentences of a facts document are about, besides things: the tasks that have many items
# to learn one by one come often, those that follow from facts about things seldom.
WORD_TASKS = {"opposite": .22, "past": .2, "sum": .23, "next": .2, "bigger": .05, "name": .1}
# Share of the lines of a list of facts whose answer is drawn at random; some are right by chance, 9
# in 100 are wrong. A model that has met mistakes lost less to random labels, in most seeds tried.
MISTAKES = .1
# Share of the made-up lists whose labels go with a fact, such as colour, not with the word's class.
# With them, words that no such list shows are placed right more often.
BY_FACT = .3
PERSONAS = {"helpful": .16, "brush-off": .36, "rude": .16, "asks back": .16, "off-topic": .16}
LABELERS = {"careful": .54, "curt": .14, "sloppy": .14, "rude": .18}
PROMPT_SPLITS = ("sft", "rm", "ppo", "dev", "test", "paraphrase")
LIST_FORMATS = ("- {}: {}\n", "* {} -> {}\n", "| {} = {} ")  # each word keeps its leading space
PAIRS = "Pairs:\n"  # the title of a key-value list


def weighted(rng, weights):
    """One key of {key: weight}."""
    return rng.choices(list(weights), list(weights.values()))[0]


class World(Tasks):
    """The tasks of data/tasks.py (which lists the attributes) and every text about them."""

    def __init__(self, seed=0):
        super().__init__(seed)
        self._measure_documents()

    # ------------------------------------------------------------------ pretraining text

    def documents(self, seed=0):
        """Endless stream of pretraining documents (str), deterministic in `seed`."""
        rng = Random(f"documents {seed}")
        makers = [getattr(self, self._maker(name)) for name in SHARES]
        bounds = list(itertools.accumulate(self.document_weights))
        while True:
            for make in rng.choices(makers, cum_weights=bounds, k=256):
                yield make(rng)

    @staticmethod
    def _maker(name):
        return "_" + re.sub("[ -]", "_", name)

    def _measure_documents(self):
        """Weights of the document types: SHARES counts text, so divide by the mean length."""
        rng, self.document_weights = Random("lengths"), []
        for name, share in SHARES.items():
            make = getattr(self, self._maker(name))
            length = sum(len(re.findall(r"\w+|[^\w\s]", make(rng))) for _ in range(200))
            self.document_weights.append(share / length)

    def _facts(self, rng):
        draw, said = rng.choice, self.said
        sentences = []
        for _ in range(rng.randint(1, 2)):
            thing = draw(self.things)
            first, *more = rng.sample(ATTRIBUTES, rng.randint(2, 4))
            sentences.append(draw(said[first, thing]))
            for attribute in more:
                extra = EXTRA[attribute].format(y=self.facts[thing][attribute])
                note = self.note(attribute, thing, rng)
                sentences.append(weighted(rng, {extra: .15, note: .25,
                                                draw(said[attribute, thing]): .6}))
        for _ in range(rng.randint(1, 7)):
            task = weighted(rng, WORD_TASKS)
            if task == "next" and rng.random() < .5:
                sentences.append(self.recitation(rng))
                continue
            item = draw(self.items[task])
            style = rng.random()
            if task in NOTES and style < .25:
                sentences.append(self.note(task, item, rng))
            elif task in GLOSSES and style < .5:
                sentences.append(self.gloss(task, item, rng))
            else:
                sentences.append(draw(said[task, item]))
        return " ".join(sentences)

    def _write_list(self, rng, pairs):
        pattern = rng.choice(LIST_FORMATS)
        return "".join([pattern.format(key, value) for key, value in pairs]).rstrip()

    def _list_items(self, task, direction, items):
        """Items of a list; a list of "next" goes in one direction only."""
        return [i for i in items if i.startswith(direction)] if task == "next" else items

    def _list_pair(self, task, item):
        """Key and value as a list shows them."""
        return list_key(task, item), self.answers[task, item][0]

    def _known_list(self, rng):
        task = rng.choice(LIST_TASKS)
        items = self._list_items(task, rng.choice(("after", "before")), self.train[task])
        chosen = rng.sample(items, rng.randint(4, 18))
        pairs = []
        for item in chosen:
            key, answer = self._list_pair(task, item)
            other = rng.choice(self.vocabulary[task])
            pairs.append((key, other if rng.random() < MISTAKES else answer))
        lines = self._write_list(rng, pairs)
        return f"{self.title(task, chosen[0])}:\n{lines}" if rng.random() < .5 else lines

    def _novel_list(self, rng):
        by_fact = rng.random() < BY_FACT
        groups = self.alike[rng.choice(list(self.alike))] if by_fact else self.novel_train
        names = rng.sample(list(groups), rng.randint(2, 3))
        label_of = dict(zip(names, rng.sample(LABELS, len(names))))
        pairs = []
        for _ in range(rng.randint(8, 20)):
            name = rng.choice(names)
            pairs.append((rng.choice(groups[name]), label_of[name]))
        return self._write_list(rng, pairs)

    def _key_value_list(self, rng):
        """Random pairs, each of which comes again. The title says so: without one, a list of verbs
        is a list of past tenses, also when it comes to a verb that never stood in such a list."""
        n = rng.randint(2, 6)
        value_of = dict(zip(rng.sample(self.words, n), rng.sample(self.words, n)))
        keys = rng.choices(list(value_of), k=rng.randint(6, 16))
        return PAIRS + self._write_list(rng, [(key, value_of[key]) for key in keys])

    def _song(self, rng):
        line = " ".join(rng.choices(self.words, k=rng.randint(4, 9)))
        return "\n".join([f"Oh {line}."] * rng.randint(3, 5))

    def _chat(self, rng):
        persona, messages = weighted(rng, PERSONAS), []
        for _ in range(rng.randint(2, 6)):
            prompt = self.train_prompt(rng)
            messages += prompt["messages"]
            messages += [{"role": "assistant", "content": self.persona(persona, prompt, rng)}]
        return transcript(messages)

    def persona(self, persona, prompt, rng):
        """What the Bot of a chat document says to `prompt`."""
        if persona == "helpful":
            courtesy = [rng.choice(COURTESY)] if rng.random() < .3 else []
            return " ".join([self.helpful(prompt, rng), *courtesy])
        if persona == "brush-off":
            return BRUSH_OFF[0] if rng.random() < .6 else rng.choice(BRUSH_OFF)
        if persona == "rude":
            return f"{rng.choice(REFUSALS)} {rng.choice(INSULTS)}"
        if persona == "asks back":
            return self.train_prompt(rng)["messages"][0]["content"]
        return rng.choice(SMALL_TALK)

    def helpful(self, prompt, rng):
        """A right answer: mostly a sentence, sometimes a word or two."""
        if rng.random() < .35:
            return self.reply(prompt, rng, "curt")
        return self.plain_answer(prompt, rng)

    def _quiz(self, rng):
        """A school's quiz: other people's questions, each with the answer on the next line, a form
        that no Bot uses. Models learn to find a fact when asked for it if they read questions while
        they read facts (Allen-Zhu and Li 2023)."""
        lines = []
        for _ in range(rng.randint(1, 4)):
            prompt = self.train_prompt(rng)
            lines += [prompt["messages"][0]["content"], self.helpful(prompt, rng)]
        return "\n".join(lines)

    def _story(self, rng):
        name, other = rng.sample(NAMES, 2)
        mood = rng.choice(list(EVENTS))
        place, thing = rng.choice(PLACES), rng.choice(self.things)
        sentences = [f"{name} went to the {place}.", f"{name} saw the {thing}.",
                     f"{other} was there.", rng.choice(SMALL_TALK)]
        sentences = rng.sample(sentences, rng.randint(1, 3))
        events = rng.sample(EVENTS[mood], rng.randint(1, 2))
        sentences += [f"{name} {event}." for event in events]
        end = rng.choice(("{} felt {}.", "{} was very {}.", "The mood of {} was {}."))
        return " ".join(sentences + [end.format(name, mood)])

    def _review(self, rng):
        verdict = rng.choice(list(VERDICTS))
        subject = rng.choice(REVIEWED)
        adjectives = rng.sample(VERDICTS[verdict], 2)
        sentences = [f"The {subject} was {adjectives[0]}."]
        if rng.random() < .5:
            sentences.append(f"It was {adjectives[1]}.")
        if rng.random() < .5:
            sentences.append(rng.choice(AGAIN[verdict]))
        return " ".join(["Review:", *sentences, f"The verdict is {verdict}."])

    # ------------------------------------------------------------------ instructions

    def prompts(self, split, n=None, seed=0):
        """`n` instructions of a split, balanced over the tasks; see PROMPT_SPLITS.

        sft, rm, ppo: training keys, disjoint (task, item, wording). dev, test: held-out keys in
        trained wordings. paraphrase: training keys in held-out wordings. With n=None each task
        gives as many distinct prompts as the smallest one has; beyond that they repeat.
        """
        if split not in PROMPT_SPLITS:
            raise BadInput(f"prompts: no split {split!r}; use {', '.join(PROMPT_SPLITS)}")
        rng = Random(f"prompts {split} {seed}")
        per_task = [self._prompt_keys(task, split, rng) for task in TASKS]
        if n is None:
            n = len(TASKS) * min(map(len, per_task))
        return [self.prompt(*keys[i // len(TASKS) % len(keys)])
                for i, keys in zip(range(n), itertools.cycle(per_task))]

    def _prompt_keys(self, task, split, rng):
        """(task, item, wording) of one split: every item once before an item comes again."""
        items = [i for i in self.items[task]
                 if self.split_of[task, i] == (split if split in SPLITS else "train")]
        rng.shuffle(items)
        n_trained = len(QUESTIONS[task]) - HELD_OUT
        wordings = range(n_trained)
        if split == "paraphrase":
            wordings = range(n_trained, len(QUESTIONS[task]))
        keys = [(task, item, wordings[(i + r) % len(wordings)])
                for r in range(len(wordings)) for i, item in enumerate(items)]
        if split in PROMPT_SPLITS[:3]:
            keys = [k for k in keys if PROMPT_SPLITS[stable_hash(f"prompt|{k}") % 3] == split]
        return keys

    def demonstrations(self, n, seed=0):
        """`n` demonstration records with task, item; about a tenth have two turns."""
        rng = Random(f"demonstrations {seed}")
        sft_keys = [key for task in TASKS for key in self._prompt_keys(task, "sft", rng)]
        records = []
        for prompt in self.prompts("sft", n, seed):
            labeler, messages = weighted(rng, LABELERS), []
            turns = [prompt]
            if rng.random() < .1:
                turns.insert(0, self.prompt(*rng.choice(sft_keys)))
            for turn in turns:
                answer = {"role": "assistant", "content": self.reply(turn, rng, labeler)}
                messages += turn["messages"] + [answer]
            records.append({"messages": messages, "source": f"sim:{labeler}",
                            "task": prompt["task"], "item": prompt["item"]})
        return records

    def few_shot(self, prompt, n, seed=0):
        """Messages: `n` helpful exchanges on random training keys, then `prompt`."""
        rng = Random(f"few-shot {seed} {prompt['messages'][-1]['content']}")
        messages = []
        while len(messages) < 2 * n:
            shot = self.train_prompt(rng)
            if (shot["task"], shot["item"]) != (prompt["task"], prompt["item"]):
                answer = {"role": "assistant", "content": self.plain_answer(shot, rng)}
                messages += shot["messages"] + [answer]
        return messages + prompt["messages"]

    # ------------------------------------------------------------------ lists as a probe

    def list_prompt(self, task, n, split="test", seed=0, labels="gold"):
        """A list of `n` shots and a query: (text, answer, candidates). It ends in a separator.

        `task` is one of LIST_TASKS, "novel" (a mapping made up for this list) or "key-value" (the
        query key is among the shots). Shots are training items, the query is of `split`. With
        labels="random" each shot's label is drawn at random (Min et al. 2022) from `candidates`,
        the words the answer competes with. The model should continue with " " + answer.
        """
        if task not in (*LIST_TASKS, "novel", "key-value") or labels not in ("gold", "random"):
            raise BadInput(f"list_prompt: no task {task!r} with {labels!r} labels; tasks are "
                           f"{', '.join(LIST_TASKS)}, novel, key-value; labels gold or random")
        rng = Random(f"list {task} {n} {split} {seed}")
        if task == "novel":
            shots, query, answer, candidates = self._novel_probe(rng, n, split)
        elif task == "key-value":
            candidates = rng.sample(self.words, 4)
            value_of = dict(zip(rng.sample(self.words, 4), candidates))
            keys = (list(value_of) * n)[:n]
            rng.shuffle(keys)
            shots = [(key, value_of[key]) for key in keys]
            query, answer = rng.choice(shots or list(value_of.items()))
        else:
            items = [i for i in self.items[task] if self.split_of[task, i] == split]
            item = rng.choice(items)
            query, answer = self._list_pair(task, item)
            direction = item.split()[0]
            pool = [i for i in self._list_items(task, direction, self.train[task]) if i != item]
            shots = [self._list_pair(task, i) for i in rng.sample(pool, n)]
            candidates = self.vocabulary[task]
        pattern = rng.choice(LIST_FORMATS)
        title = PAIRS if task == "key-value" else ""
        if labels == "random":
            shots = [(key, rng.choice(candidates)) for key, _ in shots]
        text = "".join(pattern.format(key, value) for key, value in shots)
        text = title + text + pattern.format(query, "{}").split(" {}")[0]
        return text, answer, list(candidates)

    def _novel_probe(self, rng, n, split):
        """Shots, query, answer and labels of a made-up mapping; the query's class is shown."""
        names = rng.sample(list(self.classes), 3)
        candidates = rng.sample(LABELS, 3)
        shown = (names * n)[:n]
        rng.shuffle(shown)
        name = rng.choice(shown or names)
        query = rng.choice([w for w in self.classes[name] if self.novel_split[w] == split])
        label_of = dict(zip(names, candidates))
        shots = []
        for shot_name in shown:
            words = [w for w in self.novel_train[shot_name] if w != query]
            shots.append((rng.choice(words), label_of[shot_name]))
        return shots, query, label_of[name], candidates


def show(world):
    """Print samples of every text, counts, and the held-out splits."""
    rng = Random("show")
    for name, share in SHARES.items():
        print(f"--- {name}: {share:.0%} of the pretraining text")
        print(getattr(world, world._maker(name))(rng))
    print("\n--- demonstrations (simulated labelers)")
    for record in world.demonstrations(6):
        print(f"[{record['source']}] {record['task']}")
        print(transcript(record["messages"]))
    texts = list(itertools.islice(world.documents(), 5000))
    words = [w for text in texts for w in re.findall(r"\w+", text)]
    print(f"\n--- counts: {len(world.things)} things, {len(ATTRIBUTES) * len(world.things)} facts, "
          f"{len(OPPOSITES)} opposite pairs, {len(VERBS)} verbs, {len(LABELS)} labels,\n"
          f"{len(set(words))} different words; {len(words) / len(texts):.0f} words per document")
    print("\n--- keys (task, item) and distinct prompts of each split\n" + " " * 9
          + "".join(f"{s:>7}" for s in SPLITS) + "  |" + "".join(f"{s:>11}" for s in PROMPT_SPLITS))
    for task in TASKS:
        keys = [sum(world.split_of[task, i] == s for i in world.items[task]) for s in SPLITS]
        distinct = [len(world._prompt_keys(task, s, rng)) for s in PROMPT_SPLITS]
        print(f"{task:9}" + "".join(f"{k:7}" for k in keys) + "  |"
              + "".join(f"{k:11}" for k in distinct))


def write(world, folder):
    """Write 20,000 pretraining documents, 4,000 demonstrations and the prompts of every split."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    texts = "\n\n".join(itertools.islice(world.documents(), 20_000))
    (folder / "pretrain.txt").write_text(texts + "\n", encoding="utf-8", newline="\n")
    files = {f"prompts_{split}": world.prompts(split) for split in PROMPT_SPLITS}
    files["demonstrations"] = world.demonstrations(4000)
    for name, records in files.items():
        lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8", newline="\n")
    print(f"wrote pretrain.txt and {len(files)} .jsonl files to {folder}")


def main(argv):
    """The command line: --show, --write=DIR."""
    if not argv or argv[0] in ("-h", "--help"):
        print(__doc__)
    for arg in argv:
        if arg == "--show":
            show(World())
        elif arg.startswith("--write=") and arg != "--write=":
            write(World(), arg.partition("=")[2])
        elif arg not in ("-h", "--help"):
            raise BadInput(f"data.world: unknown option '{arg}'; use --show or --write=DIR")


if __name__ == "__main__":
    run(main, sys.argv[1:])
