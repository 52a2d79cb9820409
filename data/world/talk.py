"""Conversation in the tiny world: what people type, follow-ups, memory, and "I do not know".

A `Conversation` grows turn by turn. Each turn is a dict: what is said to the Bot ("content"), what
fits as an answer ("says"; "short", a curt form; "wrong", a misfit), and what the judge marks it by:

* a question about the world carries "task", "item", "answers", as World.prompts gives them;
* any other turn carries "needs", groups of phrases of which one each has to stand in the answer,
  and "forbids", words that may not. Its "task" is the name of its skill.

SKILLS names what is taught and examined. Names, words and wordings are split as the facts are, by a
hash: those of the split "test" occur in no text that is learned from.

How to add a skill: its wordings in data/world/english_talk.py, a method of Conversation that makes
its turn, how a talk leads up to it in `Conversation.script`, its name and share in SKILLS.
"""

import itertools
import re
from random import Random

from data.world import english_talk as words
from data.world.english import (
    ATTRIBUTES,
    COLOURS,
    HELD_OUT,
    INSULTS,
    NAMES,
    NUMBERS,
    QUESTIONS,
    REFUSALS,
)
from data.world.tasks import Tasks, split_keys, stable_hash

WORDING_SPLITS = {"train": 0.70, "dev": 0.10, "test": 0.20}
ACTS = {  # skill: the acts of talk that belong to it
    "greeting": ["hello", "thanks", "bye", "how"],
    "identity": ["identity", "ability"],
    "manners": ["remark", "rude"],
    "scope": ["outside", "nonsense"],
}
# What is examined, and how often each comes in talk that is learned from.
SKILLS = {
    **{"typed": 1, "digits": 1.5, "two questions": 3, "long line": 0.7},  # what people type
    **{"pronoun": 3, "ellipsis": 5, "stands by": 2.5, "mends": 2.5},  # follow-ups
    **{"memory 1": 1.2, "memory 2": 1.2, "memory 3": 1.2, "memory 4": 1.2, "never told": 1.5},
    **{"one word 1": 1, "one word 2": 1, "one word 3": 1, "one word 4": 1},
    **{"known": 2, "unknown thing": 2, "unknown word": 0.8, "unknown person": 1.2},
    **{"too large a sum": 0.5, "greeting": 3.5, "identity": 2.5, "manners": 2.5, "scope": 2},
}
SHORT = tuple(skill for skill in SKILLS if skill[-1] not in "34")  # at most three turns
MARKED_BY = ("task", "item", "answers", "needs", "forbids", "most")  # what the judge reads
TYPED = 0.3  # share of turns that are typed as people in a hurry type
FOLLOWED = [*ATTRIBUTES, "opposite", "past", "sum", "next"]  # questions that "And ...?" repeats
SAME_FORM = ["opposite", "past", *ATTRIBUTES]


