"""Sparrow's combined reward for reinforcement learning: what people prefer, and the rules.

    R = z(r) + w · z(mean_i log(1 − p_i))        z(x) = (x − mean) / spread

r is the preference reward, p_i the rule model's p(rule i is broken). That both are combined is the
paper's (Glaese et al. 2022); this form of it is ours. Mean and spread are those of the first
answers that are scored, by the model that is started from, and then stay as they are: a policy that
gets better is not to move the scale that it is measured on.
"""

import torch
import torch.nn.functional as F

from data.world.languages import LANGUAGES
from judges.exam import likeliest, world_figures
from judges.probing import broken_share
from judges.rules import as_rule_model
from judges.scores import function_reward, open_reward
from plumbing.config import idle
from plumbing.errors import BadInput
from plumbing.inputs import supply
from sampling import sample

TERMS = ("preference", "rules")


class Combined:
    """A reward as judges/scores.py has it; `terms` are the means of both terms in the last batch,
    unnormalised, and their spreads."""

    def __init__(self, preference, rule_model, weight, machine):
        self.preference, self.rule_model = preference, rule_model
        self.weight, self.machine = weight, machine
        self.scale = None  # {term: (mean, spread)}, once it is frozen
        self.terms = {}

    def freeze(self, figures):
        """Take the scale from the `terms` of the first batch."""
        self.scale = {t: (figures[t], figures[f"{t}_spread"]) for t in TERMS}

    def kept(self, questions, texts):
        """mean_i log(1 − p_i) of each answer, (B,): 0 where no rule is at any risk."""
        asked = [question["messages"] for question in questions]
        scores = self.rule_model.of_answers(asked, texts, self.machine)
        return F.logsigmoid(-torch.from_numpy(scores)).mean(1)

    def __call__(self, questions, texts, ended, tokens, last, mask):
        preference = self.preference(questions, texts, ended, tokens, last, mask).float()
        kept = self.kept(questions, texts).to(preference.device)
        found = dict(zip(TERMS, (preference, kept)))
        self.terms = {}
        for name, values in found.items():
            mean = self.machine.mean(values.mean())
            self.terms[name] = mean
            variance = self.machine.mean(((values - mean) ** 2).mean())
            self.terms[f"{name}_spread"] = variance**0.5
        if self.scale is None:
            self.freeze(self.terms)
        z = {name: standard(values, *self.scale[name]) for name, values in found.items()}
        return z["preference"] + self.weight * z["rules"]


def standard(values, mean, spread):
    """z(x) = (x − mean) / spread; 0 where there was no spread to measure by."""
    return (values - mean) / spread if spread > 1e-8 else torch.zeros_like(values)


def check_rewards(cfg):
    """Before any work: BadInput where there is no such reward, and where an option of it, of the
    price of KL or of what is mixed in does nothing."""
    if cfg.reward == "none" and not cfg.rules:
        raise BadInput("--reward=none leaves nothing to learn from: add --rules=out/rules/ckpt.pt")
    if not cfg.reward.endswith(".pt"):
        function_reward(cfg.reward)
    if not cfg.rules:
        idle(cfg, "without --rules=out/rules/ckpt.pt", "rules_weight")
    if not cfg.ptx:
        idle(cfg, "with --ptx=0, which mixes in no text", "mix_data")
    if not cfg.beta:
        idle(cfg, "with --beta=0, which no factor changes", "target_kl")
    if cfg.harms and cfg.data and cfg.data not in LANGUAGES:
        idle(cfg, "with questions of a file: ask for harm in that file", "harms")


def open_rewards(cfg, tokenizer, parent, load, machine):
    """The reward that PPO maximises, that of --reward, and with --rules the combination of both;
    and the network that a value starts from, None where answers are compared instead."""
    reward, value = open_reward(cfg, tokenizer, parent, load)
    value = value if cfg.advantage == "gae" else None
    if not cfg.rules:
        return reward, value
    options = (f"--init={cfg.init}", f"--seed={cfg.seed}")
    checkpoint = supply(cfg.rules, "rules.py", cfg.preset, ("rules",), *options)
    rule_model = as_rule_model(checkpoint, cfg.rules, machine)
    if rule_model.tokenizer.to_json() != tokenizer.to_json():
        raise BadInput(
            f"{cfg.rules} was trained with another vocabulary than {cfg.init}: train it again with "
            f"rules.py --init={cfg.init}"
        )
    return Combined(reward, rule_model, cfg.rules_weight, machine), value


@torch.no_grad()
def beside(ref, policy, reward, tokenizer, questions, cfg, machine, lookup):
    """The policy beside its reference on some of people's own questions, where there is no exam:
    the mean of the reward that is maximised, with the same draws for both, and a few answers.
    Printed, and returned for the log."""
    models = {"sft": ref, "ppo": policy}
    questions = questions[: cfg.batch_size]
    size = (len(questions), cfg.max_new_tokens)
    noise = torch.rand(size, generator=torch.Generator().manual_seed(cfg.seed))
    means = {}
    for name, model in models.items():
        found = sample(model, tokenizer, questions, cfg, machine, noise, lookup)
        tokens, mask, last, texts, ended = found
        scores = reward(questions, texts, ended, tokens, last, mask).float()
        half = 1.96 * float(scores.std()) / len(scores) ** 0.5
        means[name] = {"reward": float(scores.mean()), "half": half, "ended": sum(ended) / size[0]}
    asked = [question["messages"] for question in questions[:4]]
    samples = likeliest(models, tokenizer, asked, machine, cfg.max_new_tokens)
    if machine.main:
        print(f"\n{size[0]} questions of {cfg.data}, sampled: mean reward with 95 % interval")
        for name, row in means.items():
            print(f"  {name:<4} {row['reward']:+.2f} ± {row['half']:.2f}, {row['ended']:.0%} ended")
    return {"own": means, "samples": samples}


def told_by_judges(cfg, reward, questions, texts, ended):
    """What is logged of answers beside the reward that is maximised: of the tiny world what the
    hidden judge would say (simulated), with --rules both terms before they are put on one scale."""
    figures = {}
    if "answers" in questions[0]:
        figures |= world_figures(questions, texts, ended)
    if cfg.rules:
        figures |= reward.terms
        if cfg.data in LANGUAGES:
            figures |= broken_share(questions, texts)
    return figures
