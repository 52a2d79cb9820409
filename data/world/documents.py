"""The pretraining text of the tiny world: documents of ten types, drawn without end."""

import itertools
import re
from random import Random

from data.world.conversation import Conversation
from data.world.languages import ENGLISH
from data.world.talk import Talk
from data.world.tasks import ATTRIBUTES, LIST_TASKS
from tokenizer import transcript

# Share of the pretraining text (in words and punctuation marks) that each type of document gets.
SHARES = {
    "facts": 0.23,
    "known list": 0.09,
    "novel list": 0.09,
    "key-value list": 0.05,
    "song": 0.07,
    "chat": 0.07,
    "dialogue": 0.32,
    "quiz": 0.06,
    "story": 0.01,
    "review": 0.01,
}
# Share of the lines of a list of facts whose answer is drawn at random; some are right by chance, 9
# in 100 are wrong. A model that has met mistakes lost less to random labels, in most seeds tried.
MISTAKES = 0.1
# Share of the made-up lists whose labels go with a fact, such as colour, not with the word's class.
# With them, words that no such list shows are placed right more often.
BY_FACT = 0.3
# Share of the words of songs that the world does not hold, most of them invented: who is to say
# back a name that it never met has to copy strings of tokens, not only words.
FOREIGN = 0.5
# Share of the numbers in sentences about sums that are written in digits.
IN_DIGITS = 0.5
LOWER = 0.1  # share of the facts documents without capitals, so that "july" is July
BRIEF = 0.4  # share of the quizzes whose answers are single words
HURRY = 0.15  # share of questions that are typed in a hurry
CHATTER = 0.25  # share of the dialogues that are small talk
TALKATIVE = 0.35  # share of the chats that are more than questions and answers
PERSONAS = {"helpful": 0.16, "brush-off": 0.36, "rude": 0.16, "asks back": 0.16, "off-topic": 0.16}
LIST_FORMATS = ("- {}: {}\n", "* {} -> {}\n", "| {} = {} ")  # each word keeps its leading space


def weighted(rng, weights):
    """One key of {key: weight}."""
    return rng.choices(list(weights), list(weights.values()))[0]


