"""Speed, always as a ratio against a peer measured in the same run on the same machine.

    python -m lab.bench                   every table
    python -m lab.bench attention         our attention against torch's scaled_dot_product_attention
    python -m lab.bench train             tokens per second against a plain eager float32 loop
    python -m lab.bench time --data=FILE   seconds to a validation loss of 1.88 on tinyshakespeare
                                      against the plain loop with nanoGPT's CPU recipe
    python -m lab.bench sample            cached sampling against transformers' generate
    python -m lab.bench ppo               one iteration of PPO against TRL's PPOTrainer (up to 1.9)

writes  out/bench.jsonl: what was measured with, then one row per comparison

Ours and the peer take turns, so that a busy machine slows both. A row shows medians and the ratio's
median, minimum and maximum; where these two lie further apart than a quarter of the median it says
that it is noisy. "of matmul" is the arithmetic rate over the rate of large matmuls, timed anew for
each row and the best of several times. The peers are in lab/peers.py.
"""

import itertools
import statistics
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from plumbing.config import check_options, idle, parse_config, positive

if __name__ == "__main__":  # answer --help and slips before torch, a second's work, loads
    check_options(__file__, [arg for arg in sys.argv[1:] if arg[:1] == "-"])

import numpy as np
import torch
import torch.nn.functional as F

import optim
import ppo
import pretrain
from data import corpora
from kernels import attention
from lab.peers import PlainGPT, plain_recipe, plain_step, transformers_sampling, trl_iteration
from lab.studies import hardware
from likelihood import answer_scores
from model import GPT, GPTConfig
from optim import learning_rate
from plumbing.batches import Batches
from plumbing.errors import BadInput, run
from plumbing.folder import look_for_room
from plumbing.machine import gemm_rate, setup
from plumbing.records import write_records
from sampling import generate


@dataclass
class Config:
    preset: str = "default"  # there is one set of defaults
    out: str = "out"  # directory for bench.jsonl
    data: str = "shakespeare"  # text for `time`: downloaded once, or a file
    repeats: int = 7  # turns of each measurement
    seed: int = 1
    device: str = "auto"
    dtype: str = "auto"


# --- measuring ---------------------------------------------------------------------------------

NOISY = 0.25  # a spread of the ratios, in shares of their median, above which a row says so
TRIES = 6  # of timing matmuls, at least two of them
SIDES = {"cpu": (512, 1024)}  # of the matrices


def sync(machine):
    if machine.device.startswith("cuda"):
        torch.cuda.synchronize()


def seconds(calls, machine, n=1):
    """How long n calls take."""
    sync(machine)
    start = time.perf_counter()
    for _ in range(n):
        calls()
    sync(machine)
    return time.perf_counter() - start


def take_turns(ours, peer, machine, repeats, inner):
    """Seconds of one call: two lists, measured alternately after a warm-up."""
    times = ([], [])
    for turn in range(repeats + 1):
        for calls, out in zip((ours, peer), times):
            took = seconds(calls, machine, inner) / inner
            if turn:
                out.append(took)
    return times


def of_matmul(rate, machine):
    """What share of the matmul rate a rate in FLOP/s is: of the best of several measurements right
    after it. None where matmuls stay slower than it: something else holds them up."""
    best = 0.0
    for turn in range(TRIES):
        for n in SIDES.get(machine.device, (0,)):
            best = max(best, gemm_rate(machine, n))
        if turn and best >= rate:
            break
    return rate / best if best >= rate else None


def row(name, ours, peer, unit, amount, flops=None, machine=None):
    """Print one comparison and return it as a record. `amount` of `unit`, with `flops` of
    arithmetic on `machine`, is done in the times `ours` and `peer`."""
    ratios = [b / a for a, b in zip(ours, peer)]
    a, b = statistics.median(ours), statistics.median(peer)
    ratio = statistics.median(ratios)
    low = min(ratios)
    high = max(ratios)
    noisy = (high - low) / ratio > NOISY
    share = of_matmul(flops / a, machine) if flops else None
    beside = "" if share is None else f"{share:>6.0%} of matmul"
    print(
        f"  {name:<34} {amount / a:>12,.1f} {amount / b:>12,.1f} {unit:<9} "
        f"{ratio:>5.2f}x ({low:.2f}-{high:.2f}) {beside}{'  noisy' if noisy else ''}",
        flush=True,
    )
    return {
        "name": name,
        "ours": amount / a,
        "peer": amount / b,
        "unit": unit,
        "ratio": ratio,
        "low": low,
        "high": high,
        "noisy": noisy,
        "turns": len(ratios),
        "of_matmul": share,
    }


def header(title, peer):
    print(f"\n{title:<36} {'ours':>12} {peer[:12]:>12}           ratio (min-max)")


# --- attention ---------------------------------------------------------------------------------

SHAPES = [(16, 4, 128, 32), (16, 6, 256, 64), (4, 4, 1024, 64), (1, 4, 4096, 64)]
GPU_SHAPES = [(16, 12, 1024, 64), (4, 16, 4096, 128)]


