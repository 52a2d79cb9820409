"""Five folds: each question is held out once, and shares are pooled as by hand."""

import json

import numpy as np
import pytest

from lab import folds, tables_pareto
from plumbing.config import parse_config
from plumbing.errors import BadInput


def pair(question, chosen, rejected):
    asked = [{"role": "user", "content": question}]
    return {"messages": asked, "responses": [chosen, rejected], "ranking": [[0], [1]]}


ROWS = [pair(f"Q{i // 2}?", "so it is", "no it is not so") for i in range(40)]


def test_each_question_is_held_out_once():
    of = folds.parts(ROWS, 5, 1)
    assert sorted(np.bincount(of)) == [8] * 5
    assert all(of[i] == of[i + 1] for i in range(0, 40, 2))  # two comparisons of one question
    assert (of == folds.parts(ROWS, 5, 1)).all() and (of != folds.parts(ROWS, 5, 2)).any()


def test_shares_are_pooled_by_pairs():
    rows = [{"network": 1.0, "pairs": 1}, {"network": 0.5, "pairs": 3}]
    share, error = folds.pooled(rows, "network")
    assert share == 0.625 and error == pytest.approx((0.625 * 0.375 / 4) ** 0.5)


def test_a_fold_by_hand(monkeypatch, tmp_path, capsys):
    """Nothing of the held-out questions is learned from; the shorter answer is always the chosen."""
    seen = []

    def score(model, records, *args):
        seen.append(("held", {r["messages"][0]["content"] for r in records}))
        return [np.array([0.0, 1.0])] * len(records)  # the wrong way round

    def learn(ground, model, records, rate, stage):
        seen.append(("learned", {r["messages"][0]["content"] for r in records}))

    class Model:
        config = None

        def to(self, device):
            return self

    monkeypatch.setattr(folds, "supply", lambda *args: {})
    monkeypatch.setattr(folds, "load_model", lambda *args, **kw: (Model(), None))
    monkeypatch.setattr(folds, "fit_len", lambda *args: None)
    monkeypatch.setattr(folds, "fit", learn)
    monkeypatch.setattr(folds, "score_records", score)
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    cfg = folds.Config(data=str(path), out=str(tmp_path), device="cpu", dtype="float32")
    rows = folds.main(cfg)
    for (_, learned), (_, held) in zip(seen[::2], seen[1::2]):
        assert not learned & held and len(learned) == 16 and len(held) == 4
    assert [row["pairs"] for row in rows] == [8] * 5 and rows[0]["trained"] == 32
    assert {(r["network"], r["shorter"], r["bag_of_words"]) for r in rows} == {(0.0, 1.0, 1.0)}
    assert folds.main(cfg) == rows and len(seen) == 10  # measured folds are kept
    assert "0.0% ± 0.0%" in capsys.readouterr().out


@pytest.mark.parametrize(
    "changes, words", [(dict(folds=1), "--folds=1"), (dict(data=""), "--data=FILE")]
)
def test_options_that_make_no_study(changes, words):
    with pytest.raises(BadInput, match=words):
        folds.main(folds.Config(**{"data": "a.jsonl", **changes}))


def test_more_folds_than_questions_and_a_model_that_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setattr(folds, "measure", lambda *args: pytest.fail("measured"))
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS[:6]), encoding="utf-8")
    cfg = folds.Config(data=str(path), out=str(tmp_path), device="cpu")
    with pytest.raises(BadInput, match="--folds=5: .* asks 3 different questions"):
        folds.main(cfg)
    argv = [f"--data={path}", f"--out={tmp_path}", "--init=gone/ckpt.pt"]
    with pytest.raises(BadInput, match="gone/ckpt.pt: no such file"):
        folds.main(parse_config(folds.Config, folds.PRESETS, argv))


def test_the_table_pools_the_folds():
    """6 of 10 pairs and 18 of 20: 80 %, standard error √(.8 · .2 / 30) = 7.3 points."""
    shares = {"bag_of_words": 0.5, "shorter": 0.5, "machine": "here"}
    rows = [{"network": 0.6, "pairs": 10, "n": 10}, {"network": 0.9, "pairs": 20, "n": 20}]
    text = tables_pareto.folds({"folds": [{**row, **shares} for row in rows]}, "en")
    assert "tuned on the others | 80.0 ± 7.3 |" in text and "30 pairs, each held out once" in text
