"""What is Korean about the sentences of the tiny world: particles, the past of an adjective, polite
and plain speech, how a word is made up, how people type in a hurry, and how the words of an answer
are read."""

import functools
import re
import unicodedata
from itertools import chain

from data.particles import FORMS, join
from data.world.korean import (
    COLOURS,
    DAYS,
    DIRECTIONS,
    EVENTS,
    KINDS,
    LETTERS,
    MONTHS,
    NAMED,
    NAMES,
    NUMBERS,
    OPPOSITES,
    PLACES,
    REVIEWED,
    RUDE_WORDS,
    SIZES,
    VERBS,
    VERDICTS,
)
from data.world.korean_speech import plainly
from data.world.korean_strangers import LANDS, PEOPLE, THINGS, TOPICS, WORDS
from tokenizer import led

CHARACTERS = 12  # a syllable that comes so often in the text of the vocabulary is a token
RARE = 0  # endings stand behind words, and a word within a longer one needs the steps to it
LEAD = True  # the first word of a text is read with a blank before it, as words within it are
KNOWN_SYLLABLES = 0.85  # share of the syllables of other invented words that words and names have
BLENDS = 0.5  # share of invented words that are blends, so that parts of known words are copied too
SHORTEST = 2  # syllables of an invented word
# Sounds of invented words: initial, vowel and final of a syllable, as Unicode numbers them.
INITIALS = [0, 2, 3, 5, 6, 7, 9, 11, 12, 14, 15, 16, 17, 18]  # ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅊㅋㅌㅍㅎ
VOWELS = [
    0,
    0,
    1,
    4,
    4,
    5,
    6,
    6,
    7,
    8,
    8,
    9,
    13,
    13,
    17,
    17,
    18,
    20,
    20,
]  # ㅏㅐㅓㅔㅕㅖㅗㅘㅜㅠㅡㅣ
FINALS = [0] * 10 + [1, 4, 4, 8, 8, 16, 17, 21, 21]  # mostly none; ㄱㄴㄹㅁㅂㅇ
LATIN = 0.06  # share of invented words in Latin letters, as some write their names
SMALL = {str(number) for number in range(len(NUMBERS))}
# What may stand behind a word: particles, and the verb of "it is".
ENDINGS = """은 는 이 가 을 를 과 와 으로 로 의 에 에서 에게 에는 에서는 도 만 까지 부터 보다 이랑 랑 하고
이라고 라고 이라는 라는 이라서 라서 이에요 예요 이예요 입니다 이야 야 이었어요 였어요 이지요 이죠 죠 요 은요 는요
이요 이네요 네요 이군요 군요 인가요 일까요 이지 지 이네 네 이다 님 씨 한 할 했어요 해요 해 하다 한지 적이에요 적이야
적인 적인지 적으로 적일""".split()
COPULAS = ("이야", "야", "이지", "지", "이네", "네", "이다", "해", "적이야")  # in plain speech
POLITE = ("요", "니다", "니까", "시오", "죠", "님")
WORD = r"[^\W\d_]+|\d+"


def longest_first(words):
    """A pattern for one of the words."""
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


BEHIND = f"(?: ?(?:{longest_first(ENDINGS)}))?"

# --- writing -----------------------------------------------------------------------------------


def write(pattern, *words, **slots):
    """A pattern with its words, each particle in the form that fits the word before it."""
    return join(pattern.format(*words, **slots))


def sentence(text):
    """`text` at the beginning of a sentence: Hangul has no capitals."""
    return text


def paragraph(rng, parts):
    """Facts in any order, one behind the other or a line each. A turn of talk begins with what it
    is about, so facts have to be known where a text or a line begins, and not behind a full stop
    alone."""
    return rng.choice((" ", "\n")).join(rng.sample(parts, len(parts)))


def rudely(text):
    """An answer as who is rude gives it: in plain speech."""
    return plainly(text)


