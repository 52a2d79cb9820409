"""The judges by which one of several answers is chosen: a reward model, a rule model, or both."""

from desk.shelf import world_of
from judges.rules import as_rule_model
from plumbing.checkpoint import load_checkpoint
from plumbing.errors import BadInput
from sampling import open_checkpoint


def open_judges(reward, rules, loaded, machine):
    """{"reward", "rule_model"} of two files, "" where there is none, as judges/rules.py's `rate`
    takes them. Raises BadInput for a file of another stage, for one that cannot read what the model
    `loaded` looks up, and for one that judges the answers of another world."""
    judges = {"reward": None, "rule_model": None}
    if reward:
        checkpoint = load_checkpoint(reward, ("reward",))  # what scores by rules has a scalar too
        judges["reward"] = open_checkpoint(reward, machine, "scalar")
        check_fit(reward, checkpoint, judges["reward"], loaded)
    if rules:
        checkpoint = load_checkpoint(rules, ("rules",))
        judges["rule_model"] = as_rule_model(checkpoint, rules, machine)
        check_fit(rules, checkpoint, judges["rule_model"], loaded)
    return judges


def check_fit(path, checkpoint, judge, loaded):
    """BadInput where a judge cannot judge what `loaded` says."""
    if loaded.tokenizer.evidence and not judge.tokenizer.evidence:
        raise BadInput(f"{path} cannot read what {loaded.name} looks up; make it from that one")
    judged, spoken = world_of(checkpoint), world_of(loaded.checkpoint)
    if judged and spoken and judged != spoken:
        raise BadInput(f"{path} judges --data={judged}; {loaded.name} is of {spoken}")
