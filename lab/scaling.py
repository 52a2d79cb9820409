"""GPT-3's figure 3.1 in small: loss against compute, for models of several sizes.

    python -m lab.scaling                      six sizes at five amounts of text; hours on a CPU
    python -m lab.scaling --reach              and the larger model that the fit was asked about
    python -m lab.scaling --preset=smoke       sizes that only show that all is wired

One dial, the depth d, sets a model's shape and rates: d layers, d heads of 32 channels, and an
embedding rate that falls with the root of the width. Every size is pretrained on each amount of the
tiny world's text, a run of its own each, since the rate ends at zero where a run ends. The best
that any size reaches with so much compute is the envelope, and through it goes

    L(C) = E + a·C^(−b)        (Hoffmann et al. 2022, eq. 2, in the compute alone)

E is what no model of this text can get below. GPT-3 draws a law without E: its losses are still far
above it, those of a tiny world are not. What the law says of a larger model is written down before
that model is trained.

reads   nothing; each run is made, in out/scaling/
writes  out/scaling/scaling.jsonl, out/scaling/scaling.svg

A study that was stopped goes on where it stopped: finished runs and measured rows are kept.
"""

import math
import time
from dataclasses import dataclass
from pathlib import Path

from plumbing.config import check_options, numbers, parse_config, positive

if __name__ == "__main__":  # answer --help and slips before torch, a second's work, loads
    check_options(__file__)

import numpy as np

from judges.exam import Exam
from lab.scaling_picture import draw
from lab.studies import append, read
from plumbing.checkpoint import load_checkpoint
from plumbing.errors import BadInput, run
from plumbing.files import write_text
from plumbing.inputs import run_stage
from plumbing.machine import setup
from plumbing.records import print_table
from sampling import open_checkpoint

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "default"  # how much is trained
    out: str = "out/scaling"  # a folder for each run, the table and the picture
    depth: str = "1,2,3,4,5,6"  # sizes: 0.08 to 3 million parameters
    millions: str = "0.5,1,2,4,8"  # amounts of text, in millions of tokens
    predict: int = 7  # depth of the larger model that the fit is asked about, at the most text
    reach: bool = False  # train that model too, and say what it reaches
    n_lists: int = 420  # few-shot prompts, the same for every model
    seed: int = 1
    device: str = "auto"
    dtype: str = "auto"  # float32, bfloat16, float16; auto takes what is fast here


PRESETS = {
    "default": {},
    "smoke": dict(
        out="out/scaling_smoke", depth="1,2", millions="0.02,0.04,0.08", predict=3, n_lists=14
    ),
}
WIDTH = 32  # channels of a head, and of the model for each layer
BATCH = 16
BLOCK = 128
RATE = 0.02  # of pretrain.py's default, which is of depth 4
FEWEST = 5  # points of the envelope that a fit of three numbers needs
TRIES = 1000  # of the bootstrap


def amounts(text):
    """The amounts of text of --millions, as tokens."""
    try:
        found = sorted({float(part) for part in text.split(",")})
    except ValueError:
        found = [0.0]
    if not 0 < found[0] <= found[-1] <= 1000:
        raise BadInput(f"--millions={text:.40}: expected numbers with commas between: 0.5,1,2")
    return [round(1e6 * millions) for millions in found]


# --- the dial ----------------------------------------------------------------------------------


def shape_of(depth):
    """Options of pretrain.py for a model of this depth."""
    width = WIDTH * depth
    rate = RATE * (WIDTH * 4 / width) ** 0.5
    return {"n_layer": depth, "n_head": depth, "n_embd": width, "lr": round(rate, 5)}