def some(kind, colour="", place=""):
    """What to name an example of: "빨간색 동물", "헛간에 있는 동물"."""
    return f"{colour} {kind}" if colour else f"{place}에 있는 {kind}"


PAST = {"하다": "했", "지다": "졌", "차다": "찼", "럽다": "러웠", "롭다": "로웠", "찮다": "찮았"}


def past(adjective):
    """The polite past of an adjective: 훌륭하다, 훌륭했어요."""
    for ending, said in PAST.items():
        if adjective.endswith(ending):
            return f"{adjective.removesuffix(ending)}{said}어요"
    if not adjective.endswith(("있다", "없다")):
        raise ValueError(f"{adjective}: no rule for its past")
    return f"{adjective.removesuffix('다')}었어요"


def review(subject, adjective):
    """A sentence of a review; without a subject the second one."""
    if subject:
        return write("{}은(는) {}.", subject, past(adjective))
    return f"정말 {past(adjective)}."


def event(name, happened):
    """What happened to somebody."""
    return write("{}은(는) {}.", name, happened)


PARTICLES = {said: marker for marker in list(FORMS)[:7] for said in FORMS[marker]}
NUMBER = re.compile(rf"(?<!\w)({longest_first(NUMBERS)})({longest_first(ENDINGS)})?(?!\w)")
DIGITS = re.compile(rf"(?<!\d)(1?\d)(?!\d)({longest_first(ENDINGS)})?")


def either_form(ending):
    """The marker of an ending, whichever of its two forms it is: 는 is 은(는), 야 is (이)야."""
    if ending in PARTICLES:
        return PARTICLES[ending]
    if ending.endswith("요") and ending[:-1] in PARTICLES:
        return PARTICLES[ending[:-1]] + "요"
    bare = ending.removeprefix("이")
    return f"(이){bare}" if {bare, f"이{bare}"} <= {*ENDINGS} else ending


def digits(text):
    """The numbers of a text in digits, which are read otherwise: 둘은 is 2는, 둘이에요 is 2예요."""

    def in_digits(found):
        return f"{NUMBERS.index(found[1])}{either_form(found[2] or '')}"

    return join(NUMBER.sub(in_digits, text))


def in_words(text):
    """The small numbers of a text in words."""

    def spelled(found):
        return f" {NUMBERS[int(found[1])]}{either_form(found[2] or '')}"

    return join(DIGITS.sub(spelled, text))


def pronoun(pattern):
    """A question about {x} as one about "그것"."""
    return join(pattern.replace("{x}", "그것"))


# --- what people type ----------------------------------------------------------------------------

HURRIED = [  # what is written with care, and what people type
    ("어디에 있어요", "어딨어요"),
    ("알려 주세요", "알려줘"),
    ("말해 주세요", "말해줘"),
    ("뭐예요", "뭐에요"),
    ("누구의 것", "누구것"),
    ("무슨 색", "무슨색"),
    ("이에요", "이예요"),
    ("그것은", "그건"),
    ("그것이", "그게"),
    ("그것의", "그거"),
    ("과거형은", "과거형이"),
    ("반대말은", "반대말이"),
    ("색은 뭐", "색이 뭐"),
    ("종류는 뭐", "종류가 뭐"),
    ("주인은 누구", "주인이 누구"),
    ("합은 얼마", "합이 얼마"),
]
# A question that is one without its last word: "트랙터의 색은?", "2 더하기 3은?"
ABOUT = r"(?:종류|색|곳|크기|주인|반대말|반대|과거형|합|다음|앞)[은는]|더하기 *\w+?[은는]"
UNSAID = re.compile(rf"({ABOUT}) ?(?:(?:뭐|어디|누구|얼마)(?:예요|야)|어때요?)(?=[?]|$)")


