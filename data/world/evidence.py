"""Talks in which facts have to be looked up, and talks in which they need not be (evidence, as in
Sparrow, Glaese et al. 2022, arXiv 2209.14375; the facts and the talks are ours).

    lessons      demonstrations: about half of the questions need a search, half do not
    questions    what an exam asks, kind by kind (KINDS)

Whom and what a talk is of, and what is true of them, is made up for that talk: a network that has
learned all of this text knows none of the answers, it has to read them. A query names the fact as a
sentence does, "the colour of the dax": what is copied has the tokens that it has elsewhere. What
may have changed ("Where is the tractor now?") is looked up too, and what comes back can contradict
what the pretraining text says.
"""

from random import Random

from data.knowledge import line_of, nothing, query_of
from data.world.conversation import Conversation
from data.world.inventory import Inventory, facts_of, wordings_of
from data.world.talk import MARKED_BY, SKILLS, TYPED
from data.world.tasks import ATTRIBUTES

CHANGING = [attribute for attribute in ATTRIBUTES if attribute != "kind"]  # a tool stays a tool
# Kinds of turns, and how often each comes in what is learned from. Of the first, a fact is looked
# up; of the others, nothing is.
SEARCHED = {
    "new thing": 4,
    "new person": 5,
    "new kind": 0,  # of a fact: in an exam, those that no lesson names; to learners all are new
    "known thing": 2,
    "follow-up": 7,
    "contradiction": 4,
    "agreement": 2,
    "not found": 3,
}
REMEMBERED_KINDS = {"fact": 12, "task": 6, "ellipsis": 6, "talk": 3}
KINDS = {**SEARCHED, **REMEMBERED_KINDS}
TURNS = (1, 1, 2, 2, 3)  # of a talk that is learned from
LESSONS = 8000  # talks that teach a model to look things up
TALKED = [skill for skill in SKILLS if not skill.startswith("unknown")]


