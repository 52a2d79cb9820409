"""GINC: the released bytes, the structure of its chains, prompts whose labels are right."""

import json

import numpy as np
import pytest

from data import ginc as data
from data.ginc import CORPORA, SHA1, Words, corpus, draw_prompts, prompts
from data.ginc import __main__ as ginc_command
from data.ginc.__main__ import blob_sha1
from data.ginc.hmm import SLOTS, Ginc
from plumbing.config import parse_config
from plumbing.errors import BadInput
from tokenizer import Tokenizer


@pytest.fixture(scope="module")
def world():
    return Ginc()


# --- the released files ------------------------------------------------------------------------


def test_the_released_bytes():
    """Every file whose hash is known, documents and prompts; repaired prompts are not released."""
    checked = {}
    ginc = Ginc()
    cells = [cell for cell in data.all_cells() if cell[1] in data.LENGTHS]
    for name, size in (("train", data.TRAIN), ("val", data.VALIDATION)):
        lines, texts = data.document_lines(ginc, *ginc.documents(*size, ginc.random))
        checked[f"{name}.json"] = blob_sha1("\n".join(lines).encode())
        checked[f"{name}.txt"] = blob_sha1("".join(f"{t} / " for t in texts).encode())
    lines = {}
    for p in prompts(ginc, cells):
        name = f"{data.FILES[p.kind]}_{p.k}.json"
        lines.setdefault(name, []).extend(data.prompt_lines(ginc, p)[0])
    checked |= {name: blob_sha1("\n".join(text).encode()) for name, text in lines.items()}
    assert checked == SHA1 and len(SHA1) == 12


def test_validation_documents_do_not_need_the_training_documents(world):
    _, concept, states = data.validation()
    texts = [
        data.join(np.array([f"{w} " for w in world.words], dtype=bytes), world.say(row))
        for row in states[:1]
    ]
    assert texts[0].startswith("ar am ak am v ar x ak ak ak ak am / k ak / ak h")
    assert len(concept) == 100 and states.shape == (100, 1024)


def test_command_writes_the_files_under_their_names(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(ginc_command, "TRAIN", (3, 40))
    monkeypatch.setattr(ginc_command, "VALIDATION", (2, 20))
    monkeypatch.setattr(data, "SHOTS", (0, 1))
    monkeypatch.setattr(data, "LENGTHS", (3,))
    monkeypatch.setattr(ginc_command, "LENGTHS", (3,))
    cfg = parse_config(ginc_command.Config, {"": {}}, [f"--write={tmp_path}", "--concepts=2"])
    ginc_command.main(cfg)
    names = [
        "id_prompts_randomsample_3",
        "ood_prompts_fixed_3",
        "ood_prompts_randomsample_3",
        "train",
        "val",
    ]
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        f"{n}.{e}" for n in names for e in ("json", "txt")
    ]
    rows = [json.loads(line) for line in open(tmp_path / "train.json", encoding="utf-8")]
    assert [len(r["text"].split()) for r in rows] == [len(r["hiddens"]) for r in rows] == [40] * 3
    assert {r["hmm_idx"] for r in rows} <= {0, 1}
    with pytest.raises(BadInput, match="not the released bytes"):
        ginc_command.main(
            parse_config(ginc_command.Config, {"": {}}, [f"--write={tmp_path}", "--official"])
        )
    capsys.readouterr()


@pytest.mark.parametrize(
    "argv, message",
    [
        ([], "--write=DIR is missing"),
        (["--write=x", "--official", "--symbols=100"], "drop it"),
        (["--write=x", "--concepts=0"], "at least 1"),
        (["--write=x", "--symbols=1"], "2 to 677"),
    ],
)
def test_bad_options(argv, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=message):
        ginc_command.main(parse_config(ginc_command.Config, {"": {}}, argv))
    assert not list(tmp_path.iterdir())


