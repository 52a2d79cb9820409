"""Every format that data/files.py and data/formats.py read, in miniature; then junk; then real files, if any."""

import gzip
import json
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.corpora import read_corpus
from data.formats import check_evidence, read_comparisons, read_demonstrations
from data.labelled import read_labelled
from plumbing.errors import BadInput
from tokenizer import Tokenizer

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
READERS = [read_corpus, read_demonstrations, read_comparisons, read_labelled]


@pytest.fixture
def write(tmp_path):
    """write(content) -> path. A str is written as it is, bytes too, a list as JSON Lines."""

    def save(content, name="data.txt"):
        if isinstance(content, list):
            content = "\n".join(json.dumps(row, ensure_ascii=False) for row in content)
        data = content if isinstance(content, bytes) else content.encode("utf-8")
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return save


def chat(*texts):
    """Alternating messages, the user first."""
    return [{"role": ("user", "assistant")[i % 2], "content": t} for i, t in enumerate(texts)]


def fails(reader, path, *parts):
    """The reader must say one line with the file's name and all the parts."""
    with pytest.raises(BadInput) as caught:
        reader(path)
    line = str(caught.value)
    assert "\n" not in line and str(path) in line
    for part in parts:
        assert part in line, line


# --- corpora -------------------------------------------------------------------------------------
def test_corpus_text(write):
    assert read_corpus(write("\ufeff한글 one\r\ntwo\n".encode())) == "한글 one\ntwo\n"


def test_corpus_text_with_a_character_across_the_first_megabyte(write):
    text = "a" * ((1 << 20) - 1) + "가나다"
    assert read_corpus(write(text)) == text


def test_corpus_bin_whatever_its_name(write):
    ids = np.array([15496, 995, 198, 50256], dtype="<u2")
    found = read_corpus(write(ids.tobytes(), "ids.txt"))
    assert isinstance(found, np.memmap) and found.tolist() == ids.tolist()
    with pytest.raises(ValueError):
        found[0] = 1
    assert read_corpus(write(ids[:2].tobytes())).tolist() == [15496, 995]


@pytest.mark.parametrize(
    "data, part",
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\x00\x01\x02", "size is odd"),
        (np.array([0, 50257], "<u2").tobytes(), "50257"),
        ("utf-16 text".encode("utf-16-le") * 99, "neither"),
        (np.arange(9000, dtype="<u2") % 65, "no id above 255"),
        ("ligne\ncaf\xe9s".encode("latin-1"), "line 2"),
        ("가나다\n라마".encode("cp949"), "line 1"),
        (b"all fine\nhere a \x00 byte\n" * 2, "line 2"),
    ],
)
def test_corpus_refused(write, data, part):
    fails(read_corpus, write(bytes(data)), part)


# --- demonstrations ------------------------------------------------------------------------------
ONE = chat("Add 2 and 3.", "5")
DEMONSTRATIONS = {
    "messages": ([{"messages": ONE}], [ONE]),
    "alpaca": ([{"instruction": "Add 2 and 3.", "input": "", "output": "5"}], [ONE]),
    "alpaca input": (
        [{"instruction": "Add.", "input": "2 3", "output": "5"}], [chat("Add.\n\n2 3", "5")],
    ),
    "koalpaca": ([{"instruction": "둘 더하기 셋?", "output": "다섯"}], [chat("둘 더하기 셋?", "다섯")]),
    "prompt/completion": ([{"prompt": "Add 2 and 3.", "completion": " 5"}], [ONE]),
    "prompt/completion lists": ([{"prompt": ONE[:1], "completion": ONE[1:]}], [ONE]),
    "question/answer": ([{"question": "Add 2 and 3.", "answer": "5"}], [ONE]),
    "sharegpt": (
        [
            {"conversations": [
                {"from": "system", "value": "Be brief."}, {"from": "gpt", "value": "Hello!"},
                {"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Yes?"},
                {"from": "human", "value": "Bye"},
            ]},
            {"conversations": [
                {"from": "user", "value": "a"}, {"from": "assistant", "value": "b"}]},
        ],
        [chat("Be brief.\n\nHi", "Yes?"), chat("a", "b")],
    ),
    "self-instruct": (
        [{"instruction": "Add.", "instances": [
            {"input": "1 1", "output": "2"}, {"input": "", "output": "?"}]}],
        [chat("Add.\n\n1 1", "2"), chat("Add.", "?")],
    ),
    "csv": ("Q,A\nAdd 2 and 3.,5\n", [ONE]),
    "csv songys": ("Q,A,label\n12시 땡!,하루가 또 가네요.,0\n", [chat("12시 땡!", "하루가 또 가네요.")]),
    "csv quoted": ('question,answer\r\n"a, ""b""\nc",d\r\n', [chat('a, "b"\nc', "d")]),
    "csv prompt": ("prompt,completion\n\nAdd 2 and 3.,5\n", [ONE]),
}  # fmt: skip


