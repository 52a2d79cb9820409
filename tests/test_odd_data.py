"""Data as people bring it: each file in miniature, what came of it once, and what is right."""

import gzip
import json
import unicodedata

import numpy as np
import pytest
import torch

import chat
import dpo
import ppo
import reward
import sft
from data import files, formats
from data.corpora import read_corpus
from data.formats import read_comparisons, read_demonstrations, read_prompts
from data.labelled import read_labelled
from data.marks import read_marks, read_rules
from data.questions import load_demonstrations
from desk.labelling import check_labeler
from judges.agreement import bag_of_words, check_decided, split, tell_cut
from judges.diagnosis import judgeable
from judges.labelers import Labelers
from plumbing.errors import BadInput
from tokenizer import Tokenizer, train_bpe

BYTES = Tokenizer([bytes([b]) for b in range(256)])


def load_all(cfg, tokenizer, max_len):
    return sft.load_examples(cfg, load_demonstrations(cfg), tokenizer, max_len)


@pytest.fixture
def write(tmp_path):
    """write(rows or bytes or text) -> path."""

    def save(content):
        if isinstance(content, list):
            content = "\n".join(map(json.dumps, content)) + "\n"
        path = tmp_path / "data"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return save


def refused(call, path, *words):
    with pytest.raises(BadInput) as caught:
        call(path)
    line = str(caught.value)
    assert "\n" not in line and all(word in line for word in words), line


def user(*texts):
    return [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(texts)]


def ranked(i, ranking=((0,), (1,)), answers=("Yes.", "No."), **more):
    groups = [list(group) for group in ranking]
    row = {"messages": user(f"Is {i} odd?"), "responses": list(answers), "ranking": groups}
    return {**row, **more}


# --- the prompt's column -------------------------------------------------------------------------
SIDES = {"chosen": "four", "rejected": "five"}


@pytest.mark.parametrize(
    "row, prompt",
    [
        ({"query": "What?"}, ["What?"]),
        ({"input": "What?"}, ["What?"]),
        ({"question": "What?", "system": "Be brief."}, ["Be brief.\n\nWhat?"]),
        ({"instruction": "Add.", "input": "2 2"}, ["Add.\n\n2 2"]),
        ({"prompt": "What?", "context": "Sums."}, ["What?\n\nSums."]),
        ({"prompt": "What?", "history": [["Hi", "Yes?"]]}, ["Hi", "Yes?", "What?"]),
        ({"messages": [{"role": "system", "content": "S"}, *user("What?")]}, ["S\n\nWhat?"]),
        ({"conversations": [{"from": "human", "value": "What?"}]}, ["What?"]),
        ({"conversation": user("Hi", "Yes?", "What?"), "id": "7"}, ["Hi", "Yes?", "What?"]),
    ],
)
def test_the_prompt_of_a_comparison_is_found_under_its_common_names(write, row, prompt):
    for side in (SIDES, {k: {"from": "gpt", "value": v} for k, v in SIDES.items()}):
        record = read_comparisons(write([{**row, **side}]))[0]
        assert [turn["content"] for turn in record["messages"]] == prompt
        assert record["responses"] == ["four", "five"]


def test_a_prompt_under_an_unknown_name_or_two_prompts_are_refused(write):
    unknown = {"ask": "What?", **SIDES}
    refused(read_comparisons, write([unknown]), "line 1", "'ask', 'chosen'", "question, query")
    two = {"prompt": "You are kind.", "question": "What?"}
    refused(read_comparisons, write([{**two, **SIDES}]), "'prompt' and 'question'")
    refused(read_demonstrations, write([{**two, "output": "x"}]), "'prompt' and 'question'")
    both = {"prompt": "Sum:", "input": "2 2", "output": "4"}
    assert read_demonstrations(write([both]))[0]["messages"] == user("Sum:\n\n2 2", "4")
    templated = {"prompt": "Below is a question. What?", "question": "What?", **SIDES}
    assert len(read_comparisons(write([templated]))) == 1


