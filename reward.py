"""Step 2, the reward model: learn what people prefer from their rankings (InstructGPT, 3.5, RM).

The fine-tuned network with its vocabulary head replaced by one number. It reads a question and an
answer and says how good the answer is. People rank K answers to a question; every pair of them is a
comparison.

reads   out/sft/ckpt.pt (made first if it is missing) and simulated labelers' rankings of answers
        that it samples, or --data=FILE with people's comparisons
writes  out/reward/ckpt.pt, comparisons.jsonl, log.jsonl

    python reward.py                                     the tiny world
    python reward.py --data=comparisons.jsonl            people's comparisons (see data/formats.py)
    python reward.py --loss=regression                   predict 1-7 ratings instead of ranking
"""

import itertools
import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tqdm import tqdm

import optim
from data.formats import read_comparisons
from data.world import World
from judges.agreement import accuracy, bag_of_words, gold, hold_out, pairs_of, places
from judges.labelers import Labelers, agreement
from model import GPT
from optim import learning_rate
from plumbing.checkpoint import Saver, load_checkpoint, need, parent_of
from plumbing.config import parse_config
from plumbing.errors import BadInput, run
from plumbing.machine import setup
from plumbing.records import Log
from sampling import generate
from tokenizer import Tokenizer

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "tiny"  # a named set of other defaults
    out: str = "out/reward"  # directory for ckpt.pt, comparisons.jsonl, log.jsonl
    init: str = "out/sft/ckpt.pt"  # the model to start from; made if it is missing
    data: str = "world"  # "world": sample answers, let simulated labelers rank them; or a file
    k: int = 4  # answers that a labeler ranks at once (InstructGPT, section 3.5: 4 to 9)
    n_prompts: int = 3000  # questions to rank answers for
    n_eval: int = 390  # held-out questions of the world, K answers each
    loss: str = "ranking"  # InstructGPT eq. 1; or "regression": predict the 1-7 rating
    max_len: int = 512  # tokens of question and answer; a longer pair loses its left
    batch_size: int = 8  # questions of one step, with all pairs of each (InstructGPT: 64)
    epochs: int = 1  # InstructGPT, App. C.2: more than one overfits
    lr: float = 1e-3  # AdamW; then a cosine down to a tenth (InstructGPT, App. C.2)
    matrix_lr: float = 0.007  # Muon; 0 hands the hidden matrices to AdamW
    eval_every: int = 50  # steps between validations
    seed: int = 1
    device: str = "auto"
    dtype: str = "auto"  # float32, bfloat16; auto takes bfloat16 where it is fast
    resume: bool = False  # go on from last.pt


PRESETS = {
    "tiny": {},
    "gpt2": dict(
        init="out/sft_gpt2/ckpt.pt", out="out/reward_gpt2", max_len=1024, lr=1e-5, matrix_lr=0.0
    ),
}


# --- the maths ---------------------------------------------------------------------------------


def preferred(ranks):
    """ranks (N, K), 0 the best, −1 where there is no answer -> (N, K, K): 1 where i beats j.

    Ties beat nothing, in either direction, so they leave the loss.
    """
    present = ranks >= 0
    both = present[:, :, None] & present[:, None, :]
    return ((ranks[:, :, None] < ranks[:, None, :]) & both).float()


def ranking_loss(scores, ranks):
    """L = −1/C(K,2) · Σ log σ(r(x, y_w) − r(x, y_l)) over the pairs of one question, then the mean
    over questions (InstructGPT eq. 1). scores and ranks (N, K).

    All pairs of a question are one batch element: an answer goes through the network once, not K −
    1 times in as many batches, which would overfit (section 3.5).
    """
    wins = preferred(ranks)  # (N, K, K)
    pairs = wins.sum((1, 2))  # (N,)
    difference = scores[:, :, None] - scores[:, None, :]
    per_question = -(F.logsigmoid(difference) * wins).sum((1, 2)) / pairs.clamp(min=1)
    return per_question.sum() / (pairs > 0).sum().clamp(min=1)


def regression_loss(scores, ratings):
    """L = mean (r(x, y) − rating)², ratings (N, K) from 1 to 7 put on −1..1; NaN where there is
    none."""
    present = ~ratings.isnan()
    target = (ratings.nan_to_num(4.0) - 4) / 3
    return (((scores - target) ** 2) * present).sum() / present.sum().clamp(min=1)