def bench_attention(cfg, machine):
    """Forward and backward, causal. Flops count the causal half: 2 matmuls forward, 5 backward.

    A CPU is measured in float32, and in bfloat16 too where it is fast; a GPU in the format it
    trains in.
    """
    header("attention, forward + backward", "torch SDPA")
    gpu = machine.device.startswith("cuda")
    formats = dict.fromkeys([machine.dtype] if gpu else [torch.float32, machine.dtype])
    rows = []
    for dtype, shape in itertools.product(formats, GPU_SHAPES if gpu else SHAPES):
        q, k, v, g = (torch.randn(shape, device=machine.device, dtype=dtype) for _ in range(4))
        leaves = [x.requires_grad_() for x in (q, k, v)]

        def ours():
            torch.autograd.grad(attention.attention(*leaves), leaves, g)

        def peer():
            torch.autograd.grad(F.scaled_dot_product_attention(*leaves, is_causal=True), leaves, g)

        B, H, T, D = shape
        flops = 7 * B * H * T * T * D
        a, b = take_turns(ours, peer, machine, cfg.repeats, 1 if T > 2000 else 5)
        name = f"{shape} {str(dtype).removeprefix('torch.')}"
        found = row(name, a, b, "GFLOP/s", flops / 1e9, flops, replace(machine, dtype=dtype))
        rows.append({**found, "against": "torch SDPA"})
    return rows


# --- training ----------------------------------------------------------------------------------


def bench_train(cfg, machine):
    """Whole training steps of the default model and of nanoGPT's small GPU recipe's shape."""
    header("training", "plain loop")
    rows = []
    for V, L, H, C, T, B in ((1024, 4, 4, 128, 128, 16), (256, 6, 6, 384, 256, 16)):
        x = torch.randint(V, (B, T), device=machine.device)
        model = GPT(GPTConfig(block_size=T, vocab_size=V, n_layer=L, n_head=H, n_embd=C))
        model = model.to(machine.device)
        optimizers = optim.build(model, 1e-3, 0.02, dtype=machine.dtype)
        plain = PlainGPT(V, T, L, H, C).to(machine.device)
        adamw = torch.optim.AdamW(plain.parameters(), lr=1e-3)

        def ours():
            with machine.autocast():
                loss = model(x, x).mean()
            loss.backward()
            optim.step(optimizers, model, 1.0)

        def peer():
            plain_step(plain, adamw, x, x)

        a, b = take_turns(ours, peer, machine, cfg.repeats, 5 if C < 200 else 1)
        flops = B * T * model.flops_per_token(T)
        name = f"{L}L/{H}H/{C}, T={T}, B={B}"
        found = row(name, a, b, "tokens/s", B * T, flops, machine)
        rows.append({**found, "against": "plain loop"})
    return rows


