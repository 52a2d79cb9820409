"""Speed, always as a ratio against a peer measured in the same run on the same machine.

    python -m lab.bench                   every table
    python -m lab.bench attention         our attention against torch's scaled_dot_product_attention
    python -m lab.bench train             tokens per second against a plain eager float32 loop
    python -m lab.bench time --data=FILE  seconds to a validation loss of 1.88 on tinyshakespeare
                                      against the plain loop with nanoGPT's CPU recipe
    python -m lab.bench sample            cached sampling against transformers' generate
    python -m lab.bench ppo               one iteration of PPO against TRL's PPOTrainer (TRL up to 1.9)

writes  out/bench.jsonl: what was measured with, then one row per comparison

Ours and the peer take turns, so that a busy machine slows both. A row shows medians and the ratio's
median, minimum and maximum. "of matmul" is the arithmetic rate over the rate of a large matmul.
The plain loop is what nanoGPT's train.py computes, written down here in its shortest form: AdamW
for all parameters, learned positions, float32, one random batch a step, no compilation.
"""

import contextlib
import io
import itertools
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import optim
import ppo
import pretrain
from kernels import attention
from model import GPT, GPTConfig
from optim import learning_rate
from plumbing.config import parse_config
from plumbing.errors import BadInput, run
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


class PlainGPT(torch.nn.Module):
    """The peer's network: torch's own layers, learned positions, logits for every token at once."""

    def __init__(self, V, T, L, H, C):
        super().__init__()
        self.wte, self.wpe = torch.nn.Embedding(V, C), torch.nn.Embedding(T, C)
        self.blocks = torch.nn.ModuleList(
            torch.nn.ModuleDict(
                {
                    "ln_1": torch.nn.LayerNorm(C, bias=False),
                    "qkv": torch.nn.Linear(C, 3 * C, bias=False),
                    "proj": torch.nn.Linear(C, C, bias=False),
                    "ln_2": torch.nn.LayerNorm(C, bias=False),
                    "up": torch.nn.Linear(C, 4 * C, bias=False),
                    "down": torch.nn.Linear(4 * C, C, bias=False),
                }
            )
            for _ in range(L)
        )
        self.ln_f, self.H = torch.nn.LayerNorm(C, bias=False), H
        for name, p in self.named_parameters():
            if p.ndim == 2:
                exits = "proj" in name or "down" in name
                torch.nn.init.normal_(p, std=0.02 / ((2 * L) ** 0.5 if exits else 1))

    def forward(self, tokens, targets):
        B, T = tokens.shape
        x = self.wte(tokens) + self.wpe(torch.arange(T, device=tokens.device))
        for b in self.blocks:
            q, k, v = (
                y.view(B, T, self.H, -1).transpose(1, 2)
                for y in b["qkv"](b["ln_1"](x)).chunk(3, -1)
            )
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + b["proj"](y.transpose(1, 2).reshape(B, T, -1))
            x = x + b["down"](F.gelu(b["up"](b["ln_2"](x))))
        logits = F.linear(self.ln_f(x), self.wte.weight)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


# --- measuring ---------------------------------------------------------------------------------


def sync(machine):
    if machine.device.startswith("cuda"):
        torch.cuda.synchronize()


def take_turns(ours, peer, machine, repeats, inner):
    """Seconds of one call: two lists, measured alternately after a warm-up."""
    times = ([], [])
    for turn in range(repeats + 1):
        for calls, out in zip((ours, peer), times):
            sync(machine)
            start = time.perf_counter()
            for _ in range(inner):
                calls()
            sync(machine)
            if turn:
                out.append((time.perf_counter() - start) / inner)
    return times


def row(name, ours, peer, unit, amount, flops=None, peak=None):
    """Print one comparison and return it as a record. `amount` of `unit` is done in the times
    `ours` and `peer`."""
    ratios = [b / a for a, b in zip(ours, peer)]
    a, b = statistics.median(ours), statistics.median(peer)
    ratio, low, high = statistics.median(ratios), min(ratios), max(ratios)
    share = f"{flops / a / peak:>6.0%} of matmul" if flops else ""
    print(
        f"  {name:<34} {amount / a:>12,.1f} {amount / b:>12,.1f} {unit:<9} "
        f"{ratio:>5.2f}x ({low:.2f}-{high:.2f}) {share}",
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
    }


