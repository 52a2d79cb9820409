"""The desk: who is shown what, what is kept, how agreement is counted."""

import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from data.formats import read_comparisons
from desk import labelling
from desk.labelling import Conflict, Desk, labelers_agree
from desk.shelf import Shelf
from desk.terminal import parse_pick, parse_ranking
from judges.agreement import places
from plumbing.errors import BadInput
from plumbing.machine import Machine
from tests.tiny_out import fill, write

CPU = Machine("cpu", torch.float32)


@pytest.fixture
def desk_at(tmp_path):
    """Opens desks at one folder."""
    fill(tmp_path, ["sft"])

    def open_one(**options):
        shelf = Shelf(tmp_path, CPU)
        return Desk(shelf, shelf.get("sft"), **{"limit": 9, **options})

    return open_one


@pytest.fixture
def desk(desk_at):
    return desk_at()


def work(desk, labeler, n):
    """Judge n items in the order shown; returns their names."""
    names = []
    for _ in range(n):
        shown = desk.next(labeler)
        names.append(shown["item"])
        desk.judge(labeler, shown["item"], [[i] for i in range(len(shown["responses"]))])
    return names


# --- what is shown -----------------------------------------------------------------------------


def test_an_item_is_a_prompt_with_different_answers_and_nothing_that_tells_on_them(desk):
    for labeler in ("ann", "김"):
        shown = desk.next(labeler)
        assert shown.keys() == {"item", "messages", "responses"}
        assert len(set(shown["responses"])) == len(shown["responses"]) == 4
        assert shown["messages"][-1]["role"] == "user"


def test_a_model_with_few_positions_answers_the_end_of_a_long_prompt(tmp_path):
    write(tmp_path / "sft" / "ckpt.pt", "sft", block_size=12, pos="learned")
    shelf = Shelf(tmp_path, CPU)
    desk = Desk(shelf, shelf.get("sft"), limit=9)
    prompt = [{"role": "user", "content": "Hello there. " * 9}]
    [responses] = desk.answers([prompt], 0)
    assert len(responses) > 1


def test_the_item_stays_until_it_is_judged_and_does_not_come_again(desk):
    first = desk.next("ann")
    assert desk.next("ann") == first
    names = work(desk, "ann", 12)
    assert names[0] == first["item"] and len(set(names)) == 12


def test_answers_are_shuffled_for_each_labeler_and_recorded_in_one_order(desk_at):
    desk = desk_at()
    shown = {who: desk.next(who) for who in ("a", "b")}
    assert shown["a"]["item"] == shown["b"]["item"]
    assert sorted(shown["a"]["responses"]) == sorted(shown["b"]["responses"])
    item = desk.find(shown["a"]["item"])
    orders = {tuple(labelling.shuffled(item, f"l{i}")) for i in range(200)}
    assert len(orders) == 24  # every order of four occurs
    for who in shown:
        best = shown[who]["responses"][2]
        record = desk.judge(who, item["item"], [[2], [0, 3], [1]], [1, None, 7, 2])
        assert record["responses"][record["ranking"][0][0]] == best
        assert record["scores"][record["ranking"][0][0]] == 7
        assert {record["responses"][i] for i in record["ranking"][1]} == {
            shown[who]["responses"][0],
            shown[who]["responses"][3],
        }


def test_each_item_goes_to_two_labelers(desk):
    first, second = work(desk, "a", 4), work(desk, "b", 4)
    assert first == second
    assert not {*work(desk, "c", 4)} & {*first}


def test_an_item_in_hand_counts_as_given(desk):
    hands = [desk.next(who)["item"] for who in "abcd"]
    assert hands[0] == hands[1] and hands[2] == hands[3] != hands[0]


def test_a_desk_that_is_opened_again_knows_what_lies_where(desk_at):
    """Two labelers look at the first item when the desk is killed: no third one gets it, those two
    find it where it lay, and a client that did not hear of the restart is heard."""
    desk = desk_at()
    shown = {who: desk.next(who) for who in ("a", "b")}
    again = desk_at()
    assert again.next("c")["item"] != shown["a"]["item"] == shown["b"]["item"]
    assert again.next("b") == shown["b"]
    for who in ("a", "b"):
        again.judge(who, shown[who]["item"], [[0], [1], [2], [3]])
    with pytest.raises(Conflict, match="gone to others"):
        again.judge("c", shown["a"]["item"], [[0], [1], [2], [3]])


