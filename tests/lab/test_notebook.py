"""The Colab notebook is the one that its script writes, and its cells run, small and without a network."""

import json
import os
import re
import runpy
import shlex
import shutil
import sys
from types import ModuleType

import pytest

from lab import notebook
from plumbing import inputs
from plumbing.errors import BadInput
from tests.test_commands import ROOT, check, commands
from tests.test_readme import small

COMMITTED = ROOT / "docs" / "colab.ipynb"
ADDRESS = "https://example.org/a/nanochatgpt"


def cells(kind):
    book = json.loads(COMMITTED.read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == kind]


def test_the_committed_notebook_is_the_one_that_is_generated(tmp_path, capsys):
    assert COMMITTED.read_bytes() == notebook.notebook().encode("utf-8"), "python -m lab.notebook"
    notebook.main(notebook.Config(out=str(tmp_path / "other.ipynb")))
    assert (tmp_path / "other.ipynb").read_bytes() == COMMITTED.read_bytes()
    assert "other.ipynb" in capsys.readouterr().out


def test_it_is_a_notebook_in_two_languages():
    book = json.loads(COMMITTED.read_text(encoding="utf-8"))
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in book["cells"]}) == len(book["cells"]) > 9
    for cell in book["cells"]:
        wanted = {"cell_type", "id", "metadata", "source"}
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None
            wanted |= {"outputs", "execution_count"}
        assert cell.keys() == wanted
        assert all(line.endswith("\n") for line in cell["source"][:-1])
        assert cell["source"] and not any(line[:1] == " " for line in cell["source"])
    for text in cells("markdown"):
        assert re.search("[가-힣]{2}", text) and re.search("[a-z]{4}", text), text


def test_the_commands_that_it_names_exist():
    found = [words for text in cells("markdown") for words in commands(text)]
    assert ["ppo.py"] in found and len(found) == 3
    for words in found:
        check(words)


class Notebook:
    """Runs cells as IPython does: !commands, of which git and pip have stand-ins, %cd, and Python;
    `python` is this process, with small options."""

    def __init__(self):
        self.names, self.did = {}, []

    def cell(self, text):
        python = []
        for line in text.split("\n"):
            if line[:1] in "!%" and line:
                self.python(python)
                python = []
                known = {k: v for k, v in self.names.items() if isinstance(v, str)}
                line = re.sub(r"\$(\w+)", lambda name: known[name[1]], line)
                self.command(*shlex.split(line[1:]))
            else:
                python.append(line)
        self.python(python)

    def python(self, lines):
        exec("\n".join(lines), self.names)

    def command(self, program, *words):
        self.did.append((program, *words))
        if program == "git":
            do, quiet, address, folder = words
            assert (do, quiet, address) == ("clone", "-q", ADDRESS)
            os.mkdir(folder)
            shutil.copy(ROOT / "pyproject.toml", folder)
        elif program == "cd":
            os.chdir(*words)
        elif program == "pip":
            assert words[:3] == ("install", "-q", "-e") and os.path.exists("pyproject.toml")
            extra = re.fullmatch(r"\.\[(\w+)\]", words[3])[1]
            assert f"\n{extra} = [" in open("pyproject.toml", encoding="utf-8").read()
        else:
            assert program == "python" and self.script(*words) == 0

    def script(self, *words):
        check(list(words))
        if words[0] == "-m":
            words = (words[1].replace(".", "/") + ".py", *words[2:])
        sys.argv = small(words)
        try:
            runpy.run_path(str(ROOT / words[0]), run_name="__main__")
        except SystemExit as end:
            return end.code or 0
        return 0


@pytest.fixture
def book(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [])
    shown = []
    ipython = ModuleType("IPython.display")
    ipython.HTML, ipython.display = str, shown.append
    package = ModuleType("IPython")
    package.version_info = (9, 0)  # matplotlib asks for it
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", ipython)
    made = Notebook()
    made.shown = shown
    monkeypatch.setattr(inputs, "run_stage", lambda name, options: made.script(name, *options))
    return made


def test_its_cells_run_from_top_to_bottom(book, capsys):
    first, *rest = cells("code")
    with pytest.raises(AssertionError, match="address of the repository"):
        book.cell(first)
    assert not book.did  # nothing is cloned from nowhere
    book.cell(first.replace('REPO = ""', f'REPO = "{ADDRESS}"'))
    for text in rest:
        book.cell(text)
    programs = [did[0] for did in book.did]
    assert programs == ["git", "cd", "pip", *["python"] * 4]
    assert "--prompt=What colour is the tractor?" in book.did[4]
    assert os.path.getsize("out/pretrain/ckpt.pt") and os.path.getsize("out/sft/ckpt.pt")
    (page,) = book.shown
    assert page.startswith("<iframe srcdoc=") and page.count('"') == 6 and "sft" in page
    assert "val" in capsys.readouterr().out


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path):
    with pytest.raises(BadInput, match=f"{tmp_path} is a directory; name a file"):
        notebook.main(notebook.Config(out=str(tmp_path)))
    assert not list(tmp_path.iterdir())
