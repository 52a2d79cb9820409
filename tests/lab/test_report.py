"""The report, from small made-up logs: what it says follows the rows, however many there are."""

import functools
import json
import re
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab import example, page, report
from lab.figures import bayes, fewshot, sparrow, studies, vector, words
from lab.figures.rows import Missing, Run, pick, smooth
from plumbing.config import parse_config
from plumbing.errors import BadInput, run
from plumbing.records import t_interval
from tests.lab import report_logs
from tests.lab.report_logs import everything, head, training, write

pytest.importorskip("matplotlib")
FIGURES = {figure.draw.__name__: figure for figure in report.FIGURES}
NAMES = list(FIGURES)
OWN = [name for name in NAMES if name != "examples"]  # which is of the records alone
JUDGED = (
    "story",
    "exam",
    "reward",
    "ppo",
    "wins",
    "tax",
    "overoptimisation",
    "broken_rules",
    "which_rule",
)
JUDGED += ("pareto", "tension", "revisions")
IN_CONTEXT = ("sizes", "stages", "phase", "ginc", "positions", "demos")


def said(out, name):
    """The English sentence under one figure."""
    return FIGURES[name].draw(report.read_logs(out)[0]).takeaway[0]


def edit(path, change):
    """Rewrite the rows of a log through `change(row)`."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    write(path, lines[0], [change(row) or row for row in lines[1:]])


@pytest.fixture(scope="module", autouse=True)
def coarse():
    """What is committed is another's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "RECORDS", Path("nowhere"))
        yield


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """A folder with logs of every kind, read, and its figures."""
    out = everything(tmp_path_factory.mktemp("report") / "out")
    logs, notes = report.read_logs(out)
    shown, missing = report.draw_all(logs, {})
    return out, logs, shown, missing, notes


# --- the page ----------------------------------------------------------------------------------


def test_all_logs_give_every_figure(full):
    shown, missing, notes = full[2:]
    assert list(shown) == OWN and not missing and not notes
    for name, (_, figure, pictures) in shown.items():
        assert all(picture.startswith("<svg") for picture in pictures)
        for english, korean in (figure.takeaway, figure.caption):
            assert english.strip().endswith(".") and re.search("[가-힣]", korean), name
            assert "nan" not in english and "nan" not in korean, name
        assert ("simulated" in figure.caption[0]) == (name in JUDGED)
        toy = ("toy world", "Yoo", "Wei", "Kossen")
        assert all(word in figure.caption[0] for word in toy) == (name in IN_CONTEXT)
        if isinstance(figure.figure, tuple):
            continue
        for ax in figure.figure.axes:
            assert ax.get_xlabel() or ax.get_ylabel() or ax.get_title("left") or not ax.axison
        assert all(
            any(getattr(ax, get)() for ax in figure.figure.axes)
            for get in ("get_xlabel", "get_yticklabels")
        )


def test_one_file_without_outside_requests(full):
    out, logs, shown, _, _ = full
    text = page.page(logs, shown, {}, [], 0)
    assert text.count("<svg role") == 2 * len(OWN)  # one in each language
    assert not re.search(r"(?i)https?:|<script|<link|@import|url\((?!#)|src=", text)
    ids = re.findall(r'\bid="([^"]*)"', text)
    assert len(ids) == len(set(ids)), "an id names one thing of a page"
    assert 'http-equiv="refresh"' not in text
    assert 'http-equiv="refresh" content="5"' in page.page(logs, shown, {}, [], 5.0)
    for name in OWN:
        assert f'href="#{name}"' in text and f'id="{name}"' in text