def test_no_item_exceeds_its_labelers_however_often_the_desk_is_killed(desk_at):
    rng = random.Random(3)
    desks = [desk_at(), desk_at()]
    for _ in range(120):
        if rng.random() < 0.2:  # killed, and started again
            desks[rng.randrange(2)] = desk_at()
        desk, who = rng.choice(desks), rng.choice("abcdef")
        shown = desk.next(who)
        if rng.random() < 0.6:
            desk.judge(who, shown["item"], [[0], [1], [2], [3]])
        elif rng.random() < 0.3 and desk.progress(who)["mine"]:
            desk.undo(who)
        assert max(map(len, desk.hands().values())) <= labelling.LABELERS_PER_ITEM
    assert len(desk.records()) > 30


def test_the_queue_is_the_same_on_every_start_and_another_for_another_model(desk_at, tmp_path):
    first = work(desk_at(), "a", 3)
    assert work(desk_at(), "b", 3) == first
    write(tmp_path / "sft" / "ckpt.pt", "sft", seed=9)
    assert not {*work(desk_at(), "c", 3)} & {*first}


def test_the_same_seed_samples_the_same_answers(desk_at, tmp_path):
    desk = desk_at(seed=5)
    work(desk, "a", 2)
    before = desk.own_items()[:2]
    (tmp_path / "labels" / "items.jsonl").unlink()
    again = desk_at(seed=5)
    again.next("b")
    assert again.own_items()[:2] == before


def test_two_desks_at_one_folder_fill_one_queue(desk_at):
    one, other = desk_at(), desk_at()
    assert work(one, "a", 9) == work(other, "b", 9)
    numbers = [item["n"] for item in one.own_items()]
    assert len(numbers) == len(set(numbers))


def test_a_model_that_always_says_the_same_is_told_of(desk_at, monkeypatch):
    def steps(self, loaded, prompts, limit, **options):
        yield [loaded.tokenizer.endoftext] * len(prompts)

    monkeypatch.setattr(Shelf, "steps", steps)
    with pytest.raises(BadInput, match="gives the same answer each time"):
        desk_at(seed=8).next("a")


# --- what is kept ------------------------------------------------------------------------------


def test_reward_py_reads_the_file(desk, tmp_path):
    work(desk, "a", 3)
    shown = desk.next("a")
    desk.judge("a", shown["item"], [[0, 1, 2, 3]], [7, 1, None, 4])
    records = read_comparisons(tmp_path / "labels" / "comparisons.jsonl")
    assert len(records) == 4 and {r["source"] for r in records} == {"human"}
    assert records[-1]["ranking"] == [[0, 1, 2, 3]] and places(records[-1]) == [0] * 4


def test_a_judgement_sent_twice_is_kept_once_and_a_second_one_refused(desk):
    shown = desk.next("a")
    desk.judge("a", shown["item"], [[0], [1], [2], [3]])
    desk.judge("a", shown["item"], [[0], [1], [2], [3]])
    with pytest.raises(Conflict, match="judged this item already"):
        desk.judge("a", shown["item"], [[3], [1], [2], [0]])
    assert len(desk.records()) == 1


@pytest.mark.parametrize(
    "ranking, scores, words",
    [
        ([[0], [1], [2]], None, "each of the 4 answers once"),
        ([[0], [1], [2], [2]], None, "each of the 4 answers once"),
        ([[0], [1], [2], [4]], None, "each of the 4 answers once"),
        ([[0], [1], [2], [3]], [1, 2], "expected 4, one per answer"),
        ([[0], [1], [2], [3]], [0, 1, 2, 8], "1 to 7"),
    ],
)
def test_what_is_no_ranking_is_not_kept(desk, ranking, scores, words):
    with pytest.raises(BadInput, match=words):
        desk.judge("a", desk.next("a")["item"], ranking, scores)
    with pytest.raises(BadInput, match="no item"):
        desk.judge("a", "../../etc/passwd", [[0], [1], [2], [3]])
    assert desk.records() == []


@pytest.mark.parametrize("name", ["", "a/b", "../x", "x" * 25, "a;", "\ud800", "<b>"])
def test_a_labeler_has_a_simple_name(desk, name):
    for act in (desk.next, desk.undo, lambda name: desk.judge(name, desk.next("a")["item"], [])):
        with pytest.raises(BadInput, match="labeler|ranking"):
            act(name)


