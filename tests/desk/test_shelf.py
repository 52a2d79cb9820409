"""The shelf of checkpoints: what it lists and opens, and the figures under an answer."""

import itertools
import math

import pytest
import torch

import sampling
from desk import shelf as module
from desk.shelf import Shelf, Unknown, world_of
from plumbing.errors import BadInput
from plumbing.machine import Machine
from sampling import fit
from tests.tiny_out import TOKENIZER, fill, write

CPU = Machine("cpu", torch.float32)
ASKED = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def shelf(tmp_path):
    return Shelf(fill(tmp_path), CPU)


def ended(events):
    return next(event for event in events if "tokens" in event)


def answer_of(shelf, name, **options):
    loaded = shelf.get(name)
    ids, stop = loaded.tokenizer.prompt(ASKED, loaded.chat)
    return [*shelf.talk(loaded, ids, stop, **{"limit": 9, "seed": 3, **options})]


# --- finding -----------------------------------------------------------------------------------


def test_the_list_names_what_is_there_and_what_is_damaged(shelf, tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "ckpt.pt").write_bytes(b"PK\x03\x04 cut")
    (tmp_path / "empty").mkdir()
    found = {c["name"]: c for c in shelf.list()}
    assert [*found] == ["broken", "ppo", "pretrain", "reward", "sft"]
    assert "damaged" in found["broken"]["error"] and found["reward"]["head"] == "scalar"
    assert found["sft"]["parameters"] == sum(
        p.numel() for p in shelf.get("sft").model.state_dict().values()
    )
    with pytest.raises(BadInput, match="damaged"):
        shelf.get("broken")


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../sft", "sft/ckpt.pt", "sft/", "/etc", "SFT ", "sft\0", "out"]
)
def test_only_names_of_the_list_are_opened(shelf, name, monkeypatch):
    monkeypatch.setattr(sampling, "load_checkpoint", lambda path: 1 / 0)
    with pytest.raises(Unknown, match="no checkpoint"):
        shelf.get(name)


def test_a_checkpoint_that_was_trained_on_is_read_again(shelf, tmp_path):
    before = shelf.get("sft")
    assert shelf.get("sft") is before
    write(tmp_path / "sft" / "ckpt.pt", "sft", seed=50)
    assert shelf.get("sft") is not before


def test_a_few_models_stay_in_memory(shelf, tmp_path):
    for i in range(6):
        write(tmp_path / f"run{i}" / "ckpt.pt", "sft", seed=i)
        shelf.get(f"run{i}")
    assert len(shelf.loaded) == module.KEPT and "run5" in shelf.loaded


def test_the_first_of_a_stage_is_the_folder_of_its_name(shelf, tmp_path):
    write(tmp_path / "a_run" / "ckpt.pt", "ppo", seed=9)
    write(tmp_path / "tuned" / "ckpt.pt", "dpo", seed=9)
    assert (shelf.first("ppo"), shelf.first("dpo"), shelf.first("x")) == ("ppo", "tuned", None)


def test_scores_are_no_words_and_words_no_scores(shelf):
    with pytest.raises(BadInput, match="gives scores, not words"):
        shelf.get("reward")
    with pytest.raises(BadInput, match="gives words, not scores"):
        shelf.get("sft", "scalar")


# --- answers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["pretrain", "sft"])
def test_the_streamed_text_is_the_answer_and_p_is_the_models(shelf, name):
    events = answer_of(shelf, name, temperature=1.3)
    last, loaded = events[-1], shelf.get(name)
    streamed = "".join(event["text"] for event in events[:-1])
    assert streamed in "".join(t["text"] for t in last["tokens"])
    ids, stop = loaded.tokenizer.prompt(ASKED, loaded.chat)
    for i, token in enumerate(last["tokens"]):  # without a cache, at temperature 1
        with torch.no_grad():
            p = loaded.model(torch.tensor([ids + last["ids"][:i]]))[0, -1].softmax(-1)
        assert token["p"] == pytest.approx(p[last["ids"][i]].item(), abs=1e-5)
        assert [q for _, q in token["top"]] == pytest.approx(p.topk(6).values.tolist(), abs=1e-5)


def test_two_who_ask_at_once_take_turns(shelf):
    alone = [answer_of(shelf, name) for name in ("sft", "ppo")]
    loaded = [shelf.get(name) for name in ("sft", "ppo")]
    asking = [shelf.talk(m, *m.tokenizer.prompt(ASKED, m.chat), limit=9, seed=3) for m in loaded]
    mixed = [*itertools.zip_longest(*asking)]
    assert [[e for e in column if e] for column in zip(*mixed)] == alone