def test_an_empty_folder_lists_every_command(tmp_path, capsys):
    report.main(report.Config(out=str(tmp_path)))
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<svg" not in text and not list((tmp_path / "figures").iterdir())
    out = tmp_path.as_posix()
    for line in (
        f"python pretrain.py --out={out}/pretrain",
        f"--init={out}/sft/ckpt.pt",
        f"python -m lab.tax --out={out}/studies",
        f"python -m lab.scaling --reach --out={out}/scaling",
        "--preset=sizes",
        "--preset=stages",
        "--probe=bayes",
        "--probe=demos",
        "--probe=induction --watch",
        "bench.py",
        "dpo.py",
        f"python constitution.py --out={out}/constitution --init={out}/sft_helpful/ckpt.pt",
        f"python -m lab.tension --out={out}/studies",
    ):
        assert line in text, line
    assert "0 figures" in capsys.readouterr().out
    assert report.command("ppo", "out") == "python ppo.py"
    assert report.command("ppo", "out/ko") == "python ppo.py --preset=ko"


def test_a_figure_whose_logs_are_gone_is_removed(tmp_path):
    out = tmp_path
    write(out / "sft/log.jsonl", head("sft"), [{"step": i, "loss": 1.0} for i in range(3)])
    report.main(report.Config(out=str(out)))
    assert (out / "figures/losses.svg").exists()
    (out / "sft/log.jsonl").unlink()
    report.main(report.Config(out=str(out)))
    assert not list((out / "figures").glob("*.svg"))


def test_what_a_log_holds_is_text_not_html(tmp_path):
    evil, name = "<script>alert('x')</script>", "run $x^$ & <b>"
    rows = [{"step": i, "reward": i, "kl_exact": i, "judge": 1.0, "length": 3} for i in range(9)]
    rows.append({"step": 9, "samples": [{"question": evil, evil: evil}]})
    write(tmp_path / name / "log.jsonl", head("ppo", init=evil, data=evil), rows)
    cells = {evil: {"correct": 0.5, "n": 9}}
    rows = [{"step": 1, "results": {"base": cells, "sft": cells}}]
    write(tmp_path / "sft/log.jsonl", head("sft"), rows)
    report.main(report.Config(out=str(tmp_path)))
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script" not in text and "<b>" not in text and "&lt;script&gt;alert" in text
    assert "run $x^$ &amp; &lt;b&gt;" in text


def test_broken_lines_are_skipped_and_noted(tmp_path):
    training(tmp_path)
    path = tmp_path / "sft/log.jsonl"
    good = path.read_bytes()
    half = '{"step": 60, "samples": ["가'.encode()[:-1]  # killed while it wrote a letter
    deep = b"[" * 100_000
    more = b'\n{"step": 61}\n' + deep + b'\n{"st'
    path.write_bytes(good + b'{"step": 60, "val_lo\n' + half + more)
    logs, notes = report.read_logs(tmp_path)
    lines = good.count(b"\n")
    assert len(notes) == 1 and notes[0][0].endswith(
        "4 skipped, no JSON object: line " + ", ".join(str(lines + i) for i in (1, 2, 4, 5))
    )
    assert logs["sft"][0].rows[-1] == {"step": 61}
    write(tmp_path / "other/log.jsonl", head("other"), [])
    notes = report.read_logs(tmp_path)[1]
    assert len(notes) == 2 and any("other/log.jsonl" in note[0] for note in notes)


# --- what the sentences say ----------------------------------------------------------------------


def test_words_follow_the_numbers():
    assert words.moved(4.651, 0.46) == ("fell from 4.65 to 0.46", "낮아졌습니다(4.65 → 0.46)")
    assert words.moved(0.46, 4.651)[0] == "rose from 0.46 to 4.65"
    assert words.moved(0.461, 0.462)[0] == "stayed at 0.46"
    assert words.gap(0.5, 0.1) == ("+0.50 ± 0.10", "+0.50 ± 0.10")
    assert words.clear(0.2, 0.1) and not words.clear(-0.05, 0.1)
    assert not words.clear(0.5, float("nan")) and not words.clear(0.5, None)
    assert words.sentence([]) == words.UNCLEAR