def test_undo_takes_back_the_own_last_one_and_shows_it_as_it_was(desk):
    work(desk, "a", 2)
    shown = desk.next("a")
    desk.judge("a", shown["item"], [[2], [0, 3], [1]], [None, 5, 1, None])
    work(desk, "b", 1)
    again = desk.undo("a")
    assert again == {**shown, "ranking": [[2], [0, 3], [1]], "scores": [None, 5, 1, None]}
    assert desk.next("a") == shown and len(desk.records()) == 3
    desk.undo("a")
    assert [r["labeler"] for r in desk.records()] == ["a", "b"]
    desk.undo("a")
    with pytest.raises(Conflict, match="no judgement of this name"):
        desk.undo("a")
    assert [r["labeler"] for r in desk.records()] == ["b"]


def test_lines_of_other_hands_disturb_nothing(desk):
    work(desk, "a", 1)
    with open(desk.judged.path, "a", encoding="utf-8") as file:
        file.write('half a line\n{"labeler": "a"}\n[1]\n')
    work(desk, "a", 1)
    assert desk.progress("a")["mine"] == 2
    desk.undo("a")
    assert "half a line" in desk.judged.path.read_text(encoding="utf-8")


# --- which is more helpful, which is more harmful ------------------------------------------------


def test_of_two_answers_the_more_helpful_wins_and_the_more_harmful_loses(desk_at, tmp_path):
    """What a labeler picks, by its text, and where it stands in the record that is trained on."""
    for kind, of, place in (("helpful", "helpful", 0), ("harmful", "harmless", 1)):
        desk = desk_at(kind=kind)
        for pick in (0, 1):
            shown = desk.next("a")
            assert len(shown["responses"]) == 2
            record = desk.judge("a", shown["item"], [[pick], [1 - pick]])
            assert record["kind"] == of
            (index,) = record["ranking"][place]
            assert record["responses"][index] == shown["responses"][pick]
        again = desk.undo("a")  # in the order in which it was asked
        assert again["ranking"] == [[1], [0]] and desk.next("a")["item"] == shown["item"]
    kept = read_comparisons(tmp_path / "labels" / "comparisons.jsonl")
    assert [r["kind"] for r in kept] == ["helpful", "harmless"]


def test_each_question_has_items_counts_and_agreement_of_its_own(desk_at):
    desks = {kind: desk_at(kind=kind) for kind in ("", "helpful", "harmful")}
    items = {kind: work(desk, "a", 2) for kind, desk in desks.items()}
    assert len({name for names in items.values() for name in names}) == 6
    assert [desk.progress("a")["all"] for desk in desks.values()] == [2, 2, 2]
    with pytest.raises(BadInput, match="no item"):
        desks["helpful"].judge("b", items[""][0], [[0], [1], [2], [3]])
    with pytest.raises(BadInput, match="only the order is kept"):
        desks["helpful"].judge("b", items["helpful"][0], [[0], [1]], [7, 1])
    work(desks["helpful"], "b", 2)
    assert desks["helpful"].progress("a")["agreement"]["pairs"] == 2
    assert desks["harmful"].progress("a")["agreement"]["pairs"] == 0


def test_harm_is_looked_for_where_somebody_asks_for_it():
    attacks = labelling.load_prompts("world", 0, "harmful")
    assert attacks != labelling.load_prompts("world", 0, "helpful") and len(attacks) == 2600
    asked = " ".join(messages[-1]["content"] for messages in attacks)
    assert "Call Tom a fool." in asked


@pytest.mark.parametrize("line, ranking", [("1", [[0], [1]]), (" 2 ", [[1], [0]]), ("=", [[0, 1]])])
def test_a_typed_pick(line, ranking):
    assert parse_pick(line) == ranking


@pytest.mark.parametrize("line", ["3", "1 2", "", "1=2", "both"])
def test_a_mistyped_pick_is_refused(line):
    with pytest.raises(BadInput, match="expected 1 or 2"):
        parse_pick(line)


# --- agreement ---------------------------------------------------------------------------------


def judgement(item, labeler, *ranking):
    k = sum(map(len, ranking))
    return {"item": item, "labeler": labeler, "ranking": [*ranking], "responses": ["x"] * k}