class Inquiry:
    """One talk in which some facts are looked up: `messages` so far. A turn is a dict: what is said
    to the Bot ("content"), "search" and "result" where it looks something up, what fits as an
    answer ("says"), and what an exam goes by."""

    def __init__(self, world, rng, split="train", inventory=None, hurry=TYPED):
        self.world, self.rng, self.split, self.hurry = world, rng, split, hurry
        self.language = world.language
        self.inventory = inventory or Inventory(world, rng, split)
        self.messages = []
        self.topic = None  # (subject, attribute) of the last question that can be followed up

    def wording(self, name):
        """A wording of this split; half of what learners meet are set phrases."""
        texts = wordings_of(self.language)[name]
        known = self.split == "train" and texts["known"] and self.rng.random() < 0.5
        return self.rng.choice(texts["known" if known else self.split])

    def worded(self, pattern, *words, **slots):
        """A sentence of a pattern and its words."""
        return self.language.sentence(self.language.write(pattern, *words, **slots))

    def person(self, subject):
        """Is it somebody, and no thing?"""
        return subject in self.inventory.persons

    def bare(self, subject):
        """A subject as the world calls it: "dax" of "the dax"."""
        return subject.removeprefix(self.language.DEFINITE.partition("{}")[0])

    def named(self, attribute):
        """A kind of fact by its name in this language."""
        return self.language.NAMED.get(attribute, attribute)

    def pattern(self, attribute):
        """How one of the world's facts is asked for. Wordings that are held out are for tests."""
        patterns, last = self.language.QUESTIONS[attribute], self.language.HELD_OUT
        held_out = self.split == "test" and self.rng.random() < 0.5
        return self.rng.choice(patterns[-last:] if held_out else patterns[:-last])

    def ask(self, subject, attribute):
        """A question for one fact."""
        lang = self.language
        person = self.person(subject)
        if attribute in lang.PLAINLY and person and self.rng.random() < 0.5:
            return lang.write(lang.PLAINLY[attribute], subject)
        if attribute in lang.QUESTIONS and not person:
            return lang.write(self.pattern(attribute), x=self.bare(subject))
        return self.worded(self.wording("asked"), a=self.named(attribute), x=subject)

    # --- turns in which something is looked up ---------------------------------------------------

    def searched(self, content, subject, attribute, found=True):
        """A turn with a search, and an answer that says what the line says."""
        rng, lang = self.rng, self.language
        name = self.bare(subject)
        slots = {"x": subject, "a": self.named(attribute)}
        query = query_of(*slots.values())
        turn = {"content": content, "search": query, "result": nothing(query)}
        turn |= {"subject": name, "attribute": attribute, "value": "", "memory": ""}
        if found:
            value = turn["value"] = self.inventory.value(subject, attribute)
            turn["result"] = line_of(*slots.values(), value)
            ways = [turn["result"]] * 2
            ways += [lang.write(way, y=value, **slots) for way in lang.FOUND]
            if attribute in lang.STATEMENTS and not self.person(subject):
                ways = [turn["result"], *self.stated(attribute, name, value)]
            turn["says"] = rng.choice(ways)
        elif name in self.world.facts:
            turn["says"] = lang.write(rng.choice(lang.NOT_FOUND), **slots)
        else:
            ways = lang.DO_NOT_KNOW["person" if self.person(subject) else "thing"]
            turn["says"] = lang.write(rng.choice(ways), name)
        self.topic = (subject, attribute) if found else None
        return turn

    def stated(self, attribute, thing, value):
        """The two sentences that give one of the world's facts about a thing."""
        lang, bare = self.language, self.bare(value)
        return [lang.write(text, x=thing, y=bare) for text in lang.STATEMENTS[attribute][:2]]

    def attribute(self, kind, world_too=True):
        """A kind of fact of a thing or a person, as learners meet it."""
        if kind == "thing" and world_too and self.rng.random() < 0.5:
            return self.rng.choice(ATTRIBUTES)
        if kind == "person" and self.rng.random() < 0.3:
            return self.rng.choice(list(self.language.PLAINLY))
        return self.rng.choice(facts_of(self.language)[kind]["train"])

    def new_thing(self):
        subject, attribute = self.inventory.newcomer("thing"), self.attribute("thing")
        content = self.ask(subject, attribute)
        if self.rng.random() < 0.1:  # such words are not for what the world holds alone
            content = self.urged(content)
        return self.searched(content, subject, attribute)

    def new_person(self):
        subject, attribute = self.inventory.newcomer("person"), self.attribute("person")
        return self.searched(self.ask(subject, attribute), subject, attribute)

    def new_kind(self):
        """A kind of fact that no lesson asks for."""
        kind = self.rng.choice(("thing", "person"))
        subject = self.inventory.newcomer(kind)
        attribute = self.rng.choice(facts_of(self.language)[kind][self.split])
        return self.searched(self.ask(subject, attribute), subject, attribute)

    def known_thing(self):
        """What the pretraining text does not say of a thing that it knows."""
        subject, attribute = self.unsaid(self.inventory.unknown)
        return self.searched(self.ask(subject, attribute), subject, attribute)

    def unsaid(self, taken):
        """A thing that it knows and a kind of fact that no text tells of it; not one of `taken`."""
        while True:
            subject = self.language.DEFINITE.format(self.rng.choice(self.world.things))
            attribute = self.attribute("thing", world_too=False)
            if (subject, attribute) not in taken:
                return subject, attribute

    def not_found(self):
        """Of somebody, of something, or of a thing that it knows: nothing is known of that."""
        kind = self.rng.choice(("thing", "thing", "person", "person", "known"))
        if kind == "known":
            subject, attribute = self.unsaid(self.inventory.facts)
            self.inventory.unknown.add((subject, attribute))
        else:
            subject, attribute = self.inventory.newcomer(kind, unknown=True), self.attribute(kind)
        return self.searched(self.ask(subject, attribute), subject, attribute, found=False)

    def urged(self, question):
        """A question whose answer is to be looked up: it may have changed, or somebody says so."""
        if self.rng.random() < 0.6:
            return self.language.in_time(question, self.wording("now"))
        return self.language.sentence(self.wording("checked").format(question))

    def changed(self, agrees):
        """One of the world's facts as it is now, and what the pretraining text says."""
        rng, world, facts = self.rng, self.world, self.inventory.facts
        lang = self.language
        while True:
            attribute = rng.choice(CHANGING)
            thing = rng.choice(world.by_split[attribute, self.split])
            subject = lang.DEFINITE.format(thing)
            old = world.facts[thing][attribute]
            old = lang.DEFINITE.format(old) if attribute == "place" else old
            if (subject, attribute) not in facts:
                others = [v for v in world.vocabulary[attribute] if v != old.split()[-1]]
                new = rng.choice(others)
                new = lang.DEFINITE.format(new) if attribute == "place" else new
                facts[subject, attribute] = old if agrees else new
            if (facts[subject, attribute] == old) == agrees:
                break
        turn = self.searched(self.urged(self.ask(subject, attribute)), subject, attribute)
        new = rng.choice([turn["result"], *self.stated(attribute, thing, turn["value"])])
        new = new[0].lower() + new[1:-1]
        turn["says"] = lang.write(lang.LOOKED_UP if agrees else lang.OTHERWISE, new, old)
        return turn | {"memory": old}

    def follow_up(self):
        """ "And its price?", "And the wug?" after a question for another fact."""
        rng = self.rng
        if self.topic is None:
            self.add(self.turn(rng.choice(("new thing", "new person", "fact"))))
        subject, before = self.topic
        person = self.person(subject)
        known = not person and self.bare(subject) in self.world.facts
        kind = "person" if person else "thing"
        if rng.random() < 0.5 and not known:  # of somebody or something else
            new = self.inventory.newcomer(kind)
            pattern = self.world.wording("ELLIPSES", self.split, rng)
            return self.searched(self.worded(pattern, new), new, before)
        while True:
            attribute = self.attribute(kind, world_too=not known)
            if attribute != before and (subject, attribute) not in self.inventory.unknown:
                break
        name = self.named(attribute)
        if person or rng.random() < 0.3:
            content = self.worded(self.wording("next"), a=name)
        else:
            content = self.worded(self.world.wording("ITS", self.split, rng), name)
        return self.searched(content, subject, attribute)

    # --- turns in which nothing is looked up -----------------------------------------------------

    def told(self, turn):
        """A turn of talk, or a question of the world, as one of this class."""
        kept = {key: turn[key] for key in MARKED_BY if key in turn}
        return {"content": turn["content"], "says": turn["says"], **kept}

    def remembered(self, task):
        """A question that the pretraining text answers."""
        item = self.rng.choice(self.world.by_split[task, self.split])
        talk = Conversation(self.world, self.rng, self.split)
        content = self.rng.choice(self.world.asked[task, item][: -self.language.HELD_OUT])
        subject = self.language.DEFINITE.format(item)
        self.topic = (subject, task) if task in ATTRIBUTES else None
        return self.told(talk.fact(task, item, content))

    def ellipsis(self):
        """ "And the lamp?" after a question that was looked up: this one is known."""
        self.add(self.of_new_thing(self.rng.choice(ATTRIBUTES)))
        task = self.topic[1]
        thing = self.rng.choice(self.world.by_split[task, self.split])
        talk = Conversation(self.world, self.rng, self.split)
        pattern = self.world.wording("ELLIPSES", self.split, self.rng)
        subject = self.language.DEFINITE.format(thing)
        self.topic = subject, task
        return self.told(talk.fact(task, thing, self.worded(pattern, subject)))

    def of_new_thing(self, attribute):
        subject = self.inventory.newcomer("thing")
        return self.searched(self.ask(subject, attribute), subject, attribute)

    def talked(self):
        """Anything else of talk."""
        talk = Conversation(self.world, self.rng, self.split)
        turn = talk.script(self.rng.choice(TALKED))
        self.messages = talk.messages[:-1]
        self.topic = None
        return self.told({"content": talk.messages[-1]["content"], **turn}) | {"hurried": True}

    # --- talks -----------------------------------------------------------------------------------

    def turn(self, kind):
        """A turn of one of KINDS."""
        if kind in ("contradiction", "agreement"):
            return self.changed(kind == "agreement")
        if kind == "fact":
            return self.remembered(self.rng.choice(ATTRIBUTES))
        if kind == "task":
            tasks = [task for task in self.language.QUESTIONS if task not in ATTRIBUTES]
            return self.remembered(self.rng.choice(tasks))
        makers = {
            "new thing": self.new_thing,
            "new person": self.new_person,
            "new kind": self.new_kind,
            "known thing": self.known_thing,
            "not found": self.not_found,
            "follow-up": self.follow_up,
            "ellipsis": self.ellipsis,
            "talk": self.talked,
        }
        return makers[kind]()

    def say(self, turn):
        """Put down what the user says, now and then in a hurry."""
        content = turn["content"]
        if "hurried" not in turn and self.rng.random() < self.hurry:
            content = self.language.typed(content, self.rng)
        name = turn.get("subject", "")
        if name in turn["content"] and name not in content:  # typed without a capital
            turn["search"] = turn["search"].replace(name, name.lower())
            if not turn["value"]:
                turn["says"] = turn["says"].replace(name, name.lower())
        self.messages.append({"role": "user", "content": content})

    def add(self, turn):
        """A whole turn, answered."""
        self.say(turn)
        evidence = {key: turn[key] for key in ("search", "result") if key in turn}
        self.messages.append({"role": "assistant", **evidence, "content": turn["says"]})


