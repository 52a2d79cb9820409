"""The exercises: each planted bug and each empty body fails its grader, which our own text passes;
the commands of exercises/workshop.py; and README.md, whose commands, functions and tests exist, in
both languages."""

import ast
import importlib
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from exercises import workshop
from exercises.language import Language
from exercises.table import BUG, BUGS, EXERCISES, FILL, RUN, Bug
from exercises.workshop import (
    blank,
    changed,
    folder,
    main,
    make_copy,
    plant,
    read_progress,
    split_at_body,
)
from plumbing.config import parse_config
from plumbing.errors import BadInput, run

ROOT = Path(workshop.__file__).parent.parent
ENGLISH = Language()
GRADED = {n: e for n, e in EXERCISES.items() if e.kind != RUN}
each_graded = pytest.mark.parametrize(
    "number", GRADED, ids=[f"{n}-{e.file}:{e.function}" for n, e in GRADED.items()]
)
TEXTS = {
    name: (ROOT / "exercises" / name).read_text(encoding="utf-8")
    for name in ("README.md", "README.ko.md")
}
FACTS = r"\s+(Where|Graders?):\s+`[^.,]+[^`]*`(,\s+`[^`]+`)*\."  # told in English only

# Runs graders in one working copy, again and again with other text in it. What is slow to import is
# imported once; each job is a process of its own, forked from that. Argument: a JSON list of
# [{file: text}, [tests], exercise]; writes one line of JSON per job: pytest's exit code, what it printed,
# and what exercises/words.py told.
GRADE = """
import io, json, os, sys, contextlib
import hypothesis, numpy, pytest, regex, tiktoken, torch, torch._dynamo, torch.utils.checkpoint, tqdm
torch.set_num_threads(1)
os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
sys.path.insert(0, os.getcwd())

def grade(tests, exercise):
    os.environ["EXERCISE"] = str(exercise)
    if os.path.exists("words.txt"):
        os.remove("words.txt")
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        code = pytest.main(["-q", "--tb=line", "-p", "no:cacheprovider", "-o", "addopts=",
                            "-p", "exercises.words",
                            "--continue-on-collection-errors",
                            "--color=no", *tests])
    words = open("words.txt", encoding="utf-8").read() if os.path.exists("words.txt") else ""
    print(json.dumps([int(code), shown.getvalue(), words]), flush=True)

for number, (files, tests, exercise) in enumerate(json.load(open(sys.argv[1], encoding="utf-8"))):
    own = {}
    for file, text in files.items():
        own[file] = open(file, encoding="utf-8").read(), os.stat(file).st_mtime
        open(file, "w", encoding="utf-8").write(text)
        os.utime(file, (10**9 + number, 10**9 + number))  # no compiled file of another job fits
    child = os.fork()
    if child == 0:
        try:
            grade(tests, exercise)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    for file, (text, time) in own.items():
        open(file, "w", encoding="utf-8").write(text)
        os.utime(file, (time, time))
"""


