"""The terminal speaks the language of the model's world, from the first line to the last."""

import json
import re
from pathlib import Path
from string import Formatter

import pytest

import chat
from desk.words import REFUSALS, WORDS, refusal, told, words
from tests.test_chat import ANYWHERE, type_in
from tests.tiny_out import write

DESK = Path(chat.__file__).parent / "desk"
WORLD_KO = {"data": "world_ko"}


def slots(text):
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name)


@pytest.fixture
def page():
    """{key: [English, Korean]} of the page."""
    source = (DESK / "page" / "words.js").read_text(encoding="utf-8")
    return json.loads(re.search(r"const WORDS = (\{.*?\n\})", source, re.S)[1])


def test_every_text_has_the_same_slots_in_both_languages():
    for english, korean in WORDS.values():
        assert slots(english) == slots(korean)
        assert re.search("[가-힣]", korean) and not re.search("[가-힣]", english)


def test_the_guideline_is_that_of_the_page(page):
    for rule in ("helpful", "truthful", "harmless", "conflict", "tie"):
        for shown, text in zip(WORDS["guideline"], page[f"{rule}_rule"]):
            assert text in shown


def test_a_refusal_is_said_in_both_languages_where_both_are_known():
    for text, korean in REFUSALS.items():
        assert re.search("[가-힣]", korean) and told(text) == {"error": text, "korean": korean}
        assert refusal(text, "world_ko") == korean and refusal(text, "world") == text
    assert refusal("something else", "world_ko") == "something else"
    assert told("something else") == {"error": "something else"}


def test_who_speaks_of_no_world_is_answered_in_english():
    assert words("")("undo") == words("world")("undo") == WORDS["undo"][0]


@pytest.mark.parametrize(
    "options, lines",
    [
        (["--label"], ["3 1=4 2", "1", "1 2 3 4 / 9", "/undo", "/quit"]),
        (["--label", "--kind=helpful"], ["2", "3", "/quit"]),
        (["--probe"], ["k", "안녕", "k", "/skip", "/quit"]),
        (["--compare"], ["안녕"]),
        ([], ["안녕", "/reset", "/quit"]),
    ],
)
def test_a_korean_desk_says_nothing_in_english(options, lines, tmp_path, capsys, monkeypatch):
    path = write(tmp_path / "sft" / "ckpt.pt", "sft", **WORLD_KO)
    type_in(monkeypatch, *([] if options in ([], ["--compare"]) else ["김"]), *lines)
    talk = [] if options else [str(path)]
    out = [] if talk else [f"--out={tmp_path}"]
    monkeypatch.setattr("desk.terminal.print_piece", lambda text, part, before: part)
    monkeypatch.setattr("chat.print_piece", lambda text, part, before: part)
    chat.main([*talk, *options, *out, *ANYWHERE, "--max_new_tokens=5"])
    said = capsys.readouterr().out.replace(str(tmp_path), "").replace("jsonl", "")
    known = "/quit|/undo|/reset|/skip|SFT|KL|nat|sft|ckpt.pt|labels|comparisons|probes|b, k, u"
    known += r"|attention: .*|규칙 \(\w+\)"
    # What the model wrote may be of any letters and lines.
    said = re.sub(r"(?ms)^  1  .*?(?=순위 >|\Z)", "", said)
    assert not re.findall("[A-Za-z]{2,}", re.sub(known, "", said)), said
    assert re.search("[가-힣]", said)
