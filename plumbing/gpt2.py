"""OpenAI's GPT-2 weights in and out: the safetensors file format, and the names in it.

safetensors needs no package: 8 bytes with the length of a header, the header in JSON, the raw
numbers.
"""

import json
import struct
from pathlib import Path

import torch

from plumbing.files import download

URL = "https://huggingface.co/openai-community/{}/resolve/main/model.safetensors"
SIZES = ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl")
_DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
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
            if entry["dtype"] in _DTYPES:
                raw = bytearray(data[8 + n + start : 8 + n + end])
                tensors[name] = (
                    torch.frombuffer(raw, dtype=_DTYPES[entry["dtype"]])
                    .view(entry["shape"])
                    .float()
                )
        return tensors
    except (struct.error, ValueError, KeyError, TypeError, AttributeError, RuntimeError):
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
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(head)) + head)
        for tensor in tensors.values():
            file.write(tensor.detach().float().cpu().contiguous().numpy().tobytes())


def load(path, vocab_size=50257):
    """OpenAI's weights from a local safetensors file, as `GPT.from_checkpoint` takes them.

    `vocab_size` beyond the file's 50,257 adds rows for new special tokens, each the mean of the
    known rows: its logit is then an ordinary one, and no new token crowds out the old ones. Raises
    ValueError if the file is not a GPT-2.
    """
    raw = {k.removeprefix("transformer."): v for k, v in read_safetensors(path).items()}
    weights = {
        k: v.T if k.endswith(_TRANSPOSED) else v
        for k, v in raw.items()
        if not k.endswith((".attn.bias", ".attn.masked_bias")) and k != "lm_head.weight"
    }
    if not {"wte.weight", "wpe.weight", "ln_f.bias"} <= weights.keys():
        raise ValueError(f"{path}: no GPT-2 weights in it (wte.weight, wpe.weight, ...)")
    (V, C), T = weights["wte.weight"].shape, len(weights["wpe.weight"])
    extra = weights["wte.weight"].mean(0).expand(max(0, vocab_size - V), C)
    weights["wte.weight"] = torch.cat([weights["wte.weight"], extra])
    layers = 1 + max(int(k.split(".")[1]) for k in weights if k.startswith("h."))
    config = {
        "block_size": T,
        "vocab_size": max(V, vocab_size),
        "n_layer": layers,
        "n_head": max(1, C // 64),
        "n_embd": C,
        "bias": True,
        "pos": "learned",
    }
    return {"model_config": config, "model": weights}


def export(model, directory):
    """Write `model.safetensors` and `config.json` that transformers' GPT2LMHeadModel loads.

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
    write_safetensors(directory / "model.safetensors", tensors)
    config = {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "vocab_size": c.vocab_size,
        "n_positions": c.block_size,
        "n_embd": c.n_embd,
        "n_layer": c.n_layer,
        "n_head": c.n_head,
        "activation_function": "gelu_new",
        "tie_word_embeddings": True,
    }
    (directory / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
