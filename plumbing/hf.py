"""A checkpoint as a folder that `transformers` loads: --export=hf.

    learned positions    GPT-2's classes (plumbing/gpt2.py)
    rotary positions     Apertus: queries and keys of one length, an MLP without a gate

Apertus has RMSNorm where model.py has LayerNorm. They are one as long as what is normalised has
mean 0, so every matrix that writes into the residual stream is exported with the mean of its
outputs taken off. It turns the first half of a head's channels against the second half, and
model.py the even ones against the odd ones: queries and keys are laid out anew. A channel that
stands still is one whose frequency is all but 0 (transformers' "longrope" has a factor for each).
"""

import base64
import json
from pathlib import Path
from types import SimpleNamespace

from plumbing import gpt2
from plumbing.checkpoint import load_checkpoint
from plumbing.errors import BadInput
from plumbing.files import write_text

STILL = 1e30  # the factor of a frequency that is none
LENGTH = 1.25  # model.py's QK_LENGTH


def refuse(config, head):
    """BadInput for a network that no class of transformers can be. config: its shape, a dict;
    head: "lm", "scalar" or "reward"."""
    why = ""
    if head == "reward":
        why = "a score that keeps its words has no class there; train one with --alpha=0"
    elif config.get("pos") == "rope" and not config.get("qk_norm"):
        why = "rotary positions without --qk_norm are not exported; use --pos=learned"
    elif config.get("pos") == "rope" and config.get("bias"):
        why = "rotary positions and biases together are not exported"
    if why:
        raise BadInput(f"--export=hf: {why}")


def export(path, folder):
    """Write config.json, model.safetensors and the tokenizer's files of the checkpoint at `path`;
    returns the lines that say how to load them."""
    checkpoint = load_checkpoint(path)
    config = {"qk_norm": False, "rotary": 1.0, "bias": False, **checkpoint["model_config"]}
    weights = checkpoint["model"]
    refuse(config, config["head"])
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if config["pos"] == "learned":
        name = export_gpt2(config, weights, folder)
    else:
        name = export_apertus(config, weights, folder)
    export_tokenizer(checkpoint["tokenizer"], folder, config["block_size"])
    where = folder.as_posix()
    lines = [f"{where}: transformers.{name}.from_pretrained('{where}'), AutoTokenizer as well"]
    if config["head"] == "scalar":
        lines.append("the score of an answer is the logit at its last token, <|endoftext|>")
    return lines


def export_gpt2(config, weights, folder):
    """GPT-2's form; of a reward model with the scalar head. Returns the name of the class."""
    scalar = config["head"] == "scalar"
    body = {k: v for k, v in weights.items() if not k.startswith("scalar_head")}
    shape = SimpleNamespace(**{**config, "head": "lm"})
    head = {}
    if scalar:
        head = {f"classifier.{k}": weights[f"scalar_head.{k}"] for k in ("weight", "bias")}
    model = SimpleNamespace(config=shape, state_dict=lambda: body)
    gpt2.export(model, folder, head)
    return "GPT2ForTokenClassification" if scalar else "GPT2LMHeadModel"


# --- rotary positions --------------------------------------------------------------------------


def centred(weight, dim):
    """What is written into the residual stream, with mean 0 over its channels."""
    return weight - weight.mean(dim, keepdim=True)


