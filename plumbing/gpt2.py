"""OpenAI's GPT-2 weights in and out: the safetensors file format, and the names in it.

safetensors needs no package: 8 bytes with the length of a header, the header in JSON, the raw
numbers.
"""

import json
import struct
from pathlib import Path

import torch

from plumbing.errors import BadInput
from plumbing.files import download, replacing, write_text

URL = "https://huggingface.co/openai-community/{}/resolve/main/model.safetensors"
SIZES = ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl")
_DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
_DTYPES |= {"F64": torch.float64}
_SKIPPED = {"BOOL", "U8", "I8", "I16", "I32", "I64"}  # of masks, which are no weights
# Hugging Face keeps these four matrices as (in, out), the transpose of nn.Linear's (out, in).
_TRANSPOSED = ("attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight")


def read_safetensors(path):
    """A safetensors file as {name: tensor}: 8 bytes n, n bytes of JSON, then the raw numbers.

    Raises ValueError if the file is not of that form.
    """
    data = Path(path).read_bytes()
    try:
        n = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8 : 8 + n])
        header.pop("__metadata__", None)
        tensors = {}
        for name, entry in header.items():
            start, end = entry["data_offsets"]
            if entry["dtype"] not in _SKIPPED | _DTYPES.keys():
                raise BadInput(
                    f"{path}: {name:.60} is of dtype {entry['dtype']}, which is not read"
                )
            if entry["dtype"] in _DTYPES:
                raw = bytearray(data[8 + n + start : 8 + n + end])
                tensors[name] = (
                    torch.frombuffer(raw, dtype=_DTYPES[entry["dtype"]])
                    .view(entry["shape"])
                    .float()
                )
        return tensors
    except (
        struct.error,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RuntimeError,
        OverflowError,
    ):
        raise ValueError(f"{path}: not a complete .safetensors file") from None


def fetch(name, cache):
    """The file of GPT-2's weights: `name` itself, or, of one of SIZES, downloaded once."""
    if name not in SIZES:
        return name
    return download(URL.format(name), cache / f"{name}.safetensors")


def write_safetensors(path, tensors):
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, tensor in tensors.items():
        size = 4 * tensor.numel()
        header[name] = {
            "dtype": "F32",
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + size],
        }
        offset += size
    head = json.dumps(header).encode()
    with replacing(path) as file:
        file.write(struct.pack("<Q", len(head)) + head)
        for tensor in tensors.values():
            file.write(tensor.detach().float().cpu().contiguous().numpy().tobytes())


# What config.json may say beside the sizes: the one network that model.py builds.
_MUST = {
    "model_type": ("gpt2",),
    "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
    "layer_norm_epsilon": (1e-5,),
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "tie_word_embeddings": (True,),
    "add_cross_attention": (False,),
}
_HEADS = {768: 12, 1024: 16, 1280: 20, 1600: 25}  # of OpenAI's four sizes, by n_embd


def read_config(path):
    """What the config.json beside the weights says, {} without one. Raises ValueError where it is
    damaged or tells of another network than GPT-2's."""
    file = Path(path).with_name("config.json")
    if not file.exists():
        return {}
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
        given = {key: config[key] for key in config.keys() & _MUST.keys()}
    except (ValueError, AttributeError, RecursionError):
        raise ValueError(f"{file}: damaged, or no configuration of a model") from None
    for key, value in given.items():
        if value not in _MUST[key]:
            raise ValueError(f"{file}: {key} is {value!r:.40}; GPT-2 has {_MUST[key][0]}")
    return config


def heads(path, config, C):
    """How many heads: no shape of a weight tells, so config.json or the known size has to."""
    count = config.get("n_head", _HEADS.get(C))
    if type(count) is not int or count < 1 or C % count:
        raise ValueError(
            f"{path}: the number of heads is unknown (n_head={count}, n_embd={C}); put the "
            "config.json that belongs to these weights beside them"
        )
    return count


