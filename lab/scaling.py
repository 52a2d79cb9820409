"""GPT-3's figure 3.1 in small: loss against compute, for models of several sizes.

    python -m lab.scaling                      five sizes at five amounts of text; hours on a CPU
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

import time
from dataclasses import dataclass
from pathlib import Path

from plumbing.config import check_options, numbers, parse_config, positive

if __name__ == "__main__":  # answer --help and slips before torch, a second's work, loads
    check_options(__file__)

from judges.exam import Exam
from lab.scaling_law import BLOCK, FEWEST, WIDTH, envelope, fitted
from lab.scaling_picture import draw
from lab.studies import append, take_up
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
    depth: str = "1,2,3,4,5"  # sizes: 0.08 to 1.9 million parameters
    millions: str = "0.25,0.5,1,2,4"  # amounts of text, in millions of tokens
    predict: int = 6  # depth of the larger model that the fit is asked about, at the most text
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
BATCH = 16
RATE = 0.02  # of pretrain.py's default, which is of depth 4


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
        "larger": depth == cfg.predict,
        "asked": tokens,
        "tokens": seen,
        "parameters": size,
        "flops": float(loaded.model.flops_per_token(BLOCK) * seen),
        "val_loss": loaded.checkpoint["metrics"]["val_loss"],
        "few_shot": float(exam.few_shot(loaded.model).mean()),
        "n": cfg.n_lists,
        "seconds": round(time.perf_counter() - start),
    }


# --- the study ---------------------------------------------------------------------------------


def table_of(rows):
    lines = []
    for row in sorted(rows, key=lambda row: (row["parameters"], row["tokens"])):
        shape = (f"{row['depth']}", f"{row['parameters']:,}", f"{row['tokens']:,}")
        lines.append([*shape, f"{row['flops']:.2e}", row["val_loss"], row["few_shot"]])
    return lines


def main(cfg):
    """Train what is not there, measure it, fit, predict, draw; returns the rows."""
    positive(cfg, "n_lists", "predict")
    depths = numbers(cfg.depth, (), "depth")
    sizes = amounts(cfg.millions)
    if not depths or min(depths) < 1 or cfg.predict <= max(depths):
        raise BadInput(f"--predict={cfg.predict}: expected a depth above all of --depth, 1 or more")
    if len({tokens // 1000 for tokens in sizes}) < len(sizes) or sizes[0] < 1000:
        raise BadInput(f"--millions={cfg.millions:.40}: expected amounts 0.001 or more apart")
    machine = setup(cfg)
    path = Path(cfg.out) / "scaling.jsonl"
    rows = take_up(path, cfg, "depth", "millions", "predict", "reach")
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
    reached = of_run(rows, cfg, cfg.predict, sizes[-1])
    told = fitted(found, cfg.predict, sizes[-1], reached)
    if not told:
        runs = len(envelope(found))
        print(f"{runs} runs make the envelope; a fit needs {FEWEST}: more sizes or texts")
        return found
    print("\n" + "\n".join(told.sentences()))
    picture = Path(cfg.out) / "scaling.svg"
    write_text(picture, draw(told))
    print(picture.as_posix())
    return found


# --- run ---------------------------------------------------------------------------------------

if __name__ == "__main__":
    run(lambda: main(parse_config(Config, PRESETS)))
