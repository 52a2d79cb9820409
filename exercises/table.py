"""What the exercises are. Kind, minutes, place and graders are read from README.md; here stands
only what each bug changes, which that text must not give away. Titles and hints: language.py.

To add an exercise, write

    its entry in README.md, in the form of its neighbours, and the same prose in README.ko.md
    its hint in HINTS of english.py and korean.py, what its graders check in korean.py's CHECKS
    its bug in BUGS, if one is to be found: the function, a short text that stands in its body
    exactly once, and a wrong one that takes its place and raises no error

The graders are tests that the project's own text passes. tests/exercises/ sees to it that each bug
fails them.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

FILL, BUG, RUN = "fill in", "find the bug", "run and explain"
README = Path(__file__).parent / "README.md"


@dataclass(frozen=True)
class Exercise:
    """One entry of README.md. A run has no file, function or tests."""

    kind: str
    minutes: int
    file: str
    function: str  # "Class.method" too: its body is to be written, or holds the bug
    tests: tuple


class Bug(NamedTuple):
    function: str
    old: str
    new: str


BUGS = {
    6: Bug(
        "Tokenizer.pieces",
        "LONG_BLANK.split(led(known) if self.lead and begins else known)",
        "LONG_BLANK.split(led(text) if self.lead and begins else text)",
    ),
    7: Bug("token_logprobs", "F.pad(tokens[:, 1:],", "F.pad(tokens[:, :-1],"),
    8: Bug("GPT.trunk", "lengths[:, None]", "lengths.max().expand(B, 1)"),
    9: Bug(
        "learning_rate", "(step - warmup) / max(1, steps - 1 - warmup)", "step / max(1, steps - 1)"
    ),
    12: Bug(
        "Tokenizer.render",
        "[0] + [weight] * (len(text) + 1)",
        "[0] + [weight] * len(text) + [0]",
    ),
    13: Bug(
        "Tokenizer.encode",
        "encode_ordinary(piece)",
        'encode(piece, allowed_special="all")',
    ),
    14: Bug("sft_loss", "/ count", "/ mask.sum()"),
    19: Bug("answer_scores", "[torch.arange(len(tokens), device=tokens.device), last]", "[:, -1]"),
    20: Bug("preferred", "ranks[:, :, None] < ranks", "ranks[:, :, None] <= ranks"),
    21: Bug("hold_out", "return train, val", "return records[len(val) :], records[: len(val)]"),
    31: Bug("lay_out", "len(p) - 1 : len(p) + len(a) - 1", "len(p) : len(p) + len(a)"),
    32: Bug(
        "train",
        "load_model(checkpoint, cfg.reward, **changes, dropout=0.0)",
        "load_model(checkpoint, cfg.reward, **changes)",
    ),
    33: Bug("policy_loss", "-torch.min(", "-torch.max("),
    34: Bug("answer_logp", "* mask).sum(1)", "* mask).sum(1).div(mask.sum(1))"),
    35: Bug("kl_rewards", "(logp - ref_logp)", "(logp - ref_logp).clamp(min=0)"),
    42: Bug("Mixture.document", "softmax(total)", "softmax(log(evidence[..., 0]))"),
    43: Bug("t_interval", "np.std(values, ddof=1)", "np.std(values)"),
    49: Bug("Combined.__call__", "if self.scale is None:", "if self.terms:"),
    50: Bug("get_batch", 'wording if reads else ""', 'wording if name == "bad" else ""'),
    55: Bug("LowRank.merged", "self.scale * self.B", "self.B"),
    65: Bug("preferred", "wins[:, 1, 0], 1 - p)", "wins[:, 1, 0], p)"),
    66: Bug("compare", "(pair, pair[::-1])", "(pair, pair)"),
}


def read_exercises(text):
    """{number: Exercise} of README.md: a heading "### 7. Title (find the bug, 15 min)", and in the
    prose below it "Where: `file.py:function`." (of a bug the file alone) and the graders."""
    found = {}
    for part in re.split(r"^(?=##)", text, flags=re.M):
        if heading := re.match(r"### (\d+)\. .+ \((.+), (\d+) min\)\n", part):
            number = int(heading[1])
            where = re.search(r"Where:\s+`([^`:]+):?([^`]*)`", part)
            file, function = where.groups() if where else ("", "")
            if number in BUGS:
                function = BUGS[number].function
            tests = tuple(re.findall(r"`(tests/\S+::\w+)`", part))
            found[number] = Exercise(heading[2], int(heading[3]), file, function, tests)
    return found


EXERCISES = read_exercises(README.read_text(encoding="utf-8"))