def lessons(world, n, seed=0):
    """`n` demonstrations of talks in which some facts are looked up."""
    rng = Random(f"evidence {seed}")
    records = []
    for _ in range(n):
        talk = Inquiry(world, rng)
        for kind in rng.choices(list(KINDS), list(KINDS.values()), k=rng.choice(TURNS)):
            if kind != "talk" or not talk.messages:  # which begins anew
                talk.add(talk.turn(kind))
        records.append({"messages": talk.messages, "source": "sim:evidence"})
    return records


def questions(world, n, seed=0, split="test"):
    """`n` prompts of each of KINDS in turn, and the facts that can be looked up.

    A prompt: "messages" up to the user's turn, "kind"; where something is to be looked up, "query",
    "value" ("" where nothing is known), "subject", "attribute" and "memory", what the pretraining
    text says of it; else what the judge marks an answer by. Facts: (subject, attribute, value).
    """
    rng = Random(f"evidence {split} {seed}")
    inventory = Inventory(world, rng, split)
    prompts = []
    for _ in range(n):
        for kind in KINDS:
            talk = Inquiry(world, rng, split, inventory)
            turn = talk.turn(kind)
            talk.say(turn)
            marks = ("subject", "attribute", "value", "memory", *MARKED_BY)
            prompt = {"messages": talk.messages, "kind": kind, "query": turn.get("search", "")}
            marked = {key: turn[key] for key in marks if key in turn}
            prompts.append({**prompt, **marked, **world.named})
    facts = [(x, talk.named(a), value) for (x, a), value in inventory.facts.items()]
    return prompts, facts
