"""A little network whose choices are far from uniform, for the tests of the model."""

import torch

from model import GPT, GPTConfig

V = 31


def tiny(pos="rope", loud=True, **changes):
    """A network of 2 layers; `loud` makes its weights large, so that its choices are far from uniform."""
    config = {
        **dict(block_size=32, vocab_size=V, n_layer=2, n_head=2, n_embd=16, pos=pos),
        **changes,
    }
    model = GPT(GPTConfig(**config)).eval()
    if loud:
        with torch.no_grad():
            for p in model.parameters():
                p.normal_(std=0.35) if p.ndim == 2 else p.add_(torch.randn_like(p) * 0.2)
    return model


def plain_logprobs(model, tokens):
    """log p of each next token, (B, T−1), by the softmax of all logits: the plain computation."""
    logp = model(tokens)[:, :-1].log_softmax(-1)
    return logp.gather(2, tokens[:, 1:, None]).squeeze(2)
