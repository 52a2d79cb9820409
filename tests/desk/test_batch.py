"""chat.py --prompts=FILE --answers=FILE."""

import json

import pytest

import chat
from data.formats import read_demonstrations
from plumbing.errors import BadInput
from tests.tiny_out import write

ASKED = ["Hello there, my friend?", "안녕", "How are you, and who?"]


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "ckpt.pt", "sft").as_posix()


def answers(path, prompts, out, *more):
    chat.main([path, f"--prompts={prompts}", f"--answers={out}", "--max_new_tokens=8", *more])
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("form", ["txt", "csv", "jsonl", "chat"])
def test_each_format_is_answered_in_its_order(tmp_path, path, form):
    prompts = tmp_path / f"prompts.{form}"
    texts = {
        "txt": ASKED,
        "csv": ["question,answer", *(f'"{text}",x' for text in ASKED)],
        "jsonl": [json.dumps({"instruction": text, "output": "x"}) for text in ASKED],
        "chat": [json.dumps({"messages": [{"role": "user", "content": text}]}) for text in ASKED],
    }
    prompts.write_text("\n".join(texts[form]) + "\n", encoding="utf-8")
    out = tmp_path / "answers.jsonl"
    found = answers(path, prompts, out, "--seed=3")
    assert [row["messages"][0]["content"] for row in found] == ASKED
    assert all(row["messages"][-1]["role"] == "assistant" for row in found)
    assert not list(tmp_path.glob("*.try")), "nothing is left of the trial"
    assert found == answers(path, prompts, out, "--seed=3")
    assert found != answers(path, prompts, out, "--seed=4")
    said = [row for row in found if row["messages"][-1]["content"].strip()]
    assert len(read_demonstrations(out)) == len(said), "sft.py reads them back"


def test_alone_or_among_others_the_answer_is_the_same(tmp_path, path):
    (tmp_path / "all.txt").write_text("\n".join(ASKED), encoding="utf-8")
    (tmp_path / "one.txt").write_text(ASKED[2], encoding="utf-8")
    out = tmp_path / "answers.jsonl"
    together = answers(path, tmp_path / "all.txt", out, "--greedy")
    assert answers(path, tmp_path / "one.txt", out, "--greedy") == together[2:]


@pytest.mark.parametrize(
    "options, words",
    [
        (["--answers=x.jsonl"], "--prompts"),
        (["--prompts=p.txt", "--prompt=hello"], "no more"),
        (["--prompts=nowhere.txt"], "nowhere"),
    ],
)
def test_bad_options_end_in_one_line(path, options, words):
    with pytest.raises((BadInput, FileNotFoundError), match=words):
        chat.main([path, *options])


def test_a_place_that_cannot_be_written_is_refused_first(tmp_path, path):
    (tmp_path / "p.txt").write_text("Hello?", encoding="utf-8")
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(BadInput, match="--answers"):
        chat.main([path, f"--prompts={tmp_path}/p.txt", f"--answers={tmp_path}/file/x.jsonl"])