def names_and_weights(path):
    """The weights under the names that model.py has. Raises ValueError where the output table is
    another than the input's, or a weight is no number."""
    weights = {}
    for name, weight in read_safetensors(path).items():
        name = name.removeprefix("model.").removeprefix("transformer.")
        if not name.endswith((".attn.bias", ".attn.masked_bias")):
            weights[name] = weight.T if name.endswith(_TRANSPOSED) else weight
    head = weights.pop("lm_head.weight", None)
    table = weights.setdefault("wte.weight", head)
    if table is None or not {"wpe.weight", "ln_f.bias"} <= weights.keys():
        raise ValueError(f"{path}: no GPT-2 weights in it (wte.weight, wpe.weight, ...)")
    if head is not None and not torch.equal(head, table):
        raise ValueError(f"{path}: lm_head.weight is not wte.weight; GPT-2's are one table")
    if not all(weight.isfinite().all() for weight in weights.values()):
        raise ValueError(f"{path}: its weights are not numbers (nan or inf)")
    return weights


def load(path, vocab_size=50257):
    """OpenAI's weights from a local safetensors file, as `GPT.from_checkpoint` takes them.

    `vocab_size` beyond the file's 50,257 adds rows for new special tokens, each the mean of the
    known rows: its logit is then an ordinary one, and no new token crowds out the old ones. Raises
    ValueError if the file is not a GPT-2, or the config.json beside it says so.
    """
    said = read_config(path)
    weights = names_and_weights(path)
    if weights["wte.weight"].ndim != 2 or weights["wpe.weight"].ndim != 2:
        raise ValueError(f"{path}: no GPT-2 weights in it (wte.weight, wpe.weight are no tables)")
    (V, C), T = weights["wte.weight"].shape, len(weights["wpe.weight"])
    layers = len({name.split(".")[1] for name in weights if name.startswith("h.")})
    found = {"vocab_size": V, "n_embd": C, "n_positions": T, "n_layer": layers}
    for key, value in found.items():
        if said.get(key, value) != value:
            raise ValueError(f"{path}: its weights have {key}={value}, config.json {said[key]!r}")
    if said.get("n_inner") not in (None, 4 * C):
        raise ValueError(f"{path}: config.json says n_inner={said['n_inner']}; GPT-2 has 4·n_embd")
    extra = weights["wte.weight"].mean(0).expand(max(0, vocab_size - V), C)
    weights["wte.weight"] = torch.cat([weights["wte.weight"], extra])
    config = {
        "block_size": T,
        "vocab_size": max(V, vocab_size),
        "n_layer": layers,
        "n_head": heads(path, said, C),
        "n_embd": C,
        "bias": True,
        "pos": "learned",
    }
    return {"model_config": config, "model": weights}


def export(model, directory, head=None):
    """Write `model.safetensors` and `config.json` that transformers' GPT2LMHeadModel loads; with
    the weights of a scalar `head`, {"classifier.weight": ...}, its GPT2ForTokenClassification.

    A model without biases gets zeros. Raises ValueError for a model that GPT-2 cannot express.
    """
    c = model.config
    if c.pos != "learned" or c.head != "lm":
        raise ValueError(
            "only a language model with pos=learned has GPT-2's form; this one has "
            f"pos={c.pos}, head={c.head}"
        )
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for name, p in model.state_dict().items():
        tensors[f"transformer.{name}"] = p.T if name.endswith(_TRANSPOSED) else p
        if not c.bias and name.endswith(".weight") and not name.startswith(("wte", "wpe")):
            tensors[f"transformer.{name[:-6]}bias"] = torch.zeros(len(p))
    write_safetensors(directory / "model.safetensors", tensors | (head or {}))
    config = {
        "architectures": ["GPT2ForTokenClassification" if head else "GPT2LMHeadModel"],
        "model_type": "gpt2",
        "vocab_size": c.vocab_size,
        "n_positions": c.block_size,
        "n_embd": c.n_embd,
        "n_layer": c.n_layer,
        "n_head": c.n_head,
        "activation_function": "gelu_new",
        "tie_word_embeddings": True,
        "num_labels": 1,
        "classifier_dropout": 0.0,
        "bos_token_id": None,
        "eos_token_id": None,
    }
    write_text(directory / "config.json", json.dumps(config, indent=1))
