"""bench.py: the ratio by hand, turns that alternate, and the records that the report reads."""

import json

import numpy as np
import pytest
import torch

import pretrain
from lab import bench
from lab.peers import PlainGPT
from plumbing.errors import BadInput
from plumbing.machine import Machine

CPU = Machine("cpu", torch.float32)


def test_a_row_is_the_median_of_the_turns(capsys):
    """Ours takes 1, 2 and 4 seconds, the peer 3, 3 and 2: ratios 3, 1.5 and 0.5."""
    found = bench.row("shape", [1.0, 2.0, 4.0], [3.0, 3.0, 2.0], "tokens/s", 12)
    assert found == {
        "name": "shape",
        "ours": 6.0,
        "peer": 4.0,
        "unit": "tokens/s",
        "ratio": 1.5,
        "low": 0.5,
        "high": 3.0,
        "noisy": True,
        "turns": 3,
        "of_matmul": None,
    }
    assert "1.50x (0.50-3.00)   noisy" in capsys.readouterr().out
    bench.row("shape", [1.0, 1.0], [2.0, 2.4], "tokens/s", 12)
    assert "noisy" not in capsys.readouterr().out


def test_a_share_of_the_matmul_rate_is_never_over_one(monkeypatch, capsys):
    """Two measurements at least, and more while matmuls seem slower than what they are to bound."""
    asked = []

    def slow_at_first(machine, n):
        asked.append(n)
        return 50.0 if len(asked) <= 4 else 100.0

    monkeypatch.setattr(bench, "gemm_rate", slow_at_first)
    assert bench.of_matmul(40.0, CPU) == 0.8 and asked == [512, 1024] * 2
    asked.clear()
    assert bench.of_matmul(80.0, CPU) == 0.8 and asked == [512, 1024] * 3
    assert bench.of_matmul(400.0, CPU) is None and len(asked) == 6 + 2 * bench.TRIES
    found = bench.row("shape", [1.0], [2.0], "GFLOP/s", 1, 75.0, CPU)
    assert found["of_matmul"] == 0.75 and " 75% of matmul" in capsys.readouterr().out
    assert bench.row("shape", [0.1], [2.0], "GFLOP/s", 1, 75.0, CPU)["of_matmul"] is None
    assert "of matmul" not in capsys.readouterr().out


def test_ours_and_the_peer_take_turns_and_the_first_is_not_counted():
    calls = []
    times = bench.take_turns(lambda: calls.append("a"), lambda: calls.append("b"), CPU, 2, 2)
    assert calls == ["a", "a", "b", "b"] * 3 and [len(t) for t in times] == [2, 2]


def test_the_plain_loop_predicts_the_next_token_only():
    """Its loss at a position is blind to what comes later, and starts at log V."""
    torch.manual_seed(0)
    plain, x = PlainGPT(50, 8, 2, 2, 16), torch.randint(50, (3, 8))
    assert plain(x, x.roll(1)).item() == pytest.approx(torch.tensor(50.0).log().item(), abs=0.1)
    ignore = torch.full_like(x, -100)
    ignore[:, :4] = x[:, 1:5]
    other = x.clone()
    other[:, 5:] = (other[:, 5:] + 1) % 50
    assert torch.equal(plain(x, ignore), plain(other, ignore))


def test_our_iteration_of_ppo_needs_no_text():
    """The stand-in for a tokenizer has all that ppo.py asks of one."""
    prompts = torch.randint(1, 1024, (128, 16)).tolist()
    bench.our_iteration(prompts, CPU)()


def test_training_stops_at_the_loss_that_was_asked_for():
    losses = iter([3.0, 2.0, 1.0])
    rows = torch.zeros(1, 5)
    took, steps, loss = bench.reach(lambda step: None, lambda x, y: next(losses), rows, CPU)
    assert (steps, loss) == (75, 1.0) and took > 0
    _, steps, _ = bench.reach(lambda step: None, lambda x, y: 3.0, rows, CPU, most=50)
    assert steps == 50


def test_records_for_the_report(tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "SHAPES", [(1, 1, 16, 16), (1, 2, 8, 16)])
    rows = bench.main(
        ["attention", f"--out={tmp_path}", "--repeats=1", "--device=cpu", "--dtype=bfloat16"]
    )
    head, *written = map(json.loads, (tmp_path / "bench.jsonl").read_text("utf-8").splitlines())
    assert written == rows and head["config"]["repeats"] == 1
    assert (
        head["cores"] >= 1 and head["instructions"]
    )  # what the machine has, not what it is called
    assert [r["name"] for r in rows] == [
        f"{shape} {dtype}" for dtype in ("float32", "bfloat16") for shape in bench.SHAPES
    ]
    for r in rows:
        assert r["table"] == "attention" and r["low"] <= r["ratio"] <= r["high"]
        assert r["ours"] > 0 and r["peer"] > 0


def test_an_unknown_table_is_named():
    with pytest.raises(BadInput, match="speed: no such table"):
        bench.main(["speed"])


def test_a_peer_that_is_not_installed_costs_only_its_own_table(tmp_path, monkeypatch, capsys):
    def absent(cfg, machine):
        raise BadInput("pip install peer")

    present = {"name": "x", "ratio": 2.0}
    monkeypatch.setattr(bench, "BENCHES", {"a": absent, "b": lambda cfg, machine: [present]})
    assert bench.main([f"--out={tmp_path}", "--device=cpu"]) == [{"table": "b", **present}]
    assert "a: pip install peer" in capsys.readouterr().out
    with pytest.raises(BadInput, match="pip install peer"):
        bench.main(["a", f"--out={tmp_path}", "--device=cpu"])


def test_our_recipe_learns_as_pretrain_does():
    """The steps that are timed are those of `pretrain.py --preset=shakespeare_char`."""
    machine = Machine("cpu", torch.float32)
    recipe = pretrain.Config(**pretrain.PRESETS["shakespeare_char"])
    text = np.tile(np.arange(64, dtype=np.int32), 60)
    step_of, loss_of = bench.our_recipe(recipe, text, 64, machine)
    x, y = (torch.from_numpy(text[i : i + 64].astype(np.int64))[None] for i in (0, 1))
    first = loss_of(x, y).item()
    for step in range(20):
        step_of(step)
    assert loss_of(x, y).item() < first / 2


@pytest.mark.parametrize(
    "argv, words",
    [
        (["--repeats=0"], "--repeats=0: expected a number above 0"),
        (["--data=gone.txt"], "--data=gone.txt: no such file"),
        (["attention", "--data=book.txt"], "--data=book.txt does nothing without the table `time`"),
        (["--out=/dev/null/x"], "nothing can be written"),
    ],
)
def test_slips_are_refused_before_anything_is_timed(argv, words, monkeypatch):
    for name in bench.BENCHES:
        monkeypatch.setitem(bench.BENCHES, name, lambda *args: pytest.fail("timed"))
    with pytest.raises(BadInput, match=words):
        bench.main(argv)