@pytest.mark.parametrize(
    "row, texts",
    [
        ({"conversations": user("Where?", "La."), "system": "In French."}, ["In French.\n\nWhere?"]),
        ({"messages": user("Where?", "La."), "system": "In French."}, ["In French.\n\nWhere?"]),
        ({"instruction": "Then?", "output": "x", "system": "S", "history": [["a", "b"]]},
         ["S\n\na", "b", "Then?"]),
        ({"question": "Who?", "context": "Mina.", "answer": "She."}, ["Who?\n\nMina."]),
        ({"instruction": "Who?", "context": "", "response": "She.", "category": "qa"}, ["Who?"]),
        ({"system_prompt": "S", "question": "Who?", "response": "She."}, ["S\n\nWho?"]),
        ({"query": "Who?", "response": "She."}, ["Who?"]),
        ({"conversations": ["Who?", "She."], "source": "lima"}, ["Who?"]),
        ({"messages": [{"role": "developer", "content": "S"}, *user("Who?", "She.")]}, ["S\n\nWho?"]),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "Who?"}]},
                       {"role": "assistant", "content": "She."}]}, ["Who?"]),
    ],
)  # fmt: skip
def test_all_that_is_said_before_an_answer_reaches_the_prompt(write, row, texts):
    messages = read_demonstrations(write([row]))[0]["messages"]
    assert [turn["content"] for turn in messages[:-1]] == texts


@pytest.mark.parametrize("name", ["system_message", "sys_prompt"])
def test_other_names_of_a_system_and_of_earlier_turns(write, name):
    row = {name: "Be brief.", "chat_history": [["Hi", "Yes?"]], "question": "Who?", "answer": "I."}
    said = [turn["content"] for turn in read_demonstrations(write([row]))[0]["messages"]]
    assert said == ["Be brief.\n\nHi", "Yes?", "Who?", "I."]


def test_sentences_under_a_key_that_is_not_read_are_told(write, capsys):
    rows = [{"instruction": "Add.", "output": "5", "why": "As two and three are five."}] * 3
    path = write([*rows, {"instruction": "Add.", "output": "5", "topic": "sums and so on"}])
    assert len(read_demonstrations(path)) == 4
    assert f"{path}: the keys 'why' are not read" in capsys.readouterr().out
    read_comparisons(write([{"prompt": "Add.", **SIDES, "why": "As two and three are five."}]))
    assert "the keys 'why' are not read" in capsys.readouterr().out
    read_comparisons(write([ranked(1, why="As it is so."), ranked(2)]))  # ours may have more keys
    assert capsys.readouterr().out == ""


def test_a_note_of_many_words_may_be_the_prompt(write):
    row = {"task": "Write a poem about the sea and the sky.", **SIDES}
    refused(read_comparisons, write([row]), "line 1", "'task', 'chosen'")
    pair = {"chosen": "Is it? Yes.", "rejected": "Is it? No.", "task": "open question"}
    assert len(read_comparisons(write([pair]))) == 1


# --- left out, and told --------------------------------------------------------------------------
GOOD = {"messages": user("Who?", "She.")}


@pytest.mark.parametrize(
    "row, why",
    [
        ({"messages": user("a", "b")[:1] * 2 + user("a", "b")[1:]}, "two user turns in a row"),
        ({"messages": [*user("a"), {"role": "assistant", "content": None, "tool_calls": [{}]}]},
         "uses tools"),
        ({"messages": [*user("a"), {"role": "tool", "content": "4"}]}, "uses tools"),
        ({"messages": [*user("a"), {"role": "assistant", "content": "b", "weight": 0}]}, "weight 0"),
        ({"messages": [*user("a"), {"role": "system", "content": "S"}, *user("a", "b")[1:]]},
         "no user's turn follows"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}, *user("a", "b")[1:]]},
         "more than text"),
        ({**GOOD, "label": False}, "rejected completion"),
        ({**GOOD, "kto_tag": "false"}, "rejected completion"),
    ],
)  # fmt: skip
def test_what_is_of_no_use_is_left_out_and_told(write, capsys, row, why):
    path = write([GOOD, row, GOOD])
    assert len(read_demonstrations(path)) == 2
    out = capsys.readouterr().out
    assert out.startswith(f"{path}: 1 records skipped: ") and why in out and "line 2" in out