def halves(weight, heads):
    """The rows (C, C) of queries or keys: of each head the even channels first, then the odd."""
    C = len(weight)
    return weight.view(heads, C // heads // 2, 2, -1).transpose(1, 2).reshape(C, -1)


def factors(config):
    """What the usual frequency of each pair of channels is divided by, to be model.py's."""
    pairs = config["n_embd"] // config["n_head"] // 2
    turning = -int(-config["rotary"] * pairs // 1)
    found = []
    for j in range(pairs):
        ours = 10000.0 ** (-j / turning)
        found.append(10000.0 ** (-j / pairs) / ours if j < turning else STILL)
    return found


def export_apertus(config, weights, folder):
    """Apertus's form; of a reward model with the scalar head. Returns the name of the class."""
    heads, C = config["n_head"], config["n_embd"]
    tensors = {
        "model.embed_tokens.weight": centred(weights["wte.weight"], 1),
        "model.norm.weight": weights["ln_f.weight"],
    }
    length = weights["ln_f.weight"].new_full((C // heads,), LENGTH)
    for i in range(config["n_layer"]):
        ours, theirs = f"h.{i}.", f"model.layers.{i}."
        q, k, v = weights[ours + "attn.c_attn.weight"].split(C)
        layer = {
            "attention_layernorm": weights[ours + "ln_1.weight"],
            "feedforward_layernorm": weights[ours + "ln_2.weight"],
            "self_attn.q_proj": halves(q, heads),
            "self_attn.k_proj": halves(k, heads),
            "self_attn.v_proj": v,
            "self_attn.o_proj": centred(weights[ours + "attn.c_proj.weight"], 0),
            "self_attn.q_norm": length,
            "self_attn.k_norm": length,
            "mlp.up_proj": weights[ours + "mlp.c_fc.weight"],
            "mlp.down_proj": centred(weights[ours + "mlp.c_proj.weight"], 0),
        }
        tensors |= {f"{theirs}{name}.weight": weight for name, weight in layer.items()}
    if config["head"] == "scalar":
        name = "ApertusForTokenClassification"
        tensors |= {f"score.{k}": weights[f"scalar_head.{k}"] for k in ("weight", "bias")}
    else:
        name = "ApertusForCausalLM"
        tensors["lm_head.weight"] = weights["wte.weight"]
    gpt2.write_safetensors(folder / "model.safetensors", tensors)
    write_text(folder / "config.json", json.dumps(apertus_config(config, name), indent=1))
    return name


def apertus_config(config, name):
    steps = factors(config)
    return {
        "architectures": [name],
        "model_type": "apertus",
        "vocab_size": config["vocab_size"],
        "hidden_size": config["n_embd"],
        "intermediate_size": 4 * config["n_embd"],
        "num_hidden_layers": config["n_layer"],
        "num_attention_heads": config["n_head"],
        "hidden_act": "gelu_pytorch_tanh",
        "max_position_embeddings": config["block_size"],
        "rms_norm_eps": 1e-5,
        "tie_word_embeddings": False,
        "attention_dropout": 0.0,
        "classifier_dropout": 0.0,
        "num_labels": 1,
        "bos_token_id": None,
        "eos_token_id": None,
        "pad_token_id": None,
        "rope_parameters": {
            "rope_type": "longrope",
            "rope_theta": 10000.0,
            "short_factor": steps,
            "long_factor": steps,
            "attention_factor": 1.0,
            "factor": 1.0,
            "original_max_position_embeddings": config["block_size"],
        },
    }


# --- the tokenizer -----------------------------------------------------------------------------

LED = "{% if m['content'][:1].isalnum() %} {% endif %}"  # tokenizer.py's `led`
TEMPLATE = (  # its `render`, and `prompt`
    "{% for m in messages %}{% if m['role'] == 'user' %}<|user|>LED{{ m['content'] }}"
    "{% else %}<|assistant|>LED{{ m['content'] }}<|endoftext|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIAL = ["<|endoftext|>", "<|user|>", "<|assistant|>", "<|pad|>"]
EVIDENCE = ["<|search|>", "<|result|>"]


def letters():
    """The printable letter that stands for each byte in GPT-2's files."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in printable]
    found = {byte: chr(byte) for byte in printable}
    return found | {byte: chr(256 + i) for i, byte in enumerate(hidden)}


def splits(token, ranks):
    """Every two tokens that together are this one: tiktoken merges any of them. A word that is a
    token as a whole may have none."""
    cuts = [(token[:i], token[i:]) for i in range(1, len(token))]
    return [cut for cut in cuts if cut[0] in ranks and cut[1] in ranks]


def export_tokenizer(text, folder, block_size):
    """tokenizer.json and tokenizer_config.json. text: a checkpoint's tokenizer. Unlike here, a
    text that spells a special token becomes it there."""
    saved = json.loads(text)
    vocab = [base64.b64decode(token) for token in saved["vocab"]]
    ranks = {token: rank for rank, token in enumerate(vocab)}
    letter = letters()

    def spell(token):
        return "".join(letter[byte] for byte in token)

    merges = [[*map(spell, cut)] for token in vocab for cut in splits(token, ranks)]
    names = SPECIAL + (EVIDENCE if saved.get("evidence") else [])
    added = [dict(id=len(vocab) + i, content=name, special=True) for i, name in enumerate(names)]
    plain = dict(single_word=False, lstrip=False, rstrip=False, normalized=False)
    leads = []
    if saved.get("lead"):  # tokenizer.py's `led`: a blank in front, and away again before a sign
        no_word = {"Regex": r"\A (?=[^\p{L}\p{N}])"}
        leads.append(dict(type="Prepend", prepend=" "))
        leads.append(dict(type="Replace", pattern=no_word, content=""))
    words = dict(type="Split", pattern={"Regex": saved["pattern"]}, behavior="Isolated")
    as_bytes = dict(type="ByteLevel", add_prefix_space=False, trim_offsets=False, use_regex=False)
    whole = {
        "version": "1.0",
        "added_tokens": [{**token, **plain} for token in added],
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, *leads]},
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [{**words, "invert": False}, as_bytes],
        },
        "decoder": as_bytes,
        "model": {
            "type": "BPE",
            "vocab": {spell(token): rank for rank, token in enumerate(vocab)},
            "merges": merges,
            "ignore_merges": True,  # of a word that is a token
        },
    }
    about = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": SPECIAL[0],
        "pad_token": SPECIAL[3],
        "model_max_length": block_size,
        "clean_up_tokenization_spaces": False,
        "chat_template": TEMPLATE.replace("LED", "" if leads else LED),
    }
    write_text(folder / "tokenizer.json", json.dumps(whole, ensure_ascii=False))
    write_text(folder / "tokenizer_config.json", json.dumps(about, ensure_ascii=False, indent=1))
