"""The report, from small made-up logs: what it says follows the rows, whatever the rows hold."""

import base64
import io
import json
import re
import sys
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab import figures, figures_bayes, figures_icl, figures_rlhf, report, report_page
from plumbing.config import parse_config
from plumbing.errors import BadInput, run
from tests.lab.report_logs import everything, head, studies, training, write

pytest.importorskip("matplotlib")
NAMES = [entry[0] for entry in report.FIGURES]
JUDGED = ("exam", "reward", "ppo", "wins", "tax", "overoptimisation")
IN_CONTEXT = ("sizes", "stages", "phase", "ginc", "positions", "demos")


def read(out):
    return report.read_logs(report.find_logs(out))


def said(out, name):
    """The English sentence under one figure."""
    function = next(entry[1] for entry in report.FIGURES if entry[0] == name)
    return function(read(out)[0]).takeaway[0]


def edit(path, change):
    """Rewrite the rows of a log through `change(row)`."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    write(path, lines[0], [change(row) or row for row in lines[1:]])


@pytest.fixture(scope="module", autouse=True)
def coarse():
    """Small pictures, which are drawn sooner."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "DPI", 30)
        yield


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """A folder with logs of every kind, read, and its figures."""
    out = everything(tmp_path_factory.mktemp("report") / "out")
    logs, state, notes = read(out)
    shown, missing = report.draw(logs, state, {})
    return out, logs, shown, missing, notes


# --- the page ----------------------------------------------------------------------------------


def test_all_logs_give_every_figure(full):
    shown, missing, notes = full[2:]
    assert list(shown) == NAMES and not missing and not notes
    for name, (_, figure, picture) in shown.items():
        assert picture.startswith(b"\x89PNG")
        for english, korean in (figure.takeaway, figure.caption):
            assert english.strip().endswith(".") and re.search("[가-힣]", korean), name
            assert "nan" not in english and "nan" not in korean, name
        assert ("simulated" in figure.caption[0]) == (name in JUDGED)
        toy = ("toy world", "Yoo", "Wei", "Kossen")
        assert all(word in figure.caption[0] for word in toy) == (name in IN_CONTEXT)
        for ax in figure.figure.axes:
            assert ax.get_xlabel() or ax.get_ylabel() or ax.get_title("left") or not ax.axison
        assert all(
            any(getattr(ax, get)() for ax in figure.figure.axes)
            for get in ("get_xlabel", "get_yticklabels")
        )


def test_one_file_without_outside_requests(full):
    out, logs, shown, _, _ = full
    text = report_page.page(logs, shown, {}, [], 0)
    pictures = re.findall(r'src="data:image/png;base64,([^"]*)"', text)
    assert [base64.b64decode(p) for p in pictures] == [shown[name][2] for name in NAMES]
    rest = re.sub(r'src="data:[^"]*"', "", text)
    assert not re.search(r"(?i)https?:|<script|<link|@import|url\(|src=", rest)
    assert 'http-equiv="refresh"' not in text
    assert 'http-equiv="refresh" content="5"' in report_page.page(logs, shown, {}, [], 5.0)
    for name in NAMES:
        assert f'href="#{name}"' in text and f'id="{name}"' in text


def test_an_empty_folder_lists_every_command(tmp_path, capsys):
    report.main(report.Config(out=str(tmp_path)))
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<img" not in text and not list((tmp_path / "figures").iterdir())
    out = tmp_path.as_posix()
    for line in (
        f"python pretrain.py --out={out}/pretrain",
        f"--init={out}/sft/ckpt.pt",
        f"python -m lab.studies tax --out={out}/studies",
        "--preset=sizes",
        "--preset=stages",
        "--probe=bayes",
        "--probe=demos",
        "--probe=induction --watch",
        "bench.py",
        "dpo.py",
    ):
        assert line in text, line
    assert "0 figures" in capsys.readouterr().out
    assert report.command("ppo", "out") == "python ppo.py"


def test_a_figure_whose_logs_are_gone_is_removed(tmp_path):
    out = tmp_path
    write(out / "sft/log.jsonl", head("sft"), [{"step": i, "loss": 1.0} for i in range(3)])
    report.main(report.Config(out=str(out)))
    assert (out / "figures/losses.png").exists()
    (out / "sft/log.jsonl").unlink()
    report.main(report.Config(out=str(out)))
    assert not list((out / "figures").glob("*.png"))


def test_what_a_log_holds_is_text_not_html(tmp_path):
    evil, name = "<script>alert('x')</script>", "run $x^$ & <b>"
    rows = [{"step": i, "reward": i, "kl_exact": i, "judge": 1.0, "length": 3} for i in range(9)]
    rows.append({"step": 9, "samples": [{"question": evil, evil: evil}]})
    write(tmp_path / name / "log.jsonl", head("ppo", init=evil, data=evil), rows)
    write(
        tmp_path / "sft/log.jsonl",
        {"config": {}, "argv": ["sft.py"]},
        [{"step": 1, "results": {evil: {evil: {"correct": 0.5, "n": 9}}}}],
    )
    report.main(report.Config(out=str(tmp_path)))
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script" not in text and "<b>" not in text and "&lt;script&gt;alert" in text
    assert "run $x^$ &amp; &lt;b&gt;" in text