@pytest.mark.parametrize("pos, length", [("learned", 500), ("rope", 5000), ("rope", 3)])
def test_the_end_of_a_long_conversation_is_kept(shelf, pos, length):
    config = shelf.get("sft").model.config
    config = type(config)(**{**vars(config), "pos": pos})
    ids, limit = fit(config, [*range(length)], 100)
    assert ids == [*range(length)][-len(ids) :] and limit > 0
    if pos == "learned":
        assert len(ids) + limit == config.block_size
    else:
        assert len(ids) == min(length, sampling.CONTEXT)


def test_half_a_character_is_spelled_as_bytes():
    assert module.spell(TOKENIZER, "가".encode()[0]) == "\\xea"
    assert module.spell(TOKENIZER, TOKENIZER.endoftext) == "<|endoftext|>"
    assert module.spell(TOKENIZER, TOKENIZER.n_vocab + 3) == f"#{TOKENIZER.n_vocab + 3}"


# --- reward and KL -----------------------------------------------------------------------------


def test_the_score_is_the_one_that_reward_py_gives(shelf):
    from reward import Config, score_records

    model = shelf.get("reward", "scalar")
    record = {"messages": ASKED, "responses": ["I am fine.", "값"], "ranking": [[0], [1]]}
    expected = score_records(model.model, [record], TOKENIZER, Config(), CPU)[0]
    model.model.eval()
    found = [shelf.score(model, ASKED, text) for text in record["responses"]]
    assert found == pytest.approx(expected.tolist(), abs=1e-5) and found[0] != found[1]


def test_a_reward_model_that_kept_its_words_scores_and_does_not_talk(tmp_path):
    from likelihood import answer_scores

    write(tmp_path / "knows" / "ckpt.pt", "reward", head="reward")
    shelf = Shelf(tmp_path, CPU)
    assert [found["head"] for found in shelf.list()] == ["reward"]
    with pytest.raises(BadInput, match="gives scores, not words"):
        shelf.get("knows")
    model = shelf.get("knows", "scalar").model
    assert model.alpha == 1
    question = TOKENIZER.prompt(ASKED)[0]
    ids = [*question, *TOKENIZER.turn("I am fine."), TOKENIZER.endoftext]
    tokens, last = torch.tensor([ids]), torch.tensor([len(ids) - 1])
    mask = torch.tensor([[0.0] * (len(question) - 1) + [1.0] * (len(ids) - len(question))])
    expected = answer_scores(model, tokens, last, mask).item()
    found = shelf.score(shelf.get("knows", "scalar"), ASKED, "I am fine.")
    assert found == pytest.approx(expected, abs=1e-5)


def test_log_ratio_of_a_tuned_model_is_the_sum_over_its_tokens(shelf):
    ppo, sft = shelf.get("ppo"), shelf.get("sft")
    new = TOKENIZER.encode("Hello") + [TOKENIZER.endoftext]
    tokens = torch.tensor([TOKENIZER.prompt(ASKED)[0] + new])
    from likelihood import token_logprobs

    with torch.no_grad():
        a, b = (token_logprobs(m.model, tokens)[0, -len(new) :].sum() for m in (ppo, sft))
    found = shelf.log_ratio(ppo, sft, ASKED, new[:-1], True)
    assert found == pytest.approx((a - b).item(), abs=1e-4)
    assert shelf.log_ratio(sft, sft, ASKED, new[:-1], True) == 0


def test_the_mean_log_ratio_is_the_kl(tmp_path):
    """Answers of one token at most, where the KL can be summed over all of them."""
    shelf = Shelf(fill(tmp_path, ["sft", "ppo"]), CPU)
    ppo, sft = shelf.get("ppo"), shelf.get("sft")
    ids = TOKENIZER.prompt(ASKED)[0]
    with torch.no_grad():
        p, q = (m.model(torch.tensor([ids]))[0, -1].log_softmax(-1) for m in (ppo, sft))
    exact = (p.exp() * (p - q)).sum().item()
    total = 0.0
    for token in range(len(p)):
        over = token == TOKENIZER.endoftext
        ratio = shelf.log_ratio(ppo, sft, ASKED, [] if over else [token], over)
        total += p[token].exp().item() * ratio
    assert total == pytest.approx(exact, rel=1e-4) and exact > 0


