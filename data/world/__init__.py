"""The tiny world: a closed world of about a hundred things in which the truth is known.

    python -m data.world --show                     samples of every text, counts, the splits
    python -m data.world --write=DIR                pretrain.txt, demonstrations.jsonl, prompts
    python -m data.world --data=world_ko --show     the same in Korean

    languages.py    the languages that it speaks, and what each has to hold: english.py and
                    korean.py, their words and the patterns of their sentences, and more files
                    of each
    tasks.py        its facts and its thirteen tasks; how to add one
    talk.py         talk: its skills, and which of its words and wordings are held out; turns.py
                    and conversation.py make talks of them
    documents.py    the pretraining text about all of it
    probes.py       attacks on rules, and what only looks like them; english_rules.py and
                    korean_rules.py hold both
    harms.py        requests for harm, and how an answer to them is judged and mended; topics.py
                    says what a topic is, english_harms.py, korean_harms.py, english_mended.py and
                    korean_mended.py hold the words
    evidence.py     talks in which facts are looked up, of what inventory.py makes up;
                    english_evidence.py and korean_evidence.py hold their words
    __init__.py     what the stages and probes ask for: prompts, demonstrations, lists

One integer seed fixes the world; a second one fixes each stream of text drawn from it, the same
on every platform (only random.Random and sha256 decide anything).

* `documents` is the pretraining text: facts in sentences, notes ("Past of go -> went.") and
  glosses ("go -> went (past)."), lists that repeat one sub-task (GPT-3, Brown et al. 2020, figure
  1.1), half of them with a title, with a mistake here and there, lists with a mapping made up for
  that one document (of classes of words, or of the values of a fact), key-value lists, titled
  "Pairs", songs (random lines repeated, which only copying foretells, half of their words
  invented), chat, stories, reviews.
* Quizzes ask and answer in a form of their own. Dialogues are talks between people, as in a play,
  with all that talk is made of: follow-ups, memory, mistakes mended, "I do not know".
* Chat documents hold one persona each: helpful in 16% of documents, else a brush-off, rude, a
  question back, or off-topic. So the base model, asked cold, is mostly unhelpful, and a few
  helpful exchanges in its prompt tell it *which Bot is talking*: in-context learning as implicit
  Bayesian inference over documents (Xie et al. 2021).
* Every (task, item) key is train, dev or test. Held-out keys occur in no list, chat, quiz,
  demonstration, training prompt; the fact itself does, in sentences, notes and glosses.
* `demonstrations` and `conversations` come from simulated labelers of mixed quality: a model tuned
  on them is good and can still be improved (InstructGPT, Ouyang et al. 2022, section 3).
"""

from functools import cache, partial
from random import Random

from data.world.conversation import Conversation
from data.world.documents import LIST_FORMATS, Documents, weighted
from data.world.languages import LANGUAGES
from data.world.talk import ACTS, MARKED_BY, SHORT, SKILLS, WORDING_SPLITS
from data.world.tasks import LIST_TASKS, SPLITS, TASKS, stable_hash
from plumbing.errors import BadInput

LABELERS = {"careful": 0.54, "curt": 0.14, "sloppy": 0.14, "rude": 0.18}
TALK = 0.65  # share of conversation in what is ranked and in what PPO asks
SMALL_TALK = 0.2  # share of the demonstrated conversations that are nothing else
HURRIED = 0.15  # share of the questions of demonstrations that are typed in a hurry
# Demonstrations dwell on what models find hard.
PRACTISED = {
    **SKILLS,
    **{"digits": 3, "two questions": 3.5, "unknown word": 3, "never told": 2.2},
    **{f"memory {distance}": 2.2 for distance in (1, 2, 3, 4)},
}
TALKERS = {"careful": 0.70, "curt": 0.10, "sloppy": 0.12, "rude": 0.08}
STAGE_SPLITS = ("sft", "rm", "ppo")
PROMPT_SPLITS = (*STAGE_SPLITS, "dev", "test", "paraphrase")


@cache
def world_named(name):
    """World(0) in the language that --data calls `name`: "world" is English; languages.py has more.
    One for all that ask, since nobody changes it."""
    return World(language=LANGUAGES[name])


def english_only(data, **options):
    """Refuse options that the world of this language does not know yet."""
    for name, value in options.items():
        if value and data in LANGUAGES and data != "world":
            raise BadInput(
                f"--{name}={value}: not in --data={data} yet; it is of the English world"
            )