def test_broken_lines_are_skipped_and_noted(tmp_path):
    training(tmp_path)
    path = tmp_path / "sft/log.jsonl"
    good = path.read_bytes()
    path.write_bytes(good + b'[1, 2]\n{"step": 60, "val_lo\n\xff\xfe\n' + b"[" * 10**5 + b"\n{}\n")
    logs, _, notes = read(tmp_path)
    lines = good.count(b"\n")
    assert len(notes) == 1 and notes[0].endswith(
        "4 skipped, no JSON object: line " + ", ".join(str(lines + i) for i in (1, 2, 3, 4))
    )
    assert logs["sft"][0].rows[-1] == {}
    (tmp_path / "other").mkdir()
    (tmp_path / "other/log.jsonl").write_text("{}\n", encoding="utf-8")
    (tmp_path / "bench.jsonl").mkdir()
    notes = read(tmp_path)[2]
    assert len(notes) == 3 and any("other/log.jsonl" in note for note in notes)


# --- what the sentences say ----------------------------------------------------------------------


def test_words_follow_the_numbers():
    assert figures.moved(4.651, 0.46) == ("fell from 4.65 to 0.46", "낮아졌습니다(4.65 → 0.46)")
    assert figures.moved(0.46, 4.651)[0] == "rose from 0.46 to 4.65"
    assert figures.moved(0.461, 0.462)[0] == "stayed at 0.46"
    assert figures.gap(0.5, 0.1) == ("+0.50 ± 0.10", "+0.50 ± 0.10")
    assert figures.gap(-0.05, 0.1, unit=figures.POINTS) == (
        "-0.05 ± 0.10 points, no clear difference",
        "-0.05 ± 0.10%p, 뚜렷한 차이 없음",
    )
    assert "no interval" in figures.gap(0.5, float("nan"))[0]


def test_what_counts_as_a_number():
    assert all(map(figures.number, (0, -1, 0.5, 1e9)))
    assert not any(
        map(figures.number, (None, True, "1", [1], float("nan"), float("inf"), 1e300, 10**400))
    )


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
    mean, half = figures_rlhf.paired(rows, "x", "ppo", "sft")
    assert mean == 1.5  # of 1 and 2; seed 3 has no PPO
    assert half == pytest.approx(12.706 * 0.5)  # t of one degree of freedom, standard error 1/2


def test_smooth_by_hand():
    np.testing.assert_allclose(figures.smooth([0, 3, 6, 0]), [1.5, 3, 3, 3])


def test_the_tax_is_what_the_rows_say(tmp_path):
    studies(tmp_path)
    assert "PPO minus SFT on pretraining text: +0.100 ± 0.000" in said(tmp_path, "tax")
    assert "PPO-ptx minus PPO: -0.080" in said(tmp_path, "tax")
    assert "PPO 68%, above half in every run" in said(tmp_path, "wins")

    def worse(row):
        row.update(lm_loss=-row["lm_loss"], win=row["win"] / 3, win_high=0.3, win_low=0.1)

    edit(tmp_path / "studies/tax.jsonl", worse)
    assert "PPO minus SFT on pretraining text: -0.100" in said(tmp_path, "tax")
    assert "PPO 23%, below half in every run" in said(tmp_path, "wins")


def test_a_korean_sentence_is_korean_throughout():
    free, korean = figures.FREE
    assert figures.joined([(f"{free} 40%", f"{free} 40%")]) == (f"{free} 40%.", f"{korean} 40%.")


def test_overoptimisation_is_seen_only_where_it_is(tmp_path):
    studies(tmp_path)
    clauses = dict(
        zip(("ppo", "ppo_free", "few", "few_free"), said(tmp_path, "overoptimisation").split("; "))
    )
    assert clauses["few_free"].rstrip(".").endswith("they part")
    assert clauses["ppo"].endswith("the judge still gains")
    edit(tmp_path / "studies/overoptimisation.jsonl", lambda row: row.update(judge=row["proxy"]))
    assert "part" not in said(tmp_path, "overoptimisation")