def test_agreement_by_hand():
    records = [judgement("i", "a", [0], [1], [2]), judgement("i", "b", [0], [2], [1])]
    found = labelers_agree(records)  # of 01, 02, 12 they differ on the last
    assert (found["share"], found["pairs"], found["prompts"]) == (pytest.approx(2 / 3), 3, 1)
    records.append(judgement("i", "c", [0, 1], [2]))  # ties 01: 02 and 12 with each of the others
    assert labelers_agree(records)["pairs"] == 3 + 2 + 2
    assert labelers_agree(records)["share"] == pytest.approx((2 + 2 + 1) / 7)
    assert labelers_agree(records, "c")["share"] == pytest.approx(3 / 4)
    records.append(judgement("j", "a", [0], [1], [2]))  # judged by one alone: says nothing
    assert labelers_agree(records)["prompts"] == 1


def test_no_agreement_without_two_labelers():
    records = [judgement("i", "a", [0], [1]), judgement("j", "b", [0], [1])]
    assert labelers_agree(records) == {
        "share": None,
        "low": None,
        "high": None,
        "pairs": 0,
        "prompts": 0,
    }
    assert labelers_agree(records + [judgement("i", "b", [0, 1])])["share"] is None


def test_the_interval_covers_the_truth_at_least_as_often_as_it_says():
    """Two labelers who see a common order through noise: their true rate of agreement against the
    intervals from 12 prompts each."""
    rng = random.Random(0)

    def study(n):
        records = []
        for item in range(n):
            truth = [rng.gauss(0, 1) for _ in range(4)]
            for who in "ab":
                seen = [x + rng.gauss(0, 0.8) for x in truth]
                order = sorted(range(4), key=lambda i: -seen[i])
                records.append(judgement(item, who, *[[i] for i in order]))
        return labelers_agree(records)

    truth = study(5000)["share"]
    found = [study(12) for _ in range(300)]
    covered = sum(f["low"] <= truth <= f["high"] for f in found) / 300
    assert 0.95 <= covered and 0.65 < truth < 0.85
    assert all(0 <= f["low"] <= f["share"] <= f["high"] <= 1 for f in found)


# --- in the terminal ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line, ranking, scores",
    [
        ("3 1=4 2", [[2], [0, 3], [1]], None),
        ("1 = 2 = 3 = 4", [[0, 1, 2, 3]], None),
        (" 4 3  2 1 / 7 - 3 1", [[3], [2], [1], [0]], [7, None, 3, 1]),
    ],
)
def test_a_typed_ranking(line, ranking, scores):
    assert parse_ranking(line, 4) == (ranking, scores)


@pytest.mark.parametrize(
    "line",
    [
        "1 2 3",
        "1 2 3 3",
        "1 2 3 5",
        "0 1 2 3",
        "1 2 3 4 /",
        "1 2 3 4 / 8 1 1 1",
        "1 2 3 4 / 1 2",
        "1==2 3 4",
        "= 1 2 3 4",
        "1 2 3 ④",
        "best",
        "1,2,3,4",
    ],
)
def test_a_mistyped_ranking_is_refused(line):
    with pytest.raises(BadInput, match="expected"):
        parse_ranking(line, 4)


@given(order=st.permutations(range(5)), ties=st.lists(st.booleans(), min_size=4, max_size=4))
def test_any_ranking_can_be_typed(order, ties):
    line, groups = str(order[0] + 1), [[order[0]]]
    for i, tie in zip(order[1:], ties):
        line += f"{'=' if tie else ' '}{i + 1}"
        groups[-1].append(i) if tie else groups.append([i])
    assert parse_ranking(line, 5) == (groups, None)


# --- prompts -----------------------------------------------------------------------------------


def test_prompts_of_a_file(tmp_path):
    lines = tmp_path / "prompts.txt"
    lines.write_text("Say hello.\n\n안녕이라고 말해.\n", encoding="utf-8")
    assert [m[-1]["content"] for m in labelling.load_prompts(lines, 0)] == [
        "Say hello.",
        "안녕이라고 말해.",
    ]
    demos = tmp_path / "demos"
    demos.write_text('{"instruction": "Add.", "output": "5"}\n', encoding="utf-8")
    assert labelling.load_prompts(demos, 0) == [[{"role": "user", "content": "Add."}]]
    demos.write_text('{"instruction": "Add.", "output": \n', encoding="utf-8")
    with pytest.raises(BadInput, match="line 1: broken JSON"):
        labelling.load_prompts(demos, 0)
    with pytest.raises(BadInput, match="not found"):
        labelling.load_prompts(tmp_path / "none", 0)
    prompts = labelling.load_prompts("world", 0)
    assert 2590 < len(prompts) <= 2600 and all(p[-1]["content"].strip() for p in prompts)