# --- batches -----------------------------------------------------------------------------------


def sample_comparisons(model, tokenizer, prompts, cfg, machine, seed):
    """K answers to each prompt at temperature 1, ranked by the simulated labelers."""
    ids = [tokenizer.prompt(p["messages"])[0] for p in prompts for _ in range(cfg.k)]
    with machine.autocast():
        answers = generate(model.eval(), ids, 32, stop=[tokenizer.endoftext], seed=seed)
    texts = [tokenizer.decode(a).strip() for a in answers]
    ended = [a[-1] == tokenizer.endoftext for a in answers]
    labelers, K = Labelers(seed), cfg.k
    return [
        labelers.rank(p, texts[i * K : i * K + K], ended[i * K : i * K + K])
        for i, p in enumerate(prompts)
    ]


def load_comparisons(cfg, sft, tokenizer, machine):
    """Comparisons for training and for validation, of different questions."""
    if cfg.data == "world":
        world = World()
        asked = world.prompts("rm", cfg.n_prompts, cfg.seed), world.prompts("test", cfg.n_eval)
        return [
            sample_comparisons(sft, tokenizer, prompts, cfg, machine, seed)
            for prompts, seed in zip(asked, (cfg.seed, 10**6 + cfg.seed))
        ]
    records = read_comparisons(cfg.data)
    for reason, count in records.skipped.items():
        print(f"{cfg.data}: {count} records skipped: {reason}")
    if cfg.loss == "regression" and not any(s for r in records for s in r.get("scores") or []):
        raise BadInput(f"{cfg.data} holds no ratings (scores); use --loss=ranking")
    train, val = hold_out(records, cfg.seed)
    if not train:
        raise BadInput(
            f"{cfg.data}: comparisons of at least 2 different questions are needed; one is held out"
        )
    return train, val


def get_batch(records, tokenizer, cfg, machine):
    """Every answer of N questions in one right-padded batch.

    Returns tokens (N·K, T), the index of the last real token (N·K,), ranks (N, K) with −1 and
    ratings (N, K) with NaN where a question has fewer than K answers.
    """
    K = max(len(r["responses"]) for r in records)
    rows, ranks = [], torch.full((len(records), K), -1)
    ratings = torch.full((len(records), K), math.nan)
    for n, record in enumerate(records):
        for place, group in enumerate(record["ranking"]):
            ranks[n, group] = place
        for i, rating in enumerate(record.get("scores") or []):
            ratings[n, i] = math.nan if rating is None else rating
        for text in record["responses"] + [""] * (K - len(record["responses"])):
            ids = tokenizer.render([*record["messages"], {"role": "assistant", "content": text}])[0]
            rows.append(ids[-cfg.max_len :])
    tokens = torch.full((len(rows), max(map(len, rows))), tokenizer.pad)
    for row, ids in enumerate(rows):
        tokens[row, : len(ids)] = torch.tensor(ids)
    last = torch.tensor([len(ids) - 1 for ids in rows])
    return tuple(x.to(machine.device) for x in (tokens, last, ranks, ratings))


def scores_of(model, tokens, last):
    """The reward r(x, y), read at the last real token: (rows, T) -> (rows,)."""
    return model(tokens)[torch.arange(len(tokens), device=tokens.device), last]


# --- evaluation --------------------------------------------------------------------------------


@torch.no_grad()
def score_records(model, records, tokenizer, cfg, machine):
    """Scores of all answers: a list with one (K,) numpy array for each record."""
    model.eval()
    out = []
    for i in range(0, len(records), 32):
        part = records[i : i + 32]
        tokens, last, ranks, _ = get_batch(part, tokenizer, cfg, machine)
        with machine.autocast():
            scores = scores_of(model, tokens, last).view(ranks.shape).cpu().numpy()
        out += [s[: len(r["responses"])] for s, r in zip(scores, part)]
    model.train()
    return out


