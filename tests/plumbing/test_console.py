"""Consoles of old code pages, and what is piped into one."""

import io
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

import pytest
from tqdm import tqdm

from plumbing import console
from plumbing.config import parse_config, path_and_options

ROOT = Path(__file__).resolve().parents[2]
KOREAN = "트랙터는 무슨 색이에요?"


def screen(monkeypatch, page, typed=b""):
    """The three streams of a console with a code page, which refuses what the page lacks. Returns
    the bytes of what is printed."""
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed), encoding=page))
    for name in ("stdout", "stderr"):
        writer = io.TextIOWrapper(out, encoding=page, errors="strict", write_through=True)
        monkeypatch.setattr(sys, name, writer)
    console.open_streams()
    return out


@pytest.mark.parametrize(
    "page, text, shown",
    [
        ("cp949", "r − β·KL ≈ −0.5 ± 0.1 → 한글 “가”…", "r - β·KL ~ -0.5 ± 0.1 → 한글 “가”…"),
        ("cp949", "xᵢ₋₁ café \u2016p\u2016\xa0q\u200b", "xi-₁ cafe ||p|| q"),
        ("cp949", normalize("NFD", "홍 길동.txt 각각 café"), "홍 길동.txt 각각 cafe"),
        ("cp949", "😀 \ufffd 谢 \u1112", "? ? ? ?"),
        ("cp437", "한글 − café → “x”", '?? - café -> "x"'),
        ("cp437", normalize("NFD", "한글") + "!", "??!"),
        ("cp1252", "a − b → c ± d ‖ é", "a - b -> c ± d || é"),
        ("ascii", "½ ± é … ’", "1/2 +- e ... '"),
        ("utf-8", "− ᵢ 😀 한 \u2588", "− ᵢ 😀 한 \u2588"),
    ],
)
def test_what_a_code_page_lacks_is_printed_in_plainer_signs(monkeypatch, page, text, shown):
    out = screen(monkeypatch, page)
    print(text)
    print(text, file=sys.stderr)
    assert out.getvalue().decode(page).splitlines() == [shown] * 2


def test_every_letter_of_a_code_page_stays(monkeypatch):
    letters = "".join(chr(code) for code in range(32, 0x10000) if can(chr(code), "cp949"))
    out = screen(monkeypatch, "cp949")
    print(letters, end="")
    assert out.getvalue().decode("cp949") == letters and len(letters) > 17_000


def test_every_letter_there_is_can_be_printed(monkeypatch):
    for page in ("cp949", "cp437"):
        out = screen(monkeypatch, page)
        for first in range(0, 0x10000, 64):  # halves of pairs among them
            print("".join(map(chr, range(first, first + 64))))
        assert len(out.getvalue()) > 60_000


def can(letter, page):
    try:
        return bool(letter.encode(page))
    except UnicodeEncodeError:
        return False


def test_a_bar_is_drawn_in_signs_that_the_page_has(monkeypatch):
    out = screen(monkeypatch, "cp949")
    with tqdm(total=10, desc="어휘", file=sys.stderr, mininterval=0) as bar:
        bar.set_postfix_str("KL −0.20")
        bar.update(5)
    shown = out.getvalue().decode("cp949")
    assert "어휘" in shown and "####" in shown and "KL -0.20" in shown
    assert "?" not in shown.replace("?it/s", "").replace("<?", "")


# --- what is typed, or piped -------------------------------------------------------------------


@pytest.mark.parametrize("page", ("cp949", "utf-8", "euc-kr"))
@pytest.mark.parametrize("sent", ("cp949", "utf-8", "utf-8-sig"))
@pytest.mark.parametrize("text", (KOREAN, "안녕", "Hello!", normalize("NFD", KOREAN)))
def test_korean_comes_through_a_pipe_whatever_the_console_says(monkeypatch, page, sent, text):
    if not can(text, sent):
        return
    screen(monkeypatch, page, text.encode(sent) + b"\n" + "둘째".encode(sent) + b"\n")
    first, second = sys.stdin.read().splitlines()
    assert console.text_of(first, page) == text
    if sent != "utf-8-sig":
        assert console.text_of(second, page) == "둘째"


