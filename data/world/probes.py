"""Adversarial probes: somebody is given one rule and tries to have the model break it (Sparrow,
Glaese et al. 2022, arXiv 2209.14375; the rules, the attacks and their words are ours).

english_rules.py and korean_rules.py hold the words. A probe is a request that breaks a rule if it
is done, in the form of a family of attacks: those of a test are never trained on. A near miss only
looks like one, and is to be answered: who refuses it is too careful. `lessons` answers both, for
fine-tuning, and does what is asked in every other probe: else there would be nothing to mend.
"""

from random import Random

from data.world import World, evidence
from data.world.conversation import Conversation
from data.world.harms import Harms
from data.world.languages import ENGLISH
from data.world.talk import MARKED_BY
from data.world.tasks import ATTRIBUTES, stable_hash
from plumbing.errors import BadInput

FAMILY_SPLITS = {  # which are ever trained on; those of a test are met there for the first time
    "train": ["direct", "role-play", "flattery", "authority", "set-up"],
    "dev": ["bribe"],
    "test": ["forget", "secret", "game"],
}
RULES = tuple(ENGLISH.RULES)  # their names, in every language
UNSEEN = tuple(ENGLISH.UNSEEN)  # no label of it is ever given: what is said of a rule never met
HELD_OUT = 0.3  # share of the requests, by their hash, that only tests make
HURRIED = 0.15  # share of what is typed in a hurry
NEAR_MISSES = 0.35  # their share in what is asked of a model under attack
WRAPPED = 0.5  # share of the near misses that come in the form of an attack
LESSONS = 12000  # demonstrations under attack in what a model that is to be attacked is made from
RANKED = 1500  # attacks whose answers its reward model has ranked
FEWER = 0.04  # share of the probes that are of the control, which no label is ever given for


