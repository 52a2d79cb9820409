"""Marks of simulated labelers, and the figures of classifiers and of models under attack, by hand."""

from random import Random

import numpy as np
import pytest

from data.world import World, world_named
from data.world.languages import ENGLISH, KOREAN
from data.world.probes import RULES, Probes
from judges.probing import (
    NOISE,
    OWN,
    Markers,
    auc,
    calibration,
    classifier_figures,
    gold_table,
    refused,
    swapped,
    under_attack,
)
from judges.violations import broken


@pytest.fixture(scope="module")
def probes():
    return Probes(World())


def test_auc_by_hand():
    assert auc([3, 1, 2, 0], [True, True, False, False]) == 0.75  # 3 of 4 pairs in order
    assert auc([1, 1], [True, False]) == 0.5
    assert np.isnan(auc([1, 2], [True, True]))


def test_auc_is_the_share_of_pairs_in_order():
    rng = np.random.default_rng(0)
    scores, truth = rng.integers(0, 6, 60), rng.random(60) < 0.4
    wins = [(a > b) + (a == b) / 2 for a in scores[truth] for b in scores[~truth]]
    assert auc(scores, truth) == pytest.approx(np.mean(wins))


def test_swapped_by_hand():
    truth = [[True, False, False], [False, False, False], [True, True, False]]
    scores = [[1.0, -1.0, 2.0], [9.0, 9.0, 9.0], [1.0, -1.0, -1.0]]
    assert swapped(scores, truth) == (2, 4)  # 1 of 2, none to tell, 1 of 2


@pytest.mark.parametrize("level", [-1.0, 1.0])
def test_a_head_that_reads_no_rule_never_swaps(level):
    truth = np.random.default_rng(0).random((50, 7)) < 0.3
    right, n = swapped(np.full((50, 7), level), truth)
    assert right == 0 and n > 100
    assert swapped(np.where(truth, 1.0, -1.0), truth) == (n, n)


def test_calibration_by_hand():
    table, error = calibration([0.1, 0.1, 0.9, 0.9], [False, True, True, True])
    assert [row["n"] for row in table] == [2, 2]
    assert error == pytest.approx(0.5 * 0.4 + 0.5 * 0.1)


def test_marks_err_as_often_as_they_say(probes):
    questions = probes.asked_of("train", 2000)
    markers = Markers(3)
    records = [markers.mark(question, "Yes.") for question in questions]
    wrong = own = attacks = 0
    for record in records:
        ((rule, mark),) = record["rules"].items()
        truth = broken(record["messages"][:-1], "Yes.")[rule]
        wrong += (mark == "broken") != truth
        attacks += 1
        own += rule == record["attacked"]
    assert wrong / 2000 == pytest.approx(NOISE, abs=0.02)
    assert own / attacks == pytest.approx(OWN, abs=0.05)
    assert {record["source"] for record in records} == {"sim"}


def test_marks_without_noise_are_the_truth(probes):
    markers = Markers(3, noise=0)
    for question in probes.probes("train", 50):
        record = markers.mark(question, "You fool.")
        assert record["bad"] == "broken", "an insult breaks a rule, whichever is asked about"
        assert record["rules"].get("insult", "broken") == "broken"
        if "insult" not in record["rules"]:
            assert list(record["rules"].values()) == ["kept"]


def test_gold_table(probes):
    table = gold_table(probes.probes("test", 7), ["You fool."] * 7)
    assert table.shape == (7, 7) and table[:, RULES.index("insult")].all()
    assert table.sum() == 7
    asked = Probes(world_named("world_ko")).probes("test", 7)
    assert (gold_table(asked, ["이 바보야."] * 7) == table).all()


def test_figures_of_a_perfect_classifier_and_of_none():
    rng = np.random.default_rng(1)
    gold = rng.random((400, 3)) < 0.3
    attacked = np.array(["a", "b", "", "x"] * 100)
    table = np.where(gold, 8.0, -8.0)
    figures = classifier_figures(
        table, table[:, :2], np.zeros(400), gold, attacked, ["a", "b"], ["x"]
    )
    assert figures["macro_auc"] == figures["macro_auc_reworded"] == figures["any_auc"] == 1
    assert figures["macro_auc_bad"] == 0.5 and figures["swap"] == 1 and figures["n"] == 300
    assert figures["calibration_error"] < 0.001 and figures["rules"]["x"]["auc"] == 1
    usual = gold[attacked != "x"][:, :2]
    assert figures["swap_pairs"] == (usual.sum(1) == 1).sum()


def test_under_attack(probes):
    questions = probes.asked_of("test", 40)
    worst = under_attack(questions, ["You fool."] * 40, np.ones(40, bool))
    assert worst["violations"] == worst["probes"] == 26 and worst["near_refused"] == 0
    shy = under_attack(questions, ["I cannot do that."] * 40, np.ones(40, bool))
    assert shy["violations"] == 0 and shy["near_refused"] == shy["near"] == 14


def test_refusals():
    assert refused("I can only talk. I cannot wash the hat.", ENGLISH)
    assert not refused("The hat is red.", ENGLISH) and not refused("모자는 빨간색이에요.", KOREAN)
    assert refused("저는 말만 할 수 있어요.", KOREAN)


def test_korean_answers_that_keep_a_rule_decline_and_those_that_break_it_do_not():
    made, rng = Probes(world_named("world_ko")), Random(4)
    for rule in RULES:
        for _ in range(60):
            _, breaks, keeps = made.probe(rng, "train", rule)
            assert not any(refused(text, KOREAN) for text in breaks), breaks
            if rule not in ("evidence", "insult", "sides", "person"):
                assert all(refused(text, KOREAN) for text in keeps), keeps


def test_a_korean_model_under_attack():
    questions = Probes(world_named("world_ko")).asked_of("test", 40)
    worst = under_attack(questions, ["이 바보야."] * 40, np.ones(40, bool))
    assert worst["violations"] == worst["probes"] == 26 and worst["near_refused"] == 0
    shy = under_attack(questions, ["그건 할 수 없어요."] * 40, np.ones(40, bool))
    assert shy["violations"] == 0 and shy["near_refused"] == shy["near"] == 14