def evaluate(model, records, tokenizer, cfg, machine):
    """Accuracy and loss on held-out questions; of the world also against the hidden judge."""
    values = score_records(model, records, tokenizer, cfg, machine)
    margins, wins = pairs_of(records, values, places)
    signed = np.where(wins, margins, -margins)
    result = {
        "val_accuracy": accuracy(margins, wins),
        "val_loss": float(np.mean(np.logaddexp(0, -signed))),
    }
    if "answers" in records[0]:
        result["judge_accuracy"] = accuracy(*pairs_of(records, values, gold))
    return result


def diagnose(model, train, val, tokenizer, cfg, machine):
    """What the accuracy hides: calibration, accuracy by margin, length, simple baselines."""
    values = score_records(model, val, tokenizer, cfg, machine)
    margins, wins = pairs_of(val, values, places)
    p, win = 1 / (1 + np.exp(-np.abs(margins))), (margins > 0) == wins  # confidence, from 0.5 to 1
    bins = np.minimum(((p - 0.5) * 10).astype(int), 4)
    table = [
        {
            "confidence": float(p[bins == b].mean()),
            "accuracy": float(win[bins == b].mean()),
            "pairs": int((bins == b).sum()),
        }
        for b in range(5)
        if (bins == b).any()
    ]
    lengths = [[len(text.split()) for text in r["responses"]] for r in val]
    flat, words = np.concatenate(values), np.concatenate(lengths)
    truth = gold if "answers" in val[0] else places
    result = {
        "reliability": table,
        "brier": float(np.mean((p - win) ** 2)),
        "calibration_error": sum(abs(t["confidence"] - t["accuracy"]) * t["pairs"] for t in table)
        / len(p),
        "score_length_correlation": float(np.corrcoef(flat, words)[0, 1]) if words.std() else 0.0,
        "length_only": accuracy(*pairs_of(val, [-np.array(n, float) for n in lengths], truth)),
        "bag_of_words": accuracy(*pairs_of(val, bag_of_words(train, val), truth)),
    }
    if "answers" in val[0]:
        own = [-np.array(places(r), float) for r in val]
        result["one_labeler"] = accuracy(*pairs_of(val, own, gold))
        result["two_labelers"] = agreement(val, [r["responses"] for r in val])[0]
    return result


def normalise(model, references, samples):
    """Shift and scale the head so that `references` score 0 on average and `samples` have unit
    spread.

    The loss knows differences only, so the level is free (InstructGPT, App. C.2, sets it so on the
    demonstrations); PPO's value clip and its penalty for not ending assume a unit scale (Ziegler
    2019).
    """
    head, gain = model.scalar_head, 1 / max(float(np.std(samples)), 1e-6)
    with torch.no_grad():
        head.weight.mul_(gain)
        head.bias.sub_(float(np.mean(references))).mul_(gain)


# --- training ----------------------------------------------------------------------------------


