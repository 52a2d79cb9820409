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
from data.world.talk import SAME_FORM
from data.world.tasks import ATTRIBUTES

# Share of the names that learners meet that are people's; with many, a model completes those that
# it has met ("Min" -> "Minho") and copies no others.
REAL_NAMES = 0.1


class Turns:
    """Every kind of turn, and what a talk has to know to make it: what was asked, told, ordered."""

    def __init__(self, world, rng, split):
        self.world = world
        self.language = world.language
        self.rng = rng
        self.split = split  # of names, words, wordings; keys of facts are held out in the last turn
        self.asked = None  # the (task, item) of the last question about the world
        self.mistaken = False  # whether the Bot answered it wrongly
        self.told = {}  # {"name": "Mina", ...}
        self.one_word = False  # whether that is all that an answer may be

    def wording(self, name, whole=False):
        """A wording of this split. Outside of training every other one is new, or all are."""
        split = self.split if whole or self.rng.random() < 0.5 else "train"
        return self.language.sentence(self.world.wording(name, split, self.rng))

    def worded(self, name, *words):
        """A wording with the words in it that it has room for."""
        return self.language.sentence(self.language.write(self.wording(name), *words))

    def fact(self, task, item, content, mistake=False):
        """A question about the world, however it is asked."""
        world, rng, lang = self.world, self.rng, self.language
        if task == "sum" and rng.random() < 0.3:
            content = lang.digits(content)
        answers = world.answers[task, item]
        turn = {"content": content, "task": task, "item": item, "answers": answers}
        answer = rng.choice(answers)
        wrong = world.wrong_answer(turn, rng)
        turn["says"] = rng.choice(world.statements(task, item, wrong if mistake else answer)[:2])
        turn["wrong"] = rng.choice(world.statements(task, item, wrong)[:2])
        turn["short"] = world.curt(task, wrong if mistake else answer)
        turn["opening"] = ""
        if self.one_word:  # "yellow.", the token that it is within a sentence
            turn |= dict.fromkeys(("says", "short"), answer + ".")
            turn |= {"needs": [[a.lower() for a in answers]], "forbids": [], "most": 1}
        if re.search(r"\d", content):
            turn |= {key: lang.digits(turn[key]) for key in ("says", "wrong", "short")}
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
        task = self.rng.choice(tasks or list(self.language.QUESTIONS))
        item = self.rng.choice(self.world.by_split[task, split])
        wording = self.rng.randrange(len(self.language.QUESTIONS[task]) - self.language.HELD_OUT)
        return self.fact(task, item, self.world.asked[task, item][wording], mistake)

    def pronoun(self, split="train"):
        """ "Where is it?" Needs a question about a thing."""
        thing = self.asked[1]
        others = [a for a in ATTRIBUTES if a != self.asked[0]]
        tasks = [a for a in others if self.world.split_of[a, thing] == split]
        task = self.rng.choice(tasks)
        if self.rng.random() < 0.4:
            return self.fact(task, thing, self.worded("ITS", self.language.NAMED[task]))
        patterns = self.language.QUESTIONS[task]
        if self.split == "train":
            patterns = patterns[: -self.language.HELD_OUT]
        return self.fact(task, thing, self.language.pronoun(self.rng.choice(patterns)))

    def opens(self, split):
        """A question about a thing of which "its" other facts, of this split, can be asked then."""
        ways = []
        for first, task in itertools.permutations(ATTRIBUTES, 2):
            for thing in self.world.by_split[first, "train"]:
                if self.world.split_of[task, thing] == split:
                    ways.append((first, thing))
        task, thing = self.rng.choice(ways)
        wordings = self.world.asked[task, thing][: -self.language.HELD_OUT]
        return self.fact(task, thing, self.rng.choice(wordings))

    def ellipsis(self, split="train"):
        """ "And the lamp?" The same question about another item."""
        task, before = self.asked
        item = self.rng.choice([i for i in self.world.by_split[task, split] if i != before])
        shown = self.world.shown(task, item)
        return self.fact(task, item, self.worded("ELLIPSES", shown))

    def doubt(self):
        """ "Are you sure?", or "No, it is red.": the truth stays what it was."""
        rng, world, lang = self.rng, self.world, self.language
        task, item = self.asked
        mistaken = self.mistaken
        truth = rng.choice(world.answers[task, item])
        content = self.wording("DOUBTS")
        denied = rng.random() < 0.6
        if denied:
            prompt = {"task": task, "item": item, "answers": world.answers[task, item]}
            value = truth if mistaken else world.wrong_answer(prompt, rng)
            claim = lang.write(lang.CLAIMS.get(task, lang.CLAIM), value)
            content = self.worded("DENIALS", claim)
        turn = self.fact(task, item, content)
        turn["opening"] = rng.choice(lang.DOUBTED) + " "
        if denied and not mistaken:
            turn["wrong"] = rng.choice(world.statements(task, item, value)[:2])
        return turn

    def tell(self, what):
        """ "My name is Mina." """
        memory = self.language.MEMORIES[what]
        told = self.told[what] = self.something(what)
        content = self.worded(what + " tell", told)
        says = self.language.write(self.rng.choice(memory["hear"]), told)
        return self.other("tell", content, says, [[told.lower()]], item=told)

    def something(self, what):
        """A name, a word, a colour to remember."""
        rng = self.rng
        if what == "colour":
            return rng.choice(self.language.COLOURS)
        if what == "name":
            if rng.random() < REAL_NAMES or self.split != "train" and rng.random() < 0.5:
                return rng.choice(self.world.wordings["PEOPLE"][self.split])
            return self.world.invented(rng, self.split).capitalize()
        if rng.random() < 0.5:
            return rng.choice(self.world.words).lower()
        return self.world.foreign_word(rng, self.split).lower()

    def recall(self, what):
        """ "What is my name?" """
        lang = self.language
        content = self.wording(what + " ask")
        memory = lang.MEMORIES[what]
        if what not in self.told:
            says = self.rng.choice(memory["nothing"])
            needs = [lang.NEVER_TOLD_NEEDS, memory["needs"]]
            guess = lang.write(self.rng.choice(memory["answer"]), self.something(what))
            return self.other("never told", content, says, needs, wrong=guess)
        told = self.told[what]
        says = lang.write(self.rng.choice(memory["answer"]), told)
        other = self.something(what)
        while other == told:
            other = self.something(what)
        wrong = lang.write(self.rng.choice(memory["answer"]), other)
        forbids = [c for c in lang.COLOURS if c != told] if what == "colour" else []
        return self.other(
            "memory", content, says, [[told.lower()]],
            short=told + ".", wrong=wrong, forbids=forbids, item=told,
        )  # fmt: skip

    def order(self):
        """ "Answer in one word from now on." """
        self.one_word = True
        says = self.rng.choice(self.language.OBEYS)
        return self.other("order", self.wording("ORDERS"), says, [self.language.OBEYS_NEEDS])

    def unknown(self, kind):
        """A thing, word or person that the world does not hold."""
        rng, world, lang = self.rng, self.world, self.language
        if kind == "person":
            task = None
            name = self.something("name")
            content = lang.write(rng.choice(lang.PERSON_ASKED), name)
        else:
            task = rng.choice(ATTRIBUTES if kind == "thing" else ("opposite", "past"))
            pool = "THINGS" if kind == "thing" else "WORDS"
            name = rng.choice(world.wordings[pool][self.split])
            if rng.random() < 0.6:
                name = world.invented(rng, self.split)
            content = lang.write(rng.choice(lang.QUESTIONS[task][: -lang.HELD_OUT]), x=name)
        says = lang.write(rng.choice(lang.DO_NOT_KNOW[kind]), name)
        forbids = world.vocabulary[task] if task in ATTRIBUTES else []
        wrong = self.misfit()
        search = {}
        for attribute, pattern in lang.PLAINLY.items():
            if content == lang.write(pattern, name):
                search = {"search": query_of(name, attribute)}
        if kind == "thing":
            search = {"search": query_of(lang.DEFINITE.format(name), lang.NAMED[task])}
        if task:
            wrong = rng.choice(world.statements(task, name, rng.choice(world.vocabulary[task]))[:2])
        return self.other(
            f"unknown {kind}", content, says, [lang.DO_NOT_KNOW_NEEDS, [name.lower()]],
            wrong=wrong, forbids=forbids, item=name,
        ) | search  # fmt: skip

    def too_large(self):
        """A sum, or another sign, that it never learned."""
        rng, lang = self.rng, self.language
        a = rng.randint(0, 99)
        b = rng.randint(10, 99)
        content = lang.write(rng.choice(lang.SUMS), *rng.sample((a, b), 2))
        if rng.random() < 0.4:
            pattern = rng.choice(lang.OTHER_SUMS)
            content = lang.write(pattern, rng.randint(0, 20), rng.randint(0, 20))
        wrong = lang.write(lang.STATEMENTS["sum"][0], a=a, b=b, y=rng.randint(0, 18))
        needs = [lang.OVER_NINE_NEEDS]
        return self.other("too large a sum", content, lang.OVER_NINE, needs, wrong=wrong)

    def act(self, act):
        """A greeting, thanks, "Who are you?", something outside of the world."""
        rng = self.rng
        if act == "outside":
            content = self.outside()
        elif act == "nonsense":
            content = self.nonsense()
        else:
            content = self.wording(act, whole=True)
        says = rng.choice(self.language.ANSWERS[act])
        wrong = rng.choice((self.misfit(), rng.choice(self.world.misfits[act])))
        forbids = self.world.things
        needs = self.language.NEEDS[act]
        return self.other(act, content, says, needs, wrong=wrong, forbids=forbids)

    def outside(self):
        """A question that has nothing to do with the world."""
        slots = {}
        for slot, name in (("land", "LANDS"), ("topic", "TOPICS")):
            slots[slot] = self.rng.choice(self.world.wordings[name][self.split])
        return self.language.write(self.wording("OUTSIDE", whole=True), **slots)

    def nonsense(self):
        """What has no meaning, or none in this language."""
        rng = self.rng
        style = rng.random()
        if style < 0.4:
            return self.wording("FOREIGN", whole=True)
        if style < 0.6:
            made = [self.world.invented(rng, self.split) for _ in range(rng.randint(2, 6))]
            return " ".join(made) + rng.choice(["", ".", "?", "!"])
        return self.language.babble(rng, (style - 0.6) / 0.4)

    def two_questions(self):
        """Two questions in one line."""
        rng = self.rng
        one = self.question("train", SAME_FORM)
        two = self.question(self.split, [task for task in SAME_FORM if task != one["task"]])
        content = rng.choice(self.language.BOTH).format(one["content"], two["content"])
        forbids = set(self.world.vocabulary[one["task"]] + self.world.vocabulary[two["task"]])
        forbids -= {*one["answers"], *two["answers"]}
        if not {one["task"], two["task"]} <= set(ATTRIBUTES):
            forbids = ()
        texts = {key: f"{one[key]} {two[key]}" for key in ("says", "short", "wrong")}
        needs = [[a.lower() for a in turn["answers"]] for turn in (one, two)]
        turn = self.other("two questions", content, texts["says"], needs, forbids=sorted(forbids))
        turn |= texts | {"item": self.language.BOTH_ITEMS.format(one["item"], two["item"])}
        self.asked = None
        return turn

    def long_line(self):
        """A question after much that does not matter."""
        before = [self.wording("remark") for _ in range(self.rng.randint(2, 4))]
        turn = self.question(self.split)
        return turn | {"content": " ".join([*before, turn["content"]])}