def test_self_instruct_without_instruction_or_cases(write):
    good = {"instruction": "Add.", "instances": [{"input": "", "output": "5"}]}
    refused(read_demonstrations, write([good, {"instances": []}, good]), "line 2", "'instruction'")
    records = read_demonstrations(write([good, {**good, "instances": []}]))
    assert len(records) == 1 and records.skipped == {"no instances": 1}


def test_unpaired_rows_are_rejected_by_false_or_nought(write):
    rows = [{"prompt": "p", "completion": "c", "label": x} for x in (True, False, 1, 0, "0")]
    records = read_demonstrations(write(rows))
    assert len(records) == 2 and records.skipped == {"rejected completion": 3}
    songys = "Q,A,label\na,b,0\nc,d,1\n"  # here a label is a topic
    assert len(read_demonstrations(write(songys))) == 2


def test_a_double_turn_of_a_transcript_is_left_out(write):
    def pair(a, b):
        return {side: f"\n\nHuman: Hi{text}" for side, text in (("chosen", a), ("rejected", b))}

    double = pair("\n\nAssistant: Yes.\n\nAssistant: So?", "\n\nAssistant: Yes.\n\nAssistant: No.")
    records = read_comparisons(write([double, pair("\n\nAssistant: Yes.", "\n\nAssistant: No.")]))
    assert len(records) == 1 and records.skipped == {"two assistant turns in a row": 1}


def test_every_stage_tells(write, capsys):
    pairs = write([{"prompt": f"q{i}", "chosen": "Yes.", "rejected": "x" * (i % 2) or "Yes."}
                   for i in range(20)])  # fmt: skip
    records = read_comparisons(pairs)
    assert len(records) == 10 and "10 records skipped: equal replies" in capsys.readouterr().out
    demos = write([{"instruction": f"q{i}", "output": "Yes." * (i % 2)} for i in range(20)])
    assert len(ppo.load_questions(ppo.Config(data=demos))) == 10
    assert "10 records skipped: empty answer" in capsys.readouterr().out
    assert len(load_all(sft.Config(data=demos), BYTES, 99)[0]) == 9
    assert "10 records skipped: empty answer" in capsys.readouterr().out


# --- prompts -------------------------------------------------------------------------------------
def test_prompts_alone(write):
    asked = [user("Where is Mina?"), user("Where is Joon?")]
    texts = ["Where is Mina?", "Where is Joon?"]
    for rows in (
        [{"prompt": text} for text in texts],
        [{"messages": user(text)} for text in texts],
        [{"prompt": text, **SIDES} for text in texts],
        [{"question": text, "answer": "Here."} for text in texts],
        [ranked(0, messages=user(text)) for text in texts],
        "\r\n".join(texts),
        "prompt\n" + "\n".join(texts),
        'id,question\n1,"Where is Mina?"\n2,Where is Joon?\n',
    ):
        assert [record["messages"] for record in read_prompts(write(rows))] == asked, rows
    assert ppo.load_questions(ppo.Config(data=write([{"prompt": texts[0]}]))) == [
        {"messages": asked[0]}
    ]
    broken = "question,answer\nWho is Mina?,A friend.\nWho, if anyone, is Joon?,Nobody.\n"
    refused(read_prompts, write(broken), "line 3", "columns: 4")
    tree = {"message_tree_id": "1", "prompt": {"text": "Hi", "replies": []}}
    refused(read_prompts, write([tree]), "line 1", "prompt.messages")
    refused(read_demonstrations, write([tree]), "line 1", "found the keys")


