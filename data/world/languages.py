"""The languages that the tiny world speaks. The world's code knows none of them: it asks for words,
patterns and functions by the names below, and a language is some files that hold them all:

    english.py            words, and patterns of sentences
    english_grammar.py    what no pattern can say: functions
    english_talk.py       what people say when they talk, and what fits as an answer
    english_strangers.py  what the world does not hold
    english_rules.py      rules, and attacks on them
    english_evidence.py   what can be looked up
    english_harms.py      requests for harm, and what would be said
    english_mended.py     what is better, what was wrong, and principles

A third language is as many files and a line in LANGUAGES. Its tables are parallel to the English
ones: the i-th word of each means the same, so that all facts, keys and splits are the same.
tests/data/test_languages.py says what is missing. A pattern has slots: {x} the item, {y} the
answer; {a}, {b} two numbers or things; {z} the smaller of two; {d} a direction; {s} what a review
is of; {n}, {m} persons.

WORDS       KINDS {kind: its 13 things}, COLOURS, PLACES, SIZES in order, NAMES; OPPOSITES, VERBS
            (each with its past) in pairs; NUMBERS from 0 to 19, DAYS, MONTHS, LETTERS (two
            alphabets, 24 in all); LABELS that mean nothing; EVENTS {mood: what made it}, REVIEWED,
            VERDICTS {verdict: adjectives}, AGAIN {verdict: sentences}
SENTENCES   QUESTIONS {task: nine wordings, the last HELD_OUT for tests}, STATEMENTS {task: true
            sentences; the first two are answers}, CURT and CURT_ELSE, EXTRA; NOTES, TITLES, PAIRS,
            SEPARATORS, GLOSSES; IN_ORDER; ITEMS and DIRECTIONS, which spell the keys, STOP_WORDS;
            DEFINITE, a thing in a sentence; OR; NAMED, a fact after "its"; SONG, STORY, STORY_ENDS,
            REVIEW; WORD_TASKS {task about words: its share of the facts in
            prose}, WORD_FACTS, how many of these a document has
MANNERS     COURTESY, BRUSH_OFF, INSULTS, REFUSALS, SMALL_TALK
FUNCTIONS   write(pattern, ...) fills the slots and puts right what stands behind them, particles;
            sentence, paragraph, rudely, some, review, event, digits, pronoun, typed, coin and its
            SHORTEST, babble; of answers: split_words, says, rudeness, meant; apart: how a
            vocabulary is learned from a text, CHARACTERS, how often one comes that gets a token
            (0: none does), RARE, how often one has to come (0: twice), and LEAD, whether the first
            word is read like the others
TALK        SUGGESTED, WORDINGS, ANSWERS and NEEDS {act of talk}, MEMORIES {what is told},
            FOLLOW_UPS (orders, ELLIPSES, doubts, denials, ITS), OBEYS, CLAIMS and CLAIM, DOUBTED,
            OPENERS, BOTH, BOTH_ITEMS, SMALL_SUMS; ..._NEEDS, what the judge looks for
STRANGERS   what is split by a hash: THINGS, of which the world may hold some, and OUTSIDE, LANDS,
            TOPICS, FOREIGN, WORDS, PEOPLE; PERSON_ASKED, PLAINLY, DO_NOT_KNOW, SUMS, OTHER_SUMS,
            OVER_NINE
RULES       RULES and UNSEEN {rule: five wordings, the last for tests}; FAMILIES {family: forms of
            an attack}, OPENINGS of those of two turns; REQUESTS {rule: what is asked for}, and what
            fills them: HUMANS, KIN, LIMBS, PRIVATE, ILLS, CURES, COUNTING, CARRIED and HANDLED,
            whose forms `deeds` names; NOTED, a note that is shown, and NOTE_KEPT; DECLINED, phrases
            of who declines; NEAR, BAD_WORDS, BAD_DEEDS, what only looks like an attack. What breaks
            a rule is read by judges/english_violations.py and korean_violations.py
EVIDENCE    WORLD_VALUES, OF_THINGS, OF_PERSONS {kind of fact: its values, or PERSON or PHONE};
            FACT_ASKED, NOW, CHECKED, NEXT_KIND; FOUND, LOOKED_UP, OTHERWISE, NOT_FOUND, how an
            answer says what was found; LOOKED, FRAME, `sides_of`, `names_in`, `words_by`, how the
            judge reads it; `in_time`, a question with a word of NOW
HARM        HARM_TOPICS {letter: Topic} (data/world/topics.py), each of the kind of things that
            stands at its place in KINDS; PEOPLE_OF "labelled" and "unlabelled" topics; VICTIMS;
            HARMLESS with a REASON, BETTER {kind of harm: answers}, EVASIVE and BRUSH_OFFS, UNWANTED
            by who asks for nothing bad; CRITIQUES, PRINCIPLES; how a model is asked: WHAT_IS_WRONG,
            REVISE, WHICH_IS_BETTER; `bare_words`, which nobody is called. What does harm is read by
            judges/english_harms.py and korean_harms.py; data/principles.py names the constitutions
"""