def test_what_is_no_number_is_not_there(tmp_path):
    """A loss that diverged, an interval of one draw."""
    training(tmp_path)
    rows = [{"step": 1, "loss": 2.0}, {"step": 2, "loss": float("nan")}]
    write(tmp_path / "dpo/log.jsonl", head("dpo"), [*rows, {"step": 3, "loss": float("inf")}])
    with open(tmp_path / "dpo/log.jsonl", "a", encoding="utf-8") as log:
        log.write('{"step": 4, "loss": 1e999}\n{"step": 5, "loss": %s}\n' % ("9" * 5000))
    rows = report.read_logs(tmp_path)[0]["dpo"][0].rows
    assert [row["loss"] for row in rows] == [2.0] + [None] * 4 and pick(rows, "loss") == rows[:1]
    assert pick(rows, loss=2.0, step=1) == rows[:1] and not pick(rows, "loss", step=2)


def test_paired_differences_by_hand():
    rows = [
        {"seed": s, "arm": a, "x": v}
        for s, a, v in (
            (1, "ppo", 1.0),
            (2, "ppo", 3.0),
            (1, "sft", 0.0),
            (2, "sft", 1.0),
            (3, "sft", 50.0),
        )
    ]
    mean, half = t_interval(studies.paired(rows, "x", "ppo", "sft"))
    assert mean == 1.5  # of 1 and 2; seed 3 has no PPO
    assert half == pytest.approx(12.706 * 0.5)  # t of one degree of freedom, standard error 1/2


def test_smooth_by_hand():
    np.testing.assert_allclose(smooth([0, 3, 6, 0], 3), [1.5, 3, 3, 3])


def test_the_tax_is_what_the_rows_say(tmp_path):
    report_logs.studies(tmp_path)
    assert "PPO minus SFT on pretraining text: +0.100 ± 0.000" in said(tmp_path, "tax")
    assert "PPO-ptx minus PPO: -0.080" in said(tmp_path, "tax")
    assert "PPO 68%, above half in every run" in said(tmp_path, "wins")

    def worse(row):
        row.update(lm_loss=-row["lm_loss"], win=row["win"] / 3, win_high=0.3, win_low=0.1)

    edit(tmp_path / "studies/tax.jsonl", worse)
    assert "PPO minus SFT on pretraining text: -0.100" in said(tmp_path, "tax")
    assert "PPO 23%, below half in every run" in said(tmp_path, "wins")


def test_a_korean_sentence_is_korean_throughout():
    said = words.say("{0} {1:.0%}", "{0} {1:.0%}", words.arm("ppo_free"), 0.4)
    assert words.sentence([said]) == ("PPO, no price on KL 40%.", "KL 벌점 없는 PPO 40%.")


def test_overoptimisation_is_seen_only_where_it_is(tmp_path):
    report_logs.studies(tmp_path)
    clauses = said(tmp_path, "overoptimisation").rstrip(".").split("; ")
    told = {clause.rpartition(": judge")[0].rpartition(": ")[2]: clause for clause in clauses}
    assert told["PPO, no price on KL, few comparisons"].endswith("they part")
    assert told["PPO, many comparisons"].endswith("the judge still gains")
    assert all("±" in clause for clause in clauses)
    edit(tmp_path / "studies/overoptimisation.jsonl", lambda row: row.update(judge=row["proxy"]))
    assert "part" not in said(tmp_path, "overoptimisation")
    report_logs.studies(tmp_path, seeds=(1,))
    assert said(tmp_path, "overoptimisation") == words.SINGLE[0]


def titles(out, name):
    """The titles over the panels of one figure."""
    shown = FIGURES[name].draw(report.read_logs(out)[0])
    return [ax.get_title() for ax in shown.figure.axes]


