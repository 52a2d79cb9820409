"""Both languages of the course: each holds what the other does, and Korean is spoken from the first
line to the last, commands to copy included."""

import re
import subprocess
from string import Formatter

import pytest

from exercises import english, korean, workshop
from exercises.language import PRESETS, Language, read_headings
from exercises.table import BUG, EXERCISES, FILL, RUN
from exercises.workshop import COMMANDS, folder
from tests.exercises.test_exercises import ROOT, call

KOREAN = Language("ko")
HANGUL = "[가-힣]"
GRADERS = {test.split("::")[1] for e in EXERCISES.values() for test in e.tests}


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def slots(text):
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def columns(text):
    """As many as a console shows it in, counted here anew: two for a syllable."""
    return len(text) + len(re.findall(HANGUL, text))


def sentences(text):
    """What is English in a text: three words in a row, outside of commands to type."""
    text = re.sub(r"python -m exercises[^\n)]*", "", text)
    text = re.sub(r"pip install -e '[^']*'", "", text)
    return re.findall(r"[A-Za-z']+(?: [A-Za-z']+){2,}", text)


def commands(text):
    return re.findall(r"python -m exercises[^\n]*", text)


def in_korean(text):
    """Is every line Korean, with commands that answer in Korean?"""
    lines = [line for line in text.splitlines() if line.strip()]
    spoken = all(re.search(HANGUL, line) for line in lines)
    return spoken and not sentences(text) and all("--preset=ko" in c for c in commands(text))


# --- the tables --------------------------------------------------------------------------------


@pytest.mark.parametrize("file", PRESETS.values(), ids=PRESETS)
def test_a_language_holds_every_name(file):
    assert file.WORDS.keys() == english.WORDS.keys() >= {FILL, BUG, RUN}
    assert list(file.HINTS) == list(EXERCISES)
    assert file.CHECKS.keys() == GRADERS
    texts = [file.HELP, *file.WORDS.values(), *file.HINTS.values(), *file.CHECKS.values()]
    assert all(text.strip() for text in texts)
    headings = read_headings((ROOT / "exercises" / file.README).read_text(encoding="utf-8"))
    assert list(headings) == list(EXERCISES)
    weeks = [*dict.fromkeys(week for week, _ in headings.values())]
    assert len(weeks) == 7 and all(str(n) in week for n, week in enumerate(weeks, 1))


def test_a_heading_is_week_and_title():
    assert Language().headings[7] == ("Week 1: the language model", "A loss too good to be true")
    assert KOREAN.headings[7] == ("1주차: 언어 모델", "믿기 어렵게 낮은 손실")


def test_lines_have_the_same_slots():
    for key, line in english.WORDS.items():
        assert slots(korean.WORDS[key]) == slots(line), key


def test_every_line_is_said_somewhere():
    files = [ROOT / "exercises" / name for name in ("workshop.py", "words.py", "facts.py")]
    code = "".join(file.read_text(encoding="utf-8") for file in files)
    unsaid = [key for key in english.WORDS if not re.search(f"[\"']{key}[\"']", code)]
    assert unsaid == [FILL, BUG, RUN]  # the kinds, which an exercise has


def test_every_korean_text_is_korean():
    names = {"command", "text"}  # nothing but a command, a path
    texts = {key: line for key, line in korean.WORDS.items() if key not in names}
    texts |= korean.HINTS | korean.CHECKS | {"help": korean.HELP}
    texts |= {("title", n): KOREAN.title(n) for n in EXERCISES}
    assert [key for key, text in texts.items() if sentences(text)] == []
    assert [key for key, text in texts.items() if not re.search(HANGUL, text)] == []
    assert commands(korean.HELP) and all("--preset=ko" in line for line in commands(korean.HELP))
    assert KOREAN("command", command="hint", number=3) == "python -m exercises hint 3 --preset=ko"


def test_english_in_korean_is_noticed():
    assert not in_korean("연습 문제 3: passed after a while")
    assert not in_korean("목록: python -m exercises")
    assert not in_korean("통과했습니다\npassed")
    assert in_korean("통과했습니다: python -m exercises plant 7 --preset=ko")