def options_of(cfg, depth, tokens, folder):
    """The command line of one run. It ends at `tokens`, whole steps of them."""
    steps = max(1, round(tokens / (BATCH * BLOCK)))
    options = {**shape_of(depth), "steps": steps, "batch_size": BATCH, "block_size": BLOCK}
    options |= {"warmup": max(1, min(30, steps // 10)), "eval_every": max(1, steps // 2)}
    options |= {"seed": cfg.seed, "device": cfg.device, "dtype": cfg.dtype, "out": folder}
    return [f"--{name}={value}" for name, value in options.items()]


def train(cfg, depth, tokens):
    """The run of this depth and amount: made, or finished where it stopped. Returns its file."""
    folder = Path(cfg.out) / f"depth{depth}_{tokens // 1000}k"
    path = folder / "ckpt.pt"
    if not path.exists() or not load_checkpoint(path).get("finished"):
        options = options_of(cfg, depth, tokens, folder.as_posix())
        if (folder / "last.pt").exists():
            options = ["--resume", f"--out={folder.as_posix()}"]
        print(f"\npython pretrain.py {' '.join(options)}", flush=True)
        if run_stage("pretrain.py", options):
            raise BadInput(f"{folder}: its run ended in the error above")
    return path


def measure(cfg, depth, tokens, machine):
    """A row of the table: what one run has cost, and what its model can do."""
    start = time.perf_counter()
    path = train(cfg, depth, tokens)
    loaded = open_checkpoint(path, machine)
    exam = Exam(loaded.tokenizer, machine, n=1, n_lists=cfg.n_lists, n_talks=1)
    seen = load_checkpoint(path)["train_config"]["steps"] * BATCH * BLOCK
    size = sum(p.numel() for p in loaded.model.parameters())
    return {
        "seed": cfg.seed,
        "depth": depth,
        "asked": tokens,
        "tokens": seen,
        "parameters": size,
        "flops": float(loaded.model.flops_per_token(BLOCK) * seen),
        "val_loss": loaded.checkpoint["metrics"]["val_loss"],
        "few_shot": float(exam.few_shot(loaded.model).mean()),
        "n": cfg.n_lists,
        "seconds": round(time.perf_counter() - start),
    }


# --- the fit -----------------------------------------------------------------------------------


def envelope(rows):
    """The rows that no other has beaten with as little compute, from the least compute on."""
    best = math.inf
    found = []
    for row in sorted(rows, key=lambda row: row["flops"]):
        if row["val_loss"] < best:
            best = row["val_loss"]
            found.append(row)
    return found


def fit(flops, losses):
    """E, log a and b of L(C) = E + a·C^(−b): of many E the one whose straight line through log C
    and log(L − E) leaves the least of the losses over."""
    x = np.log(flops)
    floors = np.linspace(0, 0.999 * min(losses), 400)[:, None]
    y = np.log(losses - floors)  # (floors, runs): a straight line for each E
    away = x - x.mean()
    slopes = (y * away).sum(1, keepdims=True) / (away**2).sum()
    heights = y.mean(1, keepdims=True) - slopes * x.mean()
    left = losses - floors - np.exp(heights + slopes * x)
    best = (left**2).sum(1).argmin()
    return floors[best, 0], heights[best, 0], -slopes[best, 0]


def law(flops, numbers):
    """The loss that the law gives with so much compute."""
    floor, height, slope = numbers
    return floor + np.exp(height - slope * np.log(flops))


def spread(flops, losses, at, seed=0):
    """The fit, and 95 % intervals of its E and b and of the loss at `at` FLOPs, by drawing its
    residuals again (Efron 1979): {name: (value, low, high)}."""
    numbers = fit(flops, losses)
    expected = law(flops, numbers)
    # Three numbers were fitted: what is left over is too small by that.
    inflated = (losses - expected) * math.sqrt(len(flops) / (len(flops) - 3))
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(TRIES):
        again = expected + rng.choice(inflated, len(inflated))
        other = fit(flops, again)
        drawn.append((other[0], other[2], law(at, other)))
    values = (numbers[0], numbers[2], law(at, numbers))
    ends = np.quantile(drawn, (0.025, 0.975), axis=0)
    names = ("E", "b", "predicted")
    found = {name: (float(v), *map(float, e)) for name, v, e in zip(names, values, ends.T)}
    return {**found, "numbers": numbers}


def compute_of(depth, tokens, rows):
    """FLOPs of a model that is not there yet, counted as model.py counts them. Its table of tokens
    is as wide as it is; blocks have 12·C² parameters."""
    known = rows[0]
    width = WIDTH * known["depth"]
    words = (known["parameters"] - 12 * known["depth"] * width**2) / width
    width = WIDTH * depth
    parameters = 12 * depth * width**2 + words * width
    return float(tokens) * 6 * (parameters + depth * width * BLOCK)


# --- the study ---------------------------------------------------------------------------------


def table_of(rows):
    lines = []
    for row in sorted(rows, key=lambda row: (row["parameters"], row["tokens"])):
        shape = (f"{row['depth']}", f"{row['parameters']:,}", f"{row['tokens']:,}")
        lines.append([*shape, f"{row['flops']:.2e}", row["val_loss"], row["few_shot"]])
    return lines


def sentences(cfg, rows, found, at, reached):
    """What the fit says, in words: only what it can tell."""
    b, low, high = found["b"]
    floor, least, most = found["E"]
    said = [
        f"Envelope of {len(envelope(rows))} runs: L(C) = {floor:.3f} [{least:.3f}, {most:.3f}] + "
        f"a·C^(−{b:.3f}), exponent's 95 % interval [{low:.3f}, {high:.3f}]."
    ]
    middle, least, most = found["predicted"]
    said.append(
        f"At {at:.2e} FLOPs, depth {cfg.predict}, it predicts {middle:.3f} nats per token "
        f"[{least:.3f}, {most:.3f}]."
    )
    if reached:
        loss = reached["val_loss"]
        within = "within" if least <= loss <= most else "outside of"
        said.append(f"That model reaches {loss:.3f}, {within} the interval.")
    return said


def main(cfg):
    """Train what is not there, measure it, fit, predict, draw; returns the rows."""
    positive(cfg, "n_lists", "predict")
    depths = numbers(cfg.depth, (), "depth")
    sizes = amounts(cfg.millions)
    if not depths or min(depths) < 1 or cfg.predict <= max(depths):
        raise BadInput(f"--predict={cfg.predict}: expected a depth above all of --depth, 1 or more")
    machine = setup(cfg)
    path = Path(cfg.out) / "scaling.jsonl"
    rows = read(path)
    jobs = [(depth, tokens) for depth in depths for tokens in sizes]
    # The smallest runs first: a study that is stopped has shown something.
    jobs.sort(key=lambda job: job[0] ** 3 * job[1])
    jobs += [(cfg.predict, sizes[-1])] if cfg.reach else []
    for depth, tokens in jobs:
        if not of_run(rows, cfg, depth, tokens):
            rows = append(path, [measure(cfg, depth, tokens, machine)], rows, cfg)
    return report(cfg, rows, depths, sizes)


def of_run(rows, cfg, depth, tokens):
    """The row of one run, if it was measured."""
    wanted = {"seed": cfg.seed, "depth": depth, "asked": tokens}
    return next((row for row in rows if wanted.items() <= row.items()), None)


def report(cfg, rows, depths, sizes):
    """Print the table and the fit, draw the picture."""
    found = [row for row in rows if row["depth"] in depths and row["asked"] in sizes]
    columns = ["depth", "parameters", "tokens", "FLOPs", "loss", "few-shot"]
    print_table("pretraining by size and text", columns, table_of(found))
    best = envelope(found)
    if len(best) < FEWEST:
        print(f"{len(best)} runs make the envelope; a fit needs {FEWEST}: more sizes or texts")
        return found
    flops = np.array([row["flops"] for row in best])
    losses = np.array([row["val_loss"] for row in best])
    reached = of_run(rows, cfg, cfg.predict, sizes[-1])
    at = reached["flops"] if reached else compute_of(cfg.predict, sizes[-1], found)
    fitted = spread(flops, losses, at)
    said = sentences(cfg, found, fitted, at, reached)
    print("\n" + "\n".join(said))
    curve = [(c, law(c, fitted["numbers"])) for c in np.geomspace(min(flops), at, 60)]
    target = {"at": at, "predicted": fitted["predicted"], "reached": reached}
    picture = Path(cfg.out) / "scaling.svg"
    write_text(picture, draw(found, best, curve, target, said))
    print(picture.as_posix())
    return found


# --- run ---------------------------------------------------------------------------------------

if __name__ == "__main__":
    run(lambda: main(parse_config(Config, PRESETS)))
