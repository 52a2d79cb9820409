"""Korean particles: by hand, against Unicode's own decomposition, and in 10,000 sentences."""

import itertools
import re
import unicodedata

import pytest

from data import particles
from data.particles import FORMS, final, form, join
from data.world import world_named
from data.world.korean_grammar import ENDINGS, digits, in_words, lexicon

READ = {"0": "영", "1": "일", "2": "이", "3": "삼", "4": "사", "5": "오", "6": "육", "7": "칠"}
READ |= {"8": "팔", "9": "구", "10": "십", "20": "십", "100": "백", "1000": "천", "10000": "만"}
PAIRS = [forms for marker, forms in FORMS.items() if marker != "(이)"]


def last_letter(word):
    """The final consonant of a word's last syllable, as Unicode takes it apart; "" without one."""
    letters = unicodedata.normalize("NFD", word)
    return letters[-1] if "\u11a8" <= letters[-1] <= "\u11c2" else ""


def oracle(marker, word):
    """The form behind a word of Hangul or a number, by its decomposition."""
    if word[-1].isdigit():
        tail = re.search("[1-9]?0+$|[0-9]$", word)[0]
        word = READ[tail] if tail in READ else READ["1" + tail.lstrip("123456789")]
    letter = last_letter(word)
    closed = bool(letter) and not (marker == "(으)로" and letter == "\u11af")
    return FORMS[marker][0 if closed else 1]


@pytest.mark.parametrize(
    "pattern, text",
    [
        ("사과은(는) 빨간색(이)에요.", "사과는 빨간색이에요."),
        ("곰은(는) 배을(를) 칼(으)로", "곰은 배를 칼로"),
        ("부엌(으)로, 가게(으)로, 학교이(가)", "부엌으로, 가게로, 학교가"),
        ("고양이(이)에요. 고양이(이)라고", "고양이예요. 고양이라고"),
        ("단어는 북(이)었어요, 소(이)었어요", "단어는 북이었어요, 소였어요"),
        ("3을(를) 7(으)로, 2은(는) 10(이)에요", "3을 7로, 2는 10이에요"),
        ("ㄱ은(는) ㅏ이(가) ㄹ(으)로", "ㄱ은 ㅏ가 ㄹ로"),
        ("L은(는) S이(가) R(으)로 M(이)에요", "L은 S가 R로 M이에요"),
        ("Sam은(는) Rosa과(와) Paul(으)로", "Sam은 Rosa와 Paul로"),
        ("'뜨겁다'의 반대말은 '차갑다'(이)에요.", "'뜨겁다'의 반대말은 '차갑다'예요."),
        ("(여기) 가다 -> 갔다 (과거형).", "(여기) 가다 -> 갔다 (과거형)."),
    ],
)
def test_particles_by_hand(pattern, text):
    assert join(pattern) == text


def test_final_consonants_of_all_syllables_are_unicodes():
    for code in range(ord("가"), ord("힣") + 1):
        letter = last_letter(chr(code))
        assert final(chr(code)) == (ord(letter) - 0x11A7 if letter else 0)
        assert final(unicodedata.normalize("NFD", chr(code))) == final(chr(code))


def test_numbers_are_read_aloud():
    for number in itertools.chain(range(200), (1000, 2000, 10000, 30000)):
        for marker in FORMS:
            assert form(marker, str(number)) == oracle(marker, str(number)), (number, marker)


def test_ten_thousand_sentences(monkeypatch):
    """Each particle that is chosen, whatever word it stands behind, and each that can be read in
    the text behind a word of the world."""
    chosen = []

    def watched(marker, word):
        chosen.append((marker, word, form(marker, word)))
        return chosen[-1][2]

    monkeypatch.setattr(particles, "form", watched)
    world, sentences = world_named("world_ko"), []
    for text in world.documents(seed=11):
        sentences += re.findall(r"[^.?!\n]+[.?!]", text)
        if len(sentences) >= 8000:
            break
    for record in world.lessons(400, 400, seed=5):
        for message in record["messages"]:
            sentences += re.findall(r"[^.?!\n]+[.?!]", message["content"])
    assert len(sentences) >= 10_000 and len(chosen) > 10_000
    for marker, word, said in chosen:
        if re.search("[가-힣0-9]$", word):
            assert said == oracle(marker, word), (marker, word, said)
    read = right = 0
    told = [text for text in sentences if not text.startswith("아 ")]  # songs are words at random
    for word in re.findall(r"[가-힣]+", " ".join(told)):
        for cut in range(1, len(word)):
            stem, ending = word[:cut], word[cut:]
            if word not in lexicon() and stem in lexicon() and ending in ENDINGS:
                for forms in PAIRS:
                    if ending in forms:
                        read += 1
                        marker = next(m for m, f in FORMS.items() if f == forms)
                        right += ending == oracle(marker, stem)
    assert read > 5000 and right == read
    assert not any(marker in sentence for marker in FORMS for sentence in sentences)


def test_digits_are_read_otherwise_than_words():
    assert digits("둘과 셋의 합은 다섯이에요.") == "2와 3의 합은 5예요."
    assert digits("셋 더하기 넷은 일곱입니다. 열하나") == "3 더하기 4는 7입니다. 11"
    assert digits("열두 달, 둘째, 셋방, 일곱이야") == "열두 달, 둘째, 셋방, 7이야"
    for a, b in itertools.product(range(20), repeat=2):
        text = join(f"{a}과(와) {b}을(를) 더해 주세요.")
        assert " ".join(digits(in_words(text)).split()) == text