def test_a_base_model_is_compared_in_its_own_form(shelf):
    base, sft = shelf.get("pretrain"), shelf.get("sft")
    new = TOKENIZER.encode(" I am fine.")
    ids, stop = TOKENIZER.prompt(ASKED, chat=False)
    with torch.no_grad():
        logp = base.model(torch.tensor([ids + new]))[0, len(ids) - 1 :].log_softmax(-1)
    own = logp[range(len(new)), new].sum() + logp[-1].exp()[stop].sum().log()
    other = shelf.logprob(sft, ASKED, TOKENIZER.turn("I am fine."), True)
    found = shelf.log_ratio(base, sft, ASKED, new, True)
    assert found == pytest.approx(own.item() - other, abs=1e-4)


def test_compare_gives_each_its_figures_or_none(shelf):
    found = [*shelf.compare(["pretrain", "sft", "ppo"], ASKED, 9, "reward", "sft", seed=1)]
    last = {e["name"]: e for e in found if "tokens" in e}
    assert [*last] == ["pretrain", "sft", "ppo"] and last["sft"]["kl"] == 0
    assert all(math.isfinite(e[key]) for e in last.values() for key in ("reward", "kl"))
    bare = ended(shelf.compare(["sft"], ASKED, 9, seed=1))
    assert bare["reward"] is bare["kl"] is None


def test_no_kl_between_vocabularies(shelf, tmp_path):
    from tokenizer import Tokenizer

    write(tmp_path / "other" / "ckpt.pt", "sft", tokenizer=Tokenizer.train("abc abc", 270))
    assert shelf.log_ratio(shelf.get("other"), shelf.get("sft"), ASKED, [1], True) is None


# --- evidence ------------------------------------------------------------------------------------


def test_what_was_inserted_has_no_part_in_the_figures(tmp_path, monkeypatch):
    """log π of an answer with a line in it: by hand, without the line's tokens."""
    seeking = TOKENIZER.with_evidence()
    for stage, seed in (("sft", 1), ("ppo", 2)):
        write(tmp_path / stage / "ckpt.pt", stage, seed, tokenizer=seeking, block_size=128)
    shelf = Shelf(tmp_path, CPU, lambda query: "I am fine.")
    line, said = seeking.line("I am fine."), seeking.encode("Hello")
    head = [seeking.search, *seeking.encode(" you"), seeking.result]
    coming = iter([*head, *[0] * len(line), *said, seeking.endoftext])
    monkeypatch.setattr(sampling, "pick", lambda logits, *_: torch.tensor([next(coming)]))
    ppo, sft = shelf.get("ppo"), shelf.get("sft")
    events = [*shelf.compare(["ppo"], ASKED, 60, reference="sft")]
    parts = {k: "".join(e.get(k, "") for e in events) for k in ("search", "result", "text")}
    assert parts == {"search": "you", "result": "I am fine.", "text": "Hello"}
    event = ended(events)
    inserted = [token["part"] == "result" for token in event["tokens"]]
    assert inserted == [False] * len(head) + [True] * len(line) + [False] * (len(said) + 1)
    ids = seeking.prompt(ASKED)[0]
    own = [i for i, put in enumerate(inserted) if not put]

    def logp(loaded):
        with torch.no_grad():
            logits = loaded.model(torch.tensor([ids + event["ids"]]))[0, len(ids) - 1 : -1]
        return logits.log_softmax(-1)[range(len(event["ids"])), event["ids"]][own].sum()

    assert event["kl"] == pytest.approx((logp(ppo) - logp(sft)).item(), abs=1e-4)
    assert event["fact"] is None


def test_what_dpo_learned_of_is_the_world_of_the_model_that_it_came_from():
    sft = {"stage": "sft", "data": "world_ko", "parent": None}
    pairs = {"data": "out/reward/comparisons.jsonl"}
    assert world_of({"stage": "dpo", "train_config": pairs, "parent": sft}) == "world_ko"
    assert world_of({"stage": "sft", "train_config": pairs, "parent": sft}) == ""
    revised = {"data": "mine/revisions.jsonl"}
    for world in ("world", "world_ko"):
        base = {"stage": "pretrain", "data": world, "parent": None}
        assert world_of({"stage": "sft", "train_config": revised, "parent": base}) == world
    assert world_of({"stage": "pretrain", "train_config": {}, "parent": None}) == ""