def test_a_title_says_that_fewer_rules_are_broken_only_where_the_intervals_are_apart(tmp_path):
    found = {}
    for name, last in {
        "better": (20, 160),
        "same": (75, 160),
        "worse": (140, 160),
        "dearer": (20, 20),
        "as right": (20, 101),
    }.items():
        arms = {"SFT, dialogue prompt": (80, 100), "RL, both, best by both": last}
        report_logs.probed(tmp_path / name, arms)
        (found[name],) = titles(tmp_path / name, "broken_rules")
    start = "Trained and chosen by both, answers break {} rules than by a prompt"
    assert found["better"] == start.format("fewer") + ", and more are right"
    assert found["dearer"] == start.format("fewer") + ", and fewer are right"
    assert found["worse"] == start.format("more") + ", and more are right"
    assert found["as right"] == start.format("fewer")
    assert found["same"] == "Rules broken, and right answers"
    assert "SFT, dialogue prompt 40.0% and 50.0%" in said(tmp_path / "better", "broken_rules")
    assert "prompted model are apart" in said(tmp_path / "better", "broken_rules")
    assert "prompted model" not in said(tmp_path / "same", "broken_rules").partition("0%;")[2]


def test_which_rule_is_told_better_by_reading_it(tmp_path):
    report_logs.probed(tmp_path)
    assert titles(tmp_path, "which_rule") == ["Who reads the rule tells better: person"]
    text = said(tmp_path, "which_rule")
    assert "person 0.99 (0.70); insult 0.90 (0.88)" in text and "promise" not in text
    assert "apart, in 1 of 2 rows, worse in 0" in text

    def alike(row):
        for figures in row["details"]["rules"].values():
            figures["auc_bad"] = figures["auc"]

    edit(tmp_path / "rules/log.jsonl", alike)
    assert titles(tmp_path, "which_rule") == ["Which rule is broken"]


def test_the_interval_of_an_auc_by_hand():
    """Hanley & McNeil 1982 with θ = 0.8 and 50 of each: Q1 = 2/3, Q2 = 0.7111, SE² = 0.00198."""
    row = sparrow.hanley(0.8, 50, 100)
    variance = (0.16 + 49 * (2 / 3 - 0.64) + 49 * (1.28 / 1.8 - 0.64)) / 2500
    assert row["high"] - row["acc"] == pytest.approx(1.96 * variance**0.5)
    assert variance == pytest.approx(0.00198, abs=1e-5)
    assert sparrow.hanley(1.0, 5, 10) == {"acc": 1.0, "low": 1.0, "high": 1.0}


def test_rules_are_drawn_from_the_records_where_there_is_no_run(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "RECORDS", tmp_path / "records")
    rows = [
        {"seed": s, "macro_auc": a, "macro_auc_bad": 0.8 + s / 1000, "auc_unseen": 0.6 + s / 9}
        for s, a in ((1, 0.97), (2, 0.98), (3, 0.975))
    ]
    write(tmp_path / "records/rules.jsonl", head("results"), rows)
    assert titles(tmp_path, "which_rule") == ["Who reads the rule tells better that it is broken"]
    assert "mean over the rules 0.97 (0.80)" in said(tmp_path, "which_rule")
    write(tmp_path / "records/rules.jsonl", head("results"), rows[:1])  # one seed has no interval
    assert titles(tmp_path, "which_rule") == ["Which rule is broken"]
    by_rule = [{**row, "auc person": 0.9, "auc_bad person": 0.7} for row in rows]
    write(tmp_path / "records/rules.jsonl", head("results"), by_rule)
    assert "person 0.90 (0.70)" in said(tmp_path, "which_rule")
    report_logs.probed(tmp_path)  # a run of one's own goes first
    assert "person 0.99" in said(tmp_path, "which_rule")
    committed = report.read_log(Path(report.__file__).parent.parent / "docs/records/rules.jsonl")
    assert sparrow.of_records(committed[0].rows)["reads the rule"]


def shown(out, name):
    return FIGURES[name].draw(report.read_logs(out)[0])


