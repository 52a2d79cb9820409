"""The study of scale: the dial, the envelope, the fit, and that it goes on where it stopped."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from lab import scaling
from lab.figures.rows import Missing, Run
from lab.figures.scaling import scaling as scaling_figure
from lab.harvest import scaled
from lab.scaling import Config, main, shape_of
from lab.scaling_law import compute_of, envelope, fit, fitted, law, spread
from lab.tables_scaling import scaling as scaling_table
from lab.words_pictures import korean
from model import GPT, GPTConfig
from plumbing.errors import BadInput

TRUE = (1.0, np.log(2e4), 0.4)  # E, log a, b


def made_up(noise=0.0):
    """Rows of a law with E = 1 and b = 0.4: each depth is best in its own reach of compute."""
    rng = np.random.default_rng(0)
    rows = []
    for depth in (1, 2, 3, 4):
        for asked in (500_000, 1_000_000, 2_000_000, 4_000_000):
            flops = 6 * asked * 8e4 * depth**2
            off = 0.02 * abs(np.log2(asked / 1e6) - depth + 1.5)
            loss = law(flops, TRUE) + off + noise * rng.normal()
            rows.append(
                {
                    "seed": 1,
                    "depth": depth,
                    "larger": False,
                    "asked": asked,
                    "tokens": asked,
                    "parameters": 80_000 * depth**2,
                    "flops": flops,
                    "val_loss": loss,
                    "few_shot": 0.2 * depth,
                    "n": 14,
                }
            )
    return rows


def test_the_dial_by_hand():
    assert shape_of(4) == {"n_layer": 4, "n_head": 4, "n_embd": 128, "lr": 0.02}
    assert shape_of(1) == {"n_layer": 1, "n_head": 1, "n_embd": 32, "lr": 0.04}


def test_compute_is_counted_as_the_model_counts_it():
    def model(depth):
        shape = shape_of(depth)
        shape.pop("lr")
        return GPT(GPTConfig(vocab_size=2048, **shape))

    row = {"depth": 2, "parameters": sum(p.numel() for p in model(2).parameters())}
    expected = 1000 * model(5).flops_per_token(scaling.BLOCK)
    assert compute_of(5, 1000, [row]) == pytest.approx(expected, rel=0.01)


def test_the_envelope_by_hand():
    rows = [{"flops": c, "val_loss": loss} for c, loss in ((3, 2.0), (1, 3.0), (2, 3.5), (4, 2.5))]
    assert [row["flops"] for row in envelope(rows)] == [1, 3]


def test_the_fit_finds_the_law_again():
    flops = np.geomspace(1e11, 1e14, 12)
    floor, height, slope = fit(flops, law(flops, TRUE))
    assert floor == pytest.approx(1.0, abs=0.02) and slope == pytest.approx(0.4, abs=0.02)
    rng = np.random.default_rng(1)
    noisy = law(flops, TRUE) + 0.01 * rng.normal(size=12)
    found = spread(flops, noisy, 1e15)
    for name, true in (("E", 1.0), ("b", 0.4), ("predicted", law(1e15, TRUE))):
        value, low, high = found[name]
        assert low <= true <= high and low < value < high, name


def test_a_study_goes_on_where_it_stopped(tmp_path, monkeypatch, capsys):
    rows = made_up(noise=0.003)
    done = []

    def measure(cfg, depth, tokens, machine):
        if len(done) == 3 and not (tmp_path / "again").exists():
            raise KeyboardInterrupt
        done.append((depth, tokens))
        wanted = {"depth": depth, "asked": tokens}
        known = next((row for row in rows if wanted.items() <= row.items()), None)
        return known or {**rows[-1], **wanted, "flops": 1e14, "val_loss": 1.05}

    monkeypatch.setattr(scaling, "measure", measure)
    cfg = Config(out=str(tmp_path), depth="1,2,3,4", millions="0.5,1,2,4", predict=5, device="cpu")
    with pytest.raises(KeyboardInterrupt):
        main(cfg)
    (tmp_path / "again").touch()
    found = main(cfg)
    assert len(done) == len(set(done)) == len(found) == 16
    said = capsys.readouterr().out
    assert "a·C^(−0.4" in said or "a·C^(−0.3" in said
    assert "depth 5, it predicts" in said and "reaches" not in said
    picture = (tmp_path / "scaling.svg").read_text(encoding="utf-8")
    assert picture.count("<polyline") > 4 and "few-shot lists right" in picture
    cfg.reach = True
    main(cfg)
    assert done[-1] == (5, 4_000_000) and "That model reaches 1.050" in capsys.readouterr().out


def larger(off):
    """The row of the larger model, so far off the true law."""
    flops = 6 * 4e6 * 8e4 * 25
    loss = float(law(flops, TRUE)) + off
    about = {"depth": 5, "larger": True, "flops": flops, "val_loss": loss, "few_shot": 0.9}
    return {**made_up()[-1], **about, "parameters": 2_000_000}


@pytest.mark.parametrize("off, kept", [(0.02, True), (0.3, False), (-0.3, False)])
def test_a_larger_model_within_the_interval_or_not(off, kept):
    rows = made_up(noise=0.003)
    told = fitted(rows, 5, 4_000_000, larger(off))
    assert told.kept() is kept and told.curve()[-1][0] == pytest.approx(told.at)
    reached = told.sentences()[2]
    assert ("within the interval" in reached) is kept and ("구간 안" in korean(reached)) is kept
    shown = scaling_figure({"scaling": [Run("scaling", {}, [*rows, larger(off)])]})
    assert shown.title[0].startswith("Loss falls as a power") is True
    assert ("but" in shown.title[0]) is not kept and ("그러나" in shown.title[1]) is not kept


def test_a_larger_model_that_is_not_trained_is_not_spoken_of():
    told = fitted(made_up(), 5, 4_000_000)
    assert told.kept() is None and len(told.sentences()) == 2
    shown = scaling_figure({"scaling": [Run("scaling", {}, made_up())]})
    assert shown.title[0] == "Loss falls as a power of compute"
    for few in ([], made_up()[:3]):
        with pytest.raises(Missing):
            scaling_figure({"scaling": [Run("scaling", {}, few)]})


def test_the_table_of_the_records_by_hand():
    machine = {"machine": "2 cores; 1 thread"}
    rows = [{**row, **machine} for row in [*made_up(), larger(0.0)]]
    for language in ("en", "ko"):
        lines = scaling_table({"scaling": rows}, language).splitlines()
        first = next(row for row in rows if row["asked"] == 500_000)
        assert lines[-5].startswith(f"| 1 | 80,000 | {first['val_loss']:.3f} |")
        assert lines[-5].endswith("| 20 % |") and lines[-1].count("| |") >= 2
        assert lines[-1].endswith(f"| {larger(0.0)['val_loss']:.3f} | 90 % |")


def test_records_are_made_once_the_larger_model_is_there(tmp_path):
    folder = tmp_path / "scaling"
    run = folder / "depth5_4000k"
    run.mkdir(parents=True)
    head = {"device": "cpu", "dtype": "float32", "torch": "2.0", "threads": 1}
    (run / "log.jsonl").write_text(json.dumps(head))
    cfg = SimpleNamespace(out=tmp_path)
    for rows, whole in ((made_up(), False), ([*made_up(), larger(0.0)], True)):
        lines = [{"config": {}}, *rows]
        (folder / "scaling.jsonl").write_text("\n".join(map(json.dumps, lines)))
        if whole:
            assert len(scaled(cfg)) == 17 and "float32" in scaled(cfg)[0]["machine"]
            continue
        with pytest.raises(FileNotFoundError):
            scaled(cfg)


@pytest.mark.parametrize(
    "options, words",
    [
        (dict(millions="a"), "millions"),
        (dict(millions="-1,2"), "millions"),
        (dict(depth="0,1"), "predict"),
        (dict(predict=3), "predict"),
    ],
)
def test_bad_options_end_in_one_line(options, words, tmp_path):
    with pytest.raises(BadInput, match=words):
        main(Config(out=str(tmp_path / "x"), device="cpu", **options))
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("millions", ["1.0001,1.0002", "0.0001,1"])
def test_two_texts_in_one_folder_are_refused(millions, tmp_path, monkeypatch):
    """A run's folder is named by its thousands of tokens: the second would be the first again."""
    monkeypatch.setattr(scaling, "run_stage", lambda *command: pytest.fail("trained"))
    with pytest.raises(BadInput, match="0.001 or more apart"):
        main(Config(out=str(tmp_path), millions=millions))