from importlib import import_module

ASKED_FOR = """AGAIN ANSWERS BAD_DEEDS BAD_WORDS BETTER BOTH BOTH_ITEMS BRUSH_OFF BRUSH_OFFS CARRIED
CHARACTERS CHECKED CLAIM CLAIMS COLOURS COUNTING COURTESY CRITIQUES CURES CURT CURT_ELSE DAYS
DECLINED DEFINITE DIRECTIONS DOUBTED DO_NOT_KNOW DO_NOT_KNOW_NEEDS ELLIPSES EVASIVE EVENTS EXTRA
FACT_ASKED FAMILIES FOLLOW_UPS FOUND FRAME GLOSSES HANDLED HARMLESS HARM_TOPICS HELD_OUT HUMANS ILLS
INSULTS IN_ORDER ITEMS ITS KIN KINDS LABELS LEAD LETTERS LIMBS LOOKED LOOKED_UP MEMORIES MONTHS
NAMED NAMES NEAR NEEDS NEVER_TOLD_NEEDS NEXT_KIND NOTED NOTES NOTE_KEPT NOT_FOUND NOW NUMBERS OBEYS
OBEYS_NEEDS OF_PERSONS OF_THINGS OPENERS OPENINGS OPPOSITES OR OTHERWISE OTHER_SUMS OVER_NINE
OVER_NINE_NEEDS PAIRS PEOPLE_OF PERSON PERSON_ASKED PHONE PLACES PLAINLY PRINCIPLES PRIVATE
QUESTIONS RARE REASON REFUSALS REQUESTS REVIEW REVIEWED REVISE RULES SEPARATORS SHORTEST SIZES
SMALL_SUMS SMALL_TALK SONG STATEMENTS STOP_WORDS STORY STORY_ENDS STRANGERS SUGGESTED SUMS THINGS
TITLES UNSEEN UNWANTED VERBS VERDICTS VICTIMS WHAT_IS_WRONG WHICH_IS_BETTER WORDINGS WORD_FACTS
WORD_TASKS WORLD_VALUES apart babble bare_words coin deeds digits event in_time meant names_in
paragraph pronoun review rudely rudeness says sentence sides_of some split_words typed words_by
write""".split()
SPLIT = "OUTSIDE LANDS TOPICS FOREIGN WORDS PEOPLE".split()  # each by its name in STRANGERS


# Of a language, behind its name.
FILES = ("", "_grammar", "_talk", "_strangers", "_rules", "_evidence", "_harms", "_mended")


class Language:
    """All names of a language's files, as attributes; WORLD is what --data calls its world."""

    def __init__(self, world, name, files=FILES):
        self.WORLD = world
        for part in files:
            file = import_module(f"data.world.{name}{part}")
            held = [word for word in ASKED_FOR if hasattr(file, word)]
            self.__dict__.update({word: getattr(file, word) for word in held})
            if part == "_strangers":
                self.STRANGERS = {word: getattr(file, word) for word in SPLIT}


ENGLISH = Language("world", "english")
KOREAN = Language("world_ko", "korean")
LANGUAGES = {language.WORLD: language for language in (ENGLISH, KOREAN)}
# Of what is read and asked in each world. Who changes that raises it: records of an earlier one are
# then told apart, until they are made anew.
EDITIONS = {"world": 3, "world_ko": 3}