def our_recipe(recipe, train, V, machine):
    """The shakespeare_char preset: functions that take a step and that give a loss."""
    model = GPT(GPTConfig(block_size=64, vocab_size=V)).to(machine.device)
    optimizers = optim.build(
        model, recipe.lr, recipe.matrix_lr, recipe.weight_decay, dtype=machine.dtype
    )

    batches = Batches((len(train) - 1) // recipe.block_size, recipe.batch_size, recipe.seed)

    def step_of(step):
        x, y = pretrain.get_batch(train, batches[step], step, recipe, machine)
        with machine.autocast():
            loss = model(x, y).mean()
        loss.backward()
        factor = learning_rate(step, recipe.steps, recipe.warmup, recipe.final_lr)
        optim.step(optimizers, model, factor)

    return step_of, lambda x, y: model(x, y).mean()


def reach(step_of, loss_of, rows, machine, target=1.88, most=2000):
    """Train until the validation loss is `target`: (seconds, steps, loss). Only steps are timed."""
    took = 0.0
    loss = float("inf")
    step = 0
    while loss > target and step < most:
        took += seconds(lambda: step_of(step), machine)
        step += 1
        if step % 25 == 0:
            with torch.no_grad():
                loss = float(loss_of(rows[:, :-1], rows[:, 1:]))
    return took, step, loss


def bench_time(cfg, machine):
    """Seconds of training (validation left out of the clock) until the validation loss is 1.88."""
    print("\ntime to validation loss 1.88, tinyshakespeare, 4L/4H/128, T=64, B=12", flush=True)
    options = [f"--data={cfg.data}", "--preset=shakespeare_char", f"--seed={cfg.seed}"]
    recipe = parse_config(pretrain.Config, pretrain.PRESETS, options)
    train, val, tokenizer = corpora.load(recipe)
    V = -(-tokenizer.n_vocab // 64) * 64
    rows = np.stack([val[i * 64 : i * 64 + 65] for i in range(512)]).astype(np.int64)
    rows = torch.from_numpy(rows).to(machine.device)
    recipes = {
        "ours": our_recipe(recipe, train, V, machine),
        "plain loop": plain_recipe(cfg.seed, train, V, machine),
    }
    times = {}
    for name, (step_of, loss_of) in recipes.items():
        times[name], step, loss = reach(step_of, loss_of, rows, machine)
        print(f"  {name:<12} {times[name]:>7.1f} s  {step:>5} steps  val loss {loss:.3f}")
    found = row("4L/4H/128, T=64, B=12", [times["ours"]], [times["plain loop"]], "runs/s", 1)
    return [{**found, "against": "plain loop"}]


# --- sampling and PPO --------------------------------------------------------------------------


def small_model(machine, head="lm"):
    """4L/6H/192, 64 tokens of context: the shape of what the peers sample from and tune."""
    shape = GPTConfig(vocab_size=1024, n_layer=4, n_head=6, n_embd=192, block_size=64, head=head)
    return GPT(shape).to(machine.device)


def bench_sample(cfg, machine):
    """128 rows, 16 prompt and 24 new tokens, temperature 1, 4L/192: every row runs to the end."""
    prompts = torch.randint(1, 1024, (128, 16), device=machine.device)
    peer = transformers_sampling(prompts, machine)
    header("sampling, 128 x 24 new tokens", "transformers")
    model = small_model(machine).eval()
    listed = prompts.tolist()

    def ours():
        with machine.autocast():
            generate(model, listed, 24)

    a, b = take_turns(ours, peer, machine, cfg.repeats, 1)
    return [{**row("4L/6H/192", a, b, "tokens/s", 128 * 24), "against": "transformers"}]


class Ids:
    """Stands in for a tokenizer where only numbers of tokens matter: conversations are lists of
    ids."""

    pad = endoftext = 0
    evidence = False

    def prompt(self, messages, chat=True):
        return messages, [self.endoftext]

    def read(self, ids):
        return {"role": "assistant", "content": ""}


def our_iteration(prompts, machine):
    """A function that runs one iteration of ppo.py. prompts: lists of ids."""
    policy = small_model(machine)
    ref = small_model(machine)
    value = small_model(machine, "scalar")
    scorer = small_model(machine, "scalar")
    learners = {"policy": policy, "value": value}
    optimizers = {name: optim.build(network, 1e-5) for name, network in learners.items()}
    recipe = ppo.Config(batch_size=128, minibatch=32, max_new_tokens=24)
    questions = [{"messages": ids} for ids in prompts]
    rng = np.random.default_rng(0)

    def reward(questions, texts, ended, tokens, last, mask):
        return answer_scores(scorer, tokens, last, mask)

    def iterate():
        noise = torch.rand(128, 24, device=machine.device)
        batch, _ = ppo.rollout(
            policy, ref, value, reward, Ids(), questions, recipe, machine, noise, recipe.beta, None
        )
        ppo.update(learners, optimizers, batch, 1.0, None, recipe, machine, rng)

    return iterate


def bench_ppo(cfg, machine):
    """One iteration: 128 prompts of 16 tokens, 24 new ones, scores, 4 minibatches of 32, 4L/192."""
    prompts = torch.randint(1, 1024, (128, 16)).tolist()
    peer = trl_iteration(prompts, machine)
    header("PPO, 128 x (16 + 24) tokens", "TRL")
    a, b = take_turns(our_iteration(prompts, machine), peer, machine, cfg.repeats, 1)
    return [{**row("4L/6H/192", a, b, "tokens/s", 128 * 24), "against": "TRL"}]


# --- run ---------------------------------------------------------------------------------------

BENCHES = {
    "attention": bench_attention,
    "train": bench_train,
    "time": bench_time,
    "sample": bench_sample,
    "ppo": bench_ppo,
}


def main(argv):
    cfg = parse_config(Config, {"default": {}}, [arg for arg in argv if arg[:1] == "-"])
    names = [arg for arg in argv if arg[:1] != "-"]
    if unknown := [name for name in names if name not in BENCHES]:
        raise BadInput(f"bench.py {unknown[0]}: no such table; there are {', '.join(BENCHES)}")
    positive(cfg, "repeats")
    if names and "time" not in names:
        idle(cfg, "without the table `time`", "data")
    if "data" in getattr(cfg, "given", ()) and not Path(cfg.data).is_file():
        raise BadInput(f"--data={cfg.data}: no such file; look for one moved or misspelt")
    look_for_room(cfg.out)
    machine = setup(cfg)
    head = {
        "config": asdict(cfg),
        "device": machine.device,
        "dtype": str(machine.dtype)[6:],
        "torch": torch.__version__,
        **hardware(),
    }
    print(
        f"{head['device']}, {head['instructions']}, {head['dtype']}, {head['threads']} threads, "
        f"torch {head['torch']}; matmul {gemm_rate(machine) / 1e9:,.0f} GFLOP/s"
    )
    rows = []
    for name in names or BENCHES:
        torch.manual_seed(cfg.seed)
        try:
            rows += [{"table": name, **found} for found in BENCHES[name](cfg, machine)]
        except BadInput as missing:  # a peer that is not installed
            if names:
                raise
            print(f"\n{name}: {missing}")
        write_records(Path(cfg.out) / "bench.jsonl", head, rows)
    return rows


if __name__ == "__main__":
    run(main, sys.argv[1:])