def test_calibration_and_baselines(tmp_path):
    training(tmp_path)
    text = said(tmp_path, "reward")
    assert "overconfident by 5.0 points" in text and "2.5 points more than counting" in text

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
    runs = {"fewshot": [figures.Run("fewshot", {}, middle)], "induction": []}
    assert "the gain does not grow" in figures_icl.sizes(runs).takeaway[0]


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
            figures.Run(
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
    assert "the model" not in figures_bayes.ginc(alone).takeaway[0]
    with pytest.raises(figures.Missing):
        figures_bayes.positions(alone)


def test_a_persons_own_file_is_read_by_choice(full):
    rows = [
        {**row, "task": "sst2", "group": "sst2", "rule": rule, "acc": acc}
        for run in full[1]["fewshot"]
        for row in run.rows
        if row.get("group") == "known"
        for rule, acc in (("free", 0.0), ("sum", 0.7))
    ]
    found = figures_icl.models_of({"fewshot": [figures.Run("fewshot", {}, rows)]})
    assert {row["acc"] for rows in found.values() for row in rows} == {0.7}


def test_regimes_of_the_demonstrations(full):
    text = full[2]["demos"][1].takeaway[0]
    assert "keep their meaning (ρ = 0): true minus random labels +1.0 ± 2.0 points, no" in text
    assert "reversed in 50% of documents: true minus random labels +42.0 ± 2.0 points" in text
    assert "none 50%, gold 92%, random 50%, 0% correct 8%" in text


def test_speed_counts_rows(full):
    assert (
        "faster in every turn in 2 and slower in every turn in 1"
        in (full[2]["speed"][1].takeaway[0])
    )


# --- lineage and answers -------------------------------------------------------------------------


def test_lineage_and_answers(full):
    lines = report_page.lineage(full[1])
    assert [line[0].strip("└\u00a0") for line in lines] == [
        "pretrain",
        "sft",
        "reward",
        "ppo",
        "ppo_ptx",
        "dpo",
    ]
    assert lines[0][2] == "random weights" and lines[3][2] == "sft, rewarded by reward"
    columns, rows, free = report_page.answers(full[1])
    assert columns == ["question", "base", "SFT", "PPO", "PPO-ptx"]
    assert rows == [("Where is the rake?", "I do not know.", "In the shed.", "It is.", "It is.")]
    assert free == ["The rake is red."]


def test_a_circle_of_parents_ends(tmp_path):
    for a, b in (("sft", "sft2"), ("sft2", "sft")):
        config = head("sft", out=f"out/{a}", init=f"out\\{b}/ckpt.pt")
        write(tmp_path / a / "log.jsonl", config, [])
    lines = report_page.lineage(read(tmp_path)[0])
    assert sorted(line[0].strip("└\u00a0") for line in lines) == ["sft", "sft2"]


def test_the_stage_is_that_of_the_script():
    for argv, name, stage in (
        ([r"C:\x\sft.py"], "ppo", "sft"),
        (["/x/pretrain.py"], "g", "pretrain"),
        (["pytest"], "ppo_ptx", "ppo"),
        (None, "notes", None),
    ):
        assert report.stage_of(figures.Run(name, {"argv": argv}, [])) == stage


# --- whatever the rows hold ----------------------------------------------------------------------

JUNK = st.sampled_from(
    [
        None,
        True,
        "text",
        "$x^$",
        "\x00",
        [],
        [1],
        {},
        {"a": 1},
        float("nan"),
        float("inf"),
        -1,
        0,
        1e300,
        10**400,
        -0.5,
        "gone",
    ]
)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(NAMES), data=st.data())
def test_no_row_is_fatal(full, name, data):
    """Fields of some rows replaced or taken away: a figure or a missing one, never a traceback."""
    _, function, kinds, *_ = next(entry for entry in report.FIGURES if entry[0] == name)
    logs = {
        kind: [
            figures.Run(run.name, run.head, json.loads(json.dumps(run.rows)))
            for run in full[1][kind]
        ]
        for kind in full[1]
    }
    rows = [row for kind in kinds for run in logs[kind] for row in run.rows]
    field = data.draw(st.sampled_from(sorted({key for row in rows for key in row})))
    value, share = data.draw(JUNK), data.draw(st.sampled_from([1, 2, 7]))
    for row in rows[data.draw(st.integers(0, share - 1)) :: share]:
        row.pop(field, None)
        if value != "gone":
            row[field] = value
    try:
        shown = function(logs)
    except figures.Missing:
        return
    shown.figure.set_layout_engine("none")  # half of the time
    shown.figure.savefig(io.BytesIO(), dpi=20)
    assert all(shown.takeaway) and all(shown.caption)


# --- the command ---------------------------------------------------------------------------------


def test_watch_draws_what_changed_and_ends_without_reload(tmp_path, monkeypatch):
    training(tmp_path)
    page, seen, drawn = tmp_path / "report.html", [], []
    entries = [
        (name, lambda logs, f=f, name=name: drawn.append(name) or f(logs), *rest)
        for name, f, *rest in report.FIGURES
        if name in ("losses", "ppo")
    ]
    monkeypatch.setattr(report, "FIGURES", entries)

    def sleep(seconds):
        seen.append(page.read_text(encoding="utf-8"))
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
    assert "refresh" not in page.read_text(encoding="utf-8")
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