# --- the world ---------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [dict(), dict(concepts=20), dict(symbols=150, temperature=0.01)])
def test_transitions(shape):
    ginc = Ginc(**shape)
    assert ginc.T.shape == (2 * ginc.concepts, 100, 100)
    for matrix in (*ginc.T, ginc.V, *ginc.S):  # doubly stochastic
        assert abs(matrix.sum(0) - 1).max() < 1e-12 and abs(matrix.sum(1) - 1).max() < 1e-12
    value, slot = np.divmod(np.arange(100), SLOTS)
    for T, S in zip(ginc.T, ginc.S):  # T(vs → v's') = V(v → v') S(s → s'), V for every concept
        assert abs(T - ginc.V[value[:, None], value] * S[slot[:, None], slot]).max() < 1e-15
    assert ginc.V.diagonal().min() >= 0.9
    assert (ginc.memory[:, 0] == 0).all() and (ginc.memory[:, 1:] > 0).all()
    assert len(set(ginc.words)) == len(ginc.words) == shape.get("symbols", 50)


def test_what_the_facts_say_of_the_released_instance(world):
    assert len(np.unique(world.memory)) == 42
    zeros = [(S == 0).mean() for S in world.S[:5]]
    assert 0.315 < min(zeros) and max(zeros) < 0.385
    entropy = -(world.S * np.log(np.where(world.S > 0, world.S, 1))).sum(-1).mean(-1)
    assert entropy == pytest.approx(
        [0.938, 1.000, 1.342, 0.733, 1.015, 0.725, 1.471, 1.005, 1.496, 0.584], abs=6e-4
    )
    for symbols, used in ((100, 63), (150, 69)):
        assert len(np.unique(Ginc(symbols=symbols).memory)) == used


def test_moves_follow_the_transition_probabilities(world):
    rng = np.random.default_rng(0)
    state = world.move(np.full(40_000, 3), np.full(40_000, 17), rng.random(40_000))
    share = np.bincount(state, minlength=100) / 40_000
    assert abs(share - world.T[3, 17]).max() < 0.012
    assert not share[world.T[3, 17] == 0].any()
    assert world.move(9, 99, 1 - 2**-53) <= 99  # the last row's last state is the end


# --- prompts -----------------------------------------------------------------------------------


def test_words_are_spent_as_the_generator_spends_them():
    """Masked draws and uniform numbers from the raw words, against RandomState itself."""
    words, random = Words(5), np.random.RandomState(5)
    words.ensure(5000)
    at = 0
    for limit in (5, 9, 10, 20, 2) * 40:
        value, at = words.below(limit, at)
        assert value == random.randint(0, limit)
        assert words.uniform(np.array(at)) == random.random_sample()
        at += 2
    taken, rank = words.all_below(10)
    row = words.value(taken[rank[at] + np.arange(16)])
    assert row.tolist() == random.randint(0, 10, size=16).tolist()


@pytest.mark.parametrize("kind", ["id", "ood", "ood_fixed"])
def test_prompts_are_what_they_claim(kind, world):
    for p in prompts(world, [(kind, 5, 4)], only=300):
        pass
    assert p.tokens.shape == (300, 28) and p.slots.shape == p.values.shape == (300, 5, 5)
    whole = np.pad(p.tokens, ((0, 0), (0, 2))).reshape(300, 5, 6)
    said = world.memory[p.values, p.slots]
    assert (said[:, :4] == whole[:, :4, :5]).all() and (said[:, 4, :4] == whole[:, 4, :4]).all()
    assert (whole[:, :4, 5] == 0).all()
    assert ((p.concept < 5) == (kind == "id")).all() and len(set(p.concept)) == 5
    state = SLOTS * p.values + p.slots
    possible = world.T[p.concept[:, None, None], state[..., :-1], state[..., 1:]] > 0
    if kind == "ood":
        assert (p.slots > 0).all() and (p.values == p.values[..., :1]).all()
        assert not possible.all((1, 2)).any()
    else:
        assert (p.slots[:, :, 0] == p.slots[:, :1, 0]).all() and (p.slots[:, :, 0] > 0).all()
        assert possible.all()


