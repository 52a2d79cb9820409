"""The course in English. korean.py is parallel to it; exercises/language.py says what both hold."""

from exercises.table import BUG, EXERCISES, FILL, RUN

README = "README.md"

HELP = """
Exercises: fill in a function, find a bug that raises no error, run and explain (README.md).

Each exercise to write or to repair gets a working copy of its own, so nothing you do there touches
the sources here, and nothing you did is lost: `reset` puts an old working copy aside.

reads   this folder's sources and tests
writes  out/exercises/work/NN/ (a working copy), kept/ (old ones), progress.json

    python -m exercises                                  all exercises and your progress
    python -m exercises start 3                          empty a function, for you to write
    python -m exercises plant 7                          plant a bug, for you to find
    python -m exercises hint 7                           where to look more closely
    python -m exercises check 7                          the grader; without a number, all begun
    python -m exercises solution 7                       the way back to the project's own text
    python -m exercises reset 7                          put the working copy aside; or all of them
    python -m exercises done 4                           a run is explained: mark it

`--out=FOLDER` keeps the working copies and your progress elsewhere. `--preset=ko` speaks Korean.
"""

WORDS = {
    FILL: "fill in",
    BUG: "find the bug",
    RUN: "run and explain",
    "exercise": "exercise {number}",
    "command": "python -m exercises {command} {number}",
    "text": "exercises/README.md",
    # --- the list
    "minutes": "{minutes} min",
    "begun": "begun",
    "tried": "begun, tried {tries} times",
    "done": "done",
    "total": (
        "{done} of {all} done. The texts are in exercises/README.md (in Korean: --preset=ko, "
        "exercises/README.ko.md)."
    ),
    # --- start and plant
    "blank": "exercise {number}: your text goes here",
    "begin": "exercise {number}: {title} ({kind}, {minutes} min)",
    "write": "write {function} in {file}; its docstring says what it does",
    "look": "look in {file}: one thing is wrong, and no error tells",
    "graders": "the grader: {tests}\nthen: {way}",
    # --- hint, check, reset, done
    "hint": "hint {number}: {hint}",
    "passed": "exercise {number}: passed after {seconds} s; {next}",
    "failed": "exercise {number}: failed after {seconds} s (all of it: {path})",
    "no_end": "no end after {limit} seconds",
    "last_line": "{line}",
    "no_word": "no word of it",
    "next": "next: {number}, {title} ({kind}): {way}",
    "last": "that was the last one",
    "aside": "exercise {number}: your copy is now {path}",
    "nothing_aside": "exercise {number}: not begun, nothing to put aside",
    "marked": "exercise {number}: done; {next}",
    # --- what is refused
    "source_changed": (
        "{file} has been changed where exercise {number} begins; restore the file, then {command} "
        "again"
    ),
    "damaged": ("{path}: damaged; delete it to start counting again (your working copies stay)"),
    "begun_already": ("exercise {number} is begun already, in {path}; to begin it again: {way}"),
    "needs": "check needs pytest and hypothesis: pip install -e '.[test]'",
    "not_begun": "exercise {number} is not begun: {way}",
    "none_begun": "no exercise is begun: python -m exercises lists them",
    "options": "'{word}': the options are --out=FOLDER and --preset=ko (see --help)",
    "commands": "'{word}': expected {commands}, or nothing for the list",
    "one_number": "{command} takes one number: {way}",
    "numbers": ("'{word}': exercises are numbered 1 to {last}; python -m exercises lists them"),
    "other_kind": "exercise {number} is of the kind '{kind}': {way}",
    "other_kind_run": (
        "exercise {number} is of the kind '{kind}': its command and a folded answer are in "
        "exercises/README.md; then {way}"
    ),
    # --- facts or manners (exercises/facts.py)
    "facts_written": "{file}: {number} demonstrations, each new fact {times} times",
    "facts_right": "right answers, by where the facts stand and how they are asked for",
    "only_demonstrated": "only in demonstrations",
    "only_read": "only in pretraining text",
    "trained_wording": "a trained wording",
    "new_wording": "a new wording",
    "in_a_sentence": "{how}, a sentence",
    "plain_sentence": "a plain sentence",
    "share": "{right} of {of}",
    "such_as": "such as",
    # --- a failing grader (exercises/words.py)
    "checked": "checked",
    "input": "input",
    "expected": "expected",
    "got": "got",
    "can_be_read": "that {file} can be read",
    "its_text": "its text",
    "no_error": "no error",
    "holds": "that this holds",
    "holds_not": "it does not",
    "test_input": "what stands in the test",
    "shaped": "{text} of shape {shape}",
    "object": "a {type}",
    "place": "{value}   at {place} of shape {shape}",
    "line": "{error} (line {line})",
    "file_line": "{error} ({file}, line {line})",
}

# The name of a grader is a sentence.
TESTS = [test.split("::")[1] for exercise in EXERCISES.values() for test in exercise.tests]
CHECKS = {name: name.removeprefix("test_").replace("_", " ") for name in TESTS}

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
    67: "KL(p || q) = Σ p (log p - log q). What is 0 · log 0?",
    68: "What does each prompt do to the base model? That is all there is to learn.",
}