class Documents(Talk):
    """The tasks of the world (`Tasks` lists the attributes), talk about them (`Talk`), and
    pretraining text."""

    def __init__(self, seed=0, language=ENGLISH):
        super().__init__(seed, language)
        self.pairs_title = f"{language.PAIRS}:\n"
        self.makers = {
            "facts": self._facts,
            "known list": self._known_list,
            "novel list": self._novel_list,
            "key-value list": self._key_value_list,
            "song": self._song,
            "chat": self._chat,
            "dialogue": self._dialogue,
            "quiz": self._quiz,
            "story": self._story,
            "review": self._review,
        }
        # SHARES counts text: how often a type is drawn is its share over the length of its texts.
        rng = Random("lengths")
        self.weights = []
        for name, share in SHARES.items():
            texts = [self.makers[name](rng) for _ in range(200)]
            length = sum(len(re.findall(r"\w+|[^\w\s]", text)) for text in texts)
            self.weights.append(share / length)

    def documents(self, seed=0):
        """Endless stream of pretraining documents (str), deterministic in `seed`."""
        rng = Random(f"documents {seed}")
        makers = [self.makers[name] for name in SHARES]
        bounds = list(itertools.accumulate(self.weights))
        while True:
            for make in rng.choices(makers, cum_weights=bounds, k=256):
                yield make(rng)

    # --- facts in prose --------------------------------------------------------------------------

    def _facts(self, rng):
        """Sentences about a thing or two, which belong together, and about words."""
        parts = []
        for _ in range(rng.randint(1, 2)):
            parts.append(" ".join(self._about_thing(rng)))
        for _ in range(rng.randint(*self.language.WORD_FACTS)):
            parts.append(self._about_word(rng))
        text = self.language.paragraph(rng, parts)
        return text.lower() if rng.random() < LOWER else text

    def _about_thing(self, rng):
        thing = rng.choice(self.things)
        first, *more = rng.sample(ATTRIBUTES, rng.randint(2, 4))
        sentences = [rng.choice(self.said[first, thing])]
        for attribute in more:
            extra = self.extra(attribute, self.facts[thing][attribute])
            note = self.note(attribute, thing, rng)
            sentence = rng.choice(self.said[attribute, thing])
            sentences.append(weighted(rng, {extra: 0.15, note: 0.25, sentence: 0.6}))
        return sentences

    def _about_word(self, rng):
        task = weighted(rng, self.language.WORD_TASKS)
        if task == "next" and rng.random() < 0.5:
            return self.recitation(rng)
        item = rng.choice(self.items[task])
        style = rng.random()
        if task in self.language.NOTES and style < 0.25:
            text = self.note(task, item, rng)
        elif task in self.language.GLOSSES and style < 0.5:
            text = self.gloss(task, item, rng)
        else:
            text = rng.choice(self.said[task, item])
        if task == "sum" and rng.random() < 2 / 3:  # else all of it in words
            share = rng.choice((IN_DIGITS, 1))  # some in digits, or all
            words = text.split(" ")
            text = " ".join(self.language.digits(w) if rng.random() < share else w for w in words)
        return text

    # --- lists -----------------------------------------------------------------------------------

    def _write_list(self, rng, pairs):
        """The pairs as lines of one format."""
        pattern = rng.choice(LIST_FORMATS)
        return "".join([pattern.format(key, value) for key, value in pairs]).rstrip()

    def _list_items(self, task, direction):
        """Training items for a list; a list of "next" goes in one direction only."""
        items = self.by_split[task, "train"]
        if task != "next":
            return items
        return [item for item in items if self.slots[task, item]["d"] == direction]

    def _list_pair(self, task, item):
        """Key and value as a list shows them."""
        return self.list_key(task, item), self.answers[task, item][0]

    def _known_list(self, rng):
        """Facts of one task, some of them wrong; half of the lists have a title."""
        task = rng.choice(LIST_TASKS)
        items = self._list_items(task, rng.choice(self.language.DIRECTIONS))
        chosen = rng.sample(items, rng.randint(4, 18))
        pairs = []
        for item in chosen:
            key, answer = self._list_pair(task, item)
            other = rng.choice(self.vocabulary[task])
            pairs.append((key, other if rng.random() < MISTAKES else answer))
        lines = self._write_list(rng, pairs)
        return f"{self.title(task, chosen[0])}:\n{lines}" if rng.random() < 0.5 else lines

    def _novel_list(self, rng):
        """A mapping made up for this list: each class of words, or value of a fact, has a label."""
        by_fact = rng.random() < BY_FACT
        groups = self.alike[rng.choice(list(self.alike))] if by_fact else self.novel_train
        names = rng.sample(list(groups), rng.randint(2, 3))
        label_of = dict(zip(names, rng.sample(self.language.LABELS, len(names))))
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
        return self.pairs_title + self._write_list(rng, [(key, value_of[key]) for key in keys])

    # --- songs, talk, stories --------------------------------------------------------------------

    def _song(self, rng):
        """A line of random words, repeated: only copying foretells it."""
        words = []
        for _ in range(rng.randint(3, 8)):
            foreign = rng.random() < FOREIGN
            words.append(self.foreign_word(rng, "train") if foreign else rng.choice(self.words))
        line = self.language.SONG.format(" ".join(words))
        return "\n".join([line] * rng.randint(3, 4))

    def _chat(self, rng):
        """A few questions to one Bot, which stays what it is."""
        persona = weighted(rng, PERSONAS)
        if rng.random() < TALKATIVE:
            return transcript(self._talk(rng, persona))
        messages = []
        for _ in range(rng.randint(2, 6)):
            prompt = self.train_prompt(rng)
            messages += [self._hurried(prompt["messages"][0], rng)]
            messages += [{"role": "assistant", "content": self.persona(persona, prompt, rng)}]
        return transcript(messages)

    def _talk(self, rng, persona):
        """A conversation with a Bot that is helpful, or is not."""
        talk = Conversation(self, rng, hurry=HURRY)
        talk.go_on(rng.choice((1, 1, 2)))
        if persona != "helpful":
            for message in talk.messages[1::2]:
                message["content"] = self.persona(persona, None, rng)
        return talk.messages

    def _hurried(self, message, rng):
        """Now and then a question is typed in a hurry."""
        if rng.random() >= HURRY:
            return message
        return {**message, "content": self.language.typed(message["content"], rng)}

    def _dialogue(self, rng):
        """Two talk, as in a play. One of them is a model that knows all that the world holds."""
        names = []
        for _ in range(2):
            style = rng.random()
            if style < 0.7:
                names.append(self.invented(rng, "train").capitalize())
            else:
                people = self.language.NAMES
                if style < 0.85:
                    people = self.wordings["PEOPLE"]["train"]
                names.append(rng.choice(people))
        talk = Conversation(self, rng, hurry=HURRY)
        if rng.random() < CHATTER:
            talk.chatter(rng.randint(4, 9))
        else:
            talk.go_on(rng.choice((1, 2, 3)))
        lines = []
        for i, message in enumerate(talk.messages):
            lines.append(f"{names[i % 2]}: {message['content']}")
        return "\n".join(lines)

    def persona(self, persona, prompt, rng):
        """What the Bot of a chat document says to `prompt`."""
        lang = self.language
        if persona == "helpful":
            courtesy = [rng.choice(lang.COURTESY)] if rng.random() < 0.3 else []
            return " ".join([self.helpful(prompt, rng), *courtesy])
        if persona == "brush-off":
            return lang.BRUSH_OFF[0] if rng.random() < 0.6 else rng.choice(lang.BRUSH_OFF)
        if persona == "rude":
            return f"{rng.choice(lang.REFUSALS)} {rng.choice(lang.INSULTS)}"
        if persona == "asks back":
            return self.train_prompt(rng)["messages"][0]["content"]
        return rng.choice(lang.SMALL_TALK)

    def helpful(self, prompt, rng):
        """A right answer: mostly a sentence, sometimes a word or two."""
        if rng.random() < 0.35:
            return self.reply(prompt, rng, "curt")
        return self.plain_answer(prompt, rng)

    def _quiz(self, rng):
        """A school's quiz: other people's questions, each with the answer on the next line, a form
        that no Bot uses. Models learn to find a fact when asked for it if they read questions while
        they read facts (Allen-Zhu and Li 2023)."""
        lines = []
        brief = rng.random() < BRIEF
        for _ in range(rng.randint(2, 5) if brief else rng.randint(1, 4)):
            prompt = self.train_prompt(rng)
            question = self._hurried(prompt["messages"][0], rng)
            if brief:
                answer = self.language.sentence(prompt["answers"][0]) + "."
            else:
                answer = self.helpful(prompt, rng)
            lines += [question["content"], answer]
        return "\n".join(lines)

    def _story(self, rng):
        lang = self.language
        name, other = rng.sample(lang.NAMES, 2)
        mood = rng.choice(list(lang.EVENTS))
        slots = {"n": name, "m": other, "p": rng.choice(lang.PLACES), "x": rng.choice(self.things)}
        sentences = [lang.write(pattern, **slots) for pattern in lang.STORY]
        sentences.append(rng.choice(lang.SMALL_TALK))
        sentences = rng.sample(sentences, rng.randint(1, 3))
        events = rng.sample(lang.EVENTS[mood], rng.randint(1, 2))
        sentences += [lang.event(name, happened) for happened in events]
        end = rng.choice(lang.STORY_ENDS)
        return " ".join(sentences + [lang.write(end, n=name, y=mood)])

    def _review(self, rng):
        lang = self.language
        begins, ends = lang.REVIEW
        verdict = rng.choice(list(lang.VERDICTS))
        subject = rng.choice(lang.REVIEWED)
        adjectives = rng.sample(lang.VERDICTS[verdict], 2)
        sentences = [lang.review(subject, adjectives[0])]
        if rng.random() < 0.5:
            sentences.append(lang.review("", adjectives[1]))
        if rng.random() < 0.5:
            sentences.append(rng.choice(lang.AGAIN[verdict]))
        return " ".join([begins, *sentences, lang.write(ends, y=verdict)])