def header(title, peer):
    print(f"\n{title:<36} {'ours':>12} {peer[:12]:>12}           ratio (min-max)")


# --- the rows ----------------------------------------------------------------------------------

SHAPES = [(16, 4, 128, 32), (16, 6, 256, 64), (4, 4, 1024, 64), (1, 4, 4096, 64)]
GPU_SHAPES = [(16, 12, 1024, 64), (4, 16, 4096, 128)]


def bench_attention(cfg, machine):
    """Forward and backward, causal. Flops count the causal half: 2 matmuls forward, 5 backward.

    A CPU is measured in float32, and in bfloat16 too where it is fast; a GPU in the format it
    trains in.
    """
    header("attention, forward + backward", "torch SDPA")
    gpu, rows = machine.device.startswith("cuda"), []
    formats = dict.fromkeys([machine.dtype] if gpu else [torch.float32, machine.dtype])
    peaks = {dtype: gemm_rate(replace(machine, dtype=dtype)) for dtype in formats}
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
        rows.append(row(name, a, b, "GFLOP/s", flops / 1e9, flops, peaks[dtype]))
    return [{**r, "against": "torch SDPA"} for r in rows]


def bench_train(cfg, machine):
    """Whole training steps of the default model and of nanoGPT's small GPU recipe's shape."""
    header("training", "plain loop")
    peak, rows = gemm_rate(machine), []
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
            plain(x, x).backward()
            torch.nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
            adamw.step()
            adamw.zero_grad(set_to_none=True)

        a, b = take_turns(ours, peer, machine, cfg.repeats, 5 if C < 200 else 1)
        rows.append(
            row(
                f"{L}L/{H}H/{C}, T={T}, B={B}",
                a,
                b,
                "tokens/s",
                B * T,
                B * T * model.flops_per_token(T),
                peak,
            )
        )
    return [{**r, "against": "plain loop"} for r in rows]


def our_recipe(recipe, train, V, machine):
    """The shakespeare_char preset: functions that take a step and that give a loss."""
    model = GPT(GPTConfig(block_size=64, vocab_size=V)).to(machine.device)
    optimizers = optim.build(
        model, recipe.lr, recipe.matrix_lr, recipe.weight_decay, dtype=machine.dtype
    )

    def step_of(step):
        x, y = pretrain.get_batch(train, step, recipe, machine)
        with machine.autocast():
            loss = model(x, y).mean()
        loss.backward()
        factor = learning_rate(step, recipe.steps, recipe.warmup, recipe.final_lr)
        optim.step(optimizers, model, factor)

    return step_of, lambda x, y: model(x, y).mean()


def plain_recipe(seed, train, V, machine):
    """nanoGPT's CPU recipe in the plain loop: AdamW 1e-3 to 1e-4, weight decay 0.1, 2,000 steps."""
    model, rng = PlainGPT(V, 64, 4, 4, 128).to(machine.device), np.random.default_rng(seed)
    groups = [
        {"params": [p for p in model.parameters() if p.ndim == 2], "weight_decay": 0.1},
        {"params": [p for p in model.parameters() if p.ndim != 2], "weight_decay": 0.0},
    ]
    adamw = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99))

    def step_of(step):
        rows = [train[i : i + 65] for i in rng.integers(len(train) - 65, size=12)]
        block = torch.from_numpy(np.stack(rows).astype(np.int64)).to(machine.device)
        for group in adamw.param_groups:
            group["lr"] = 1e-3 * learning_rate(step, 2000, 100)
        model(block[:, :-1], block[:, 1:]).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adamw.step()
        adamw.zero_grad(set_to_none=True)

    return step_of, model