def sentence(text):
    """`text` with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def typed(text, rng):
    """`text` as it is typed in a hurry: lower case, no question mark, "whats"."""
    style = rng.random()
    if style < 0.75:
        text = text.lower()
    if rng.random() < 0.7:
        text = text.rstrip("?.!")
    if rng.random() < 0.5:
        text = re.sub(r"\b([Ww])(hat|here|ho) is\b", rng.choice((r"\1\2s", r"\1\2's")), text)
    if rng.random() < 0.3:
        text = text.replace("colour", "color").replace("please ", "pls ")
    if rng.random() < 0.1:
        text += rng.choice((" ?", "??", "!", " please", " pls"))
    return text


def plain(text):
    """The words of a text, in lower case."""
    return " ".join(re.findall(r"\w+|\{\w*\}", text.lower())) or text


def digits(text):
    """The numbers of a text in digits: "2 plus 3"."""
    return re.sub(r"\w+", lambda m: str(NUMBERS.index(m[0])) if m[0] in NUMBERS else m[0], text)


def pronoun(pattern):
    """A question about "the {x}" as one about "it"."""
    pattern = re.sub(r"the (kind|colour|place|size|owner) of the \{x\}", r"its \1", pattern)
    return re.sub(r"([Tt])he \{x\}", lambda m: "It" if m[1] == "T" else "it", pattern)


class Talk(Tasks):
    """The words of talk, and which of them are held out."""

    def __init__(self, seed=0):
        super().__init__(seed)
        # {act: [answer to another act]}, without those that would do
        self.misfits = {act: [] for act in words.ANSWERS}
        for act, other in itertools.permutations(words.ANSWERS, 2):
            needed = words.NEEDS[act][-1]
            for text in words.ANSWERS[other]:
                if not any(phrase in text.lower() for phrase in needed):
                    self.misfits[act].append(text)
        self.wordings = {}  # {name: {split: [text]}}
        for act, texts in words.WORDINGS.items():
            self._split(act, texts)
            self.wordings[act]["train"] += words.SET_PHRASES.get(act, [])
        for what, memory in words.MEMORIES.items():
            self._split(what + " tell", memory["tell"])
            self._split(what + " ask", memory["ask"])
        for name in ("ORDERS", "ELLIPSES", "DOUBTS", "DENIALS", "OUTSIDE", "LANDS", "TOPICS", "ITS"):
            self._split(name, getattr(words, name))
        for name in ("FOREIGN", "OTHER_WORDS", "PEOPLE", "KNOW_ASKED", "OPENERS"):
            self._split(name, getattr(words, name))
        known = {word.lower() for word in self.words}
        self._split("OTHER_THINGS", [thing for thing in words.OTHER_THINGS if thing not in known])
        others = [*words.OTHER_THINGS, *words.OTHER_WORDS, *words.PEOPLE]
        self.known = known | {word.lower() for word in others}

    def _split(self, name, texts):
        """Which of some texts are held out. What differs in capitals and signs only goes together."""
        kinds = {text: plain(text) for text in texts}
        splits = split_keys("talk " + name, dict.fromkeys(kinds.values()), WORDING_SPLITS)
        self.wordings[name] = {split: [] for split in WORDING_SPLITS}
        for text, kind in kinds.items():
            self.wordings[name][splits[kind]].append(text)

    def invented(self, rng, split):
        """A word that nobody has ever said; its hash says which split it belongs to."""
        while True:
            parts = []
            for _ in range(rng.choice((1, 2, 2, 2, 3))):
                parts += [rng.choice(words.ONSETS), rng.choice(words.VOWELS)]
            word = "".join(parts) + rng.choice(words.CODAS)
            share = stable_hash(word) % 10
            own = "test" if share < 2 else "dev" if share == 2 else "train"
            if own == split and len(word) > 2 and word not in self.known:
                return word

    def foreign_word(self, rng, split):
        """A word that the world does not hold: invented, or of English or of some people."""
        style = rng.random()
        if style < 0.6:
            word = self.invented(rng, split)
        elif style < 0.8:
            word = rng.choice(self.wordings["OTHER_THINGS"][split])
        elif style < 0.9:
            word = rng.choice(self.wordings["OTHER_WORDS"][split])
        else:
            return rng.choice(self.wordings["PEOPLE"][split])
        return word.capitalize() if rng.random() < 0.3 else word

    # --- what the stages ask for -----------------------------------------------------------------

    def talks(self, split, n, skills=tuple(SKILLS), seed=0):
        """`n` prompts of conversation, the skills in turn: "messages" up to the user's turn, with
        what the judge marks its answer by. sft, rm, ppo draw the words of the training split."""
        rng = Random(f"talks {split} {seed}")
        prompts = []
        for i in range(n):
            talk = Conversation(self, rng, split if split in WORDING_SPLITS else "train")
            skill = skills[i % len(skills)]
            turn = talk.script(skill)
            marks = {key: turn[key] for key in MARKED_BY if key in turn}
            prompts.append({"messages": talk.messages, "skill": skill, **marks})
        return prompts


class Conversation:
    """One talk with the Bot: `messages` so far, and what was asked, told and ordered in it.

    `script` leads up to a turn that needs a skill; `go_on` also answers it. `voice(turn)` is the text
    of an answer: of a labeler, or of a Bot that helps nobody. By default all is answered well.
    """

    def __init__(self, world, rng, split="train", hurry=TYPED, voice=None):
        self.world = world
        self.rng = rng
        self.voice = voice or (lambda turn: self.reply(turn, "careful"))
        self.split = split  # of names, words, wordings; keys of facts are held out in the last turn
        self.hurry = hurry
        self.messages = []
        self.asked = None  # the (task, item) of the last question about the world
        self.mistaken = False  # whether the Bot answered it wrongly
        self.told = {}  # {"name": "Mina", ...}
        self.one_word = False

    # --- turns -----------------------------------------------------------------------------------

    def wording(self, name, whole=False):
        """A wording of this split; outside of training every other one, or `whole`, all, are new."""
        split = self.split if whole or self.rng.random() < 0.5 else "train"
        return self.rng.choice(self.world.wordings[name][split])

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
        if self.one_word:
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
        return self.rng.choice(self.world.said[task, self.rng.choice(self.world.train[task])])

    def question(self, split="train", tasks=None, mistake=False, new=False):
        """A question that needs no earlier turn."""
        task = self.rng.choice(tasks or list(QUESTIONS))
        item = self.rng.choice(self.world.by_split[task, split])
        last = len(QUESTIONS[task]) - HELD_OUT
        wording = self.rng.randrange(last) if not new else last + self.rng.randrange(HELD_OUT)
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
        content = sentence(self.wording("DOUBTS"))
        denied = rng.random() < 0.6
        if denied:
            prompt = {"task": task, "item": item, "answers": world.answers[task, item]}
            value = truth if mistaken else world.wrong_answer(prompt, rng)
            claim = words.CLAIMS.get(task, words.CLAIM).format(value)
            content = sentence(self.wording("DENIALS").format(claim))
        turn = self.fact(task, item, content)
        if self.one_word:
            return turn
        openings = (words.THANKS if denied else words.MENDS) if mistaken else words.STANDS
        turn["opening"] = rng.choice(openings) + " "
        if denied and not mistaken:
            turn["wrong"] = rng.choice(world.statements(task, item, value)[:2])
        return turn

    def tell(self, what=None):
        """ "My name is Mina." """
        what = what or self.rng.choice([w for w in words.MEMORIES if w not in self.told])
        memory = words.MEMORIES[what]
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
            if rng.random() < 0.3:
                return rng.choice(self.world.wordings["PEOPLE"][self.split])
            return self.world.invented(rng, self.split).capitalize()
        if rng.random() < 0.5:
            return rng.choice(self.world.words).lower()
        return self.world.foreign_word(rng, self.split).lower()

    def recall(self, what=None):
        """ "What is my name?" """
        what = what or self.rng.choice(list(words.MEMORIES))
        content = sentence(self.wording(what + " ask"))
        memory = words.MEMORIES[what]
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
        short = sentence(told) + "."
        if self.one_word:
            says = short
        return self.other(
            "memory", content, says, [[told.lower()]],
            short=short, wrong=wrong, forbids=forbids, item=told,
        )  # fmt: skip

    def order(self):
        """ "Answer in one word from now on." """
        self.one_word = True
        says = self.rng.choice(words.OBEYS)
        return self.other("order", sentence(self.wording("ORDERS")), says, [["ok", "yes"]])

    def known(self):
        """ "Do you know the lamp?" of what the world holds, also where its facts are held out."""
        rng, world = self.rng, self.world
        style = rng.random()
        if style < 0.2:
            name = rng.choice(NAMES)
            owned = [x for x in world.train["owner"] if world.facts[x]["owner"] == name]
            thing = rng.choice(owned)
            content = rng.choice(words.PERSON_ASKED).format(name)
            says = rng.choice(world.statements("owner", thing, name))
            others = [n for n in NAMES if n != name]
            return self.other("known", content, says, [owned], forbids=others, item=name)
        name = rng.choice(world.things if style < 0.5 else world.words)
        shown = f"the {name}" if style < 0.5 else f"the word {name}"
        says = rng.choice(words.KNOW).format(shown)
        wrong = words.DO_NOT_KNOW["person"][0].format(shown)
        needs = [["i know"], [name.lower()]]
        content = self.wording("KNOW_ASKED").format(shown)
        return self.other("known", content, says, needs, wrong=wrong, forbids=["not"], item=name)

    def unknown(self, kind):
        """A thing, word or person that the world does not hold."""
        rng, world = self.rng, self.world
        if kind == "person":
            task = None
            name = self.something("name")
            content = rng.choice(words.PERSON_ASKED).format(name)
        else:
            task = rng.choice(ATTRIBUTES if kind == "thing" else ("opposite", "past"))
            pool = "OTHER_THINGS" if kind == "thing" else "OTHER_WORDS"
            name = rng.choice(world.wordings[pool][self.split])
            if rng.random() < 0.6:
                name = world.invented(rng, self.split)
            content = rng.choice(QUESTIONS[task][:-HELD_OUT]).format(x=name)
            if rng.random() < 0.3:
                shown = f"the {name}" if kind == "thing" else f"the word {name}"
                content = self.wording("KNOW_ASKED").format(shown)
        says = rng.choice(words.DO_NOT_KNOW[kind]).format(name)
        forbids = world.vocabulary[task] if task in ATTRIBUTES else []
        wrong = self.misfit()
        if task:
            wrong = rng.choice(world.statements(task, name, rng.choice(world.vocabulary[task]))[:2])
        return self.other(
            f"unknown {kind}", content, says, [["do not know"], [name.lower()]],
            wrong=wrong, forbids=forbids, item=name,
        )  # fmt: skip

    def too_large(self):
        """A sum, or another sign, that it never learned."""
        rng = self.rng
        a = rng.randint(0, 99)
        b = rng.randint(10, 99)
        content = rng.choice(words.SUMS).format(*rng.sample((a, b), 2))
        if rng.random() < 0.4:
            content = rng.choice(words.OTHER_SUMS).format(rng.randint(0, 20), rng.randint(0, 20))
        wrong = f"The sum of {a} and {b} is {rng.randint(0, 18)}."
        return self.other(
            "too large a sum", content, words.OVER_NINE, [["up to nine", "up to 9"]], wrong=wrong
        )

    def act(self, act):
        """A greeting, thanks, "Who are you?", something outside of the world."""
        rng = self.rng
        if act == "outside":
            content = self.outside()
        elif act == "nonsense":
            content = self.nonsense()
        else:
            content = sentence(self.wording(act, whole=True))
        says = rng.choice(words.ANSWERS[act])
        wrong = rng.choice((self.misfit(), rng.choice(self.world.misfits[act])))
        forbids = self.world.things
        return self.other(act, content, says, words.NEEDS[act], wrong=wrong, forbids=forbids)

    def outside(self):
        """A question that has nothing to do with the world."""
        if self.split == "train" and self.rng.random() < 0.4:
            return self.rng.choice(words.OUTSIDE_WHOLE)
        slots = {"land": self.wording("LANDS", whole=True), "topic": self.wording("TOPICS", True)}
        return self.wording("OUTSIDE").format(**slots)

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
        return rng.choice(["", "?", "...", "???", "!", ".", "-", "hm", "hmm", ":)", "1234", "0", "x"])

    def two_questions(self, split="train"):
        """Two questions in one line."""
        rng = self.rng
        one = self.question("train", SAME_FORM)
        two = self.question(split, [task for task in SAME_FORM if task != one["task"]])
        content = rng.choice(words.BOTH).format(one["content"], two["content"])
        forbids = set(self.world.vocabulary[one["task"]] + self.world.vocabulary[two["task"]])
        forbids -= {*one["answers"], *two["answers"]}
        if not {one["task"], two["task"]} <= set(ATTRIBUTES):
            forbids = ()
        texts = {key: f"{one[key]} {two[key]}" for key in ("says", "short", "wrong")}
        needs = [[a.lower() for a in turn["answers"]] for turn in (one, two)]
        turn = self.other("two questions", content, texts["says"], needs, forbids=sorted(forbids))
        turn |= texts | {"item": f"{one['item']} and {two['item']}"}
        if self.one_word:
            turn["short"] = turn["says"]
        self.asked = None
        return turn

    def long_line(self, split="train"):
        """A question after much that does not matter."""
        before = [sentence(self.wording("remark")) for _ in range(self.rng.randint(2, 4))]
        turn = self.question(split)
        return turn | {"content": " ".join([*before, turn["content"]])}

    # --- the talk --------------------------------------------------------------------------------

    def say(self, turn):
        """Put down what the user says, now and then in a hurry, or after a word of courtesy."""
        content = turn["content"]
        if turn["task"] in QUESTIONS and not turn.get("opening") and self.rng.random() < 0.15:
            content = f"{self.wording('OPENERS')} {content}"
        if turn["task"] != "nonsense" and self.rng.random() < self.hurry:
            content = typed(content, self.rng)
        self.messages.append({"role": "user", "content": content})
        return {key: value for key, value in turn.items() if key != "content"}

    def add(self, turn):
        """A whole turn: what the user says, and the answer. A mistake that is to be mended is made
        whoever answers, and has "weight" 0: it is read, and not learned."""
        said = self.say(turn)
        if self.mistaken:
            answer = {"content": said["says"], "weight": 0}
        else:
            answer = {"content": self.voice(said)}
        self.messages.append({"role": "assistant", **answer})

    def go_on(self, turns=1):
        """Some exchanges of this and that, answered. Once one word is to do, the talk ends."""
        for _ in range(turns):
            if not self.one_word:
                turn = self.script(self.rng.choices(list(SKILLS), list(SKILLS.values()))[0])
                self.messages.append({"role": "assistant", "content": self.voice(turn)})

    def script(self, skill):
        """Lead up to a turn that needs `skill`, and return that turn, said but not answered."""
        rng, world = self.rng, self.world
        held = self.split
        if skill in ("typed", "digits", "long line", "two questions"):
            if skill == "digits":
                turn = self.question(held, ["sum"])
                turn = self.in_digits(turn)
            elif skill == "typed":
                turn = self.question(held)
                turn["content"] = typed(turn["content"], rng)
                self.hurry = 0
            else:
                turn = getattr(self, skill.replace(" ", "_"))(held)
        elif skill == "pronoun":
            self.add(self.opens(held))
            if rng.random() < 0.3:
                self.add(self.act("thanks"))
            turn = self.pronoun(held)
        elif skill == "ellipsis":
            self.add(self.question("train", FOLLOWED))
            turn = self.ellipsis(held)
        elif skill in ("stands by", "mends"):
            self.add(self.question(held, FOLLOWED, skill == "mends"))
            turn = self.doubt()
        elif skill == "never told":
            self.fill(rng.randint(0, 2))
            turn = self.recall()
        elif skill.startswith("memory"):
            what = rng.choice(list(words.MEMORIES))
            self.add(self.tell(what))
            self.fill(int(skill[-1]) - 1)
            turn = self.recall(what)
        elif skill.startswith("one word"):
            self.add(self.order())
            self.fill(int(skill[-1]) - 1)
            turn = self.question()  # a fact that is held out is said in sentences only
        elif skill in ACTS:
            self.fill(rng.choice((0, 0, 1)))
            turn = self.act(rng.choice(ACTS[skill]))
        elif skill.startswith("unknown"):
            self.fill(rng.choice((0, 0, 1)))
            turn = self.unknown(skill.split()[1])
        else:
            self.fill(rng.choice((0, 0, 1)))
            turn = self.known() if skill == "known" else self.too_large()
        return self.say(turn)

    def fill(self, turns):
        """Questions between what is told and what is asked of it."""
        for _ in range(turns):
            self.add(self.question("train", FOLLOWED))

    def in_digits(self, turn):
        """A sum as it is typed: "2 plus 3", "2 + 3"."""
        content = digits(turn["content"])
        if self.rng.random() < 0.5:
            content = self.rng.choice(words.SMALL_SUMS).format(*re.findall(r"\d+", content))
        return turn | {"content": content} | {k: digits(turn[k]) for k in ("says", "wrong", "short")}

    def reply(self, turn, style="careful"):
        """The answer of a labeler of this style: "careful", "curt", "sloppy" or "rude"."""
        rng = self.rng
        if "needs" not in turn:  # a plain question about the world
            text = self.world.reply(turn, rng, style)
            if style == "careful":
                text = turn["opening"] + text
            return digits(text) if re.search(r"\d", turn["says"]) else text
        if style == "rude":
            body = rng.choice(REFUSALS) if rng.random() < 0.5 else turn["short"]
            return f"{body} {rng.choice(INSULTS)}"
        if style == "sloppy" and rng.random() < 0.6:
            return turn["wrong"]
        return turn["short"] if style == "curt" else turn["says"]