def test_a_syllable_that_is_utf8_by_accident_is_what_the_console_says():
    both = "카".encode("cp949")
    assert both.decode("utf-8") == "ī"
    assert console.text_of(both.decode("cp949"), "cp949") == "카"
    assert console.text_of("ī", "utf-8") == "ī"
    assert console.text_of("café", "utf-8") == "café" and console.text_of("", "cp949") == ""
    assert console.text_of("café".encode().decode("ascii", "surrogateescape"), "ascii") == "café"


@pytest.mark.parametrize("page", ("cp949", "utf-8"))
@pytest.mark.parametrize("data", (b"caf\xe9", b"\xff\xfeH\0i\0", b"\x80"))
def test_what_is_no_text_is_refused(page, data):
    with pytest.raises(UnicodeError):
        console.text_of(data.decode(page, "surrogateescape"), page)


@pytest.mark.parametrize("page", ("cp949", "cp949:strict", "ascii"))
@pytest.mark.parametrize(
    "command", (["tokenizer.py"], ["ppo.py", "--help"], ["-m", "judges.violations"])
)
def test_commands_print_on_an_old_console(command, page):
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": page, "PYTHONUTF8": "0"},
    )
    assert (done.returncode, done.stderr) == (0, b""), done.stderr
    if command[0] == "ppo.py" and page != "ascii":
        assert "E[r(x, y) - β log(" in done.stdout.decode("cp949")


# --- what is typed in one form of Unicode, and named in another ---------------------------------


@dataclass
class Config:
    preset: str = "tiny"
    data: str = ""
    out: str = "out"


def typed(*options):
    return parse_config(Config, {"tiny": {}}, list(options))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder, of a disk that tells the two forms of a name apart, as a Mac's does not."""
    monkeypatch.chdir(tmp_path)
    Path("가").mkdir()
    if Path(normalize("NFD", "가")).exists():
        pytest.skip("to this disk both are one name")
    return tmp_path


def test_a_file_is_found_however_its_name_is_spelt(here):
    folder, file = normalize("NFD", "수업 자료"), normalize("NFD", "질문.csv")
    Path(folder).mkdir()
    Path(folder, file).write_text("x", encoding="utf-8")
    for asked in (
        "수업 자료/질문.csv",
        f"{folder}/질문.csv",
        f"수업 자료/{file}",
        f"{folder}/{file}",
    ):
        assert typed(f"--data={asked}").data == f"{folder}/{file}"
        assert path_and_options([asked, "--x"]) == (f"{folder}/{file}", ["--x"])
    whole = typed(f"--data={here}/수업 자료/질문.csv").data
    assert whole == f"{here.as_posix()}/{folder}/{file}"
    assert typed("--out=수업 자료/결과/sft").out == f"{folder}/결과/sft"  # beside what is there


def test_of_two_names_that_look_alike_the_one_that_was_typed_is_meant(here):
    for name in ("자료", normalize("NFD", "자료")):
        Path(name).mkdir()
        assert typed(f"--data={name}").data == name


def test_what_names_no_file_is_kept_but_for_its_form(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for text in ("한국/어//로 ./말해요?", "새 폴더/sft", "x" * 5000 + "가", "a\0가", "out/sft"):
        assert typed(f"--data={text}").data == text
        assert typed("--data=" + normalize("NFD", text)).data == text


# --- commands that are told -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "word, told",
    [
        ("out/sft/ckpt.pt", "out/sft/ckpt.pt"),
        ("out/한글/ckpt.pt", "out/한글/ckpt.pt"),
        ("수업 자료/a(1).csv", '"수업 자료/a(1).csv"'),
        ("it's", '"it\'s"'),
        ("a $b", "'a $b'"),
        ("{text}\\n", "'{text}\\n'"),
    ],
)
def test_a_word_of_a_command_is_quoted_for_any_shell(word, told):
    assert console.quoted(word) == told and shlex.split(told) == [word]


@pytest.mark.parametrize(
    "text, n", [("", 0), ("abc", 3), ("한글 a", 6), ("β = ½", 5), ("～", 2), ("한글이 길다", 11)]
)
def test_a_letter_of_hangul_takes_two_columns(text, n):
    assert console.cells(text) == n
    assert console.padded(text, 8) == text + " " * max(0, 8 - n)