class World(Documents):
    """The facts and tasks (`Tasks`), the pretraining text (`Documents`), and here the instructions,
    demonstrations and lists that the stages and probes ask for."""

    # --- instructions ----------------------------------------------------------------------------

    def prompts(self, split, n=None, seed=0):
        """`n` instructions of a split, balanced over the tasks; see PROMPT_SPLITS.

        sft, rm, ppo: training keys, disjoint (task, item, wording). dev, test: held-out keys in
        trained wordings. paraphrase: training keys in held-out wordings. With n=None each task
        gives as many distinct prompts as the smallest one has; beyond that they repeat.
        """
        if split not in PROMPT_SPLITS:
            raise BadInput(f"prompts: no split {split!r}; use {', '.join(PROMPT_SPLITS)}")
        rng = Random(f"prompts {split} {seed}")
        per_task = [self.prompt_keys(task, split, rng) for task in TASKS]
        if n is None:
            n = len(TASKS) * min(map(len, per_task))
        prompts = []
        for i in range(n):
            keys = per_task[i % len(TASKS)]
            prompts.append(self.prompt(*keys[i // len(TASKS) % len(keys)]))
        return prompts

    def asked_of(self, split, n, seed=0):
        """`n` prompts of a split as people come with them: single questions, and TALK of them turns
        of conversation. Of "rm" those are missing in which nothing is said."""
        rng = Random(f"asked of {split} {seed}")
        talks = round(TALK * n)
        # Rollouts of PPO are as wide as their longest talk. Who is told a name has to answer, too.
        skills = [*(SHORT if split == "ppo" else SKILLS), "told"]
        # An act of talk is short, has answers of its own, and is met in a first talk at once.
        weights = [2 * len(ACTS[skill]) if skill in ACTS else 1 for skill in skills]
        drawn = rng.choices(skills, weights, k=talks)
        prompts = self.prompts(split, n - talks, seed) + self.talks(split, talks, drawn, seed)
        rng.shuffle(prompts)
        if split == "rm":  # a labeler who reads no question can rank no answers
            prompts = [p for p in prompts if p["messages"][-1]["content"].strip()]
        return prompts

    def talks(self, split, n, skills=tuple(SKILLS), seed=0):
        """`n` prompts of conversation, the skills in turn: "messages" up to the user's turn, with
        what the judge marks its answer by, and "canonical" where the turn is a question that was
        typed in a hurry: its careful form. sft, rm, ppo draw the words of the training split."""
        rng = Random(f"talks {split} {seed}")
        prompts = []
        for i in range(n):
            talk = Conversation(self, rng, split if split in WORDING_SPLITS else "train")
            skill = skills[i % len(skills)]
            turn = talk.script(skill)
            marks = {key: turn[key] for key in (*MARKED_BY, "canonical") if key in turn}
            prompts.append({"messages": talk.messages, "skill": skill, **marks, **self.named})
        return prompts

    def prompt_keys(self, task, split, rng):
        """(task, item, wording) of one split: every item once before an item comes again."""
        key_split = split if split in SPLITS else "train"
        items = [item for item in self.items[task] if self.split_of[task, item] == key_split]
        rng.shuffle(items)
        held_out = self.language.HELD_OUT
        wordings = range(len(self.language.QUESTIONS[task]))
        wordings = wordings[-held_out:] if split == "paraphrase" else wordings[:-held_out]
        keys = [
            (task, item, wordings[(i + r) % len(wordings)])
            for r in range(len(wordings))
            for i, item in enumerate(items)
        ]
        if split in STAGE_SPLITS:  # each key belongs to one stage
            keys = [k for k in keys if STAGE_SPLITS[stable_hash(f"prompt|{k}") % 3] == split]
        return keys

    def same_worded(self, split, n, seed=0):
        """`n` prompts of a split, each with "responses": two answers in the same words but for the
        answer itself, which is right in the first and wrong in the second. These are comparisons
        that no labeler makes: no stage is trained on them, only one control of lab/reward.py."""
        rng = Random(f"same-worded {split} {seed}")
        pairs = []
        for prompt in self.prompts(split, n, seed):
            key = prompt["task"], prompt["item"]
            right = self.statements(*key, rng.choice(prompt["answers"]))
            wrong = self.statements(*key, self.wrong_answer(prompt, rng))
            pattern = rng.randrange(2)  # as careful labelers write
            pairs.append({**prompt, "responses": [right[pattern], wrong[pattern]]})
        return pairs

    def demonstrations(self, n, seed=0):
        """`n` demonstration records with task, item; about a tenth have two turns."""
        rng = Random(f"demonstrations {seed}")
        sft_keys = [key for task in TASKS for key in self.prompt_keys(task, "sft", rng)]
        records = []
        for prompt in self.prompts("sft", n, seed):
            labeler = weighted(rng, LABELERS)
            turns = [prompt]
            if rng.random() < 0.1:
                turns.insert(0, self.prompt(*rng.choice(sft_keys)))
            messages = []
            for turn in turns:
                answer = {"role": "assistant", "content": self.reply(turn, rng, labeler)}
                question = dict(turn["messages"][0])
                if rng.random() < HURRIED:
                    question["content"] = self.language.typed(question["content"], rng)
                messages += [question, answer]
            records.append(
                {
                    "messages": messages,
                    "source": f"sim:{labeler}",
                    "task": prompt["task"],
                    "item": prompt["item"],
                }
            )
        return records

    def conversations(self, n, seed=0, searches=False):
        """`n` demonstrations of talk, two to five turns each, by the same labelers. A Bot's mistake
        that a later turn mends has "weight" 0: it is read, and not learned. With `searches` they
        look up what the world does not hold, in vain."""
        rng = Random(f"conversations {seed}")
        records = []
        for _ in range(n):
            labeler = weighted(rng, TALKERS)
            talk = Conversation(self, rng, searches=searches)
            talk.voice = partial(talk.reply, style=labeler)
            if rng.random() < SMALL_TALK:
                talk.chatter(rng.randint(2, 5))
            else:
                talk.go_on(rng.choice((1, 1, 2)), PRACTISED)
            records.append({"messages": talk.messages, "source": f"sim:{labeler}"})
        return records

    def lessons(self, n_demos, n_talks, seed=0, searches=False):
        """What fine-tuning learns from: single questions, and conversations."""
        return self.demonstrations(n_demos, seed) + self.conversations(n_talks, seed, searches)

    def few_shot(self, prompt, n, seed=0):
        """Messages: `n` helpful exchanges on random training keys, then `prompt`."""
        rng = Random(f"few-shot {seed} {prompt['messages'][-1]['content']}")
        messages = []
        while len(messages) < 2 * n:
            shot = self.train_prompt(rng)
            if (shot["task"], shot["item"]) != (prompt["task"], prompt["item"]):
                answer = {"role": "assistant", "content": self.plain_answer(shot, rng)}
                messages += [*shot["messages"], answer]
        return messages + prompt["messages"]

    # --- lists as a probe ------------------------------------------------------------------------

    def list_prompt(self, task, n, split="test", seed=0, labels="gold"):
        """A list of `n` shots and a query: (text, answer, candidates). It ends in a separator.

        `task` is one of LIST_TASKS, "novel" (a mapping made up for this list) or "key-value" (the
        query key is among the shots). Shots are training items, the query is of `split`. With
        labels="random" each shot's label is drawn at random (Min et al. 2022) from `candidates`,
        the words the answer competes with. The model should continue with " " + answer.
        """
        if task not in (*LIST_TASKS, "novel", "key-value") or labels not in ("gold", "random"):
            raise BadInput(
                f"list_prompt: no task {task!r} with {labels!r} labels; tasks are "
                f"{', '.join(LIST_TASKS)}, novel, key-value; labels gold or random"
            )
        rng = Random(f"list {task} {n} {split} {seed}")
        if task == "novel":
            shots, query, answer, candidates = self._novel_probe(rng, n, split)
        elif task == "key-value":
            shots, query, answer, candidates = self._key_value_probe(rng, n)
        else:
            shots, query, answer, candidates = self._known_probe(rng, task, n, split)
        pattern = rng.choice(LIST_FORMATS)
        if labels == "random":
            shots = [(key, rng.choice(candidates)) for key, _ in shots]
        title = self.pairs_title if task == "key-value" else ""
        lines = [pattern.format(key, value) for key, value in shots]
        last = pattern.format(query, "{}").split(" {}")[0]
        return title + "".join(lines) + last, answer, list(candidates)

    def _known_probe(self, rng, task, n, split):
        """Shots, query, answer and the words it competes with, of a task's facts."""
        item = rng.choice([i for i in self.items[task] if self.split_of[task, i] == split])
        direction = self.slots[task, item].get("d")
        pool = [other for other in self._list_items(task, direction) if other != item]
        if n > len(pool):
            raise BadInput(f"--n={n}: of {task} the world has only {len(pool)} examples to show")
        shots = [self._list_pair(task, other) for other in rng.sample(pool, n)]
        query, answer = self._list_pair(task, item)
        return shots, query, answer, self.vocabulary[task]

    def _key_value_probe(self, rng, n):
        """The same of random pairs; the query is one of the shots if there are any."""
        values = rng.sample(self.words, 4)
        value_of = dict(zip(rng.sample(self.words, 4), values))
        keys = (list(value_of) * n)[:n]
        rng.shuffle(keys)
        shots = [(key, value_of[key]) for key in keys]
        query, answer = rng.choice(shots or list(value_of.items()))
        return shots, query, answer, values

    def _novel_probe(self, rng, n, split):
        """The same of a made-up mapping; the query's class is shown."""
        names = rng.sample(list(self.classes), 3)
        labels = rng.sample(self.language.LABELS, 3)
        label_of = dict(zip(names, labels))
        shown = (names * n)[:n]
        rng.shuffle(shown)
        name = rng.choice(shown or names)
        query = rng.choice([w for w in self.classes[name] if self.novel_split[w] == split])
        shots = []
        for other in shown:
            words = [word for word in self.novel_train[other] if word != query]
            shots.append((rng.choice(words), label_of[other]))
        return shots, query, label_of[name], labels