def bench_time(cfg, machine):
    """Seconds of training (validation left out of the clock) until the validation loss is 1.88."""
    print("\ntime to validation loss 1.88, tinyshakespeare, 4L/4H/128, T=64, B=12", flush=True)
    options = [f"--data={cfg.data}", "--preset=shakespeare_char", f"--seed={cfg.seed}"]
    recipe = parse_config(pretrain.Config, pretrain.PRESETS, options)
    train, val, tokenizer = pretrain.load_data(recipe)
    V = -(-tokenizer.n_vocab // 64) * 64
    rows = np.stack([val[i * 64 : i * 64 + 65] for i in range(512)]).astype(np.int64)
    rows = torch.from_numpy(rows).to(machine.device)
    recipes = {
        "ours": our_recipe(recipe, train, V, machine),
        "plain loop": plain_recipe(cfg.seed, train, V, machine),
    }
    times = {}
    for name, (step_of, loss_of) in recipes.items():
        times[name], loss, step = 0.0, float("inf"), 0
        while loss > 1.88 and step < 2000:
            sync(machine)
            start = time.perf_counter()
            step_of(step)
            sync(machine)
            times[name] += time.perf_counter() - start
            step += 1
            if step % 25 == 0:
                with torch.no_grad():
                    loss = float(loss_of(rows[:, :-1], rows[:, 1:]))
        print(f"  {name:<12} {times[name]:>7.1f} s  {step:>5} steps  val loss {loss:.3f}")
    ratio = times["plain loop"] / times["ours"]
    print(f"  ratio {ratio:.2f}x")
    return [
        {
            "name": "4L/4H/128, T=64, B=12",
            "against": "plain loop",
            "ours": times["ours"],
            "peer": times["plain loop"],
            "unit": "s",
            "ratio": ratio,
            "low": ratio,
            "high": ratio,
        }
    ]


def bench_sample(cfg, machine):
    """128 rows, 16 prompt and 24 new tokens, temperature 1, 4L/192: every row runs to the end."""
    try:
        import transformers
    except ImportError:
        raise BadInput(
            "the peer of `bench.py sample` is transformers: pip install -e '.[test]'"
        ) from None
    header("sampling, 128 x 24 new tokens", "transformers")
    model = GPT(GPTConfig(vocab_size=1024, n_layer=4, n_head=6, n_embd=192, block_size=64))
    model = model.to(machine.device).eval()
    config = transformers.GPT2Config(
        vocab_size=1024,
        n_positions=64,
        n_embd=192,
        n_layer=4,
        n_head=6,
        bos_token_id=0,
        eos_token_id=None,
        pad_token_id=0,
    )
    peer_model = transformers.GPT2LMHeadModel(config).to(machine.device).eval()
    prompts = torch.randint(1, 1024, (128, 16), device=machine.device)
    listed = prompts.tolist()

    def ours():
        with machine.autocast():
            generate(model, listed, 24)

    def peer():
        with torch.no_grad(), machine.autocast():
            peer_model.generate(
                prompts, attention_mask=torch.ones_like(prompts), max_new_tokens=24, do_sample=True
            )

    a, b = take_turns(ours, peer, machine, cfg.repeats, 1)
    return [{**row("4L/6H/192", a, b, "tokens/s", 128 * 24), "against": "transformers"}]


class Ids:
    """Stands in for a tokenizer where only numbers of tokens matter: conversations are lists of
    ids."""

    pad = endoftext = 0

    def prompt(self, messages):
        return messages, [self.endoftext]

    def decode(self, ids):
        return ""


def bench_ppo(cfg, machine):
    """One iteration: 128 prompts of 16 tokens, 24 new ones, scores, 4 minibatches of 32, 4L/192."""
    try:
        from trl.experimental.ppo import PPOTrainer
    except ImportError:
        raise BadInput(
            "the peer of `bench.py ppo` is TRL, which had PPO up to 1.9: pip install 'trl==1.9.0'"
        ) from None
    header("PPO, 128 x (16 + 24) tokens", "TRL")
    prompts = torch.randint(1, 1024, (128, 16)).tolist()
    trainer = trl_trainer(PPOTrainer, prompts, machine)

    def network(head="lm"):
        return GPT(
            GPTConfig(vocab_size=1024, n_layer=4, n_head=6, n_embd=192, block_size=64, head=head)
        ).to(machine.device)

    policy, ref, value, scorer = network(), network(), network("scalar"), network("scalar")
    optimizers = [optim.build(policy, 1e-5), optim.build(value, 1e-5)]
    recipe = ppo.Config(batch_size=128, minibatch=32, max_new_tokens=24)
    questions, rng = [{"messages": ids} for ids in prompts], np.random.default_rng(0)

    def reward(questions, texts, ended, tokens, last):
        return scorer(tokens)[torch.arange(len(tokens)), last]

    def ours():
        noise = torch.rand(128, 24, device=machine.device)
        batch, _ = ppo.rollout(
            policy, ref, value, reward, Ids(), questions, recipe, machine, noise, recipe.beta
        )
        ppo.update((policy, value), optimizers, batch, 1.0, None, recipe, machine, rng)

    def peer():
        with contextlib.redirect_stdout(io.StringIO()):  # its own log
            trainer.train()

    a, b = take_turns(ours, peer, machine, cfg.repeats, 1)
    return [{**row("4L/6H/192", a, b, "tokens/s", 128 * 24), "against": "TRL"}]


def trl_trainer(PPOTrainer, prompts, machine):
    """TRL's trainer for one iteration of the same shape, quiet and without files."""
    import tokenizers
    import transformers
    from datasets import Dataset
    from trl.experimental.ppo import PPOConfig

    words = tokenizers.models.WordLevel({f"w{i}": i for i in range(1024)}, unk_token="w1")
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizers.Tokenizer(words), pad_token="w0", eos_token="w0"
    )
    shape = transformers.GPT2Config(
        vocab_size=1024,
        n_positions=64,
        n_embd=192,
        n_layer=4,
        n_head=6,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
    )
    policy, ref = (transformers.GPT2LMHeadModel(shape) for _ in range(2))
    shape.num_labels = 1
    value, scorer = (transformers.GPT2ForSequenceClassification(shape) for _ in range(2))
    args = PPOConfig(
        output_dir=tempfile.mkdtemp(),
        total_episodes=128,
        num_ppo_epochs=1,
        per_device_train_batch_size=32,
        gradient_accumulation_steps=4,
        num_mini_batches=4,
        response_length=24,
        temperature=1.0,
        learning_rate=1e-5,
        local_rollout_forward_batch_size=128,
        num_sample_generations=0,
        bf16=machine.dtype == torch.bfloat16,
        use_cpu=machine.device == "cpu",
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
        logging_steps=10**6,
    )
    data = Dataset.from_dict({"input_ids": prompts})
    return PPOTrainer(
        args=args,
        processing_class=tokenizer,
        model=policy,
        ref_model=ref,
        reward_model=scorer,
        value_model=value,
        train_dataset=data,
        eval_dataset=data,
    )


