"""The Korean view of the report: Korean from its first word to its last, but for names."""

import re
from html import unescape
from pathlib import Path

import pytest

from lab import example, report, svg, words_figures
from lab.figures import vector
from lab.page import page
from tests.lab.report_logs import everything, head, write

pytest.importorskip("matplotlib")
# What has the same name in every language: methods, people, units (%p, GFLOP/s), shapes.
NAMES = """
SFT PPO DPO PPO-ptx ptx RL SL-CAI RL-CAI HH AI GINC LSTM KL Elo AUC FLOPs best-of-n n M t ln
nat p GFLOP s torch SDPA transformers TRL float bfloat cpu shape peer L C a e
A-D E-H
Hanley McNeil Yoo Wei Kossen et al mechanism in toy world
""".split()
NAMED = ("exam", "broken_rules", "which_rule", "speed")  # with more rows in the records
SIZES = re.compile(r"\d+L|\d+H|[TB]=\d+|A[VM]X\w*(-BF16)?|\d+e")  # such as 4L/6H/192, AVX2


def seen(text):
    """The text of the page that its Korean view shows, without code and what a log says."""
    text = re.sub(r"(?s)<style.*?</style>|<code>.*?</code>", "", text)
    text = re.sub(r'(?s)<section id="(lineage|answers)">.*?</section>', "", text)
    text = re.sub(r'(?s)<label for="en">.*?</label>', "", text)
    kept = re.sub(r'(?s)<(\w+)[^>]* lang="en".*?</\1>', "", text.partition("<body>")[2])
    told = re.findall(r'<svg[^>]* aria-label="([^"]*)"', kept)
    return unescape(" ".join([*told, *re.findall(r">([^<]+)<", kept)]))


def english(text):
    """The words of a text that are neither Korean nor names."""
    found = re.findall(r"[A-Za-z][A-Za-z-]*", SIZES.sub("", text))
    return [word for word in found if word not in NAMES]


def drawn(logs):
    shown, missing = report.draw_all(logs, {})
    lacks = {"python": (lacks, report.known_time("sft")) for lacks in missing.values()}
    return shown, page(logs, shown, lacks, [], 0, "ko")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Two pages, of logs of every kind and of committed records: their figures, their text."""
    out = everything(tmp_path_factory.mktemp("report") / "out")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "RECORDS", Path("nowhere"))
        own = report.read_logs(out)[0]
        first = drawn(own)
        few = [figure for figure in report.FIGURES if figure.draw.__name__ in NAMED]
        patch.setattr(report, "FIGURES", few)
        return first, drawn(example.logs(report.read_logs(Path("nowhere"))[0]))


def test_nothing_of_the_korean_view_is_in_english(pages):
    for _, text in pages:
        assert '<html lang="ko">' in text and "<title>보고서</title>" in text
        words = english(seen(text))
        assert not words, sorted(set(words))
        assert len(re.findall("[가-힣]", seen(text))) > 1000


def test_each_language_has_every_figure(pages):
    for shown, text in pages:
        for lang in ("en", "ko"):
            assert text.count(f'<figure lang="{lang}"><svg role="img"') == len(shown)
        ids = re.findall(r'\bid="([^"]*)"', text)
        assert len(ids) == len(set(ids))
        used = re.findall(r'(?:href="|url\()#([^")]*)', text)
        assert set(used) <= set(ids), "a copy refers to its own parts"


def test_a_korean_text_has_the_place_of_the_english_one(pages):
    """Nothing but words and ids differs; a row's name is at most three letters wider."""
    for shown, _ in pages:
        for name, (_, figure, pictures) in shown.items():
            if isinstance(figure.figure, tuple):  # drawn once in each language
                continue
            one, other = (svg.WORDS.split(picture) for picture in pictures)
            assert [len(part) for part in one] and len(one) == len(other)
            for place, (mine, theirs) in enumerate(zip(one, other)):
                if place % 4 == 2:
                    assert wide(theirs) <= wide(mine) + 3, (name, mine, theirs)
                else:
                    assert mine == theirs.replace(f"{name}-ko-", f"{name}-")


def wide(text):
    """About how wide a text is, in letters of Korean."""
    return sum(1 if "가" <= letter <= "힣" else 0.6 for letter in unescape(text))


def test_texts_are_filled_in():
    korean = words_figures.korean
    assert korean("10 tokens per example") == "예시당 10토큰"
    assert korean("8  RL, both, best by both") == "8  RL과 고르기, 둘 다로"
    assert korean("Agreement: simulated judge") == "일치: 시뮬레이션 심판"
    assert korean("The proxy, few comparisons") == "대리 보상, 비교가 적을 때"
    assert korean("Who reads the rule tells better: person, sides") == (
        "규칙을 읽으면 더 잘 앎: 사람 행세, 편들기"
    )
    assert korean("attention (0 to 1)") == "어텐션(0-1)"  # and not one of the speed's rows
    for name in ("PPO-ptx", "HH, λ = 0.25", "run $x^$ & <b>", "−0.5", "2×"):
        assert korean(name) == name
    assert words_figures.both("base") == ("base", "기본 모델")


def test_a_picture_says_korean_as_text():
    drawn = '<g id="x-a"><text y="1">no preference, ln 2</text><use href="#x-a"/></g>'
    korean = '<g id="x-ko-a"><text y="1">선호 없음, ln 2</text><use href="#x-ko-a"/></g>'
    assert vector.in_korean(drawn, "x") == korean
    assert vector.in_korean("<text>a &lt;b&gt;</text>", "x") == "<text>a &lt;b&gt;</text>"


def test_the_files_are_in_the_language_of_the_page(tmp_path):
    write(tmp_path / "sft/log.jsonl", head("sft"), [{"step": i, "loss": 1.0} for i in range(3)])
    for language, title in (("ko", "미세조정(SFT)"), ("en", "Fine-tuning (SFT)")):
        report.main(report.Config(out=str(tmp_path), language=language))
        assert title in (tmp_path / "figures/losses.svg").read_text(encoding="utf-8")
