"""An LSTM that reads GINC. Xie et al. 2021 found it the best learner of GINC from k = 5 on."""

from types import SimpleNamespace

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from data.ginc import MOST_TOKENS, corpus
from optim import learning_rate


class LSTM(nn.Module):
    """A recurrent language model with what the probes use of a GPT: `trunk`, `config`, and the head
    under the name `wte`. Input and output tables are apart: a recurrence wants larger inputs."""

    def __init__(self, vocab_size, n_embd=256, n_layer=1):
        super().__init__()
        self.config = SimpleNamespace(vocab_size=vocab_size, block_size=MOST_TOKENS)
        self.embed = nn.Embedding(vocab_size, n_embd)
        self.wte = nn.Linear(n_embd, vocab_size, bias=False)
        self.lstm = nn.LSTM(n_embd, n_embd, n_layer, batch_first=True)

    def trunk(self, tokens):
        """tokens (B, T) -> hidden states (B, T, C)."""
        x = self.embed(tokens)
        x, _ = self.lstm(x)
        return x

    def forward(self, tokens):
        x = self.trunk(tokens)
        return self.wte(x)  # (B, T, V)


def train_lstm(name, steps, seed, machine, batch_size=32, block_size=80, lr=5e-3):
    """An LSTM after `steps` steps of AdamW on fresh documents of the corpus `name`, with what the
    probe asks of a loaded checkpoint. Each block starts from an empty state."""
    size = batch_size * block_size
    ids, _, tokenizer = corpus(name, steps * size + 1, seed + 1)
    ids = torch.from_numpy(ids.astype(np.int64))
    machine.seed(seed)
    model = LSTM(tokenizer.n_vocab).to(machine.device)
    optimizer = torch.optim.AdamW(
        model.parameters(),
        lr=lr,
        betas=(0.9, 0.95),
        weight_decay=0.01,
    )
    for step in range(steps):
        start = step * size
        text = ids[start : start + size + 1].to(machine.device)
        x = text[:-1].view(batch_size, block_size)
        y = text[1:].view(batch_size, block_size)  # the token that follows each of x
        rate = learning_rate(step, steps, warmup=50, final=0.05)
        for group in optimizer.param_groups:
            group["lr"] = lr * rate
        logits = model(x)  # (B, T, V)
        loss = F.cross_entropy(logits.flatten(0, 1), y.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    about = {
        "ckpt": "LSTM",
        "stage": "lstm",
        "step": steps,
        "params": sum(p.numel() for p in model.parameters()),
    }
    return SimpleNamespace(model=model.eval(), tokenizer=tokenizer, about=lambda: about)