@pytest.mark.parametrize("name", DEMONSTRATIONS)
def test_demonstrations(write, name):
    content, expected = DEMONSTRATIONS[name]
    records = read_demonstrations(write(content))
    assert [record["messages"] for record in records] == expected
    assert {record["source"] for record in records} == {"data.txt"} and not records.skipped


@pytest.mark.parametrize("indent", [None, 4])
def test_array_and_gzip_and_bom_are_told_by_content(write, indent):
    rows = [{"messages": ONE, "source": "me"}] * 2
    array = json.dumps(rows, indent=indent).encode()
    for data in [array, b"\xef\xbb\xbf" + array, gzip.compress(array)]:
        assert read_demonstrations(write(data, "data.jsonl")) == rows


def test_line_separators_inside_json_strings_do_not_part_lines(write):
    messages = chat("a\u2028b\x85c", "d\u2029")
    assert read_demonstrations(write([{"messages": messages}] * 2))[1]["messages"] == messages


def test_useless_demonstrations_are_counted(write):
    good = {"instruction": "Add.", "output": "5"}
    rows = [good, {"instruction": "Add.", "output": " "}, {"instruction": "", "output": "x"}]
    records = read_demonstrations(write(rows))
    assert len(records) == 1
    assert records.skipped == {"empty answer": 1, "empty prompt": 1}
    records = read_demonstrations(write([
        {"conversations": []}, {"conversations": [{"from": "gpt", "value": "b"}]},
        {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]},
    ]))  # fmt: skip
    assert len(records) == 1 and records.skipped == {"no complete exchange": 2}
    assert records.first == {"no complete exchange": "line 1"}
    unpaired = [{"prompt": "p", "completion": "c", "label": good} for good in (True, False)]
    assert read_demonstrations(write(unpaired)).skipped == {"rejected completion": 1}
    fails(
        read_demonstrations, write(rows[1:]), "no usable record", "1 records skipped: empty answer"
    )


