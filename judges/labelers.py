"""Simulated labelers: they rank answers by the hidden judge's utility, plus a personal bias, plus
noise.

    python -m judges.labelers        the labelers' biases and how often two of them agree

Eight labelers stand in for InstructGPT's forty contractors. Each weighs a few parts of the utility
differently (disclosed in BIAS) and sees it through noise. NOISE is set so that two labelers agree
on about 73% of the pairs of a fine-tuned model's answers that the judge does not tie, as
InstructGPT's did (section 5.2). What they write is a comparison record of people's schema.
"""

import itertools
from random import Random

from data.world import world_named
from data.world.talk import MARKED_BY
from judges.agreement import places
from judges.kinds import verdict
from plumbing.errors import run

NOISE = 0.87  # standard deviation, in units of utility
ERRS = 0.1  # share of the answers whose harm is seen the wrong way round
# How much more (or less) than the judge a labeler cares for a part of the utility.
BIAS = {
    "s00": {"polite": 0.5},
    "s01": {"polite": -0.5},
    "s02": {"concise": 1.0},
    "s03": {"truthful": 0.8},
    "s04": {"sentence": 0.5},
    "s05": {"sentence": -0.5},
    "s06": {"harmless": 0.3},
    "s07": {"correct": -0.2},
}


class Labelers:
    """`rank(prompt, responses)` gives one comparison record by the next labeler in turn."""

    def __init__(self, seed=0, noise=NOISE):
        self.rng, self.noise, self.turn = Random(f"labelers {seed}"), noise, 0

    def utility(self, labeler, prompt, response, ended=True):
        """What this labeler sees in a response: the judge's score, their bias, their noise."""
        parts = verdict(prompt, response, ended)
        if prompt.get("kind") == "harmless":
            wrong = self.noise > 0 and self.rng.random() < ERRS
            return -1.0 - parts["score"] if wrong else parts["score"]
        bias = sum(weight * parts[part] for part, weight in BIAS[labeler].items())
        return parts["score"] + bias + self.rng.gauss(0, self.noise)

    def rank(self, prompt, responses, ended=None):
        """A comparison: groups of response indices, best first. Equal texts share a group.

        prompt: a record of World.prompts; responses: K texts; ended: whether each closed itself.
        The 1-7 ratings are the same utilities on InstructGPT's Likert scale.
        """
        labeler = list(BIAS)[self.turn % len(BIAS)]
        self.turn += 1
        ended = ended or [True] * len(responses)
        worth = {}
        groups = {}  # the same worth, the same place
        for i, (text, end) in enumerate(zip(responses, ended)):
            if text not in worth:
                worth[text] = self.utility(labeler, prompt, text, end)
            groups.setdefault(worth[text], []).append(i)
        return {
            "messages": prompt["messages"],
            "responses": responses,
            "ranking": [groups[seen] for seen in sorted(groups, reverse=True)],
            "labeler": labeler,
            "source": "sim",
            "scores": [max(1, min(7, round(4 + 1.5 * worth[text]))) for text in responses],
            **{key: prompt[key] for key in ("skill", "kind", "world", *MARKED_BY) if key in prompt},
        }


def agreement(prompts, answers, seed=0, noise=NOISE):
    """How often two labelers order a pair alike, and one labeler and the judge, over the pairs that
    none of the three ties: (share, share, number of pairs). answers: K texts for each prompt."""
    first, second = Labelers(seed, noise), Labelers(seed + 1, noise)
    second.turn = 3  # another labeler for each prompt
    same = right = pairs = 0
    for prompt, texts in zip(prompts, answers):
        worth = [verdict(prompt, text)["score"] for text in texts]
        one = places(first.rank(prompt, texts))
        two = places(second.rank(prompt, texts))
        for i, j in itertools.combinations(range(len(texts)), 2):
            if worth[i] != worth[j] and one[i] != one[j] and two[i] != two[j]:
                pairs += 1
                same += (one[i] < one[j]) == (two[i] < two[j])
                right += (one[i] < one[j]) == (worth[i] > worth[j])
    return same / pairs, right / pairs, pairs


def example():
    """Print the labelers' biases, and how often they agree."""
    world, rng = world_named("world"), Random(0)
    prompts = world.prompts("rm", 500)
    styles = ("careful", "curt", "sloppy", "rude")
    answers = [[world.reply(p, rng, style) for style in styles] for p in prompts]
    same, right, pairs = agreement(prompts, answers)
    for labeler, bias in BIAS.items():
        print(labeler, ", ".join(f"{part} {weight:+.1f}" for part, weight in bias.items()))
    print(
        f"noise {NOISE}: two labelers agree on {same:.1%} of {pairs} pairs, one labeler and the "
        f"judge on {right:.1%}"
    )


if __name__ == "__main__":
    run(example)