BENCHES = {
    "attention": bench_attention,
    "train": bench_train,
    "time": bench_time,
    "sample": bench_sample,
    "ppo": bench_ppo,
}


def main(argv):
    names = [arg for arg in argv if not arg.startswith("--")]
    if unknown := [name for name in names if name not in BENCHES]:
        raise BadInput(f"bench.py {unknown[0]}: no such table; there are {', '.join(BENCHES)}")
    cfg = parse_config(Config, {"default": {}}, [arg for arg in argv if arg.startswith("--")])
    machine = setup(cfg)
    head = {
        "config": asdict(cfg),
        "device": machine.device,
        "dtype": str(machine.dtype)[6:],
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    print(
        f"{head['device']}, {head['dtype']}, {head['threads']} threads, torch {head['torch']}; "
        f"matmul {gemm_rate(machine) / 1e9:,.0f} GFLOP/s"
    )
    rows = []
    for name in names or BENCHES:
        torch.manual_seed(cfg.seed)
        try:
            rows += [{"table": name, **r} for r in BENCHES[name](cfg, machine)]
        except BadInput as missing:  # a peer that is not installed
            if names:
                raise
            print(f"\n{name}: {missing}")
        write_records(Path(cfg.out) / "bench.jsonl", head, rows)
    return rows


if __name__ == "__main__":
    run(main, sys.argv[1:])
