"""What lab/bench.py measures us against: a plain GPT, transformers' GPT-2, TRL's PPO.

The plain GPT and its recipe are what nanoGPT's train.py computes, written down in their shortest
form: torch's own layers, learned positions, AdamW for all parameters, float32, one random batch a
step, no compilation. The other two are installed apart from us; without them their tables are left
out.
"""

import contextlib
import io
import tempfile

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from optim import learning_rate
from plumbing.errors import BadInput

# --- the plain GPT -----------------------------------------------------------------------------


class PlainBlock(nn.Module):
    """Attention and MLP, each added to the stream: x (B, T, C) -> (B, T, C)."""

    def __init__(self, C, H):
        super().__init__()
        self.H = H
        self.ln_1 = nn.LayerNorm(C, bias=False)
        self.qkv = nn.Linear(C, 3 * C, bias=False)
        self.proj = nn.Linear(C, C, bias=False)
        self.ln_2 = nn.LayerNorm(C, bias=False)
        self.up = nn.Linear(C, 4 * C, bias=False)
        self.down = nn.Linear(4 * C, C, bias=False)

    def forward(self, x):
        B, T, C = x.shape
        parts = self.qkv(self.ln_1(x)).chunk(3, -1)
        q, k, v = (y.view(B, T, self.H, -1).transpose(1, 2) for y in parts)  # (B, H, T, D)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(y.transpose(1, 2).reshape(B, T, C))
        return x + self.down(F.gelu(self.up(self.ln_2(x))))


class PlainGPT(nn.Module):
    """The peer's network: learned positions, logits for every token at once."""

    def __init__(self, V, T, L, H, C):
        super().__init__()
        self.wte = nn.Embedding(V, C)
        self.wpe = nn.Embedding(T, C)
        self.blocks = nn.ModuleList(PlainBlock(C, H) for _ in range(L))
        self.ln_f = nn.LayerNorm(C, bias=False)
        for name, p in self.named_parameters():
            if p.ndim == 2:
                leaves = "proj" in name or "down" in name  # GPT-2 starts these smaller
                nn.init.normal_(p, std=0.02 / ((2 * L) ** 0.5 if leaves else 1))

    def forward(self, tokens, targets):
        """The mean loss: tokens and targets (B, T)."""
        places = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.wte(tokens) + self.wpe(places)
        for block in self.blocks:
            x = block(x)
        logits = F.linear(self.ln_f(x), self.wte.weight)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def plain_step(model, optimizer, x, y):
    """One training step of the plain loop."""
    model(x, y).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def plain_recipe(seed, train, V, machine):
    """nanoGPT's CPU recipe in the plain loop: AdamW 1e-3 to 1e-4, weight decay 0.1, 2,000 steps.

    Returns a function that takes a step and one that gives a loss.
    """
    model = PlainGPT(V, 64, 4, 4, 128).to(machine.device)
    rng = np.random.default_rng(seed)
    matrices = [p for p in model.parameters() if p.ndim == 2]
    vectors = [p for p in model.parameters() if p.ndim != 2]
    groups = [
        {"params": matrices, "weight_decay": 0.1},
        {"params": vectors, "weight_decay": 0.0},
    ]
    adamw = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99))

    def step_of(step):
        starts = rng.integers(len(train) - 65, size=12)
        rows = np.stack([train[i : i + 65] for i in starts]).astype(np.int64)
        block = torch.from_numpy(rows).to(machine.device)
        for group in adamw.param_groups:
            group["lr"] = 1e-3 * learning_rate(step, 2000, 100)
        plain_step(model, adamw, block[:, :-1], block[:, 1:])

    return step_of, model


# --- transformers ------------------------------------------------------------------------------


def small_gpt2(transformers, **changes):
    """transformers' configuration of the model that samples and is tuned: 4L/6H/192, 64 tokens."""
    return transformers.GPT2Config(
        vocab_size=1024,
        n_positions=64,
        n_embd=192,
        n_layer=4,
        n_head=6,
        bos_token_id=0,
        pad_token_id=0,
        **changes,
    )


def transformers_sampling(prompts, machine):
    """A function that lets transformers' GPT-2 write 24 tokens after each of prompts (B, T).

    It knows no token that ends a text, so that every row runs to the end.
    """
    try:
        import transformers
    except ImportError:
        raise BadInput(
            "the peer of `bench.py sample` is transformers: pip install -e '.[test]'"
        ) from None
    config = small_gpt2(transformers, eos_token_id=None)
    model = transformers.GPT2LMHeadModel(config).to(machine.device).eval()
    real = torch.ones_like(prompts)

    def write():
        with torch.no_grad(), machine.autocast():
            model.generate(prompts, attention_mask=real, max_new_tokens=24, do_sample=True)

    return write


# --- TRL ---------------------------------------------------------------------------------------


def trl_iteration(prompts, machine):
    """A function that runs one iteration of TRL's PPOTrainer, quiet. prompts: lists of ids."""
    try:
        from trl.experimental.ppo import PPOTrainer
    except ImportError:
        raise BadInput(
            "the peer of `bench.py ppo` is TRL, which had PPO up to 1.9: pip install 'trl==1.9.0'"
        ) from None
    trainer = trl_trainer(PPOTrainer, prompts, machine)

    def iterate():
        with contextlib.redirect_stdout(io.StringIO()):  # its own log
            trainer.train()

    return iterate


def trl_trainer(PPOTrainer, prompts, machine):
    """TRL's trainer for one iteration of the shape of `bench_ppo`, without files."""
    import tokenizers
    import transformers
    from datasets import Dataset
    from trl.experimental.ppo import PPOConfig

    words = {f"w{i}": i for i in range(1024)}
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="w1")),
        pad_token="w0",
        eos_token="w0",
    )
    shape = small_gpt2(transformers, eos_token_id=0)
    policy = transformers.GPT2LMHeadModel(shape)
    ref = transformers.GPT2LMHeadModel(shape)
    shape.num_labels = 1
    value = transformers.GPT2ForSequenceClassification(shape)
    scorer = transformers.GPT2ForSequenceClassification(shape)
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