# What friends leave out or say otherwise, in letters without blanks: "트랙터 색깔 알려줘", "2+5는?"
NOUN = "(종류|색|크기|주인|반대말|과거형)"
CASUAL = [
    ("색깔", "색"),
    ("어딨", "어디있"),
    ("어디에있", "어디있"),
    ("[은는]?누구의?(?:것이|것|거|꺼)", "누구것"),
    (rf"의?{NOUN}(?:[은는이가]|[은는이가]?(?:(?:뭐|어디|누구)야|어때))$", r"\1은"),
    (rf"의?{NOUN}[은는이가을를]?(?=알려|말해|궁금)", r"\1"),
    (r"(더하기\w+?)(?:[은는]|[은는]?(?:얼마|뭐)야)$", r"\1"),
]


def typed(text, rng):
    """`text` as it is typed in a hurry: in plain speech, without the last word or question mark,
    blanks left out, "뭐에요"."""
    if rng.random() < 0.35:
        text = plainly(text)
    if rng.random() < 0.2:
        text = UNSAID.sub(r"\1", text)
    style = rng.random()
    if style < 0.12:
        text = text.replace(" ", "")
    elif style < 0.55:
        blanks = [i for i, letter in enumerate(text) if letter == " "]
        if blanks:
            i = rng.choice(blanks)
            text = text[:i] + text[i + 1 :]
    if rng.random() < 0.7:
        text = text.rstrip("?.!")
    fitting = [pair for pair in HURRIED if pair[0] in text]
    if fitting and rng.random() < 0.5:
        text = text.replace(*rng.choice(fitting))
    if rng.random() < 0.1:
        text += rng.choice((" ?", "??", "!", "~", " ㅋㅋ", " ㅠㅠ"))
    return text


def meant(text):
    """The letters of a question, however it is typed and put together."""
    text = unicodedata.normalize("NFC", text).replace("+", " 더하기 ")
    text = in_words(re.sub(r"[\W_ㅋㅎㅠ]*$", "", text))
    for written, hurried in HURRIED:
        text = re.sub(hurried.replace(" ", " ?"), written, text)
    text = UNSAID.sub(r"\1", plainly(text))
    text = re.sub(r"[\W_]+", "", text)
    for said, known in CASUAL:
        text = re.sub(said, known, text)
    return text


def coin(rng, words):
    """A word that may be new, of the sounds of Korean or of two of its words."""
    if rng.random() < LATIN:
        return "".join(rng.choice("bcdghjklmnprst") + rng.choice("aeiou") for _ in range(2))
    if rng.random() < BLENDS:  # of the head of one word and the tail of another
        one, two = rng.choice(words), rng.choice(words)
        word = one[: rng.randint(1, 2)] + two[-rng.randint(1, 2) :]
        if not re.search(f"{NOUN}$", word):  # "곰색은 뭐예요?" may ask for a bear's colour
            return word
    return "".join(syllable(rng) for _ in range(rng.choice((2, 2, 2, 3, 3))))


def syllable(rng):
    """One that words and names are made of, or, seldom, any that can be said: who has met the
    syllables of a name can copy it, though the name is new."""
    if rng.random() < KNOWN_SYLLABLES:
        return rng.choice(syllables())
    number = (rng.choice(INITIALS) * 21 + rng.choice(VOWELS)) * 28 + rng.choice(FINALS)
    return chr(ord("가") + number)


@functools.cache
def syllables():
    """Those of all words and names, also of those that are held out: each by itself tells none."""
    said = chain(lexicon(), THINGS, WORDS, PEOPLE, LANDS, TOPICS)
    return sorted({letter for word in said for letter in word if "가" <= letter <= "힣"})


def babble(rng, style):
    """Keys at random, syllables, a sign: what has no meaning. `style`: a number below 1."""
    if style < 0.5:
        letters = "ㅁㄴㅇㄹㅎㅂㅈㄷㄱㅅㅗㅓㅏㅣㅋㅌㅊㅍ" if rng.random() < 0.7 else "asdfghjkl; "
        return "".join(rng.choices(letters, k=rng.randint(3, 10)))
    if style < 0.75:
        hangul = [chr(rng.randrange(0xAC00, 0xD7A4)) for _ in range(rng.randint(2, 6))]
        return "".join(hangul)
    signs = ["", *"? ... ??? ! . - 음 흠 ㅋㅋㅋ ㅎㅎ ㅠㅠ :) 1234".split()]
    return rng.choice(signs)