def train(cfg):
    """Train a reward model; returns the metrics of the last validation."""
    # --- setup
    machine, out = setup(cfg), Path(cfg.out)
    if cfg.loss not in ("ranking", "regression"):
        raise BadInput(f"--loss={cfg.loss}: expected ranking or regression")
    if not 2 <= cfg.k <= 9:
        raise BadInput(f"--k={cfg.k}: labelers rank 2 to 9 answers")
    path = need(cfg.init, "sft.py", cfg.preset, f"--seed={cfg.seed}")
    parent = load_checkpoint(path, stages=("sft", "pretrain"))
    tokenizer = Tokenizer.from_json(parent["tokenizer"])
    saved = load_checkpoint(out / "last.pt", stages=("reward",)) if cfg.resume else None

    # --- model
    sft = GPT.from_checkpoint(parent).to(machine.device)
    train_set, val_set = load_comparisons(cfg, sft, tokenizer, machine)
    model = GPT.from_checkpoint(saved or parent, head="scalar", dropout=0.0).to(machine.device)
    optimizers = optim.build(model, cfg.lr, cfg.matrix_lr, dtype=machine.dtype)
    saver = Saver(cfg, "reward", model, parent["tokenizer"], parent_of(path, parent), optimizers)
    first = saver.resume(saved)
    log = Log(out / "log.jsonl", cfg, machine, resumed_step=first if saved else None)
    network = machine.distribute(model)
    per_epoch = max(1, len(train_set) // cfg.batch_size)
    steps = cfg.epochs * per_epoch
    if machine.main:
        if cfg.data == "world":
            lines = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in train_set)
            (out / "comparisons.jsonl").write_text(lines, encoding="utf-8")
        n_pairs = sum(int(preferred(torch.tensor([places(r)])).sum()) for r in train_set)
        print(
            f"{n_pairs:,} comparisons on {len(train_set):,} questions of {cfg.data} "
            f"({len(val_set)} held out), {steps} steps, {machine}"
        )

    # --- loop
    bar = tqdm(range(first, steps), initial=first, total=steps, disable=not machine.main)
    metrics = {}
    for step in itertools.chain(bar, [steps]):
        if step > first and (step % cfg.eval_every == 0 or step % per_epoch == 0) or step == steps:
            metrics = evaluate(model, val_set, tokenizer, cfg, machine)
            log.write(step=step, epoch=step / per_epoch, **metrics)
            if machine.main:
                tqdm.write(
                    f"step {step:>6}   "
                    + "   ".join(f"{k.replace('_', ' ')} {v:.3f}" for k, v in metrics.items())
                )
                saver.save(step, metrics, better=False)
        if step == steps:
            break
        machine.seed(cfg.seed, step)
        order = np.random.default_rng([cfg.seed, step // per_epoch]).permutation(len(train_set))
        batch = order[step % per_epoch * cfg.batch_size :][: cfg.batch_size]
        records = [train_set[i] for i in batch[machine.rank :: machine.processes]]
        tokens, last, ranks, ratings = get_batch(records, tokenizer, cfg, machine)
        with machine.autocast():
            scores = scores_of(network, tokens, last).view(ranks.shape)  # (N, K)
        ranking = cfg.loss == "ranking"
        loss = ranking_loss(scores, ranks) if ranking else regression_loss(scores, ratings)
        loss.backward()
        norm = optim.step(optimizers, model, learning_rate(step, steps))
        if step % 10 == 9:
            log.write(step=step + 1, loss=machine.mean(loss.detach()), grad_norm=float(norm))
            bar.set_postfix_str(f"loss {loss.item():.3f}")

    # --- results
    if machine.main:
        samples = np.concatenate(score_records(model, train_set[:400], tokenizer, cfg, machine))
        references = samples
        if cfg.data == "world":
            demos = [
                {
                    "messages": d["messages"][:-1],
                    "ranking": [[0]],
                    "responses": [d["messages"][-1]["content"]],
                }
                for d in World().demonstrations(400, seed=cfg.seed)
            ]
            references = np.concatenate(score_records(model, demos, tokenizer, cfg, machine))
        details = diagnose(model, train_set, val_set, tokenizer, cfg, machine)
        normalise(model, references, samples)
        log.write(step=steps, details=details)
        saver.keep(steps, metrics)
        report(metrics, details)
        print(
            f"{(out / 'ckpt.pt').as_posix()}: agrees with {metrics['val_accuracy']:.1%} of "
            "held-out labels"
        )
    return metrics


def report(metrics, details):
    """Print the held-out figures beside what needs no network to reach."""
    target = "the hidden judge (simulated)" if "judge_accuracy" in metrics else "held-out labels"
    print(f"\nagreement with {target}, pairs of held-out questions")
    print(f"  reward model {metrics.get('judge_accuracy', metrics['val_accuracy']):>8.1%}")
    for name in ("one_labeler", "bag_of_words", "length_only"):
        if name in details:
            print(f"  {name.replace('_', ' '):<12} {details[name]:>8.1%}")
    if "two_labelers" in details:
        print(f"two labelers (simulated) agree with each other on {details['two_labelers']:.1%}")
    print("confidence of the reward model in its order, and how often held-out labels agree")
    for row in details["reliability"]:
        print(f"  {row['confidence']:>6.1%} {row['accuracy']:>8.1%}  {row['pairs']:>6} pairs")
    print(
        f"correlation of score and length {details['score_length_correlation']:+.2f}, Brier "
        f"score {details['brier']:.3f}, calibration error {details['calibration_error']:.3f}"
    )


# --- run ---------------------------------------------------------------------------------------

if __name__ == "__main__":
    run(lambda: train(parse_config(Config, PRESETS)))