GOOD = json.dumps({"instruction": "a", "output": "b"}) + "\n"
BAD_DEMONSTRATIONS = {
    "broken line 17": (GOOD * 16 + '{"instruction": "a", "outp\n' + GOOD, ["line 17", "JSON"]),
    "broken array": ('[\n{"instruction": "a", "output": "b"},\n{"instruction" 1}]', ["line 3"]),
    "missing key": (GOOD * 2 + '\n{"instruction": "a"}', ["line 4", "'output'"]),
    "unknown keys": ('{"instruction": "a", "outptu": "b"}', ["line 1", "'outptu'", "(q a)"]),
    "wrong type": (GOOD + '{"instruction": "a", "output": 5}', ["line 2", "'output'", "a number"]),
    "not an object": (GOOD + "[1]", ["line 2", "a list"]),
    "record of an array": ('[{"q": "a", "a": "b"}, {"q": "a", "a": null}]', ["record 2", "'a'"]),
    "half surrogate": ('{"q": "a", "a": "\\ud800"}', ["line 1", "'a'", "surrogate"]),
    "no records": ("[]", ["no usable record"]),
    "assistant first": ([{"messages": ONE[::-1]}], ["line 1", "first turn to be the user's"]),
    "user last": ([{"messages": ONE + ONE[:1]}], ["line 1", "the last the assistant's"]),
    "two users": ([{"messages": ONE[:1] * 2 + ONE[1:]}], ["line 1", "two user turns"]),
    "unknown role": ([{"messages": [{"role": "cat", "content": "x"}]}], ["messages[0].role"]),
    "content missing": ([{"messages": [{"role": "user"}]}], ["messages[0].content", "nothing"]),
    "csv columns": ("Q,A\na,b\na,b,c\n", ["line 3", "columns: 3"]),
    "csv quote": ('Q,A\na,b\n"a,b\nc,d\n', ["line 3"]),
    "prose": ("Once upon a time\nthere was a file.\n", ["line 2", "expected JSON"]),
    "prose, commas": ("Hello, world\nbye, world\n", ["line 2", "found the keys", "q a"]),
    "pairs": ([{"instruction": "a", "output": "b", "chosen": "b", "rejected": "c"}], ["reward.py"]),
    "ranked": ([{"messages": ONE[:1], "responses": ["a"], "ranking": [[0]]}], ["reward.py"]),
    "bad gzip": (gzip.compress(GOOD.encode())[:-9], ["gzip"]),
    "binary": (b"\x89PNG\r\n\x1a\n\x00\x00", ["line 1", "UTF-8"]),
    "empty": ("", ["is empty"]),
}


@pytest.mark.parametrize("name", BAD_DEMONSTRATIONS)
def test_malformed_demonstrations(write, name):
    content, parts = BAD_DEMONSTRATIONS[name]
    fails(read_demonstrations, write(content), *parts)


@pytest.mark.parametrize("reader", READERS)
def test_missing_file_and_directory(reader, tmp_path):
    fails(reader, tmp_path / "nope.json", "not found")
    fails(reader, tmp_path, "directory")


# --- comparisons ---------------------------------------------------------------------------------
PAIR = {"messages": chat("Sky?"), "responses": ["Blue.", "Black."], "ranking": [[0], [1]]}
LONG = {**PAIR, "messages": chat("Hi", "Yes?", "Sky?")}
HH = "\n\nHuman: Hi\n\nAssistant: Yes?\n\nHuman: Sky?\n\nAssistant:"
COMPARISONS = {
    "explicit": ({"prompt": "Sky?", "chosen": "Blue.", "rejected": " Black."}, PAIR),
    "implicit": ({"chosen": "Sky? Blue.", "rejected": "Sky? Black."}, PAIR),
    "alpaca": ({"instruction": "Sky?", "input": "", "output": "x", "chosen": "Blue.",
                "rejected": "Black."}, PAIR),
    "lists": ({"prompt": chat("Sky?"), "chosen": [{"role": "assistant", "content": "Blue."}],
               "rejected": [{"role": "assistant", "content": "Black."}]}, PAIR),
    "lists, implicit": ({"chosen": chat("Hi", "Yes?", "Sky?", "Blue."),
                         "rejected": chat("Hi", "Yes?", "Sky?", "Black.")}, LONG),
    "lists that repeat the prompt": ({"prompt": "Sky?", "chosen": chat("Sky?", "Blue."),
                                      "rejected": chat("Sky?", "Black.")}, PAIR),
    "hh": ({"chosen": HH + " Blue.", "rejected": HH + " Black."}, LONG),
    "hh with prompt": ({"prompt": HH, "chosen": " Blue.", "rejected": " Black."}, LONG),
    "hh, two turns of one speaker": (
        {"chosen": "\n\nHuman: Sky" + "\n\nHuman: now?\n\nAssistant: Blue.",
         "rejected": "\n\nHuman: Sky" + "\n\nHuman: now?\n\nAssistant: Black."},
        {**PAIR, "messages": chat("Sky\n\nnow?")}),
    "k-way": ({"prompt": "Sky?", "completion_0": "Green.", "completion_1": "Blue.",
               "completion_2": "Black.", "ranking": [2, 0, 1]},
              {**PAIR, "responses": ["Green.", "Blue.", "Black."], "ranking": [[1], [2], [0]]}),
    "two and the better": ({"prompt": "Sky?", "answer_a": "Black.", "answer_b": "Blue.",
                            "better": "B"}, PAIR),
    "two and the winner": ({"question": "Sky?", "response_a": "Blue.", "response_b": "Black.",
                            "winner": "model_a"}, PAIR),
    "two, a tie": ({"prompt": "Sky?", "answer_a": "Blue.", "answer_b": "Black.", "better": "tie"},
                   {**PAIR, "ranking": [[0, 1]]}),
    "k-way, a tie": ({"prompt": "Sky?", "completion_0": "Blue.", "completion_1": "Black.",
                      "ranking": [1, 1]}, {**PAIR, "ranking": [[0, 1]]}),
}  # fmt: skip