# --- layouts of JSON and of tables ---------------------------------------------------------------
ROWS = [{"instruction": f"Name {i}.", "input": "", "output": "Red."} for i in range(2)]
LAYOUTS = {
    "pretty": json.dumps(ROWS, indent=2),
    "one object": json.dumps(ROWS[0], indent=2) + "\n" + json.dumps(ROWS[1], indent=2),
    "wrapped": json.dumps({"version": "1", "data": ROWS}, indent=1),
    "wrapped in a line": json.dumps({"train": ROWS}),
    "a mark in the middle": "\ufeff" + json.dumps(ROWS[0]) + "\n\ufeff" + json.dumps(ROWS[1]),
    "CRLF and blank lines": "\r\n\r\n" + "\r\n \r\n".join(map(json.dumps, ROWS)),
    "NaN for nothing": "\n".join(map(json.dumps, ROWS)).replace('""', "NaN"),
    "old Mac's CSV": "instruction,output\rName 0.,Red.\rName 1.,Red.\r",
    "TSV": "instruction\toutput\nName 0.\tRed.\nName 1.\tRed.\n",
    "semicolons, as Excel writes": '\ufeffTicket No;Instruction;Output\r\n1;Name 0.;"Red."\r\n'
    "2;Name 1.;Red.\r\n",
    "UTF-16": json.dumps(ROWS).encode("utf-16"),
    "gzip": gzip.compress(json.dumps(ROWS).encode()),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts_that_are_read(write, name):
    found = read_demonstrations(write(LAYOUTS[name]))
    assert [r["messages"] for r in found] == [user(f"Name {i}.", "Red.") for i in range(2)]


ONE = json.dumps(ROWS[0])


@pytest.mark.parametrize(
    "content, words",
    [
        (f"{ONE},\n{ONE},\n", ["line 1", "a comma between records"]),
        (f"[{ONE},\n{ONE},]", ["line 2", "broken JSON"]),
        (f"{ONE} {ONE}\n", ["line 1", "more stands after the record"]),
        ('{"instruction": "a", "output": ' + "9" * 5000 + "}", ["line 1", "'output'", "a number"]),
        ('{"instruction": "a", "output": "b", "output": "c"}', ["line 1", "'output' stands twice"]),
        ('{"instruction": "a", "output": "b", "labeler": "\\udc00"}', ["'labeler'", "surrogate"]),
        ('{"train": [], "test": []}', ["train, test"]),
        ("question,answer\na,b\nquestion,answer\nc,d\n", ["line 3", "header again"]),
        ("question,question\na,b\n", ["two columns"]),
        (b"PK\x03\x04" + bytes(99), ["zip"]),
        ("\ufeff\x0c \u2028\x1c\n", ["is empty"]),
        (b"PAR1" + bytes(99), ["Parquet"]),
        ("가나다\n".encode("cp949"), ["line 1", "code page 949"]),
    ],
)
def test_layouts_that_are_refused(write, content, words):
    refused(read_demonstrations, write(content), *words)


def test_rows_of_nothing_but_commas_are_told(write):
    assert read_demonstrations(write("question,answer\na,b\n,,\n".replace(",,", ","))).skipped == {
        "empty prompt": 1
    }


def test_a_spreadsheet_with_semicolons_is_one_table_to_every_reader(write):
    lines = ["Ticket No;Question;Answer", '1;"Hello; are you there?', 'It is Ann.";"Yes, ""here"""']
    path = write("\ufeff" + "\r\n".join([*lines, "2;Where?;There."]) + "\r\n")
    first = user("Hello; are you there?\nIt is Ann.", 'Yes, "here"')
    assert read_demonstrations(path)[0]["messages"] == first
    assert [record["messages"] for record in read_prompts(path)] == [first[:1], user("Where?")]
    assert read_corpus(path).endswith("\n\nUser: Where?\nBot: There.\n\n")
    assert "Ticket" not in read_corpus(path)


def test_columns_may_have_korean_names(write):
    path = write("번호,질문,답변\n1,어디예요?,여기예요.\n")
    assert read_demonstrations(path)[0]["messages"] == user("어디예요?", "여기예요.")
    assert read_prompts(path)[0]["messages"] == user("어디예요?")
    assert read_corpus(path) == "User: 어디예요?\nBot: 여기예요.\n\n"


def test_a_table_without_a_known_column_is_told(tmp_path, capsys):
    path = tmp_path / "talks.csv"
    path.write_text("customer,agent\nWhere?,There.\n", encoding="utf-8")
    assert read_corpus(path).startswith("customer,agent") and len(read_prompts(path)) == 2
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 2 and all("talks.csv: no column is called" in line for line in told)
    refused(read_demonstrations, path, "line 2", "'customer', 'agent'", "give them the names")
    path.write_text("Where are you?\nHello, where?\n", encoding="utf-8")
    assert len(read_prompts(path)) == 2 and not capsys.readouterr().out, "questions, no header"


def test_a_cell_may_hold_a_book(write):
    book = "word " * 40_000
    assert len(read_demonstrations(write(f'question,answer\na,"{book}"\n'))[0]["messages"][1][
        "content"
    ]) == len(book) - 1  # fmt: skip


def test_a_gzip_bomb_meets_a_limit_that_can_be_raised(write, monkeypatch):
    path = write(gzip.compress(b"a" * (3 << 20) + b"\n"))
    assert len(read_corpus(path)) == (3 << 20) + 1
    monkeypatch.setenv(files.UNPACKED, "2")
    refused(read_corpus, path, "more than 2 MB", files.UNPACKED)
    monkeypatch.setenv(files.UNPACKED, "much")
    refused(read_corpus, path, files.UNPACKED, "a number")


def test_latin_1_is_read_where_it_is_asked_for_and_korean_is_not_latin_1(write):
    latin, korean = "1 a caf\xe9\n".encode("latin-1"), "1 장. 시작\n오늘은 날씨가\n".encode("cp949")
    assert read_labelled(write(latin)) == [("a caf\xe9", "1")]
    refused(read_corpus, write(latin), "line 1", "UTF-8")
    for reader in (read_corpus, read_labelled, read_prompts):
        refused(reader, write(korean), "line 1", "code page 949")


# --- text and ids to pretrain on -----------------------------------------------------------------
def test_the_text_of_rows(write, capsys):
    rows = [{"text": '오늘은 맑다. He said "hi".\n', "meta": 1}, {"text": ""}, {"text": "둘"}]
    for content in (rows, json.dumps(rows, indent=1), json.dumps({"data": rows})):
        assert read_corpus(write(content)) == '오늘은 맑다. He said "hi".\n둘\n'
    assert "1 records skipped: empty text" in capsys.readouterr().out
    assert read_corpus(write('["one", "two"]')) == "one\ntwo\n"
    refused(read_corpus, write([{"rating": 3}]), "line 1", "text")
    refused(read_corpus, write('{"text": "a"}\n{"text": \n'), "line 2", "broken JSON")
    for prose in ('["Hello," he said]', "[Verse 1]\nla la", "{{Infobox}}\ntext", "{x | x > 0}"):
        assert read_corpus(write(prose)) == prose
    assert read_corpus(write("둘\r\n".encode("utf-16"))) == "둘\n"


def test_ids_are_read_as_what_they_are(write, tmp_path):
    ids = np.random.default_rng(0).integers(0, 50257, 3000)
    for kind in ("u2", "u4", "i8", ">u2"):
        np.save(tmp_path / "ids.npy", ids.astype(kind))
        assert read_corpus(tmp_path / "ids.npy").tolist() == ids.tolist()
    for wrong in (ids.reshape(2, -1), ids.astype("f4"), ids[:0], ids - 40_000, ids + 50_000):
        np.save(tmp_path / "ids.npy", wrong)
        refused(read_corpus, tmp_path / "ids.npy", "ids.npy", "ids")
    assert read_corpus(write(ids.astype("<u2").tobytes())).tolist() == ids.tolist()
    for wide in ("<u4", "<i8"):
        refused(read_corpus, write(ids.astype(wide).tobytes()), "32 or 64 bits")
    refused(read_corpus, write((ids % 65).astype("u1").repeat(2).tobytes()), "8 bits")


# --- comparisons that teach nothing --------------------------------------------------------------
def test_answers_that_are_equal_or_empty(write):
    for answers in (("Same.", "Same."), ("", ""), (" ", "")):
        record = ranked(0, answers=answers)
        records = read_comparisons(write([record, ranked(1)]))
        assert len(records) == 1 and records.skipped == {"equal replies": 1}
    tie = ranked(0, ((0, 1),), ("", ""))  # a labeler's tie of equal answers is kept, as a tie
    assert read_comparisons(write([tie])) == [tie]


def test_a_boolean_is_no_rating(write):
    for scores in ([True, 2], [False, None], ["1", 2]):
        refused(read_comparisons, write([ranked(0, scores=scores)]), "line 1", "'scores'")


def test_what_leaves_nothing_to_learn_or_to_measure_is_refused():
    ties = [ranked(i, ((0, 1),)) for i in range(20)]
    refused(lambda path: split(ties, 1, path), "F", "F: all comparisons to train on are ties")
    few = ties + [ranked(99)]
    lines = set()
    for seed in range(20):  # wherever the one that is no tie falls
        with pytest.raises(BadInput) as caught:
            split(few, seed, "F")
        lines.add(str(caught.value).split(",")[0])
    assert lines == {f"F: all comparisons {x} are ties" for x in ("to train on", "held out")}
    assert check_decided([ranked(0)], [ranked(1)], "F") == ([ranked(0)], [ranked(1)])
    rated = [ranked(0, scores=[7, 1]), ranked(1)]
    found = set()
    for seed in range(9):
        try:
            found.add(len(split(rated, seed, "F", rated=True)))
        except BadInput as error:
            found.add("no ratings" in str(error))
    assert found == {2, True}


def test_the_baseline_of_words_survives_answers_without_words():
    val = [ranked(2)]
    assert [x.tolist() for x in bag_of_words([ranked(0, answers=("!", ""))], val)] == [[0, 0]]
    assert [x.tolist() for x in bag_of_words([ranked(0, answers=("", " "))], val)] == [[0, 0]]
    assert [x.tolist() for x in bag_of_words([ranked(0, ((0, 1),))], val)] == [[0, 0]]
    (better, worse), = bag_of_words([ranked(0)], val)  # fmt: skip
    assert better > worse


def test_only_records_of_the_world_are_judged_as_such():
    labelers = Labelers()
    from data.world import World

    own = [labelers.rank(p, ["Blue.", "Red."]) for p in World().prompts("rm", 30, 1)]
    assert judgeable(own)
    assert not judgeable([ranked(0, answers_key=1, answers=("a", "b"))])
    assert not judgeable([*own, ranked(0)]) and not judgeable([{**own[0], "source": "human"}])
    assert not judgeable([{**own[0], "item": ["x"]}])
    alike = [{**record, "responses": ["Blue."] * 2} for record in own]
    assert not judgeable(alike)  # the judge has nothing to say


def test_ties_count_half_in_both_stages():
    ranks = torch.tensor([[0, 1], [0, 1], [0, 1], [0, 0]])
    scores = torch.tensor([[1.0, 1.0], [2.0, 1.0], [1.0, 2.0], [3.0, 1.0]])
    assert reward.in_order(scores, ranks).item() == 0.5
    logp = torch.zeros(1, 2)
    assert dpo.dpo_loss(logp, logp, ranks[:1], 0.1)[1].item() == 0.5


def test_what_truncation_takes_is_told(capsys):
    tail = " and so on it went" * 9
    rows = [ranked(i, answers=("Yes." + tail, "No." + tail)) for i in range(4)]
    refused(lambda path: tell_cut(rows, BYTES, 64, path), "F", "F: of all 4", "--max_len")
    tell_cut([*rows, ranked(9)], BYTES, 64, "F")
    line = "of 5 comparisons 4 exceed 64 tokens and lost their left, 4 their whole prompt, and 4"
    assert line in capsys.readouterr().out
    tell_cut(rows, BYTES, 999, "F")
    assert capsys.readouterr().out == ""


def test_an_example_without_its_prompt_is_told(write, capsys):
    path = write([{"prompt": "Who?", "completion": text} for text in ("She." * 9, "She.")] * 3)
    load_all(sft.Config(data=path), BYTES, 20)
    assert "3 of 6 demonstrations exceed 20 tokens" in (out := capsys.readouterr().out)
    assert "their prompt, 3 all of it" in out


# --- text ----------------------------------------------------------------------------------------
def test_blanks_without_end():
    for blank in (" ", "\n", "\u3000"):
        text = "a" + blank * 1_000_000 + "b"
        assert BYTES.decode(BYTES.encode(text)) == text
    ids = BYTES.encode_documents(["", "\n" * 1_000_000, "c"])
    assert ids == [BYTES.endoftext, *[10] * 1_000_000, BYTES.endoftext, 99, BYTES.endoftext]


def test_a_vocabulary_of_text_without_blanks():
    vocab = train_bpe("가나다라마바사" * 5000, 400)
    assert "가나다라마바사".encode() in b" ".join(vocab)
    assert max(map(len, vocab)) <= 3 * 32  # bytes of a piece: what is longer is no word


def test_one_labeler_however_the_name_is_spelt():
    name = "김민수"
    parts = unicodedata.normalize("NFD", name)
    assert parts != name and check_labeler(parts) == check_labeler(name) == name


def test_bytes_that_are_no_text_are_refused_when_typed(monkeypatch):
    for typed in ("\udcff\udcfe\n", "\ud83d\n", UnicodeDecodeError("ascii", b"\xb0", 0, 1, "no")):

        def answer(mark, typed=typed):
            if isinstance(typed, str):
                return typed
            raise typed

        monkeypatch.setattr("builtins.input", answer)
        refused(lambda mark: next(chat.typed(mark)), "> ", "not text", "UTF-8")


def test_formats_are_listed_in_the_error(write):
    refused(read_demonstrations, write([{"a": 1}]), *list(formats.DEMONSTRATIONS)[:3], "(q a)")


def test_latin1_is_not_another_alphabet(write):
    lines = ["1 хороший фильм", "0 плохой фильм", "1 мне нравится"] * 9
    refused(read_labelled, write("\n".join(lines).encode("cp1251")), "line 1", "save it as UTF-8")
    french = ["1 un film émouvant, très réussi", "0 un film raté"] * 9
    records = read_labelled(write("\n".join(french).encode("latin-1")))
    assert records[0] == ("un film émouvant, très réussi", "1")


def test_a_table_of_texts_is_not_trained_on_as_a_table(write):
    table = 'id,text\n1,"The cow, it eats."\n2,The king.\n'
    assert read_corpus(write(table)) == "The cow, it eats.\nThe king.\n"
    tabs = "id\tdocument\tlabel\n1\t좋은 영화\t1\n2\t나쁜 영화\t0\n"
    assert read_corpus(write(tabs)) == "좋은 영화\n나쁜 영화\n"
    prose = "Of text, there is much.\nOf rows, there is none.\n"
    assert read_corpus(write(prose)) == prose
    refused(read_corpus, write("id,text\n1,The cow, it eats.\n"), "line 2", "columns: 3")


# --- Hangul as a Mac writes it -----------------------------------------------------------------
def parts(text):
    return unicodedata.normalize("NFD", text)


def test_a_label_is_one_label_however_it_is_spelt(write):
    rows = ["document\tlabel"]
    rows += [parts(f"{text}\t긍정") for text in ("좋은 영화", "멋진 배우")]
    rows += [f"{text}\t부정" for text in ("나쁜 영화", "지루한 이야기")]
    rows += ["즐거운 노래\t긍정", parts("슬픈 노래\t부정")]
    records = read_labelled(write("\n".join(rows)))
    assert {label for _, label in records} == {"긍정", "부정"} and len(records) == 6


def test_a_rule_is_one_rule_however_it_is_spelt(write):
    path = write(f"사람: 사람인 척하지 마세요.\n{parts('사람')}: 사람이라고 하지 마세요.\n")
    rules = read_rules(path, "world")
    assert [*rules] == ["사람"] and len(rules["사람"]) == 2
    talk = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    marks = read_marks(write([{"messages": talk, "rules": {parts("사람"): "kept"}}]), rules)
    assert marks[0]["rules"] == {"사람": "kept"}
