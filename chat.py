"""Talk to a checkpoint in the terminal, word by word as it is written.

    python chat.py out/sft/ckpt.pt
    python chat.py out/sft/ckpt.pt --prompt="What colour is the tractor?" --greedy
    python chat.py out/pretrain/ckpt.pt --prompt="User: Hello.\\nBot:" --raw

A fine-tuned model is asked in the chat template, a base model in the form of a transcript; `--raw`
continues the text as it stands. In a conversation, /reset forgets it and /quit ends.
"""

import secrets
import sys
from dataclasses import dataclass

from common import BadInput, load_checkpoint, parse_config, run
from machine import setup
from model import GPT, stream
from tokenizer import StreamDecoder, Tokenizer


@dataclass
class Config:
    preset: str = "default"  # there is one set of defaults
    prompt: str = ""  # answer this and exit; \n in it is a line break
    raw: bool = False  # continue the prompt as plain text, without a template
    temperature: float = 0.8  # 1 samples from the model as it is, lower is safer
    top_k: int = 0  # keep only the k likeliest tokens; 0 keeps all
    top_p: float = 1.0  # keep the likeliest tokens that together reach this probability
    greedy: bool = False  # always the likeliest token
    max_new_tokens: int = 200
    seed: int = 0  # the same seed and the same words give the same answer; 0 draws a new one
    device: str = "auto"
    dtype: str = "auto"


def answer(model, tokenizer, ids, stop, cfg, machine, turn=0):
    """Print the continuation of `ids` as it is sampled; returns its text."""
    limit = cfg.max_new_tokens
    if model.config.pos == "learned":  # the oldest words make room
        limit = min(limit, model.config.block_size // 2)
        ids = ids[-(model.config.block_size - limit) :]
    seed = cfg.seed + turn if cfg.seed else secrets.randbits(32)
    decoder, text = StreamDecoder(tokenizer), ""
    with machine.autocast():
        for (token,) in stream(
            model,
            [ids],
            limit,
            temperature=0.0 if cfg.greedy else cfg.temperature,
            top_k=cfg.top_k,
            top_p=cfg.top_p,
            stop=stop,
            seed=seed,
        ):
            piece = "" if token in stop else decoder.feed(token)
            piece = piece if text else piece.lstrip()
            text += piece
            print(piece, end="", flush=True)
    rest = decoder.feed()
    print(rest, flush=True)
    return text + rest


def talk(model, tokenizer, cfg, machine, chat):
    """A conversation on standard input; the model sees all of it each time."""
    messages, turn = [], 0
    while True:
        try:
            line = input("\nyou  > ").strip()
        except EOFError:
            break
        if line == "/quit":
            break
        if line == "/reset":
            messages = []
            print("(forgotten)")
        elif line:
            messages.append({"role": "user", "content": line})
            print("model> ", end="", flush=True)
            text = answer(model, tokenizer, *tokenizer.prompt(messages, chat), cfg, machine, turn)
            messages.append({"role": "assistant", "content": text})
            turn += 1


def main(argv):
    if not argv or argv[0].startswith("-") and not {"-h", "--help"} & {*argv}:
        raise BadInput("which checkpoint? For example: python chat.py out/sft/ckpt.pt")
    path, options = (argv[0], argv[1:]) if not argv[0].startswith("-") else ("", argv)
    cfg = parse_config(Config, {"default": {}}, options)
    if cfg.top_p > 1:
        raise BadInput(f"--top_p={cfg.top_p}: expected a probability, 0 to 1")
    machine = setup(cfg)
    checkpoint = load_checkpoint(path)
    if checkpoint["model_config"].get("head", "lm") != "lm":
        raise BadInput(
            f"{path} is a checkpoint of stage '{checkpoint['stage']}', which gives scores, not "
            "words; talk to one of stage pretrain, sft or ppo"
        )
    tokenizer = Tokenizer.from_json(checkpoint["tokenizer"])
    if checkpoint["model_config"]["vocab_size"] < tokenizer.n_vocab:
        raise BadInput(f"{path}: its tokenizer has more tokens than its model; use another file")
    try:
        model = GPT.from_checkpoint(checkpoint).to(machine.device).eval()
    except ValueError as error:
        raise BadInput(f"{path}: {error}") from None
    chat = checkpoint["stage"] != "pretrain"
    prompt = cfg.prompt.replace("\\n", "\n")
    if cfg.raw:
        answer(
            model,
            tokenizer,
            [tokenizer.endoftext, *tokenizer.encode(prompt)],
            [tokenizer.endoftext],
            cfg,
            machine,
        )
    elif prompt:
        answer(
            model,
            tokenizer,
            *tokenizer.prompt([{"role": "user", "content": prompt}], chat),
            cfg,
            machine,
        )
    else:
        print(
            f"{path}: stage {checkpoint['stage']}, "
            f"{sum(p.numel() for p in model.parameters()):,} parameters. "
            "/reset forgets the conversation, /quit ends."
        )
        talk(model, tokenizer, cfg, machine, chat)


if __name__ == "__main__":
    run(main, sys.argv[1:])