def test_harm_by_round_is_of_ones_own_run_else_of_the_records(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "RECORDS", tmp_path / "records")
    with pytest.raises(Missing):
        said(tmp_path, "revisions")
    judge = {"seed": 1, "kind": "judge", "side": "labelled", "count": 1, "n": 2}
    rows = [*report_logs.harm_rows(seeds=(1, 2, 3), bare=1), judge]
    write(tmp_path / "records/revisions.jsonl", head("results"), rows)
    assert "3 seeds (1, 2, 3)" in shown(tmp_path, "revisions").caption[0]
    report_logs.mended(tmp_path, bare=0.1)
    own = shown(tmp_path, "revisions")
    assert "one seed (1)" in own.caption[0] and "a control" not in own.caption[0]
    assert "after 2 revisions: 20.0 % with a critique, 2.0 % without" in own.takeaway[0]
    assert "more harm is left with a critique" in own.takeaway[0]
    assert own.title[0] == "Revised answers do less harm, on topics never told of as well"
    assert re.search("[가-힣]", own.title[1]) and "해" in own.figure[1]
    other = {"labelled": (50, 50, 50), "unlabelled": (50, 50, 50)}
    report_logs.mended(tmp_path, harm=other)
    assert shown(tmp_path, "revisions").title == ()
    path = tmp_path / "constitution/log.jsonl"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"critic": "model"', '"critic": "oracle"'), encoding="utf-8")
    assert "a control" in shown(tmp_path, "revisions").caption[0]


def test_harm_by_round_needs_answers_on_all_topics(tmp_path):
    """A control of a few requests may have none on one side: its share is null in the log."""
    report_logs.mended(tmp_path)

    def nobody(row):
        for table in row["details"]["bare"]:
            for cell in table["labelled"].values():
                cell.update(share=None, n=0)

    edit(tmp_path / "constitution/log.jsonl", nobody)
    with pytest.raises(Missing, match="on all topics"):
        said(tmp_path, "revisions")