# --- the commands ------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", PRESETS)
def test_the_columns_of_the_list_line_up(out, capsys, preset):
    call(out, "done", "4")
    call(out, "start", "3")
    capsys.readouterr()
    assert call(out, f"--preset={preset}") == 0
    t = Language(preset)
    lines = [line for line in capsys.readouterr().out.splitlines() if re.match(r" +\d+  ", line)]
    assert len(lines) == len(EXERCISES)
    places = set()
    for (number, e), line in zip(EXERCISES.items(), lines):
        title, minutes = t.title(number), t("minutes", minutes=e.minutes)
        assert line.startswith(f"  {number:>2}  {t(e.kind)}  ")
        before, _, state = line.partition(f" {minutes}")
        kind, _, _ = before.partition(f"  {title}")
        places.add((columns(kind), columns(before)))
        assert state.strip() == {3: t("begun"), 4: t("done")}.get(number, "")
    assert len(places) == 1


def test_a_pupil_is_told_all_in_korean(out, capsys):
    lines = ["", "--help", "start 3", "hint 3", "plant 7", "hint 7", "reset 3", "reset 3", "reset"]
    for line in [*lines, "done 4", ""]:
        assert call(out, *line.split(), "--preset=ko") == 0
        said = capsys.readouterr().out
        said = "\n".join(line for line in said.splitlines() if line != "3주차: PPO")
        assert in_korean(said), said
    assert "1개를 끝냈습니다" in said


def test_the_way_back_begins_with_what_stands_in_the_copy(out, capsys):
    call(out, "start", "3", "--preset=ko")
    text = (folder(out, 3) / EXERCISES[3].file).read_text(encoding="utf-8")
    blank = f'raise NotImplementedError("{KOREAN("blank", number=3)}")'
    assert text.count(blank) == 1
    capsys.readouterr()
    call(out, "solution", "3", "--preset=ko")
    shown = capsys.readouterr().out
    assert f"-    {blank}\n" in shown and shown.startswith("--- 연습 문제 3/likelihood.py\n")


REFUSED = """strat 3; 시작 3; start; check 7 8; plant 99; plant 3번; plant 3; start 4; start 7; done 7;
check; check 7; plant 7 --otu=x; --preset"""


@pytest.mark.parametrize("line", [line.strip() for line in REFUSED.split(";")])
def test_what_makes_no_sense_is_told_in_korean(out, capsys, line):
    assert call(out, *line.split(), "--preset=ko") == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1
    assert in_korean(said.removeprefix("error: ")), said


def test_what_stands_in_the_way_is_told_in_korean(out, capsys, monkeypatch):
    call(out, "start", "1", "--preset=ko")
    assert call(out, "start", "1", "--preset=ko") == 2  # begun already
    monkeypatch.setattr(workshop.importlib.util, "find_spec", lambda name: None)
    assert call(out, "check", "1", "--preset=ko") == 2  # no pytest
    (out / "progress.json").write_text("{", encoding="utf-8")
    assert call(out, "--preset=ko") == 2  # damaged
    monkeypatch.setattr(workshop, "ROOT", out)
    (out / "tokenizer.py").write_text("", encoding="utf-8")
    assert call(out, "solution", "1", "--preset=ko") == 2  # other sources
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 4 and all(in_korean(line.removeprefix("error: ")) for line in said), said


def test_a_failure_without_words_is_told_in_korean(out, capsys, monkeypatch):
    def endless(*args, **options):
        raise subprocess.TimeoutExpired("pytest", 300)

    call(out, "start", "1", "--preset=ko")
    capsys.readouterr()
    silent = subprocess.CompletedProcess([], 2, stdout="")
    for run in (endless, lambda *args, **options: silent):
        monkeypatch.setattr(workshop.subprocess, "run", run)
        assert call(out, "check", "1", "--preset=ko") == 1
        said = capsys.readouterr().out
        assert in_korean(said) and said.count("\n") == 2, said


def test_a_grader_speaks_korean(out, capsys):
    call(out, "start", "3", "--preset=ko")
    capsys.readouterr()
    assert call(out, "check", "3", "--preset=ko") == 1
    first, *rows = capsys.readouterr().out.splitlines()
    assert first.startswith("연습 문제 3: 통과하지 못했습니다(")
    names = [row[2:].split("  ")[0] for row in rows if row[2] != " "]
    assert names == [KOREAN(key) for key in ("checked", "input", "expected", "got")]
    assert f"({korean.CHECKS['test_token_logprobs_score_the_next_token']})" in rows[1]
    assert KOREAN("blank", number=3) in rows[-1] and not sentences("\n".join(rows))


def test_every_command_and_every_language_is_in_the_help():
    for file in PRESETS.values():
        assert re.findall(r"^    python -m exercises (\w+)", file.HELP, re.M) == list(COMMANDS)
        assert all(f"--preset={name}" in file.HELP for name in PRESETS if name != "default")
