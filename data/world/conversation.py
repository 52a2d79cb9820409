"""Talks with the Bot: how a talk comes to a turn that needs a skill, and who answers it how.

How to add a skill: its wordings in each language (english_talk.py), in data/world/turns.py a method
that makes its turn, here a line in `script`, its name and share in SKILLS of data/world/talk.py.
The judge then marks it, labelers answer it, and `python -m judges.talk` examines it.
"""

import re

from data.knowledge import nothing
from data.world.talk import ACTS, FOLLOWED, SKILLS, TYPED
from data.world.tasks import TASKS
from data.world.turns import Turns

SAID_BACK = ("tell", "unknown thing", "unknown word", "unknown person")  # turns with a name in them
ALL_ACTS = [act for acts in ACTS.values() for act in acts]


class Conversation(Turns):
    """One talk with the Bot: `messages` so far.

    `script` leads up to a turn that needs a skill; `go_on` also answers it. `voice(turn)` is the
    text of an answer, of a labeler for instance; by default all is answered well.
    """

    def __init__(self, world, rng, split="train", hurry=TYPED, voice=None, searches=False):
        super().__init__(world, rng, split)
        self.hurry = hurry
        self.voice = voice or self.reply
        self.searches = searches  # whether what it does not hold is looked up, in vain
        self.messages = []

    def say(self, turn):
        """Put down what the user says, now and then in a hurry, or after a word of courtesy."""
        opener = ""
        if turn["task"] in TASKS and not turn.get("opening") and self.rng.random() < 0.15:
            opener = self.rng.choice(self.language.OPENERS) + " "
        content = opener + turn["content"]
        if turn["task"] != "nonsense" and self.rng.random() < self.hurry:
            content = self.language.typed(content, self.rng)
        self.messages.append({"role": "user", "content": content})
        said = {key: value for key, value in turn.items() if key != "content"}
        if "canonical" in said:
            said["canonical"] = opener + said["canonical"]
        return self.as_written(said, content) if turn["task"] in SAID_BACK else said

    def as_written(self, turn, content):
        """A name is said back in the letters in which it was typed: "Hello mina!" """
        name = turn["item"]
        if name in content or name.lower() not in content:
            return turn
        for what, told in self.told.items():
            self.told[what] = name.lower() if told == name else told
        written = [key for key in ("says", "short", "search") if key in turn]
        back = {key: turn[key].replace(name, name.lower()) for key in written}
        return turn | back

    def add(self, turn):
        """A whole turn: what the user says, and the answer. A mistake that is to be mended is made
        whoever answers, and has "weight" 0: it is read, and not learned."""
        said = self.say(turn)
        if self.mistaken:
            answer = {"role": "assistant", "content": said["says"], "weight": 0}
        else:
            answer = self.answer(said)
        self.messages.append(answer)

    def answer(self, turn):
        """The message of an answer, after a search in vain where one is asked for."""
        sought = self.searches and "search" in turn
        evidence = {}
        if sought:
            evidence = {"search": turn["search"], "result": nothing(turn["search"])}
        return {"role": "assistant", **evidence, "content": self.voice(turn)}

    def go_on(self, turns=1, skills=SKILLS):
        """Some exchanges of this and that, answered. Once one word is to do, the talk ends.

        skills: {skill: how often it comes}.
        """
        for _ in range(turns):
            if not self.one_word:
                turn = self.script(self.rng.choices(list(skills), list(skills.values()))[0])
                self.messages.append(self.answer(turn))

    def chatter(self, turns):
        """Some short exchanges in which nothing of the world is asked; they are quickly read, so a
        text holds many."""
        rng = self.rng
        for _ in range(turns):
            kind = rng.choices(("act", "unknown", "tell", "recall"), (6, 2, 1.5, 1.5))[0]
            if kind == "act":
                turn = self.act(rng.choice(ALL_ACTS))
            elif kind == "unknown":
                turn = self.unknown(rng.choice(list(self.language.DO_NOT_KNOW)))
            elif kind == "tell" or not self.told:
                turn = self.tell(rng.choice(list(self.language.MEMORIES)))
            else:
                turn = self.recall(rng.choice(list(self.told)))
            self.add(turn)

    def script(self, skill):
        """Lead up to a turn that needs `skill`, and return that turn, said but not answered."""
        kind, _, last = skill.rpartition(" ")
        if skill in ACTS:
            self.fill(self.rng.choice((0, 0, 1)))
            turn = self.act(self.rng.choice(ACTS[skill]))
        elif kind == "memory":
            turn = self.after_telling(int(last))
        elif kind == "one word":
            turn = self.after_ordering(int(last))
        elif kind == "unknown":
            self.fill(self.rng.choice((0, 0, 1)))
            turn = self.unknown(last)
        else:
            leads = {
                "typed": self.in_a_hurry,
                "digits": self.in_digits,
                "two questions": self.two_questions,
                "long line": self.long_line,
                "pronoun": self.after_a_thing,
                "ellipsis": self.after_a_question,
                "stands by": self.after_the_truth,
                "mends": self.after_a_mistake,
                "never told": self.after_nothing,
                "too large a sum": self.too_large,
                "told": self.is_told,
            }
            turn = leads[skill]()
        return self.say(turn)

    def fill(self, turns):
        """Questions between what is told and what is asked of it."""
        for _ in range(turns):
            self.add(self.question("train", FOLLOWED))

    def in_a_hurry(self):
        """A question that is surely typed in a hurry; "canonical" is its careful form."""
        turn = self.question(self.split)
        self.hurry = 0  # that is enough
        typed = self.language.typed(turn["content"], self.rng)
        return turn | {"content": typed, "canonical": turn["content"]}

    def in_digits(self):
        """A sum as it is typed: "2 plus 3", "2 + 3"."""
        lang = self.language
        turn = self.question(self.split, ["sum"])
        content = lang.digits(turn["content"])
        if self.rng.random() < 0.5:
            content = lang.write(self.rng.choice(lang.SMALL_SUMS), *re.findall(r"\d+", content))
        said = {key: lang.digits(turn[key]) for key in ("says", "wrong", "short")}
        return turn | said | {"content": content}

    def after_a_thing(self):
        """ "Where is it?" """
        self.add(self.opens(self.split))
        if self.rng.random() < 0.3:
            self.add(self.act("thanks"))
        return self.pronoun(self.split)

    def after_a_question(self):
        """ "And the lamp?" """
        self.add(self.question("train", FOLLOWED))
        for _ in range(self.rng.choice((0, 0, 1, 2))):
            self.add(self.ellipsis())
        return self.ellipsis(self.split)

    def after_the_truth(self):
        """ "Are you sure?" of what is right."""
        self.add(self.question(self.split, FOLLOWED))
        return self.doubt()

    def after_a_mistake(self):
        """ "Are you sure?" of what is wrong."""
        self.add(self.question(self.split, FOLLOWED, mistake=True))
        return self.doubt()

    def after_telling(self, distance):
        """ "What is my name?" so many turns after it was told."""
        what = self.rng.choice(list(self.language.MEMORIES))
        self.add(self.tell(what))
        self.fill(distance - 1)
        return self.recall(what)

    def after_nothing(self):
        """ "What is my name?" of somebody who may not have said it."""
        self.fill(self.rng.randint(0, 2))
        return self.recall(self.rng.choice(list(self.language.MEMORIES)))

    def is_told(self):
        """ "My name is Mina." """
        return self.tell(self.rng.choice(list(self.language.MEMORIES)))

    def after_ordering(self, distance):
        """A question so many turns after "Answer in one word from now on." A fact that is held out
        is known in sentences only, so this one is not."""
        self.add(self.order())
        self.fill(distance - 1)
        return self.question()

    def reply(self, turn, style="careful"):
        """The answer of a labeler of this style: "careful", "curt", "sloppy" or "rude"."""
        rng, lang = self.rng, self.language
        if "needs" not in turn:  # a plain question about the world
            text = self.world.reply(turn, rng, style)
            if style == "careful":
                text = turn["opening"] + text
            return lang.digits(text) if re.search(r"\d", turn["says"]) else text
        if style == "rude":
            refuses = rng.random() < 0.5
            body = rng.choice(lang.REFUSALS) if refuses else lang.rudely(turn["short"])
            return f"{body} {rng.choice(lang.INSULTS)}"
        if style == "sloppy" and rng.random() < 0.6:
            return turn["wrong"]
        return turn["short"] if style == "curt" else turn["says"]