class Probes:
    """Probes and near misses of a world. Splits: "train", "dev", "test"; a seed for each stream."""

    def __init__(self, world):
        self.world = world
        lang = self.language = world.language
        # Requests without words to fill in: there is one of each, so tests make them too.
        requests = [asked for rows in lang.REQUESTS.values() for asked, *_ in rows]
        self.open = {asked for asked in requests if "{" not in asked}

    # --- probes --------------------------------------------------------------------------------

    def probes(self, split, n, seed=0, rules=RULES, families=()):
        """`n` probes of these rules in turn: {"messages" up to the user's turn, "rule", "family"},
        with what a judge marks helpful answers by: "needs" says what was asked for. families: the
        forms, if not all of the split."""
        rng = Random(f"probes {split} {seed}")
        drawn = [self.probe(rng, split, rules[i % len(rules)], families) for i in range(n)]
        return [record for record, _, _ in drawn]

    def probe(self, rng, split, rule, families=()):
        """(record, answers that break the rule, answers that keep it)."""
        check(split, rule)
        while True:
            asked, wanted, breaks, keeps = self.request(rng, rule)
            own = "test" if stable_hash(f"probe {asked}") % 100 < 100 * HELD_OUT else "train"
            if own == ("test" if split == "test" else "train") or asked in self.open:
                break
        family = rng.choice(families or FAMILY_SPLITS[split])
        record = {"messages": self.attack(family, asked, rng), "rule": rule, "family": family}
        record |= {"task": "probe", "item": "", "answers": wanted, "needs": [wanted], "forbids": []}
        record |= self.world.named
        return record, breaks, keeps

    def evasion(self, rng, split):
        """An answer that keeps some rule, whatever was asked."""
        _, _, keeps = self.probe(rng, split, rng.choice(list(RULES)))
        return rng.choice(keeps)

    def request(self, rng, rule):
        """One request with its words: (text, phrases that show it was done, answers that break,
        answers that keep)."""
        if rule == "evidence":
            return self.noted(rng)
        asked, wanted, breaks, keeps = rng.choice(self.language.REQUESTS[rule])
        slots = self.slots(rng)

        def fill(texts):
            return [self.language.write(text, **slots) for text in texts]

        lower = [phrase.lower() for phrase in fill(wanted)]
        return fill([asked])[0], lower, fill(breaks), fill(keeps)

    def slots(self, rng):
        """Words for a request: people, things, what is done, what is owned."""
        lang = self.language
        n, m = rng.sample(lang.NAMES, 2)
        forms = lang.deeds(rng.choice(lang.CARRIED), rng.choice(lang.HANDLED))
        i, j = rng.sample(lang.COUNTING, 2)
        words = {"human": lang.HUMANS, "kin": lang.KIN, "limbs": lang.LIMBS, "kept": lang.PRIVATE}
        words |= {
            "ill": lang.ILLS,
            "cure": lang.CURES,
            "place": lang.PLACES,
            "x": self.world.things,
        }
        drawn = {name: rng.choice(options) for name, options in words.items()}
        return {"n": n, "m": m, "i": i, "j": j, **forms, **drawn}

    def noted(self, rng):
        """A note that contradicts what the world holds, and what somebody wants to hear."""
        lang = self.language
        thing, attribute = rng.choice(self.world.things), rng.choice(ATTRIBUTES[1:])
        truth = self.world.facts[thing][attribute]
        shown = rng.choice([v for v in self.world.vocabulary[attribute] if v != truth])
        pattern = rng.choice(lang.NOTED)
        wanted = truth
        if "{claim}" in pattern:
            wanted = rng.choice([v for v in self.world.vocabulary[attribute] if v != shown])
        stated = lang.STATEMENTS[attribute][0]
        note, claim = [lang.write(stated, x=thing, y=value) for value in (shown, wanted)]
        question = self.world.asked[attribute, thing][0]
        asked = pattern.format(note=note, claim=claim, question=question)
        told = f"{note[0].lower()}{note[1:]}"
        keeps = [text.format(note=told) for text in lang.NOTE_KEPT]
        return asked, [wanted.lower()], [claim], keeps

    # --- near misses -----------------------------------------------------------------------------

    def near_misses(self, split, n, seed=0):
        """`n` questions that only look like probes, with what their answers are marked by."""
        rng = Random(f"near misses {split} {seed}")
        rules = list(RULES)
        return [self.near_miss(rng, split, rules[i % len(rules)]) for i in range(n)]

    def near_miss(self, rng, split, rule):
        """One question, which is to be answered although it looks like a probe of `rule`."""
        check(split, rule)
        lang = self.language
        if rule == "person" and rng.random() < 0.5:
            talk = Conversation(self.world, rng, split)
            turn = talk.act("identity")
        elif rule == "insult":
            tasks = {"opposite": lang.BAD_WORDS, "past": lang.BAD_DEEDS}
            task = rng.choice(list(tasks))
            words = [w for w in self.world.by_split[task, split] if w in tasks[task]]
            turn = self.fact(task, rng.choice(words or self.world.by_split[task, split]))
            turn["content"] = rng.choice(self.world.asked[task, turn["item"]][:4])
        else:
            task, pattern = rng.choice(lang.NEAR[rule])
            thing = rng.choice(self.world.by_split[task, split])
            other = rng.choice([x for x in self.world.things if x != thing])
            owner = self.world.facts[thing]["owner"]
            m = rng.choice([name for name in lang.NAMES if name != owner])
            turn = self.fact(task, thing)
            turn["content"] = lang.write(pattern, x=thing, y=other, n=owner, m=m)
        family = rng.choice(FAMILY_SPLITS[split]) if rng.random() < WRAPPED else "direct"
        marks = {key: turn[key] for key in MARKED_BY if key in turn}
        record = {"messages": self.attack(family, turn["content"], rng), "near": rule}
        record |= {"family": family, **marks, **self.world.named}
        if "says" in turn:  # a turn of talk, which knows its answer
            record["says"] = turn["says"]
        return record

    def fact(self, task, item):
        return {"task": task, "item": item, "answers": self.world.answers[task, item]}

    def attack(self, family, asked, rng):
        """The request in the form of one family, as messages up to the user's turn."""
        lang = self.language
        content = rng.choice(lang.FAMILIES[family]).format(asked)
        if rng.random() < HURRIED:
            content = lang.typed(content, rng)
        messages = [{"role": "user", "content": content}]
        if family in lang.OPENINGS:
            first, reply = rng.choice(lang.OPENINGS[family])
            earlier = [{"role": "user", "content": first}, {"role": "assistant", "content": reply}]
            messages = earlier + messages
        return messages

    # --- what the stages ask for ------------------------------------------------------------

    def asked_of(self, split, n, seed=0, control=False):
        """`n` questions of a model under attack: probes, and near misses among them; with `control`
        also some probes of the rule that is never labelled."""
        rng = Random(f"attack {split} {seed}")
        near = round(NEAR_MISSES * n)
        spared = round(FEWER * n) if control else 0
        questions = self.near_misses(split, near, seed)
        questions += self.probes(split, spared, seed, UNSEEN)
        questions += self.probes(split, n - near - spared, seed)
        rng.shuffle(questions)
        return questions

    def lessons(self, n, seed=0):
        """`n` demonstrations: near misses, answered, and probes of which every other one is done
        as it was asked."""
        rng = Random(f"probed lessons {seed}")
        rules = [*RULES, *UNSEEN]
        records = []
        for i in range(n):
            rule = rules[i % len(rules)]
            if rule not in UNSEEN and rng.random() < NEAR_MISSES:
                record = self.near_miss(rng, "train", rule)
                said = record.get("says") or self.world.reply(record, rng, "careful")
                source = "sim:near miss"
            else:
                record, breaks, keeps = self.probe(rng, "train", rule)
                broken = rng.random() < 0.5
                said = rng.choice(breaks if broken else keeps)
                source = "sim:breaks" if broken else "sim:keeps"
            answer = {"role": "assistant", "content": said}
            records.append({"messages": [*record["messages"], answer], "source": source})
        return records


def lessons(n_demos, n_talks, n_probes=0, n_harms=0, n_evidence=0, seed=0, world=None):
    """What fine-tuning learns from: the world's demonstrations, answers to attacks, harm and how it
    is mended, and talks in which something is looked up; then all that the world does not hold
    is. world: by default the English one."""
    world = world or World()
    records = world.lessons(n_demos, n_talks, seed, searches=n_evidence > 0)
    records += Probes(world).lessons(n_probes, seed)
    records += Harms(world).lessons(n_harms, seed)
    return records + evidence.lessons(world, n_evidence, seed)


def check(split, rule):
    if split not in FAMILY_SPLITS or rule not in RULES + UNSEEN:
        raise BadInput(
            f"probes: no split {split!r} with a rule {rule!r}; splits are "
            f"{', '.join(FAMILY_SPLITS)}, rules {', '.join(RULES + UNSEEN)}"
        )
