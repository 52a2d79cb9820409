"""What the report says. Each text is a pair, English and Korean, filled in from the same numbers; a
sentence is a list of such clauses."""

import math
from typing import NamedTuple

from lab.words_figures import both

JUDGE = (
    "The judge and the labelers are simulated: programs of the tiny world, not people.",
    "심판과 라벨러는 시뮬레이션입니다. 사람이 아니라 작은 세계의 프로그램입니다.",
)
TOY = (
    "A mechanism in a toy world, not a result about large models: there accuracy grows with the "
    "share of correct labels (Yoo et al. 2022), larger models follow reversed labels (Wei et "
    "al. 2023), and probabilities move where accuracy does not (Kossen et al. 2023).",
    "작은 세계에서 본 메커니즘(a mechanism in a toy world)이며 큰 모델에 대한 결과가 아닙니다. 큰 "
    "모델에서는 맞는 라벨이 많을수록 정확도가 오르고(Yoo et al. 2022), 모델이 클수록 뒤집힌 라벨을 "
    "따르며(Wei et al. 2023), 정확도가 그대로인 곳에서도 확률은 움직입니다(Kossen et al. 2023).",
)
POINTS = (" points", "%p")
NO_UNIT = ("", "")
UNCLEAR = (
    "No difference is claimed here: no interval excludes zero.",
    "구간이 0을 벗어나는 차이가 없으므로 아무것도 주장하지 않습니다.",
)
SINGLE = (
    "One run, so there is no interval and nothing is claimed.",
    "한 번의 실행이라 구간이 없으므로 아무것도 주장하지 않습니다.",
)


class Arm(NamedTuple):
    """A model that is compared with others: its name, and its place in drawing.COLOURS."""

    english: str
    korean: str
    place: int


def named(english, place):
    return Arm(*both(english), place)


# What the stages and the studies call a model. A run of the same kind has the same look.
ARMS = {
    "pretrain": named("base", 0),
    "base": named("base", 0),
    "sft": named("SFT", 1),
    "ppo": named("PPO", 2),
    "ppo_free": named("PPO, no price on KL", 4),
    "ppo_ptx": named("PPO-ptx", 3),
    "ppo_bare": named("PPO without ptx", 3),
    "ppo_scalar": named("PPO", 2),
    "ppo_scalar_free": named("PPO, no price on KL", 4),
    "ppo_scalar_few": named("PPO", 2),
    "ppo_scalar_few_free": named("PPO, no price on KL", 4),
    "grpo": named("GRPO", 6),
    "rloo": named("RLOO", 6),
    "dpo": named("DPO", 5),
    "best_of_n reward": named("best of n answers", 0),
    "best_of_n reward_scalar": named("best of n answers", 0),
    "best_of_n reward_scalar_few": named("best of n answers", 0),
}


def plain(text):
    """A name from a log as one short line that the figure's font can draw."""
    text = "".join(c if c.isprintable() else " " for c in text)
    line = " ".join(text.split()).encode("latin-1", "replace").decode("latin-1")
    return line[:40].lstrip("_") or "?"


def arm(name, place=6):
    """The Arm of this name; a name that is not in the table stays as it is."""
    return ARMS.get(name) or Arm(plain(name), plain(name), place)


def say(english, korean, *values):
    """Fill both texts in: a value that is a tuple gives its first entry to the English text and
    its second one to the Korean, any other the same to both."""
    pairs = [value if isinstance(value, tuple) else (value, value) for value in values]
    return (
        english.format(*(pair[0] for pair in pairs)),
        korean.format(*(pair[1] for pair in pairs)),
    )


def moved(a, b, form="{:.2f}", unit=NO_UNIT, verbs=("낮아졌습니다", "높아졌습니다")):
    """How a figure went from a to b, in words that depend on it."""
    before = form.format(a)
    after = form.format(b)
    if before == after:
        return say("stayed at {0}{1}", "그대로입니다({0}{1})", after, unit)
    verb = ("fell", verbs[0]) if b < a else ("rose", verbs[1])
    return say("{0} from {1}{3} to {2}{3}", "{0}({1}{3} → {2}{3})", verb, before, after, unit)


def clear(mean, half):
    """Is a difference more than chance: has it an interval, and one that excludes zero?"""
    return half is not None and not math.isnan(half) and abs(mean) > half


def gap(mean, half, form="{:+.2f}", unit=NO_UNIT):
    """A difference with half the width of its interval. Only one that is `clear` is told."""
    width = form.format(half).lstrip("+")
    return say("{0} ± {1}{2}", "{0} ± {1}{2}", form.format(mean), width, unit)


def sentence(clauses, english="", korean=""):
    """Clauses joined to one sentence, after an introduction if there is one."""
    if not clauses:
        return UNCLEAR
    texts = []
    for intro, parts in zip((english, korean), zip(*clauses)):
        texts.append((f"{intro}: " if intro else "") + "; ".join(parts) + ".")
    return tuple(texts)
