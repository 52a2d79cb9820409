"""Reward models that differ in one thing: what each adds by hand, and the study at a small size."""

import importlib
from functools import partial

import pytest
import torch

import reward as stage
from data.world import World
from lab import reward, studies, tables
from lab.reward import VARIANTS, Config, Weighed, fit, own_words, prepare, worst_word
from likelihood import answer_scores, token_logprobs
from plumbing.checkpoint import load_checkpoint
from plumbing.config import parse_config
from plumbing.errors import BadInput
from plumbing.machine import setup
from tests.tiny import V, tiny

# --- what stands beside the scalar ---------------------------------------------------------------


def batch(lengths=(9, 6)):
    """Two rows whose answers are the last 4 and 2 of their tokens; the second is padded."""
    torch.manual_seed(0)
    tokens = torch.randint(V, (2, max(lengths)))
    mask = torch.zeros(2, max(lengths) - 1)
    for row, (length, size) in enumerate(zip(lengths, (4, 2))):
        mask[row, length - 1 - size : length - 1] = 1
    return tokens, torch.tensor(lengths) - 1, mask


def weighed(weight):
    torch.manual_seed(1)
    parent = tiny()
    saved = {"model": parent.state_dict(), "model_config": vars(parent.config)}
    model = Weighed.from_checkpoint(saved, head="scalar").eval()
    with torch.no_grad():
        model.alpha.fill_(weight)
    return model


def test_the_own_words_are_the_mean_log_p_of_the_answer():
    model = weighed(0.07)
    model.feature = partial(own_words, model)
    tokens, last, mask = batch()
    logp = (token_logprobs(tiny_words(model), tokens) * mask).sum(1) / mask.sum(1)
    torch.testing.assert_close(answer_scores(model, tokens, last, mask), 0.7 * logp)
    answer_scores(model, tokens, last, mask).sum().backward()
    assert model.alpha.grad != 0 and model.wte.weight.grad.norm() > 0


def tiny_words(model):
    """The same trunk with its word head."""
    words = tiny()
    words.load_state_dict({k: v for k, v in model.state_dict().items() if k in words.state_dict()})
    return words


def test_the_worst_word_by_hand():
    """The greatest fall below the likeliest token, answer tokens alone, in a network that rests."""
    model, sft = weighed(0.1), tiny()
    model.feature = partial(worst_word, sft)
    tokens, last, mask = batch()
    found = answer_scores(model, tokens, last, mask)
    for row in range(2):
        logp = sft(tokens[row : row + 1])[0].log_softmax(-1)
        places = mask[row].nonzero().flatten().tolist()
        falls = [(logp[t, tokens[row, t + 1]] - logp[t].max()).item() for t in places]
        assert found[row].item() == pytest.approx(min(falls), abs=1e-5) and min(falls) < 0
    found.sum().backward()
    assert all(p.grad is None for p in sft.parameters()) and model.alpha.grad < 0


def test_an_answer_of_likeliest_words_is_no_surprise():
    sft = tiny()
    ids = torch.tensor([[1, 2, 3]])
    for _ in range(3):
        ids = torch.cat([ids, sft(ids)[:, -1:].argmax(-1)], 1)
    targets = torch.full_like(ids, -1)
    targets[0, 2:5] = ids[0, 3:]
    assert worst_word(sft, None, ids, targets).item() == 0
    targets[0, 4] = (targets[0, 4] + 1) % V
    assert worst_word(sft, None, ids, targets).item() < 0


def test_a_weight_of_zero_is_the_scalar_alone():
    model = weighed(0.0)
    model.feature = partial(own_words, model)
    assert not answer_scores(model, *batch()).any()  # a fresh scalar says 0


# --- options -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words, message",
    [
        (["--split=train"], "expected dev or test"),
        (["--rates=0.002"], "--split=dev"),
        (["--split=dev", "--rates=fast"], "--rates=fast: expected numbers"),
        (["--split=dev", "--rates=0.002,0"], "expected numbers"),
        (["--split=dev", "--rates=nan"], "expected numbers"),
        (["--seeds=0"], "expected a number above 0"),
        (["--n_eval=0"], "expected a number above 0"),
    ],
)
def test_options_that_make_no_sense(words, message, tmp_path):
    with pytest.raises(BadInput, match=message):
        reward.main(parse_config(Config, reward.PRESETS, [*words, f"--out={tmp_path}"]))
    assert not list(tmp_path.iterdir())


def test_rates_are_rows_of_the_default_and_of_the_scalar():
    cfg = Config(split="dev", rates="0.001,0.02")
    assert list(reward.variants(cfg)) == [
        "words, Muon 0.001",
        "scalar, Muon 0.001",
        "words, Muon 0.02",
        "scalar, Muon 0.02",
    ]
    assert reward.variants(Config(split="dev")) is VARIANTS


# --- the study ---------------------------------------------------------------------------------


