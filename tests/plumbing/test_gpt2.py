"""gpt2.py against transformers, and the safetensors format against damage."""

import json
import struct

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from model import GPT
from plumbing import gpt2
from plumbing.errors import BadInput
from plumbing.gpt2 import read_safetensors, write_safetensors
from tests.tiny import V, tiny


def load(path, vocab_size):
    return GPT.from_checkpoint(gpt2.load(path, vocab_size))


@pytest.fixture(scope="module")
def hugging_face(tmp_path_factory):
    """A random GPT2LMHeadModel with loud weights, and the file it saves."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.GPT2Config(vocab_size=97, n_positions=40, n_embd=128, n_layer=2, n_head=2)
    hf = transformers.GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for p in hf.parameters():
            p.add_(torch.randn_like(p) * 0.1)
    path = tmp_path_factory.mktemp("hf")
    hf.save_pretrained(path)
    return hf, path / "model.safetensors"


@torch.no_grad()
def test_load_gives_hugging_faces_logits(hugging_face):
    hf, path = hugging_face
    model, tokens = load(path, vocab_size=97).eval(), torch.randint(97, (2, 40))
    expected = hf(tokens).logits
    assert expected.abs().max() > 1
    assert torch.allclose(model(tokens), expected, atol=1e-4, rtol=1e-4)
    cache = model.new_cache(2, 40)
    model.trunk(tokens[:, :30], cache)
    for t in range(30, 40):
        x = model.trunk(tokens[:, t : t + 1], cache, torch.tensor([t, t]))
        logits = F.linear(x[:, 0], model.wte.weight)
        assert torch.allclose(logits, expected[:, t], atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_new_rows_of_the_vocabulary_are_ordinary(hugging_face):
    hf, path = hugging_face
    model, tokens = load(path, vocab_size=101), torch.randint(97, (2, 9))
    logits, expected = model(tokens), hf(tokens).logits
    assert model.config.vocab_size == 101 and torch.allclose(logits[..., :97], expected, atol=1e-4)
    assert torch.allclose(
        logits[..., 97:], expected.mean(-1, keepdim=True).expand(2, 9, 4), atol=1e-4
    )
    assert model(torch.tensor([[97, 100, 3]])).isfinite().all()


@pytest.mark.parametrize("bias", [True, False])
@torch.no_grad()
def test_transformers_loads_what_is_exported(tmp_path, bias):
    transformers = pytest.importorskip("transformers")
    model, tokens = tiny("learned", bias=bias), torch.randint(V, (2, 32))
    gpt2.export(model, tmp_path)
    hf, info = transformers.GPT2LMHeadModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"]
    assert torch.allclose(hf.eval()(tokens).logits, model(tokens), atol=1e-4, rtol=1e-4)


def test_export_refuses_what_gpt2_cannot_say(tmp_path):
    for model in (tiny("rope"), tiny("learned", head="scalar")):
        with pytest.raises(ValueError, match="pos=learned"):
            gpt2.export(model, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("safetensors")


def test_safetensors_round_trip(folder):
    tensors = {"a": torch.randn(3, 4), "b.c": torch.randn(5).half(), "t": torch.randn(2, 3).T}
    write_safetensors(folder / "x", tensors)
    found = read_safetensors(folder / "x")
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[k], tensors[k].float()) for k in tensors)


def test_safetensors_reads_half_precision_and_skips_integers(folder):
    peer = pytest.importorskip("safetensors.torch")
    x = torch.randn(4, 3)
    peer.save_file({"h": x.half(), "b": x.bfloat16(), "i": torch.arange(3), "f": x}, folder / "p")
    found = read_safetensors(folder / "p")
    assert found.keys() == {"h", "b", "f"}
    assert torch.equal(found["h"], x.half().float()) and torch.equal(
        found["b"], x.bfloat16().float()
    )


def refused(path, data):
    path.write_bytes(data)
    with pytest.raises(ValueError, match="not a complete .safetensors file"):
        read_safetensors(path)


@given(st.integers(0, 199))
def test_a_safetensors_file_cut_anywhere_is_refused(folder, cut):
    write_safetensors(folder / "whole", {"a": torch.randn(3, 4), "b": torch.randn(5)})
    data = (folder / "whole").read_bytes()
    refused(folder / "cut", data[: cut * len(data) // 200])


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda x: st.one_of(st.lists(x, max_size=3), st.dictionaries(st.text(), x, max_size=3)),
)
ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "dtype": st.one_of(st.sampled_from(["F32", "F16", "I64"]), JSON),
        "shape": st.one_of(st.lists(st.integers(), max_size=3), JSON),
        "data_offsets": st.one_of(st.tuples(st.integers(-9, 99), st.integers(-9, 99)), JSON),
    },
)


@given(
    st.one_of(JSON, st.dictionaries(st.text(), st.one_of(ENTRY, JSON), max_size=3)),
    st.binary(max_size=60),
)
def test_a_strange_safetensors_header_raises_valueerror_alone(folder, header, body):
    head = json.dumps(header).encode()
    (folder / "odd").write_bytes(struct.pack("<Q", len(head)) + head + body)
    try:
        assert isinstance(read_safetensors(folder / "odd"), dict)
    except ValueError as error:
        assert "not a complete .safetensors file" in str(error)


@given(st.binary(max_size=80))
def test_junk_is_no_safetensors_file(folder, data):
    refused(folder / "junk", data)


@pytest.mark.parametrize(
    "change",
    [
        {"wte.weight": None},
        {"ln_f.bias": None},
        {"h.0.ln_1.weight": None},
        {"wte.weight": torch.zeros(4)},
        {"h.1.mlp.c_fc.weight": torch.zeros(3, 3)},
        {"h.x.ln_1.weight": torch.zeros(3)},
        {"more": torch.zeros(2)},
    ],
)
def test_load_refuses_what_is_no_gpt2(folder, change):
    model = tiny("learned", n_embd=64, n_head=1, bias=True)
    gpt2.export(model, folder / "gpt2")
    path = folder / "gpt2" / "model.safetensors"
    tensors = read_safetensors(path)
    assert load(path, V).config.n_layer == 2
    for name, value in change.items():
        tensors.pop(f"transformer.{name}", None)
        tensors |= {} if value is None else {f"transformer.{name}": value}
    write_safetensors(path, tensors)
    with pytest.raises(ValueError):
        load(path, V)


def exported(folder, config=None, change=None, prefix="transformer.", **shape):
    """Weights of a little network as a file, whose config.json says something else than it should;
    returns the network and the path."""
    model = tiny("learned", bias=True, **shape)
    gpt2.export(model, folder)
    path, beside = folder / "model.safetensors", folder / "config.json"
    said = json.loads(beside.read_text(encoding="utf-8")) | (config or {})
    beside.write_text(json.dumps(said), encoding="utf-8")
    tensors = {
        prefix + k.removeprefix("transformer."): v for k, v in read_safetensors(path).items()
    }
    write_safetensors(path, {**tensors, **(change or {})})
    return model, path


def test_the_number_of_heads_is_read_not_guessed(tmp_path):
    """16 channels of heads of 4: no shape of a weight tells."""
    model, path = exported(tmp_path, n_head=4, n_embd=16)
    again, tokens = load(path, V), torch.randint(V, (2, 9))
    assert again.config.n_head == 4 and torch.allclose(again(tokens), model(tokens), atol=1e-6)
    (tmp_path / "config.json").unlink()
    with pytest.raises(ValueError, match="number of heads is unknown"):
        load(path, V)


@pytest.mark.parametrize(
    "config, words",
    [
        ({"activation_function": "relu"}, "activation_function is 'relu'"),
        ({"layer_norm_epsilon": 1e-6}, "layer_norm_epsilon is 1e-06"),
        ({"scale_attn_by_inverse_layer_idx": True}, "inverse_layer_idx is True"),
        ({"tie_word_embeddings": False}, "tie_word_embeddings is False"),
        ({"model_type": "llama"}, "model_type is 'llama'"),
        ({"n_layer": 3}, "weights have n_layer=2, config.json 3"),
        ({"n_positions": 64}, "weights have n_positions=32, config.json 64"),
        ({"n_inner": 17}, "n_inner=17"),
        ({"n_head": 3}, "n_head=3"),
        ({"n_head": "2"}, "number of heads"),
    ],
)
def test_a_config_of_another_network_is_refused(tmp_path, config, words):
    _, path = exported(tmp_path, config)
    with pytest.raises(ValueError, match=words):
        load(path, V)


@pytest.mark.parametrize("junk", ["[]", "{", "3", "[" * 10_000])
def test_a_damaged_config_is_refused(tmp_path, junk):
    _, path = exported(tmp_path)
    (tmp_path / "config.json").write_text(junk, encoding="utf-8")
    with pytest.raises(ValueError, match="config.json: damaged"):
        load(path, V)


@pytest.mark.parametrize("prefix", ["", "model.", "transformer.", "model.transformer."])
def test_prefixes_of_other_tools_are_dropped(tmp_path, prefix):
    model, path = exported(tmp_path, prefix=prefix)
    assert torch.equal(load(path, V).wte.weight, model.wte.weight)


def test_the_output_table_is_the_inputs_or_it_is_refused(tmp_path):
    model, path = exported(tmp_path)
    tensors = read_safetensors(path)
    table = tensors["transformer.wte.weight"]
    write_safetensors(path, {**tensors, "lm_head.weight": table})  # tied
    assert torch.equal(load(path, V).wte.weight, table)
    write_safetensors(path, {**tensors, "lm_head.weight": table + 1})
    with pytest.raises(ValueError, match="lm_head.weight is not wte.weight"):
        load(path, V)
    del tensors["transformer.wte.weight"]  # some tools keep the one table under this name alone
    write_safetensors(path, {**tensors, "lm_head.weight": table})
    assert torch.equal(load(path, V).wte.weight, table)


def test_a_layer_of_a_huge_number_is_refused_at_once(tmp_path):
    _, path = exported(tmp_path, change={"h.999999999.ln_1.weight": torch.zeros(16)})
    with pytest.raises(ValueError, match="n_layer=3, config.json 2"):
        load(path, V)
    (tmp_path / "config.json").unlink()
    with pytest.raises(ValueError):
        load(path, V)


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    _, path = exported(tmp_path, change={"transformer.ln_f.bias": torch.full((16,), float("nan"))})
    with pytest.raises(ValueError, match="not numbers"):
        load(path, V)


def test_float64_is_read_and_other_numbers_are_named(folder):
    header = {"w": {"dtype": "F64", "shape": [2], "data_offsets": [0, 16]}}
    head = json.dumps(header).encode()
    path = folder / "w.safetensors"
    path.write_bytes(struct.pack("<Q", len(head)) + head + struct.pack("<dd", 0.5, 3.0))
    assert read_safetensors(path)["w"].tolist() == [0.5, 3.0]
    path.write_bytes(
        struct.pack("<Q", len(head)) + head.replace(b"F64", b"F8X") + struct.pack("<dd", 0.5, 3.0)
    )
    with pytest.raises(BadInput, match="w is of dtype F8X"):
        read_safetensors(path)
