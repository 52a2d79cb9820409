"""Comparisons that simulated labelers make: a model answers questions of the tiny world, and its
answers are ranked."""

from data.world import world_named
from data.world.probes import Probes
from judges import kinds
from judges.labelers import Labelers
from sampling import respond

MISFIT = 4  # one answer in so many is to another question


def sample_comparisons(model, tokenizer, prompts, cfg, machine, seed, misfits=False):
    """K answers to each prompt at temperature 1, ranked by the simulated labelers.

    With `misfits` one answer in four is to the next prompt. Who has met fitting answers only does
    not learn what is beside the point, and PPO finds that out. A question may bring an answer with
    it, "evasive" (judges/kinds.py), in the place of the first.
    """
    asked = [p["messages"] for p in prompts for _ in range(cfg.k)]
    texts, ended = respond(model, tokenizer, asked, machine, seed=seed)
    if misfits:
        for said in (texts, ended):
            following = said[cfg.k :] + said[: cfg.k]
            said[MISFIT - 1 :: MISFIT] = following[MISFIT - 1 :: MISFIT]
    for i, prompt in enumerate(prompts):
        if "evasive" in prompt:
            texts[i * cfg.k] = prompt["evasive"]
            ended[i * cfg.k] = True
    labelers = Labelers(seed)
    records = []
    for i, prompt in enumerate(prompts):
        own = slice(i * cfg.k, (i + 1) * cfg.k)  # this prompt's answers
        records.append(labelers.rank(prompt, texts[own], ended[own]))
    return records


def world_questions(cfg):
    """The questions that reward.py's options name: (to train on, held out). With `kinds` those of
    one kind or of both to train on, n_prompts helpful and n_probes harmless ones, and n_eval held
    out of each, whatever is trained on."""
    if not cfg.kinds:
        world = world_named(cfg.data)
        asked = world.asked_of("rm", cfg.n_prompts, cfg.seed)
        if cfg.n_probes:
            asked += Probes(world).asked_of("train", cfg.n_probes, cfg.seed)
        return asked, world.asked_of("test", cfg.n_eval)
    asked, held = [], []
    for kind, n in (("helpful", cfg.n_prompts), ("harmless", cfg.n_probes)):
        if cfg.kinds in (kind, "both"):
            asked += kinds.questions(kind, "train", n, cfg.seed)
        held += kinds.questions(kind, "test", cfg.n_eval)
    return asked, held


def world_comparisons(sft, tokenizer, cfg, machine):
    """Comparisons of the world, for training and for validation, of different questions."""
    asked, held = world_questions(cfg)
    # differs from the paper: one answer in four is to another question.
    options = {"seed": cfg.seed, "misfits": True}
    train_set = sample_comparisons(sft, tokenizer, asked, cfg, machine, **options)
    val_set = sample_comparisons(sft, tokenizer, held, cfg, machine, 10**6 + cfg.seed)
    return train_set, val_set
