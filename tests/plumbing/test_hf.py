"""What is exported is loaded by transformers and says the same."""

from random import Random

import pytest
import torch

from plumbing import hf
from plumbing.checkpoint import load_checkpoint
from plumbing.errors import BadInput
from sampling import load_model
from tests.tiny_out import TOKENIZER, write
from tokenizer import Tokenizer, train_bpe

CONVERSATION = [{"role": "user", "content": "Hello 안녕, it's  3 things?"}]
FORMS = {
    "GPT2LMHeadModel": ("sft", dict(pos="learned")),
    "GPT2ForTokenClassification": ("reward", dict(pos="learned")),
    "ApertusForCausalLM": ("pretrain", dict(rotary=0.5)),
    "ApertusForTokenClassification": ("reward", dict(rotary=1.0)),
}


@pytest.mark.parametrize("name", FORMS)
@torch.no_grad()
def test_the_logits_are_equal(tmp_path, name):
    transformers = pytest.importorskip("transformers")
    if not hasattr(transformers, name):
        pytest.skip(f"this transformers has no {name}")
    stage, shape = FORMS[name]
    path = write(tmp_path / "ckpt.pt", stage, **shape)
    lines = hf.export(path, tmp_path / "hf")
    assert name in lines[0] and len(lines) == 1 + (stage == "reward")
    model, _ = load_model(load_checkpoint(path), path)
    theirs, info = getattr(transformers, name).from_pretrained(
        tmp_path / "hf", output_loading_info=True
    )
    assert not info["missing_keys"] and not info["unexpected_keys"]
    tokens = torch.randint(model.config.vocab_size, (2, 32))
    ours, found = model.eval()(tokens), theirs.eval()(tokens).logits
    found = found.squeeze(-1) if stage == "reward" else found
    assert torch.allclose(found, ours, atol=1e-3, rtol=1e-3), (found - ours).abs().max()


def test_the_tokenizer_and_its_template_are_exported(tmp_path):
    transformers = pytest.importorskip("transformers")
    hf.export(write(tmp_path / "ckpt.pt", "sft"), tmp_path / "hf")
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "hf")
    for text in ("Hello there, how are you?", "  안녕하세요 \n\n x  ", "don't 12,34", "á"):
        assert theirs.encode(text) == TOKENIZER.encode(text), text
        assert theirs.decode(TOKENIZER.encode(text)) == TOKENIZER.decode(TOKENIZER.encode(text))
    asked = theirs.apply_chat_template(CONVERSATION, add_generation_prompt=True, tokenize=False)
    assert theirs.encode(asked) == TOKENIZER.prompt(CONVERSATION)[0]
    answered = [*CONVERSATION, {"role": "assistant", "content": "Fine."}]
    whole = theirs.apply_chat_template(answered, tokenize=False)
    assert theirs.encode(whole) == TOKENIZER.render(answered)[0]


@pytest.mark.parametrize(
    "text",
    [
        "Hello there.",
        "안녕하세요, how",
        "\u1112\u1161\u11ab글",
        "2 + 3",
        "* a",
        "(A) you",
        " a",
        "?x",
        "a\nb\n c",
        "",
    ],
)
@pytest.mark.parametrize("lead", (False, True))
def test_the_first_word_keeps_its_blank(tmp_path, text, lead):
    """A tokenizer that reads a text's first word like those within it does so in transformers; the
    first word of a turn is read so by any."""
    transformers = pytest.importorskip("transformers")
    tokenizer = Tokenizer(TOKENIZER.vocab, lead=lead)
    hf.export_tokenizer(tokenizer.to_json(), tmp_path, 32)
    theirs = transformers.PreTrainedTokenizerFast.from_pretrained(tmp_path)
    assert theirs(text, add_special_tokens=False)["input_ids"] == tokenizer.encode(text)
    talk = [{"role": "user", "content": text}, {"role": "assistant", "content": "I am fine"}]
    found = theirs.apply_chat_template(talk, tokenize=True, return_dict=False)
    assert found == tokenizer.render(talk)[0]


DOLPHINS = " dolphin dolphins dolphinarium a dog doing do, good dough! phin 12" * 40


@pytest.mark.parametrize(
    "vocab",
    [
        train_bpe(DOLPHINS, 290),
        train_bpe(DOLPHINS, 290, rare=50_000),
        [*(bytes([byte]) for byte in range(256)), b"do", b"og", b"dog"],
    ],
    ids=["steps", "no steps", "two splits"],
)
def test_every_text_is_read_as_it_is_here(tmp_path, vocab):
    """Also with words that no merge makes, and with a token that two merges make."""
    transformers = pytest.importorskip("transformers")
    tokenizer = Tokenizer(vocab)
    hf.export_tokenizer(tokenizer.to_json(), tmp_path, 64)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    rng = Random(1)
    said = [" dolphin", "dolphin", " dolphinar do", "dogs", *DOLPHINS[:70].split()]
    said += ["".join(rng.choices(" doglphinrum,", k=rng.randint(1, 30))) for _ in range(300)]
    for words in said:
        assert theirs(words, add_special_tokens=False)["input_ids"] == tokenizer.encode(words), (
            words
        )


def test_a_token_is_merged_of_any_two_that_make_it():
    """ "abc" of a, b, c, ab, abc is ab + c, of a, b, c, bc, abc it is a + bc; of single letters, where
    it is a word, no merge makes it."""
    of_ab, of_bc = (b"ab", b"c"), (b"a", b"bc")
    for steps, found in (([b"ab"], [of_ab]), ([b"bc"], [of_bc]), ([b"bc", b"ab"], [of_bc, of_ab])):
        vocab = [b"a", b"b", b"c", *steps, b"abc"]
        ranks = {token: i for i, token in enumerate(vocab)}
        assert hf.splits(b"abc", ranks) == found and hf.splits(b"a", ranks) == []
    assert hf.splits(b"abc", {b"a": 0, b"b": 1, b"c": 2, b"abc": 3}) == []


@pytest.mark.parametrize(
    "shape, head, words",
    [
        (dict(pos="rope", qk_norm=False), "lm", "qk_norm"),
        (dict(pos="rope", qk_norm=True, bias=True), "lm", "biases"),
        (dict(pos="learned"), "reward", "--alpha=0"),
    ],
)
def test_what_has_no_class_there_is_refused(shape, head, words):
    with pytest.raises(BadInput, match=words):
        hf.refuse(shape, head)