def grades(copy, jobs):
    """[({file: text}, tests, exercise)] -> [(pytest's exit code, what it printed, in words)]."""
    (copy / "jobs.json").write_text(json.dumps(jobs), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": "", "OMP_NUM_THREADS": "1", "COLUMNS": "250"}
    done = subprocess.run(
        [sys.executable, "-c", GRADE, "jobs.json"],
        cwd=copy,
        encoding="utf-8",
        capture_output=True,
        errors="replace",
        env=environment,
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(jobs), done.stderr
    return found


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def call(out, *words):
    """`python -m exercises words` as its exit code."""
    try:
        return run(main, [*words, f"--out={out}"]) or 0
    except SystemExit as stop:
        return stop.code


# --- bugs and blanks ---------------------------------------------------------------------------


def test_there_is_enough_of_each_kind():
    kinds = [e.kind for e in EXERCISES.values()]
    assert kinds.count(FILL) >= 8 and kinds.count(RUN) >= 8 and kinds.count(BUG) >= 10
    assert set(kinds) == {FILL, RUN, BUG}
    assert all(5 <= e.minutes <= 45 for e in EXERCISES.values())
    assert list(BUGS) == [n for n, e in EXERCISES.items() if e.kind == BUG]


@each_graded
def test_what_is_planted_is_there_once_and_compiles(number):
    exercise = EXERCISES[number]
    assert exists(exercise.file, exercise.function), f"exercise {number}: no such function"
    source = (ROOT / exercise.file).read_text(encoding="utf-8")
    before, body, after = split_at_body(source, exercise.function)
    if exercise.kind == BUG:
        bug = BUGS[number]
        times = body.count(bug.old)
        assert times == 1, f"exercise {number}: `{bug.old}` stands {times} times in the body"
    own, text = changed(number, ENGLISH)
    assert own == source != text
    compile(text, exercise.file, "exec")
    if exercise.kind == BUG:
        planted = text.removeprefix(before).removesuffix(after)
        assert planted.replace(bug.new, bug.old) == body
    else:
        assert text.count("NotImplementedError") == 1 + own.count("NotImplementedError")
    assert exercise.tests and all(exists(*test.split("::")) for test in exercise.tests)


# Mistakes in functions to fill in: (our text, a wrong one, some rows of what is told).
WRONG = {
    37: (
        "weights[..., t, t - L + 1]",
        "weights[..., t, t - L]",
        {"expected": "1", "got": "0"},
    ),
    23: (
        "last = (mask * places).argmax(1, keepdim=True)",
        "last = torch.full((len(mask), 1), mask.shape[1] - 1)",
        {
            "expected": "[[0, 0, 0, 2, 0], [0, 0, 0, 3, 0], [0, 0, 0, 0, 4]]",
            "got": "[[0, 0, 0, 0, 2], [0, 0, 0, 0, 3], [0, 0, 0, 0, 4]]",
        },
    ),
    45: (
        "kept.prod(-1)",
        "kept.mean(-1)",
        {
            "input": "preference = [0, 2.19722] broken = [[0.5, 0], [0.5, 0.2]]",
            "expected": "[0.125, 0.3]",
            "got": "[0.1875, 0.4875]",
        },
    ),
}


def rows_of(words):
    """{name of a row: its text}, lines joined by blanks."""
    rows, name = {}, ""
    for line in words.splitlines():
        name = line[2:11].strip() or name
        rows[name] = f"{rows.get(name, '')} {line[12:]}".strip()
    return rows


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """What the graders say, by exercise, of each bug alone, and of all empty bodies together (but
    the first, which every tokenizer needs); 0 stands for the project's own text."""
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")
    copy = make_copy(tmp_path_factory.mktemp("exercises"), 1, ENGLISH).resolve()
    (copy / EXERCISES[1].file).write_text(changed(1, ENGLISH)[0], encoding="utf-8")
    jobs, blanks, empty = {}, {}, []
    for n, e in GRADED.items():
        try:
            own, text = changed(n, ENGLISH)
        except BadInput:  # told by the test of this exercise, not by all
            continue
        if e.kind == BUG or n == 1:
            jobs[n] = {e.file: text}, e.tests, n
        else:
            blanks[e.file] = blank(blanks.get(e.file, own), e.function, ENGLISH("blank", number=n))
            empty += e.tests
    every = dict.fromkeys(test for e in GRADED.values() for test in e.tests)
    for n, (old, new, _) in WRONG.items():
        own = (ROOT / GRADED[n].file).read_text(encoding="utf-8")
        assert own.count(old) == 1, n
        jobs["wrong", n] = {GRADED[n].file: own.replace(old, new)}, GRADED[n].tests, n
    both = ({}, [*every], 1), (blanks, empty, 2)
    said = dict(zip([0, "empty", *jobs], grades(copy, [*both, *jobs.values()])))
    return {**dict.fromkeys(GRADED, said["empty"]), **said}


def test_our_own_text_passes_every_grader(graded):
    code, shown, words = graded[0]
    assert code == 0 and "skipped" not in shown and not words, shown


@each_graded
def test_the_grader_catches_it(graded, number):
    changed(number, ENGLISH)
    (code, shown, words), exercise = graded[number], EXERCISES[number]
    if exercise.kind == BUG:
        assert code == 1, shown  # its tests fail; they do not break
        assert [*rows_of(words)] == ["checked", "input", "expected", "got"], words
    else:
        assert f"NotImplementedError: exercise {number}:" in shown, shown


@pytest.mark.parametrize("number", WRONG)
def test_a_failure_is_told_in_words(graded, number):
    rows, expected = rows_of(graded["wrong", number][2]), WRONG[number][2]
    assert {name: rows[name] for name in expected} == expected


def test_a_blank_keeps_name_and_docstring():
    head = 'class A:\n    def f(self, x):\n        """Says x.\n\n        Twice."""\n'
    error = 'raise NotImplementedError("write here")'
    source = f"{head}        y = x\n        return y\n\n    b = 1\n"
    assert blank(source, "A.f", "write here") == f"{head}        {error}\n\n    b = 1\n"


def test_a_bug_is_planted_in_one_body_alone():
    source = 'def f(x):\n    """x + 1"""\n    return x + 1\n\n\ndef g(x):\n    return x + 1\n'
    planted = source.replace("return x + 1", "return x + 2", 1)
    assert plant(source, Bug("f", "x + 1", "x + 2")) == planted
    for function, old in (("h", "x + 1"), ("f", "x + 3"), ("f", "x")):
        with pytest.raises(KeyError):
            plant(source.replace("x + 1\n", "x + x\n"), Bug(function, old, ""))


# --- commands ----------------------------------------------------------------------------------


def test_the_list_needs_no_torch():
    """With an empty module in its place, as what is imported beside us may name it."""
    stub = "for name in ('torch', 'torch.distributed'): sys.modules[name] = types.ModuleType(name)"
    code = f"import sys, types\n{stub}\nsys.modules['torch'].distributed = None\n"
    code += "from exercises.workshop import main\nmain([])\nassert 'numpy' not in sys.modules"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8")
    assert done.returncode == 0 and f"of {len(EXERCISES)} done" in done.stdout, done.stderr


def test_a_bug_from_planting_to_passing(out, capsys):
    before = (ROOT / "tokenizer.py").read_bytes()
    assert call(out, "plant", "6") == 0
    shown = capsys.readouterr().out
    assert "work/06/tokenizer.py" in shown and EXERCISES[6].tests[0] in shown
    assert "encode_ordinary" not in shown
    assert call(out, "plant", "6") == 2 and "reset 6" in capsys.readouterr().err
    assert call(out, "check", "6") == 1
    said = capsys.readouterr().out
    assert re.match(r"exercise 6: failed after \d+ s \(all of it: .*check\.txt\)\n", said), said
    told = rows_of(said.partition("\n")[2])
    assert [*told] == ["checked", "input", "expected", "got"]
    assert (
        told["input"].startswith("composed = '한글' parts = ")
        and "encode(parts)" in told["checked"]
    )
    assert read_progress(out, ENGLISH) == {6: {"tries": 1, "passed": False}}
    assert call(out, "solution", "6") == 0
    diff = capsys.readouterr().out
    assert re.findall(r"^- +return (.*)$", diff, re.M) == [BUGS[6].new]
    assert re.findall(r"^\+ +return (.*)$", diff, re.M) == [BUGS[6].old]
    path = folder(out, 6) / "tokenizer.py"
    mended = path.read_text(encoding="utf-8").replace(BUGS[6].new, BUGS[6].old)
    path.write_text(mended, encoding="utf-8")
    assert call(out, "check") == 0
    said = capsys.readouterr().out
    following = f"7, {ENGLISH.title(7)} (find the bug): python -m exercises plant 7"
    assert re.fullmatch(r"exercise 6: passed after \d+ s; next: (.*)\n", said)[1] == following
    assert read_progress(out, ENGLISH) == {6: {"tries": 2, "passed": True}}
    assert (ROOT / "tokenizer.py").read_bytes() == before


def test_reset_keeps_what_was_written(out, capsys):
    for round in (1, 2):
        assert call(out, "start", "3") == 0
        (folder(out, 3) / "model.py").write_text(f"mine {round}", encoding="utf-8")
        assert call(out, "reset", *["3"][: round - 1]) == 0 and not folder(out, 3).exists()
    for round in (1, 2):
        kept = out / "kept" / f"03-{round}" / "model.py"
        assert kept.read_text(encoding="utf-8") == f"mine {round}"
    assert call(out, "reset", "3") == 0 and "not begun" in capsys.readouterr().out


def test_the_list_shows_what_is_done(out, capsys):
    assert call(out) == 0
    shown = capsys.readouterr().out
    assert all(ENGLISH.title(number) in shown for number in EXERCISES)
    assert f"0 of {len(EXERCISES)} done" in shown
    call(out, "done", "4")
    call(out, "start", "1")
    capsys.readouterr()
    call(out)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines if re.match(r" +[14] ", line)] == ["begun", "done"]
    assert any(line.startswith(f"1 of {len(EXERCISES)} done") for line in lines)


def test_a_body_without_end_and_a_body_that_breaks_are_failures(out, capsys, monkeypatch):
    def stub(*args, **options):
        raise subprocess.TimeoutExpired("pytest", 300)

    call(out, "start", "1")
    monkeypatch.setattr(workshop.subprocess, "run", stub)
    assert call(out, "check", "1") == 1 and "no end after 300 seconds" in capsys.readouterr().out
    broken = subprocess.CompletedProcess([], 2, stdout="ERROR collecting\n")
    monkeypatch.setattr(workshop.subprocess, "run", lambda *args, **options: broken)
    assert call(out, "check", "1") == 1 and "\n  ERROR collecting\n" in capsys.readouterr().out
    assert read_progress(out, ENGLISH)[1] == {"tries": 2, "passed": False}


@pytest.mark.parametrize(
    "words, message",
    [
        (["fix", "7"], "'fix': expected start, plant"),
        (["plant"], "plant takes one number"),
        (["check", "7", "8"], "one number"),
        (["plant", "99"], "numbered 1 to"),
        (["plant", "seven"], "'seven'"),
        (["plant", "0"], "numbered 1 to"),
        (["plant", "3"], "python -m exercises start 3"),
        (["start", "4"], "python -m exercises done 4"),
        (["start", "7"], "python -m exercises plant 7"),
        (["done", "7"], "python -m exercises plant 7"),
        (["check"], "no exercise is begun"),
        (["plant", "7", "--otu=x"], "--out"),
        (["plant", "7", "--preset=kr"], "--preset=kr: no such preset; there are default, ko"),
        (["start"], "start takes one number: python -m exercises start 1"),
        (["check", "7"], "exercise 7 is not begun: python -m exercises plant 7"),
    ],
)
def test_what_makes_no_sense_is_told_in_one_line(out, capsys, words, message):
    assert call(out, *words) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1 and message in said
    assert not out.exists()


def test_without_pytest_check_says_what_to_install(out, capsys, monkeypatch):
    call(out, "start", "1")
    monkeypatch.setattr(workshop.importlib.util, "find_spec", lambda name: None)
    assert call(out, "check", "1") == 2
    assert (
        "pip install -e '.[test]'" in capsys.readouterr().err and read_progress(out, ENGLISH) == {}
    )


@pytest.mark.parametrize("text", ["", "[]", "{", '{"x": 1}', '{"1": {"tries": 1}}', "null"])
def test_a_damaged_progress_file_is_named(out, capsys, text):
    out.mkdir()
    (out / "progress.json").write_text(text, encoding="utf-8")
    assert call(out) == 2 and "progress.json: damaged" in capsys.readouterr().err


def test_a_source_that_has_been_changed_is_told(out, monkeypatch, tmp_path):
    (tmp_path / "tokenizer.py").write_text("", encoding="utf-8")
    monkeypatch.setattr(workshop, "ROOT", tmp_path)
    with pytest.raises(BadInput, match="tokenizer.py has been changed where exercise 6"):
        make_copy(out, 6, ENGLISH)
    assert not folder(out, 6).exists()


def test_the_next_exercise_is_one_that_is_not_done(out):
    last = max(EXERCISES)
    for n in (*range(1, 6), 7, last):
        workshop.record(out, n, True, ENGLISH)
    workshop.record(out, 6, False, ENGLISH)
    after = {n: workshop.suggest(out, n, ENGLISH) for n in (5, 7, last)}
    assert after[5].startswith("next: 6, ") and after[5].endswith("plant 6")
    assert after[7].startswith("next: 8, ") and after[last] == after[5]
    for n in EXERCISES:
        workshop.record(out, n, True, ENGLISH)
    assert "last" in workshop.suggest(out, 3, ENGLISH)


def test_text_that_cannot_be_read_is_told_with_its_line(out, capsys):
    call(out, "start", "1")
    path = folder(out, 1) / "tokenizer.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("raise NotImplementedError(", "return ((", 1), encoding="utf-8")
    assert call(out, "check", "1") == 1
    assert re.search(r"\n  got       SyntaxError: .* \(line \d+\)\n", capsys.readouterr().out)


# --- the text ----------------------------------------------------------------------------------


def exists(file, name):
    """Is there a function, method or test of this dotted name in the file?"""
    node = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    for part in name.split("."):
        node = next((n for n in getattr(node, "body", []) if getattr(n, "name", "") == part), None)
    return node is not None


def entries(name):
    """The texts of the exercises, without their numbers' sign."""
    parts = re.split(r"^### ", TEXTS[name], flags=re.M)[1:]
    return [re.split(r"^## ", part, flags=re.M)[0] for part in parts]


@pytest.mark.parametrize("name", TEXTS)
def test_the_text_lists_every_exercise_as_it_is(name):
    parts = entries(name)
    assert len(parts) == len(EXERCISES) and list(EXERCISES) == [*range(1, len(parts) + 1)]
    for number, part in enumerate(parts, 1):
        e, heading = EXERCISES[number], part.split("\n")[0]
        assert heading.startswith(f"{number}. ")
        english = f"{number}. {ENGLISH.title(number)} ({e.kind}, {e.minutes} min)"
        assert (heading == english) == (name == "README.md")
        for sign in ("```", "<details>", "</details>"):
            assert (sign in part) == (e.kind == RUN)
        facts = [found[1] for found in re.finditer(FACTS, part)]
        told = e.kind != RUN and name == "README.md"
        assert [fact.rstrip("s") for fact in facts] == ["Where", "Grader"] * told
        assert name != "README.md" or ("Graders" in facts) == (len(e.tests) > 1)
        assert e.kind != BUG or f"`{e.file}:" not in part  # which function, a hint may tell


@pytest.mark.parametrize("name", TEXTS)
def test_functions_files_and_tests_that_are_named_exist(name):
    named = re.findall(r"`([\w/]+\.py)::?([\w.]+)`", TEXTS[name])
    assert len(named) > (40 if name == "README.md" else 1)
    missing = [f"{file}:{function}" for file, function in named if not exists(file, function)]
    files = set(re.findall(r"`([\w/]+\.(?:py|md))`", TEXTS[name]))
    assert not missing + [file for file in files if not (ROOT / file).exists()]


@pytest.mark.parametrize("name", TEXTS)
def test_the_course_names_the_exercises_of_each_week(name):
    weeks = {}
    for number in EXERCISES:
        weeks.setdefault(ENGLISH.week(number), []).append(number)
    ranges = [f"{numbers[0]} - {numbers[-1]}" for numbers in weeks.values()]
    assert re.findall(r"\| (\d+ - \d+)\D[^|]*\|[^|]+\|$", TEXTS[name], re.M) == ranges


def commands(text):
    blocks = re.findall(r"^```\n(.*?)^```", text, re.M | re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    return [shlex.split(line)[1:] for line in lines + re.findall(r"`(python [^`\n]+)`", text)]


@pytest.mark.parametrize("name", TEXTS)
def test_every_command_parses(name):
    found = commands(TEXTS[name])
    assert len(found) > 40
    for script, *words in found:
        if script == "tokenizer.py":
            continue
        if script == "-m":
            script, *words = words
        if script == "exercises":
            t = workshop.language(words)
            _, command, number = workshop.parse(words, t)
            typed = [word for word in words if word != "--preset=ko"]
            assert typed == ([command, str(number)] if command else [])
            assert t.file.README == name
            continue
        module = importlib.import_module(script.removesuffix(".py"))
        plain = [word for word in words if not word.startswith("--")]
        options = [word for word in words if word.startswith("--")]
        presets = getattr(module, "PRESETS", {"default": {}})
        config = parse_config(module.Config, presets, options)
        if script == "icl_eval.py":
            assert config.probe in module.PROBES
        else:
            assert len(plain) == (script == "chat.py" and not config.web)


def test_both_languages_say_the_same():
    """A class that reads Korean is told of its exercises in Korean and labels in the Korean world;
    all else it runs as the others do."""
    english, korean = TEXTS.values()
    korean = korean.replace(" --preset=ko", "").replace("out/ko/", "out/")
    assert sorted(commands(english)) == sorted(commands(korean))
    english = re.sub(FACTS, "", english)
    for pattern in (r"^\| \d.*", r"^## "):
        found = [re.findall(pattern, text, re.M) for text in (english, korean)]
        assert len(found[0]) == len(found[1]) > 2, pattern
    named = [sorted(re.findall(r"`([^`\n]+\.py[^`\n]*)`", text)) for text in (english, korean)]
    assert named[0] == named[1] and len(named[0]) > 10


def test_options_of_the_demonstrations_do_nothing_where_a_model_is_asked():
    from exercises import facts

    cfg = parse_config(facts.Config, facts.PRESETS, ["--init=gone.pt", "--times=3"])
    with pytest.raises(BadInput, match="--times=3 does nothing with --init"):
        facts.main(cfg)