@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons(write, name):
    row, expected = COMPARISONS[name]
    records = read_comparisons(write([row, {**row, "source": "me"}]))
    assert records == [expected, {**expected, "source": "me"}] and not records.skipped


def test_own_comparisons_keep_every_key(write):
    record = {**PAIR, "ranking": [[1, 0]], "labeler": "s07", "scores": [7, None]}
    record |= {"source": "human", "rules": [1], "prompt": "kept"}
    assert read_comparisons(write([PAIR, record])) == [PAIR, record]


def test_useless_pairs_are_counted(write):
    rows = [
        {"chosen": HH + " Blue.", "rejected": HH + " Black."},
        {"chosen": HH + " Blue.\n\nAssistant: So.", "rejected": HH + " Black."},
        {"chosen": HH + " ", "rejected": HH + " Black."},
        {"chosen": HH + " Black.", "rejected": HH + " Black."},
    ]
    records = read_comparisons(write(gzip.compress("\n".join(map(json.dumps, rows)).encode())))
    assert records == [LONG]
    reasons = ["two assistant turns in a row", "empty prompt or reply", "equal replies"]
    assert records.skipped == dict.fromkeys(reasons, 1)


@pytest.mark.parametrize(
    "change, part",
    [
        ({"ranking": [[0]]}, "'ranking'"),
        ({"ranking": [0, 1]}, "'ranking'"),
        ({"ranking": [[0], [1], [1]]}, "'ranking'"),
        ({"ranking": [[False], [True]]}, "'ranking'"),
        ({"responses": ["a"], "ranking": [[0]]}, "2 to 9"),
        ({"responses": ["a", None]}, "responses[1]"),
        ({"scores": [8, 1]}, "'scores'"),
        ({"scores": [1]}, "'scores'"),
    ],
)
def test_malformed_comparisons(write, change, part):
    fails(read_comparisons, write([PAIR, {**PAIR, **change}]), "line 2", part)


def test_a_spreadsheet_of_two_answers_and_the_better(write):
    rows = ["prompt,answer_a,answer_b,better", 'Sky?,Black.,"Blue.",answer_b', "Sky?,Blue.,Black.,"]
    records = read_comparisons(write("\n".join(rows)))
    assert records == [PAIR] and records.skipped == {"nothing in 'better'": 1}
    wrong = write("\n".join([*rows, "Sky?,Blue.,Black.,left"]))
    fails(read_comparisons, wrong, "line 4", "'better'", "a, b or tie", "'left'")
    fails(read_demonstrations, wrong, "line 2", "reward.py --data=FILE")


def test_malformed_foreign_comparisons(write):
    ranks = COMPARISONS["k-way"][0]
    fails(read_comparisons, write([{**ranks, "ranking": [0, 1]}]), "'ranking'", "3")
    fails(read_comparisons, write([{"prompt": "a", "chosen": "b", "rejected": 1}]), "'rejected'")
    fails(read_comparisons, write([{"messages": ONE}]), "found the keys", "chosen rejected")
    asked = {"prompt": "a", "chosen": chat("a", "b", "c"), "rejected": "d"}
    fails(read_comparisons, write([asked]), "line 1", "last")


