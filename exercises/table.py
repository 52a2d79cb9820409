"""What the exercises are. Title, kind, minutes, place and graders are read from README.md; here
stands only what that text must not give away: the hints, and what each bug changes.

To add an exercise, write

    its entry in README.md, in the form of its neighbours, and the same prose in README.ko.md
    its hint in HINTS
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

    week: str
    title: str
    kind: str
    minutes: int
    file: str
    function: str  # "Class.method" too: its body is to be written, or holds the bug
    tests: tuple


class Bug(NamedTuple):
    function: str
    old: str
    new: str


HINTS = {
    # week 1: the language model
    1: "Walk with an index. After a match it moves on by two, so that aaa gives (aa) a.",
    2: "Scores, minus infinity above the diagonal (triu(1)), softmax over the keys, times v.",
    3: "T tokens make T - 1 predictions: the last position and the first token are left over.",
    4: "Count how many of five answers repeat at each temperature.",
    5: "What did the text that it read do after a question?",
    6: "Compare what happens to a text before training and before encoding.",
    7: "Write down, for T = 3, which token each entry of the loss is about, and what was read.",
    8: "Prompts of a batch differ in length. Which position does each row's new token get?",
    9: "Print the factor for 10 steps with a warm-up of 4. Where does the cosine begin?",
    # week 2: demonstrations and rankings
    10: "The assistant's marker is given, so its mask is 0; the end of the answer is learned.",
    11: "Two losses: one on answers (the log), one on the language (lm_loss of ppo.py's exam).",
    12: "python tokenizer.py colours what is learned. Which token is missing?",
    13: "Encode the text '<|assistant|>' and count the ids.",
    14: "A part with one answer token and a part with fifty: how much should each token weigh?",
    15: "preferred(ranks) is 1 where i beats j. Mean over the pairs, then over the questions.",
    16: "A labeler who ranks four answers makes six comparisons.",
    17: "Compare agreement on held-out questions, and the calibration table.",
    18: "Read val_loss at the end of each epoch.",
    19: "Batches are padded on the right. What stands in the last column of a short row?",
    20: "Print preferred of one question whose ranks are 0, 1, 1. How many pairs are there?",
    21: "Three labelers rank answers to one question. Where may their three records go?",
    22: "Which part of the network compares the word that was said with the one it would say?",
    # week 3: PPO
    23: "Each row's last 1 in the mask: weigh the mask by its column number and take the argmax.",
    24: "One loop over t from the last column. Set values outside the mask to 0 before anything.",
    25: "Sums over the mask, divided by the count; machine.sum adds up over processes.",
    26: "Two products with the advantage, the smaller of the two, and a minus. Return the ratio.",
    27: "If the i-th worst is the best of n, the other n - 1 come from the i - 1 below it.",
    28: "Plot three figures of the log: reward, judge, kl.",
    29: "lm_loss and few_shot before, after, after ptx.",
    30: "The judge as reward beside the learned one: what gap is left?",
    31: "Entry t of the mask belongs to the choice of token t + 1. Draw a prompt of 3 tokens.",
    32: "Policy and reference are the same weights at first. What can still differ in a forward?",
    33: "Work out ratio 1.5, advantage +1 and ratio 0.5, advantage -1 on paper.",
    34: "What is the probability of a whole answer, given those of its tokens?",
    35: "A single token's log-ratio may be negative. Its mean over samples may not.",
    # week 4: in-context learning
    36: "between[last symbol, this symbol] is the block of T; yield the sum and divide by it.",
    37: "Token t stood at t - L before. What followed it stands one further on.",
    38: "k = 3: compare the predictors at n = 1 and at n = 64.",
    39: "With one concept, what is there left to infer from the examples?",
    40: "Read the exact answers first, the models' second.",
    41: "Which layer holds the highest prefix matching, and why not 0?",
    42: "Evidence of every token so far multiplies; its logarithm adds.",
    43: "Three seeds, one mean estimated from them: how many are left for the spread?",
    # week 5: rules
    44: "The sign of the score is turned where the rule is kept; then minus the log of a sigmoid.",
    45: "A sigmoid of how far an answer is above the mean, times the product of 1 - p.",
    46: "In each dialogue: how many broken rules are told, times how many kept ones are.",
    47: "Which of the two terms pays for an answer to a harmless question?",
    48: "Where could what it says under an unknown text come from?",
    49: "Print the mean and the spread that each batch is measured by.",
    50: "Decode two rows of a batch that share their dialogue.",
    # week 6: derivatives, and what came after
    51: "d/dx log σ(x) = σ(−x). An answer may win one pair and lose another: two sums over wins.",
    52: "Write A_0 for T = 3 in full. V_1 stands in two of the δ, with different powers of λ.",
    53: "d exp(x)/dx = exp(x). The smaller of two is a constant where the clipped side is smaller.",
    54: "nn.Linear's own forward, and two calls of F.linear. Which of A and B comes first?",
    55: "By hand: one row, one column, r = 2. How large is what the forward adds, and the merge?",
    56: "A fact stands in the pretraining text hundreds of times. How often in the demonstrations?",
    57: "How many different questions does a step have, and what is the baseline of each answer?",
    58: "The query and both tokens round it are drawn by the model; the line and its end are not.",
    59: "Compare rows of about the same FLOPs: which size is best, and does that change?",
    # week 7: help, harm, and a constitution
    60: "softplus(x) = -log σ(-x). The slope is 0 where the model says p itself.",
    61: "Entry 1 has the pair turned round: what it says of (A) is of the other answer.",
    62: "Wins in all, divided by the sum of games over both strengths; then divide by the first.",
    63: "An attack asks for something. Which of two answers does it?",
    64: "The revision is read off what stands before it. What stands there, with a critique?",
    65: "p = 0.7: how often should the second answer beat the first?",
    66: "Two prompts of a pair, one by one: where does each answer stand?",
}

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
    50: Bug("get_batch", 'wording if name == "rules" else ""', 'wording if name == "bad" else ""'),
    55: Bug("LowRank.merged", "self.scale * self.B", "self.B"),
    65: Bug("preferred", "wins[:, 1, 0], 1 - p)", "wins[:, 1, 0], p)"),
    66: Bug("compare", "(pair, pair[::-1])", "(pair, pair)"),
}


def read_exercises(text):
    """{number: Exercise} of README.md: a heading "### 7. Title (find the bug, 15 min)", and in the
    prose below it "Where: `file.py:function`." (of a bug the file alone) and the graders."""
    found, week = {}, ""
    for part in re.split(r"^(?=##)", text, flags=re.M):
        if opens := re.match(r"## Week (.+)", part):
            week = f"week {opens[1]}"
        if heading := re.match(r"### (\d+)\. (.+) \((.+), (\d+) min\)\n", part):
            number = int(heading[1])
            where = re.search(r"Where:\s+`([^`:]+):?([^`]*)`", part)
            file, function = where.groups() if where else ("", "")
            if number in BUGS:
                function = BUGS[number].function
            tests = tuple(re.findall(r"`(tests/\S+::\w+)`", part))
            found[number] = Exercise(
                week, heading[2], heading[3], int(heading[4]), file, function, tests
            )
    return found


EXERCISES = read_exercises(README.read_text(encoding="utf-8"))