def test_help_against_harm_is_of_a_study_else_of_ones_own_runs_else_of_the_records(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(report, "RECORDS", tmp_path / "records")
    with pytest.raises(Missing):
        said(tmp_path, "tension")
    rows = report_logs.tension_rows({"reward_mix": (0.6, 0.7)})
    write(tmp_path / "records/tension.jsonl", head("results"), rows)
    assert "both: helpful pairs 60.0 ± 2.5 %, harmless pairs 70.0" in said(tmp_path, "tension")

    kinds = {"helpful": {"labels": 0.7, "truth": 0.9, "pairs": 300}}
    kinds["harmless"] = {"labels": 0.4, "truth": 0.3, "pairs": 200}
    path = tmp_path / "mine/log.jsonl"
    last = {"step": 1, "details": {"reliability": [], "kinds": kinds}}
    write(path, head("reward", kinds="helpful", seed=4), [last])
    own = shown(tmp_path, "tension")
    assert own.takeaway[0] == "helpful comparisons: helpful pairs 90.0 %, harmless pairs 30.0 %."
    assert own.title == () and "One run each" in own.caption[0] and "mine" in own.figure[0]
    assert own.table[1:] == (
        (("helpful comparisons (mine)", "도움 비교 (mine)"), "90.0 %", "300", "30.0 %", "200"),
    )
    for cell in kinds.values():
        del cell["truth"]  # data of one's own
    write(path, head("reward", kinds=""), [last])
    own = shown(tmp_path, "tension")
    assert own.takeaway[0] == "both: helpful pairs 70.0 %, harmless pairs 40.0 %."
    assert "simulated" not in own.caption[0] and "labels" in own.caption[0]

    report_logs.of_kinds(tmp_path)
    study = shown(tmp_path, "tension")
    assert study.title[0] == "Learned alone, each kind reverses the other; both can be learned"
    assert "mine" not in study.figure[0] and len(study.table) == 4


def test_calibration_and_baselines(tmp_path):
    training(tmp_path)
    text = said(tmp_path, "reward")
    assert "overconfident by 5.0 points" in text
    assert "than counting" not in text  # 2.5 points on 900 pairs are within chance

    def other(row):
        if "details" in row:
            row["details"]["bag_of_words"] = 0.9
            for b in row["details"]["reliability"]:
                b["accuracy"] = b["confidence"] + 0.1

    edit(tmp_path / "reward/log.jsonl", other)
    text = said(tmp_path, "reward")
    assert "underconfident by 10.0 points" in text and "points fewer than counting" in text


def test_gain_by_size_and_phase_change(full):
    out, logs, shown, _, _ = full
    assert (
        "+42, +68, +84 points; the larger the model, the larger the gain"
        in (shown["sizes"][1].takeaway[0])
    )
    assert "prefix matching, steps 300 to 500 (0.15 → 0.75)" in shown["phase"][1].takeaway[0]
    assert "known tasks, PPO-ptx -8.4 ± 0.0 points; mappings" in shown["stages"][1].takeaway[0]
    middle = [
        {**r, "params": 500_000} if "tiny_l" in r["ckpt"] else r
        for run in logs["fewshot"]
        for r in run.rows
        if r.get("stage") == "pretrain"
    ]
    runs = {"fewshot": [Run("fewshot", {}, middle)], "induction": []}
    text = fewshot.sizes(runs).takeaway[0]
    assert "the larger the model" not in text or "the gain does not grow" in text


def test_the_model_is_not_the_lstm_beside_it(full):
    shown = full[2]["ginc"][1]
    assert (
        "3 tokens per example, 0 to 64 examples: the model rose from 50% to 74%; 3 tokens"
        in (shown.takeaway[0])
    )
    labels = [text.get_text() for text in shown.figure.legends[0].get_texts()]
    assert labels[:3] == ["model", "LSTM", "Bayes, reset"]
    alone = {
        "bayes": [
            Run(
                "bayes",
                {},
                [
                    {**row, "ckpt": None}
                    for row in (full[1]["bayes"][0].rows)
                    if row.get("cond") == "bayes"
                ],
            )
        ]
    }
    assert "the model" not in bayes.ginc(alone).takeaway[0]
    with pytest.raises(Missing):
        bayes.positions(alone)


def test_a_persons_own_file_is_read_by_choice(full):
    rows = [
        {**row, "task": "sst2", "group": "sst2", "rule": rule, "acc": acc}
        for run in full[1]["fewshot"]
        for row in run.rows
        if row.get("group") == "known"
        for rule, acc in (("free", 0.0), ("sum", 0.7))
    ]
    found = fewshot.cells_of({"fewshot": [Run("fewshot", {}, rows)]})
    assert {row["acc"] for row in found} == {0.7}


def test_regimes_of_the_demonstrations(full):
    text = full[2]["demos"][1].takeaway[0]
    assert "(ρ = 0): true minus" not in text  # +1.0 ± 2.0 points: no difference
    assert "reversed in 50% of documents: true minus random labels +42.0 ± 2.0 points" in text
    assert "none 50%, gold 92%, random 50%, 0% correct 8%" in text


def test_speed_counts_rows(full):
    assert (
        "faster in every turn in 2 and slower in every turn in 1"
        in (full[2]["speed"][1].takeaway[0])
    )


# --- the first figure, and the records -----------------------------------------------------------


def test_the_story_claims_what_its_intervals_exclude(tmp_path):
    """Made-up rows: PPO costs 0.1 nats and ptx gives 0.08 of it back; all seeds differ alike."""
    report_logs.studies(tmp_path)
    shown = FIGURES["story"].draw(report.read_logs(tmp_path)[0])
    assert shown.title[0] == (
        "Fine-tuning makes more answers right, PPO stops the rudeness, at the price of some "
        "language, which ptx gives back"
    )
    assert "PPO minus SFT: right answers +18 ± 0 points" in shown.takeaway[0]
    assert shown.table[1][0] == ("base", "기본 모델") and len(shown.table) == 5
    assert all(text.count("<circle") == 4 * 4 * (1 + 3) for text in shown.figure)

    def noisy(row):
        row["correct"] += 0.3 * (row["seed"] - 2) * (row["arm"] == "sft")

    edit(tmp_path / "studies/tax.jsonl", noisy)
    shown = FIGURES["story"].draw(report.read_logs(tmp_path)[0])
    assert shown.title[0] == "From the base model to an assistant"
    assert "SFT minus base: right" not in shown.takeaway[0]
    report_logs.studies(tmp_path, seeds=(1,))
    shown = FIGURES["story"].draw(report.read_logs(tmp_path)[0])
    assert shown.takeaway == words.UNCLEAR and "nan" not in "".join(shown.figure)


def test_the_example_says_which_records_are_of_an_earlier_text(monkeypatch):
    monkeypatch.setattr(example, "is_earlier", lambda path: path.stem in ("rules", "bayes", "talk"))
    for text in example.notes()[0]:
        assert text.endswith(": bayes, rules")  # no figure is of the records of talk
    monkeypatch.setattr(example, "is_earlier", lambda path: False)
    assert example.notes() == []


def test_the_committed_records_tell_the_story(tmp_path, capsys):
    report.main(report.Config(out=str(tmp_path), example=True, language="ko"))
    text = (tmp_path / "example.html").read_text(encoding="utf-8")
    for name in ("story", "exam", "tax", "broken_rules", "examples", "ginc", "demos", "speed"):
        assert (
            f'<section id="{name}">' in text and (tmp_path / f"example_figures/{name}.svg").exists()
        )
    assert 'id="ko" checked' in text and 'id="en" checked' not in text
    assert "about 4 min" in text and "python pretrain.py" in text and "nan" not in text
    assert not (tmp_path / "report.html").exists()


def test_a_picture_follows_the_page():
    """Ink and paper are the page's, ids are the picture's own, and by itself it minds the system."""
    from matplotlib.figure import Figure

    figure = Figure()
    ax = figure.subplots()
    ax.plot([1, 2], color="black")
    ax.set_title("<b>")
    text = vector.svg_of(figure, "mine")
    assert "var(--ink" in text and "#000000" not in text and "prefers-color-scheme: dark" in text
    assert 'id="mine-' in text and "<b>" not in text and "&lt;b&gt;" in text
    inside = vector.inline(text, "what it shows")
    assert 'aria-label="what it shows"' in inside and "http" not in inside


# --- lineage and answers -------------------------------------------------------------------------


def test_lineage_and_answers(full):
    lines = page.lineage(full[1])
    assert [line[0].strip("└\u00a0") for line in lines] == [
        "pretrain",
        "sft",
        "reward",
        "ppo",
        "ppo_ptx",
        "rules",
        "dpo",
    ]
    assert lines[0][2] == ("random weights", "무작위 가중치")
    assert lines[3][2] == ("sft, rewarded by reward", "sft, 보상은 reward")
    text = page.page(full[1], {}, {}, [], 0)
    for english, korean in ((r"Pretraining", "사전학습"), ("last figures", "마지막 값")):
        assert f'<span lang="en">{english}</span><span lang="ko">{korean}</span>' in text
    assert re.search(r'lang="ko">검증 손실 \d', text)
    (columns, *rows), free = page.answers(full[1])
    assert [column[0] for column in columns] == ["question", "base", "SFT", "PPO", "PPO-ptx"]
    assert columns[0][1] == "질문"
    assert rows == [["Where is the rake?", "I do not know.", "In the shed.", "It is.", "It is."]]
    assert free == ["The rake is red."]


def test_a_circle_of_parents_ends(tmp_path):
    for a, b in (("sft", "sft2"), ("sft2", "sft")):
        config = head("sft", out=f"out/{a}", init=f"out\\{b}/ckpt.pt")
        write(tmp_path / a / "log.jsonl", config, [])
    lines = page.lineage(report.read_logs(tmp_path)[0])
    assert sorted(line[0].strip("└\u00a0") for line in lines) == ["sft", "sft2"]


def test_the_stage_is_that_of_the_script():
    for argv, name, stage in (
        ([r"C:\x\sft.py"], "ppo", "sft"),
        (["/x/pretrain.py"], "g", "pretrain"),
        (["pytest"], "ppo_ptx", "ppo"),
        (["notes.py"], "notes", None),
    ):
        assert report.stage_of(Run(name, {"argv": argv}, [])) == stage


# --- a run that is not finished ------------------------------------------------------------------


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(NAMES), data=st.data())
def test_a_run_is_drawn_from_its_first_line_on(full, name, data):
    """The first rows of each log, as --watch sees it grow: a figure or a missing one."""
    logs = {}
    for kind in FIGURES[name].needs:
        runs = [run for run in full[1][kind] if data.draw(st.booleans()) or kind in report.TABLES]
        rows = [data.draw(st.integers(0, len(run.rows))) for run in runs]
        if kind in ("fewshot", "bayes", "demos", "induction", "bench"):  # written whole
            rows = [len(run.rows) * data.draw(st.booleans()) for run in runs]
        logs[kind] = [Run(run.name, run.head, run.rows[:n]) for run, n in zip(runs, rows)]
    drawn = report.draw(FIGURES[name], logs)
    assert isinstance(drawn, Missing) or all(drawn[1].takeaway) and all(drawn[1].caption)