# --- classification sets -------------------------------------------------------------------------
TWO = [("a fine film", "1"), ("dull , dull", "0")]


@pytest.mark.parametrize(
    "content",
    [
        "1 a fine film\n0 dull , dull\n",
        "id\tdocument\tlabel\n7\ta fine film\t1\n8\tdull , dull\t0\n",
        "sentence\tlabel\na fine film\t1\ndull , dull\t0",
        'label,text\n1,a fine film\n0,"dull , dull"\n',
        [{"text": "a fine film", "label": 1}, {"text": "dull , dull", "label": "0"}],
    ],
)
def test_labelled(write, content):
    assert read_labelled(write(content)) == TWO


def test_labelled_sharp_edges(write):
    assert read_labelled(write("1 a caf\xe9\n".encode("latin-1"))) == [("a caf\xe9", "1")]
    tsv = 'id\tdocument\tlabel\n1\t"굿\t1\n2\t\t0\n'  # NSMC has lone quotes and empty documents
    records = read_labelled(write(tsv))
    assert records == [('"굿', "1")] and records.skipped == {"empty text or label": 1}
    fails(read_labelled, write("1 good\nbad line\n"), "line 2")
    fails(read_labelled, write("text,label\ncaf\xe9,1\n".encode("latin-1")), "line 2", "UTF-8")
    fails(read_labelled, write([{"text": "a", "label": None}]), "'label'", "nothing")


# --- properties ----------------------------------------------------------------------------------
quick = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
texts = st.text(min_size=1).filter(str.strip)
texts = texts.map(lambda text: normalize("NFC", text))  # the form that files are read in
KEYS = (
    "messages role content conversations from value instruction input output instances prompt "
    "completion chosen rejected responses ranking scores completion_0 completion_1 text label"
).split()
leaves = st.none() | st.booleans() | st.integers(-1, 9) | st.floats() | st.text(max_size=5)
leaves |= st.sampled_from(["user", "assistant", "system", "Human: a\n\nAssistant: b", "\ud800"])
values = st.recursive(
    leaves,
    lambda v: st.lists(v, max_size=4) | st.dictionaries(st.sampled_from(KEYS), v, max_size=6),
    max_leaves=20,
)


def only_bad_input(data, path):
    path.write_bytes(data)
    for reader in READERS:
        try:
            assert len(reader(path)) > 0
        except BadInput as error:
            assert "\n" not in str(error)


