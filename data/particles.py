"""Korean particles: which of two forms stands behind a word, by the last sound of the word.

    join("사과은(는) 빨간색(이)에요.")     사과는 빨간색이에요.
    join("3을(를) 7(으)로")                3을 7로

Patterns write both forms, as grammar books do: 은(는), 이(가), 을(를), 과(와), (으)로, (이)에요,
(이)라고. A syllable of Hangul tells its final consonant by its code point; digits, single letters
and words in Latin letters are taken as they are read aloud.
"""

import re
import unicodedata

RIEUL = 8  # the number of ㄹ among the 27 final consonants; (으)로 is 로 behind it
# Final consonants of digits as they are read, 영 일 이 삼 사 오 육 칠 팔 구: 0 where there is none.
DIGITS = (21, RIEUL, 0, 16, 0, 0, 1, RIEUL, RIEUL, 0)
LATIN = {"l": RIEUL, "m": 16, "n": 4, "r": RIEUL}  # single letters: 엘 엠 엔 알
LATIN_END = {"l": RIEUL, "m": 16, "n": 4}  # words: Sam, Ben, Paul; after other letters none
FORMS = {  # marker: (after a consonant, after a vowel)
    "은(는)": ("은", "는"),
    "이(가)": ("이", "가"),
    "을(를)": ("을", "를"),
    "과(와)": ("과", "와"),
    "아(야)": ("아", "야"),
    "(으)로": ("으로", "로"),
    "(이)에요": ("이에요", "예요"),
    "(이)었": ("이었", "였"),
    "(이)": ("이", ""),
}
MARKER = re.compile("|".join(map(re.escape, FORMS)))


def final(word):
    """The number of the final consonant of a word as it is read, 0 where it ends in a vowel."""
    word = re.sub(r"[\W_]+$", "", unicodedata.normalize("NFC", word))
    last = word[-1:]
    if "가" <= last <= "힣":
        return (ord(last) - ord("가")) % 28
    if "ㄱ" <= last <= "ㅎ":  # a letter by its name: 기역, 니은, 리을
        return RIEUL if last == "ㄹ" else 1
    if last.isascii() and last.isdigit():
        return of_number(re.search(r"[0-9]+$", word)[0])
    spelled = re.search(r"[A-Za-z]+$", word)
    if spelled:
        ends = LATIN if len(spelled[0]) == 1 else LATIN_END
        return ends.get(last.lower(), 0)
    return 0


def of_number(digits):
    """The final consonant of a number: 10 is 십, 100 백, 1000 천, 10000 만."""
    zeros = len(digits) - len(digits.rstrip("0"))
    if zeros == 0 or zeros == len(digits):
        return DIGITS[int(digits[-1])]
    return (17, 1, 4, 4)[min(zeros, 4) - 1]


def form(marker, word):
    """The form of a marker behind a word."""
    after_consonant, after_vowel = FORMS[marker]
    found = final(word)
    if marker == "(으)로" and found == RIEUL:
        return after_vowel
    return after_consonant if found else after_vowel


def join(text):
    """The text with each marker in the form that fits what stands before it."""
    if "(" not in text:
        return text
    parts, end = [], 0
    for found in MARKER.finditer(text):
        parts.append(text[end : found.start()])
        parts.append(form(found[0], "".join(parts)[-24:]))
        end = found.end()
    return "".join(parts) + text[end:]