# --- the command ---------------------------------------------------------------------------------


def test_watch_draws_what_changed_and_ends_without_reload(tmp_path, monkeypatch):
    training(tmp_path)
    written, seen, drawn = tmp_path / "report.html", [], []

    def spy(draw):
        return functools.wraps(draw)(lambda logs: drawn.append(draw.__name__) or draw(logs))

    entries = [FIGURES[name]._replace(draw=spy(FIGURES[name].draw)) for name in ("losses", "ppo")]
    monkeypatch.setattr(report, "FIGURES", entries)

    def sleep(seconds):
        seen.append(written.read_text(encoding="utf-8"))
        if len(seen) == 1:
            with open(tmp_path / "ppo/log.jsonl", "a", encoding="utf-8") as file:
                file.write('{"step": 31, "reward": 9.0, "kl_exact": 3.0}\n')
        if len(seen) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", sleep)
    report.main(report.Config(out=str(tmp_path), watch=True, every=2.0))
    assert drawn == ["losses", "ppo", "ppo"]
    assert all('content="2"' in text for text in seen)
    assert "30 iterations" in seen[0] and "31 iterations" in seen[1] and seen[1] == seen[2]
    assert "refresh" not in written.read_text(encoding="utf-8")
    assert not list(tmp_path.glob("*.tmp"))


@pytest.mark.parametrize("argv", [["--out=nowhere"], ["--every=0"], ["--evry=1"], ["--preset=x"]])
def test_bad_options_end_in_one_line(argv, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    with pytest.raises(SystemExit) as end:
        run(lambda: report.main(parse_config(report.Config, report.PRESETS, argv)))
    assert end.value.code == 2 and capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "nowhere").exists()


def test_without_matplotlib_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(BadInput, match=r"pip install -e '\.\[plots\]'"):
        report.main(report.Config(out=str(tmp_path)))


@pytest.mark.parametrize("text", ["", "3\n", '{"x": 1}\n', "[]\n{\n", '{"argv": 5}\n'])
def test_a_log_that_is_none_is_noted_and_the_page_is_there(text, tmp_path, capsys):
    path = tmp_path / "stranger" / "log.jsonl"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    report.main(report.Config(out=str(tmp_path)))
    assert "written by no stage" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_an_option_of_the_report_that_does_nothing_is_refused(tmp_path):
    typed = [f"--out={tmp_path}", "--every=3"]
    with pytest.raises(BadInput, match="--every=3.0 does nothing without --watch"):
        report.main(parse_config(report.Config, report.PRESETS, typed))