@quick
@given(st.lists(st.tuples(st.lists(texts, min_size=2, max_size=6), texts), min_size=1))
def test_own_demonstrations_round_trip(tmp_path, drafts):
    rows = [{"messages": chat(*t[: len(t) // 2 * 2]), "source": name} for t, name in drafts]
    path = tmp_path / "own.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert read_demonstrations(path) == rows


@quick
@given(st.lists(texts.map(str.strip), min_size=2, max_size=9, unique=True), st.data())
def test_own_comparisons_round_trip(tmp_path, responses, data):
    order = data.draw(st.permutations(range(len(responses))))
    cut = data.draw(st.integers(1, len(order)))
    ranking = [group for group in (order[:cut], order[cut:]) if group]
    row = {"messages": chat("q"), "responses": responses, "ranking": ranking}
    path = tmp_path / "own.jsonl"
    path.write_text(json.dumps(row, ensure_ascii=False), encoding="utf-8")
    assert read_comparisons(path) == [row]


@quick
@given(st.binary(), st.sampled_from([b"", b"\x1f\x8b\x08", b"{", b"[", b"1 ", b"Q,A\n", b"a\tb\n"]))
def test_any_bytes_give_records_or_one_line(tmp_path, data, start):
    only_bad_input(start + data, tmp_path / "junk")


@quick
@given(st.lists(values, min_size=1, max_size=3), st.booleans())
def test_any_json_gives_records_or_one_line(tmp_path, rows, array):
    text = json.dumps(rows) if array else "\n".join(map(json.dumps, rows))
    only_bad_input(text.encode(), tmp_path / "junk")


def test_deep_nesting_and_huge_numbers(write):
    fails(read_demonstrations, write('{"a": ' + "[" * 100_000), "line 1", "broken JSON")
    fails(read_demonstrations, write('{"a": ' + "1" * 5000 + "}"), "line 1")


# --- real files ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "reader, name, count, skipped",
    [
        (read_demonstrations, "sft/llms_from_scratch_instruction-data.json", 1100, {}),
        (read_demonstrations, "sft/self_instruct_seed_tasks.jsonl", 175, {}),
        (read_demonstrations, "sft/fastchat_dummy_conversation_sharegpt.json", 500, {}),
        (read_demonstrations, "sft/chatterbot_english.jsonl", 2026, {}),
        (read_demonstrations, "sft/chatterbot_korean.jsonl", 454, {}),
        # 2,307 pairs share their prompt; 4 of those have an empty reply.
        (read_comparisons, "preference/hh_harmless-base_test.jsonl.gz", 2303,
         {"two assistant turns in a row": 5, "empty prompt or reply": 4}),
        (read_comparisons, "preference/llms_from_scratch_preference.json", 1094,
         {"equal replies": 6}),
        (read_labelled, "icl/sst2/stsa.binary.train", 6920, {}),
        (read_labelled, "icl/sst2/stsa.binary.dev", 872, {}),
        (read_labelled, "icl/ko_nsmc/nsmc_raw_test.tsv", 5000, {}),
        (read_corpus, "pretrain/tinyshakespeare.txt", 1115394, None),
    ],
)  # fmt: skip
def test_real_files(reader, name, count, skipped):
    if not (SHARED / name).exists():
        pytest.skip("the real data is not here")
    records = reader(SHARED / name)
    assert len(records) == count
    assert skipped is None or records.skipped == skipped


# --- evidence ------------------------------------------------------------------------------------
FOUND = {"role": "assistant", "search": "hat kind", "result": "It is dry.", "content": "Dry."}


def test_what_was_looked_up_is_read(write):
    messages = [{"role": "user", "content": "Is it dry?"}, FOUND]
    assert read_demonstrations(write([{"messages": messages}]))[0]["messages"] == messages
    asked = [*messages, {"role": "user", "content": "Why?"}]
    record = {"messages": asked, "responses": ["a", "b"], "ranking": [[0], [1]]}
    assert read_comparisons(write([record]))[0]["messages"] == asked
    spaced = {**FOUND, "search": " hat kind ", "result": None} | {"result": "It is dry.\n"}
    assert (
        read_demonstrations(write([{"messages": [messages[0], spaced]}]))[0]["messages"] == messages
    )


@pytest.mark.parametrize(
    "change, words",
    [
        ({"result": None}, "come together"),
        ({"search": None}, "come together"),
        ({"search": ""}, "messages[1].search': expected one line"),
        ({"result": "a\nb"}, "messages[1].result': expected one line"),
        ({"result": 7}, "expected text, found a number"),
    ],
)
def test_half_of_a_look_up_is_refused(write, change, words):
    messages = [{"role": "user", "content": "Is it dry?"}, FOUND | change]
    fails(read_demonstrations, write([{"messages": messages}]), "line 1", words)


def test_a_model_without_tokens_for_it_refuses_a_look_up():
    records = [{"messages": [{"role": "user", "content": "Is it dry?"}, FOUND]}]
    plain = Tokenizer([bytes([b]) for b in range(256)])
    check_evidence(records, plain.with_evidence(), "F")
    check_evidence([{"messages": records[0]["messages"][:1]}], plain, "F")
    with pytest.raises(BadInput, match="F: something is looked up in it"):
        check_evidence(records, plain, "F")
