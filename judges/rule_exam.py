"""How well a rule model tells which rule is broken, and the table of it.

Of the tiny world the gold predicates know (judges/violations.py; simulated); of people's own rules
there are held-out marks.
"""

from judges.hidden import world_of
from judges.probing import auc, classifier_figures, gold_table
from judges.rules import answered, rule_scores
from plumbing.records import print_table
from sampling import respond


def examine(rule_model, bad, sft, questions, cfg, machine):
    """The figures of `classifier_figures`, of the SFT model's answers to attacks that no training
    meets, under every rule and one that nobody was given.

    bad: the network that reads no rule. cfg: its --seed and --max_len.
    """
    tokenizer, rules = rule_model.tokenizer, rule_model.rules
    unseen = world_of(questions[0]).language.UNSEEN
    asked = [question["messages"] for question in questions]
    texts, _ = respond(sft, tokenizer, asked, machine, seed=10**6 + cfg.seed)
    dialogues = answered(asked, texts)
    said = [wordings[0] for wordings in {**rules, **unseen}.values()]
    reworded = [wordings[-1] for wordings in rules.values()]
    return classifier_figures(
        rule_model.scores(dialogues, said, machine, cfg.max_len),
        rule_model.scores(dialogues, reworded, machine, cfg.max_len),
        rule_scores(bad, tokenizer, dialogues, [""], machine, cfg.max_len)[:, 0],
        gold_table(questions, texts, [*rules, *unseen]),
        [question.get("rule", "") for question in questions],
        [*rules],
        [*unseen],
    )


def by_rule(rule_model, marks, max_len, machine):
    """People's own rules: the AUC of each on held-out marks, {"rules": {rule: figures}}."""
    found = {}
    for name, wordings in rule_model.rules.items():
        own = [mark for mark in marks if mark["rule"] == name]
        broken = [mark["broken"] for mark in own]
        dialogues = [mark["messages"] for mark in own]
        scores = rule_model.scores(dialogues, wordings[:1], machine, max_len)[:, 0]
        found[name] = {"auc": auc(scores, broken), "broken": sum(broken), "n": len(own)}
    return {"rules": found}


def report(figures):
    """Print what `examine` or `by_rule` found."""
    rows = []
    for name, row in figures["rules"].items():
        rows.append([name, row["auc"], f"{row['broken']} of {row['n']}", row.get("auc_bad", "")])
    columns = ["rule", "AUC", "broken", "one 'bad?' head"]
    if "swap" not in figures:
        print_table("held-out marks, rule by rule", columns[:3], [row[:3] for row in rows])
        return
    print_table(
        "answers to attacks never trained on, by the rule attacked (simulated)", columns, rows
    )
    print(
        f"all dialogues, every rule: macro AUC {figures['macro_auc']:.3f}, in a wording never seen "
        f"{figures['macro_auc_reworded']:.3f}; one 'bad?' head {figures['macro_auc_bad']:.3f}\n"
        f"is any rule broken: AUC {figures['any_auc']:.3f}, one 'bad?' head "
        f"{figures['any_auc_bad']:.3f}\n"
        f"swap: of {figures['swap_pairs']} pairs of a broken and a kept rule of one dialogue both "
        f"are told in {figures['swap']:.1%} (a head that reads no rule: 0)\n"
        f"calibration error {figures['calibration_error']:.3f}"
    )