def test_labels_are_the_best_answers(world):
    """By brute force over all state sequences of a test input of two words."""
    p = next(prompts(world, [("id", 3, 1)], only=40))
    for tokens, label, concept, slots in zip(p.tokens, p.label, p.concept, p.slots):
        T, says = world.T[concept], world.memory.ravel()
        score = np.zeros(50)
        for first in range(slots[-1, 0], 100, SLOTS):
            for second in range(100):
                if (says[first], says[second]) == tuple(tokens[-2:]):
                    for third in range(100):
                        score[says[third]] += T[first, second] * T[second, third]
        assert score[label] == pytest.approx(score.max(), rel=1e-12) and score.max() > 0


def test_released_prompts_of_unseen_concepts_are_damaged_and_repaired_ones_are_not(world):
    share = {}
    for kind in ("ood", "ood_fixed"):
        p = next(prompts(world, [(kind, 10, 0)], only=1000))
        x = p.tokens[:, 1 - p.k :]
        alpha = np.ones((1000, 100))
        for token in x.T:
            alpha = np.einsum(
                "nh,nhi->ni", alpha * (world.memory.ravel() == token[:, None]), world.T[p.concept]
            )
        impossible = ~alpha.any(-1)
        assert (p.label[impossible] == 0).all()
        share[kind] = impossible.mean()
    assert share["ood"] == pytest.approx(0.51, abs=0.05) and share["ood_fixed"] == 0


def test_the_first_few_prompts_are_the_same_prompts(world):
    cells = [("id", 3, 1), ("ood", 3, 2)]
    for many, few in zip(prompts(world, cells), prompts(world, cells, only=7)):
        assert len(many.tokens) == 2500 and (many.tokens[:7] == few.tokens).all()
        assert (many.label[:7] == few.label).all() and (many.kind, many.n) == (few.kind, few.n)


# --- what a model reads ------------------------------------------------------------------------


@pytest.mark.parametrize("name", CORPORA)
def test_corpus(name):
    train, val, tokenizer = corpus(name, 12_000, seed=1)
    again, other = (corpus(name, 12_000, seed=seed)[0] for seed in (1, 2))
    assert len(train) == 12_000 and len(val) == 102_400
    assert train.tolist() == again.tolist() and (train != other).any()
    # Encoding by look-up is what the tokenizer does with the text, before and after a checkpoint.
    text = tokenizer.decode(train[:2000].tolist())
    assert tokenizer.encode(text) == train[:2000].tolist()
    assert Tokenizer.from_json(tokenizer.to_json()).encode(text) == train[:2000].tolist()
    ginc = Ginc(CORPORA[name]["concepts"])
    assert data.symbol_ids(ginc, tokenizer).tolist() == list(range(256, 306))
    assert text.split()[0] in ginc.words and set(text.split()) <= set(ginc.words)


def test_validation_of_the_released_instance_and_of_the_controls():
    _, val, tokenizer = corpus("ginc", 1, seed=1)
    assert tokenizer.decode(val[:8].tolist()) == " ar am ak am v ar x ak"
    random = np.bincount(corpus("ginc_random", 1, seed=1)[1], minlength=306)[256:]
    assert random.min() > 0.9 * 102_400 / 50  # also words that no state says
    # One concept: the pairs of words that it can never say do not occur.
    ginc, one = Ginc(), corpus("ginc_one", 1, seed=1)[1].reshape(100, 1024) - 256
    says = np.eye(50)[ginc.memory.ravel()]
    possible = says.T @ ginc.T[0] @ says > 0
    assert possible[one[:, :-1], one[:, 1:]].all() and not possible.all()


def test_a_vocabulary_without_the_words_is_refused(world):
    with pytest.raises(BadInput, match="splits GINC's words"):
        data.symbol_ids(world, Tokenizer([bytes([b]) for b in range(256)]))


def test_draws_go_on_where_the_last_prompts_ended(world):
    """Two draws of 5 prompts are the first 10 of one draw."""
    one, two = Words(3), Words(3)
    whole = draw_prompts(world, one, "id", 3, 2, count=10)
    parts = [draw_prompts(world, two, "id", 3, 2, count=5) for _ in range(2)]
    assert (np.concatenate([p.tokens for p in parts]) == whole.tokens).all()
