"""What a loss says: per byte of text, and beside a model that knows nothing."""

import math

MISFIT = 0.8  # a base whose loss is above this share of a blind guess does not know the text
# Of two answers the better one, of a mark broken or kept: what a guess gets.
GUESS = {"val_accuracy": "0.5", "judge_accuracy": "0.5", "val_loss": f"{math.log(2):.3f}"}


def per_byte(nats, tokens, n_bytes):
    """The loss of so many tokens, which write so many bytes, from its sum: nats per token and bits
    per byte. The latter does not depend on how the text is cut into tokens, so models with other
    vocabularies can be compared."""
    bits = nats / math.log(2)
    return {"val_loss": nats / tokens, "val_bits_per_byte": bits / max(1, n_bytes)}


def uniform(metrics, n_vocab):
    """What a model that takes all tokens for equally likely would have, in the same two units."""
    nats = math.log(n_vocab)
    tokens_per_byte = metrics["val_bits_per_byte"] * math.log(2) / metrics["val_loss"]
    return nats, nats / math.log(2) * tokens_per_byte


def language(step, metrics, n_vocab):
    """The line of a validation of words."""
    return (
        f"step {step:>6}   val loss {metrics['val_loss']:.4f} nats/token (uniform "
        f"{math.log(n_vocab):.2f})   {metrics['val_bits_per_byte']:.4f} bits/byte"
    )


def guesses(step, metrics):
    """The line of a validation of scores, each beside what a guess gets."""
    shown = f"step {step:>6}"
    for name, value in metrics.items():
        guess = f" (a guess {GUESS[name]})" if name in GUESS else ""
        shown += f"   {name.replace('_', ' ')} {value:.3f}{guess}"
    return shown


def base_fit(cfg, base, metrics, n_vocab):
    """Lines: what base is tuned, how well it fits people's demonstrations before any step, and,
    where it does not, the command that makes one which does. base: the checkpoint."""
    nats, bits = uniform(metrics, n_vocab)
    of = base.get("train_config", {}).get("data") or "a text that its file does not name"
    chosen = "" if "init" in getattr(cfg, "given", ()) else " (the default of --init)"
    lines = [
        f"base: {cfg.init}{chosen}, stage {base['stage']}, of {of}: on these answers "
        f"{metrics['val_bits_per_byte']:.2f} bits/byte; a blind guess has {bits:.2f}"
    ]
    if metrics["val_loss"] > MISFIT * nats:
        lines.append(
            "the base does not know text of this kind. One that does, in the same command: "
            f"python sft.py --data={cfg.data} --pretrain_on={cfg.data} (better: more text of its "
            "kind)"
        )
    return lines
