"""The turns of a talk with the Bot: what a user says, what fits as an answer, what the judge marks.

A turn is a dict: what is said to the Bot ("content"), a fitting answer ("says"; "short", a curt
form of it; "wrong", a misfit), and what the judge goes by:

* a question about the world carries "task", "item", "answers", as World.prompts gives them;
* any other turn carries "needs", groups of phrases of which one each has to stand in the answer,
  and "forbids", words that may not. Its "task" is the name of its kind.
"""

import itertools
import re

from data.knowledge import query_of
from data.world.english import ATTRIBUTES, COLOURS, HELD_OUT, QUESTIONS
from data.world.english_evidence import PLAINLY
from data.world.english_talk import (
    ANSWERS,
    BOTH,
    CLAIM,
    CLAIMS,
    MEMORIES,
    MENDS,
    NEEDS,
    OBEYS,
    STANDS,
    THANKS,
)
from data.world.strangers import (
    DO_NOT_KNOW,
    OTHER_SUMS,
    OVER_NINE,
    PERSON_ASKED,
    SUMS,
)
from data.world.talk import SAME_FORM, digits, pronoun, sentence

# Share of the names that learners meet that are people's; with many, a model completes those that
# it has met ("Min" -> "Minho") and copies no others.
REAL_NAMES = 0.1