def start(words):
    """A stage in this process: the same, and no time is lost with starting Python."""
    script, *options = words
    module = importlib.import_module(script.removesuffix(".py"))
    module.train(parse_config(module.Config, module.PRESETS, options))
    return 1.0


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The study at its smallest: the folder, the options, the rows."""
    out = tmp_path_factory.mktemp("variants")
    argv = ["--preset=smoke", f"--out={out.as_posix()}", "--device=cpu", "--dtype=float32"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(studies, "start", start)
        rows = reward.main(parse_config(Config, reward.PRESETS, argv))
    return out, argv, rows


def test_every_variant_is_measured(small):
    out, _, rows = small
    assert [row["arm"] for row in rows] == list(VARIANTS) == list(tables.VARIANTS)
    assert studies.read(out / "reward_variants.jsonl") == rows
    for row in rows:
        assert 0 <= row["same_worded"] <= 1 and 0 <= row["judge"] <= 1
        assert row["n"] == 26 and row["judged"] > 26
    assert len({row["judged"] for row in rows}) == 1  # all are asked the same


def ground_of(argv, *more):
    cfg = parse_config(Config, reward.PRESETS, [*argv, *more])
    return prepare(cfg, 1, setup(cfg))


@pytest.mark.parametrize(
    "run, head, rate", [("reward", "reward", 0.002), ("reward_scalar", "scalar", 0.007)]
)
def test_what_is_trained_here_is_what_reward_py_trains(small, run, head, rate):
    out, argv, _ = small
    ground = ground_of(argv)
    model = fit(ground, ground.start("sft", head=head), ground.rankings, rate)
    last = load_checkpoint(out / "seed1" / run / "last.pt")["model"]  # before the scale is set
    for name, weight in model.state_dict().items():
        torch.testing.assert_close(weight, last[name])
    fresh = ground.start("sft").state_dict()
    assert not torch.equal(fresh["wte.weight"], last["wte.weight"])


def test_the_test_is_what_reward_py_reports(small):
    """Its last evaluation before the scale is set, and the same 390 pairs, cut to 26."""
    out, argv, rows = small
    ground = ground_of(argv, "--n_eval=13")
    cfg = stage.Config(n_eval=13, device="cpu", dtype="float32")
    for run, row in (("reward", rows[0]), ("reward_scalar", rows[3])):
        model = ground.start(run)
        found = stage.evaluate(model, ground.held, ground.tokenizer, cfg, ground.machine)
        saved = load_checkpoint(out / "seed1" / run / "ckpt.pt")
        assert found["judge_accuracy"] == saved["metrics"]["judge_accuracy"]
    assert len(ground.held) == 13 and row["arm"] == "scalar"


def test_dev_and_test_are_of_other_questions(small):
    _, argv, _ = small
    dev, test = ground_of(argv, "--split=dev"), ground_of(argv)
    keys = []
    for ground in (dev, test):  # a turn of talk may be about a fact that is known
        single = [record for record in [*ground.held, *ground.pairs] if "skill" not in record]
        keys.append({(record["task"], record["item"]) for record in single})
    assert not keys[0] & keys[1]
    clean = World().same_worded("rm", 400)
    assert not {(pair["task"], pair["item"]) for pair in clean} & (keys[0] | keys[1])


def test_a_finished_study_runs_nothing_again_and_dev_has_a_file_of_its_own(small, monkeypatch):
    out, argv, rows = small
    monkeypatch.setattr(studies, "start", lambda words: pytest.fail("a stage ran again"))
    path = out / "reward_variants.jsonl"
    before = path.read_bytes()
    assert reward.main(parse_config(Config, reward.PRESETS, argv)) == rows
    path.write_bytes(b"".join(before.splitlines(keepends=True)[:-1]))  # without the likelihood
    assert reward.main(parse_config(Config, reward.PRESETS, argv)) == rows
    assert path.read_bytes() == before
    dev = reward.main(parse_config(Config, reward.PRESETS, [*argv, "--split=dev", "--rates=0.002"]))
    assert [row["arm"] for row in dev] == ["words, Muon 0.002", "scalar, Muon 0.002"]
    assert path.read_bytes() == before and (out / "reward_variants_dev.jsonl").exists()


# --- the table ---------------------------------------------------------------------------------


def test_the_table_of_the_variants():
    rows = []
    for seed, right in ((1, 0.97), (2, 0.98), (3, 0.99)):
        for arm in VARIANTS:
            figures = {"same_worded": right, "judge": 0.9, "n": 390, "judged": 2149}
            rows.append({"seed": seed, "arm": arm, **figures, "machine": "a machine"})
    text = tables.reward_variants({"reward_variants": rows}, "en")
    assert "α/√N of each (the default) | 98 ± 2 % | 90 % |" in text and "simulated" in text
    assert "about 2,100 pairs a seed" in text and "390 held-out" in text
    assert "시뮬레이션" in tables.reward_variants({"reward_variants": rows}, "ko")
    assert tables.lesson({"reward_variants": rows}, "ko") != tables.lesson({}, "en")