# --- what an answer says -------------------------------------------------------------------------


PARTS_OF_SENTENCES = """종류 색 곳 반대말 반대 과거형 합 평 기분 이름 단어 예 말 것 그것 언어 모델
무엇""".split()


@functools.cache
def lexicon():
    """Every word that the world knows by itself; what stands behind it is an ending."""
    groups = [
        *KINDS.values(),
        KINDS,
        COLOURS,
        PLACES,
        SIZES,
        NAMES,
        NUMBERS,
        DAYS,
        MONTHS,
        DIRECTIONS,
    ]
    groups += [*LETTERS, *OPPOSITES, *VERBS, *VERDICTS.values(), VERDICTS, EVENTS, REVIEWED]
    groups += [NAMED.values(), PARTS_OF_SENTENCES]
    return frozenset(chain(*groups))


def parted(word):
    """A word and the ending behind it, as a list of two; of one, where the world knows the whole,
    or none of it."""
    if word in lexicon():
        return [word]
    for cut in range(len(word) - 1, 0, -1):
        if word[:cut] in lexicon() and word[cut:] in ENDINGS:
            return [word[:cut], word[cut:]]
    return [word]


def words_of(text):
    """What stands between blanks and signs."""
    return re.findall(WORD, unicodedata.normalize("NFC", text))


def in_word(word):
    """A small number in digits as a word; any other word as it is."""
    return NUMBERS[int(word)] if word in SMALL else word


def split_words(text):
    """Words, with particles and other endings apart; punctuation only separates. Small numbers in
    digits count as words."""
    words = []
    for found in words_of(text.lower()):
        words += parted(in_word(found))
    return words


def bare_words(text):
    """The words of a text as a set, as they are and without whatever may be an ending."""
    found = set(words_of(text))
    for word in words_of(text):
        found |= {word.removesuffix(ending) for ending in ENDINGS}
    return found


def says(text, phrase):
    """Whether a phrase stands in a text, word by word, whatever ending is behind it."""
    text, phrase = (" ".join(map(in_word, words_of(each.lower()))) for each in (text, phrase))
    return bool(re.search(rf"(?<!\S){re.escape(phrase)}{BEHIND}(?!\S)", text))


SHORTLY = "싫어 몰라 응 그래 아니 됐어 왜".split()  # sentences of a word, in plain speech


def plain_speech(text):
    """Whether a sentence of a text is in plain speech. A bare word, "빨간색.", is in neither."""
    for part in re.split(r"[.!?…\n]+", unicodedata.normalize("NFC", text)):
        words = words_of(part)
        if not words or words[-1].endswith(POLITE) or words[-1] in lexicon():
            continue
        ends = parted(words[-1])
        bare = len(words) == 1 and words[0] not in SHORTLY and ends[-1] not in COPULAS
        if not (bare or words[-1].isascii()):
            return True
    return False


def rudeness(text):
    """How many rude words there are; plain speech, which nobody asked for, is as rude as one."""
    words = words_of(text)
    rude = sum(word.startswith(tuple(RUDE_WORDS)) for word in words)
    return max(rude, int(plain_speech(text)))


def apart(text):
    """The text as a vocabulary is learned from it: words and the endings behind them apart, each in
    a line, so that a word has the same tokens whatever is behind it. What is before it does not
    matter either (LEAD): a question begins with its key, "곰은 무슨 색이에요?"."""

    def cut(found):
        return "\n".join(parted(found[0]))

    words = re.sub(r"[가-힣ㄱ-ㅎㅏ-ㅣ]+", cut, led(text))
    # Also of a word that nobody knows; else 다는 is a token, and 크다는 is not 크다 and 는.
    return re.sub(r"(?<=[가-힣]다)(?=[는가를와의](?![가-힣]))", "\n", words)