class Turns:
    """Every kind of turn, and what a talk has to know to make it: what was asked, told, ordered."""

    def __init__(self, world, rng, split):
        self.world = world
        self.rng = rng
        self.split = split  # of names, words, wordings; keys of facts are held out in the last turn
        self.asked = None  # the (task, item) of the last question about the world
        self.mistaken = False  # whether the Bot answered it wrongly
        self.told = {}  # {"name": "Mina", ...}
        self.one_word = False  # whether that is all that an answer may be

    def wording(self, name, whole=False):
        """A wording of this split. Outside of training every other one is new, or all are."""
        split = self.split if whole or self.rng.random() < 0.5 else "train"
        return sentence(self.world.wording(name, split, self.rng))

    def fact(self, task, item, content, mistake=False):
        """A question about the world, however it is asked."""
        world, rng = self.world, self.rng
        if "plus" in item and rng.random() < 0.3:
            content = digits(content)
        answers = world.answers[task, item]
        turn = {"content": content, "task": task, "item": item, "answers": answers}
        answer = rng.choice(answers)
        wrong = world.wrong_answer(turn, rng)
        turn["says"] = rng.choice(world.statements(task, item, wrong if mistake else answer)[:2])
        turn["wrong"] = rng.choice(world.statements(task, item, wrong)[:2])
        turn["short"] = world.curt(task, wrong if mistake else answer)
        turn["opening"] = ""
        if self.one_word:  # "Yellow."
            turn |= {"says": sentence(answer) + ".", "short": sentence(answer) + "."}
            turn |= {"needs": [[a.lower() for a in answers]], "forbids": [], "most": 1}
        if re.search(r"\d", content):
            turn |= {key: digits(turn[key]) for key in ("says", "wrong", "short")}
        self.asked = task, item
        self.mistaken = mistake
        return turn

    def other(self, skill, content, says, needs, *, short="", wrong="", forbids=(), item=""):
        """Any other turn; `needs` and `forbids` are what the judge goes by."""
        turn = {"content": content, "task": skill, "item": item, "answers": needs[0]}
        turn |= {"says": says, "short": short or says, "wrong": wrong or self.misfit()}
        return turn | {"needs": needs, "forbids": [word.lower() for word in forbids]}

    def misfit(self):
        """A true sentence that nobody asked for."""
        task = self.rng.choice(ATTRIBUTES)
        thing = self.rng.choice(self.world.by_split[task, "train"])
        return self.rng.choice(self.world.said[task, thing])

    def question(self, split="train", tasks=None, mistake=False):
        """A question that needs no earlier turn."""
        task = self.rng.choice(tasks or list(QUESTIONS))
        item = self.rng.choice(self.world.by_split[task, split])
        wording = self.rng.randrange(len(QUESTIONS[task]) - HELD_OUT)
        return self.fact(task, item, self.world.asked[task, item][wording], mistake)

    def pronoun(self, split="train"):
        """ "Where is it?" Needs a question about a thing."""
        thing = self.asked[1]
        others = [a for a in ATTRIBUTES if a != self.asked[0]]
        tasks = [a for a in others if self.world.split_of[a, thing] == split]
        task = self.rng.choice(tasks)
        if self.rng.random() < 0.4:
            return self.fact(task, thing, self.wording("ITS").format(task))
        last = HELD_OUT if self.split == "train" else 0
        patterns = QUESTIONS[task][: len(QUESTIONS[task]) - last]
        return self.fact(task, thing, pronoun(self.rng.choice(patterns)))

    def opens(self, split):
        """A question about a thing of which "its" other facts, of this split, can be asked then."""
        ways = []
        for first, task in itertools.permutations(ATTRIBUTES, 2):
            for thing in self.world.by_split[first, "train"]:
                if self.world.split_of[task, thing] == split:
                    ways.append((first, thing))
        task, thing = self.rng.choice(ways)
        return self.fact(task, thing, self.rng.choice(self.world.asked[task, thing][:-HELD_OUT]))

    def ellipsis(self, split="train"):
        """ "And the lamp?" The same question about another item."""
        task, before = self.asked
        item = self.rng.choice([i for i in self.world.by_split[task, split] if i != before])
        shown = f"the {item}" if task in ATTRIBUTES else item
        return self.fact(task, item, sentence(self.wording("ELLIPSES").format(shown)))

    def doubt(self):
        """ "Are you sure?", or "No, it is red.": the truth stays what it was."""
        rng, world = self.rng, self.world
        task, item = self.asked
        mistaken = self.mistaken
        truth = rng.choice(world.answers[task, item])
        content = self.wording("DOUBTS")
        denied = rng.random() < 0.6
        if denied:
            prompt = {"task": task, "item": item, "answers": world.answers[task, item]}
            value = truth if mistaken else world.wrong_answer(prompt, rng)
            claim = CLAIMS.get(task, CLAIM).format(value)
            content = sentence(self.wording("DENIALS").format(claim))
        turn = self.fact(task, item, content)
        openings = (THANKS if denied else MENDS) if mistaken else STANDS
        turn["opening"] = rng.choice(openings) + " "
        if denied and not mistaken:
            turn["wrong"] = rng.choice(world.statements(task, item, value)[:2])
        return turn

    def tell(self, what):
        """ "My name is Mina." """
        memory = MEMORIES[what]
        told = self.told[what] = self.something(what)
        content = sentence(self.wording(what + " tell").format(told))
        says = self.rng.choice(memory["hear"]).format(told)
        return self.other("tell", content, says, [[told.lower()]], item=told)

    def something(self, what):
        """A name, a word, a colour to remember."""
        rng = self.rng
        if what == "colour":
            return rng.choice(COLOURS)
        if what == "name":
            if rng.random() < REAL_NAMES or self.split != "train" and rng.random() < 0.5:
                return rng.choice(self.world.wordings["PEOPLE"][self.split])
            return self.world.invented(rng, self.split).capitalize()
        if rng.random() < 0.5:
            return rng.choice(self.world.words).lower()
        return self.world.foreign_word(rng, self.split).lower()

    def recall(self, what):
        """ "What is my name?" """
        content = self.wording(what + " ask")
        memory = MEMORIES[what]
        if what not in self.told:
            says = self.rng.choice(memory["nothing"])
            needs = [["do not know", "did not tell"], [what]]
            guess = self.rng.choice(memory["answer"]).format(self.something(what))
            return self.other("never told", content, says, needs, wrong=guess)
        told = self.told[what]
        says = self.rng.choice(memory["answer"]).format(told)
        other = self.something(what)
        while other == told:
            other = self.something(what)
        wrong = self.rng.choice(memory["answer"]).format(other)
        forbids = [c for c in COLOURS if c != told] if what == "colour" else []
        return self.other(
            "memory", content, says, [[told.lower()]],
            short=sentence(told) + ".", wrong=wrong, forbids=forbids, item=told,
        )  # fmt: skip

    def order(self):
        """ "Answer in one word from now on." """
        self.one_word = True
        says = self.rng.choice(OBEYS)
        return self.other("order", self.wording("ORDERS"), says, [["ok", "yes"]])

    def unknown(self, kind):
        """A thing, word or person that the world does not hold."""
        rng, world = self.rng, self.world
        if kind == "person":
            task = None
            name = self.something("name")
            content = rng.choice(PERSON_ASKED).format(name)
        else:
            task = rng.choice(ATTRIBUTES if kind == "thing" else ("opposite", "past"))
            pool = "THINGS" if kind == "thing" else "WORDS"
            name = rng.choice(world.wordings[pool][self.split])
            if rng.random() < 0.6:
                name = world.invented(rng, self.split)
            content = rng.choice(QUESTIONS[task][:-HELD_OUT]).format(x=name)
        says = rng.choice(DO_NOT_KNOW[kind]).format(name)
        forbids = world.vocabulary[task] if task in ATTRIBUTES else []
        wrong = self.misfit()
        search = {}
        for attribute, pattern in PLAINLY.items():
            if content == pattern.format(name):
                search = {"search": query_of(name, attribute)}
        if kind == "thing":
            search = {"search": query_of(f"the {name}", task)}
        if task:
            wrong = rng.choice(world.statements(task, name, rng.choice(world.vocabulary[task]))[:2])
        return self.other(
            f"unknown {kind}", content, says, [["do not know"], [name.lower()]],
            wrong=wrong, forbids=forbids, item=name,
        ) | search  # fmt: skip

    def too_large(self):
        """A sum, or another sign, that it never learned."""
        rng = self.rng
        a = rng.randint(0, 99)
        b = rng.randint(10, 99)
        content = rng.choice(SUMS).format(*rng.sample((a, b), 2))
        if rng.random() < 0.4:
            content = rng.choice(OTHER_SUMS).format(rng.randint(0, 20), rng.randint(0, 20))
        wrong = f"The sum of {a} and {b} is {rng.randint(0, 18)}."
        return self.other(
            "too large a sum",
            content,
            OVER_NINE,
            [["up to nine", "up to 9"]],
            wrong=wrong,
        )

    def act(self, act):
        """A greeting, thanks, "Who are you?", something outside of the world."""
        rng = self.rng
        if act == "outside":
            content = self.outside()
        elif act == "nonsense":
            content = self.nonsense()
        else:
            content = self.wording(act, whole=True)
        says = rng.choice(ANSWERS[act])
        wrong = rng.choice((self.misfit(), rng.choice(self.world.misfits[act])))
        forbids = self.world.things
        return self.other(act, content, says, NEEDS[act], wrong=wrong, forbids=forbids)

    def outside(self):
        """A question that has nothing to do with the world."""
        slots = {}
        for slot, name in (("land", "LANDS"), ("topic", "TOPICS")):
            slots[slot] = self.rng.choice(self.world.wordings[name][self.split])
        return self.wording("OUTSIDE", whole=True).format(**slots)

    def nonsense(self):
        """What has no meaning, or none in English."""
        rng = self.rng
        style = rng.random()
        if style < 0.4:
            return self.wording("FOREIGN", whole=True)
        if style < 0.6:
            made = [self.world.invented(rng, self.split) for _ in range(rng.randint(2, 6))]
            return " ".join(made) + rng.choice(["", ".", "?", "!"])
        if style < 0.8:
            letters = "abcdefghijklmnopqrstuvwxyz" if rng.random() < 0.7 else "asdfghjkl;  "
            return "".join(rng.choices(letters, k=rng.randint(3, 14)))
        if style < 0.9:
            hangul = [chr(rng.randrange(0xAC00, 0xD7A4)) for _ in range(rng.randint(2, 6))]
            return "".join(hangul)
        return rng.choice(
            ["", "?", "...", "???", "!", ".", "-", "hm", "hmm", ":)", "1234", "0", "x"]
        )

    def two_questions(self):
        """Two questions in one line."""
        rng = self.rng
        one = self.question("train", SAME_FORM)
        two = self.question(self.split, [task for task in SAME_FORM if task != one["task"]])
        content = rng.choice(BOTH).format(one["content"], two["content"])
        forbids = set(self.world.vocabulary[one["task"]] + self.world.vocabulary[two["task"]])
        forbids -= {*one["answers"], *two["answers"]}
        if not {one["task"], two["task"]} <= set(ATTRIBUTES):
            forbids = ()
        texts = {key: f"{one[key]} {two[key]}" for key in ("says", "short", "wrong")}
        needs = [[a.lower() for a in turn["answers"]] for turn in (one, two)]
        turn = self.other("two questions", content, texts["says"], needs, forbids=sorted(forbids))
        turn |= texts | {"item": f"{one['item']} and {two['item']}"}
        self.asked = None
        return turn

    def long_line(self):
        """A question after much that does not matter."""
        before = [self.wording("remark") for _ in range(self.rng.randint(2, 4))]
        turn = self.question(self.split)
        return turn | {"content": " ".join([*before, turn["content"]])}
