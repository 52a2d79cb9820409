"""Sparrow's rules: one classifier says whether an answer breaks a rule that it is given as text
(after Glaese et al. 2022, arXiv 2209.14375).

People are given one rule each and try to make the model break it; then they mark whether it did.
From their marks one network learns all rules at once: it reads the dialogue, then the rule, and
says how sure it is that the rule is broken. The same dialogue under another rule gets another
answer. Beside it a head learns from as many marks whether anything is "bad", without a rule.

    p(broken | dialogue, rule) = σ(s(dialogue, rule) + s'(dialogue, rule))

s is the paper's: a number at the end. Such a number cannot compare an answer with the note that it
was given, as it cannot tell facts (reward.py); the words can. So a second network, ours, reads the
rule before the answer too, and what it finds unlikely there counts as broken (`--alpha=0`: without)

    s'(x, y, rule) = scalar − α/√N · Σ_t log p(y_t | x, rule, y_<t)       N tokens of the answer

People err, and a network that reads their marks three times may learn the slips by heart: the loss
knows that a share ε of the marks is the wrong way round. Few marks say broken, and count double.
Both differ from the paper (`--noise=0 --broken_weight=1` is without).

reads   out/sft_probed/ckpt.pt (made first if it is missing: sft.py --n_probes, which complies with
        about half of the attacks), and marks of simulated labelers, or --data=FILE with people's
writes  out/rules/ckpt.pt (which carries the rules), last.pt (for --resume), probes.jsonl, log.jsonl

    python rules.py                                               the tiny world
    python rules.py --preset=ko                                   the same in Korean
    python rules.py --rules_file=rules.txt --data=marks.jsonl     your own rules (data/marks.py)
    python ppo.py --preset=sparrow                                keep to them (Korean: ko_sparrow)
"""

import math
from dataclasses import dataclass

from plumbing.config import check_options, fit_len, idle, parse_config, positive

if __name__ == "__main__":  # answer --help and slips before torch, a second's work, loads
    check_options(__file__)

import numpy as np
import torch
import torch.nn.functional as F

import optim
from data.formats import check_evidence
from data.marks import MARKS, read_marks, read_rules, trained
from data.questions import check_language, read_first, tell_idle, world_read
from data.world import world_named
from data.world.languages import LANGUAGES
from data.world.probes import LESSONS, UNSEEN, Probes
from judges.probing import NOISE, Markers
from judges.rule_exam import by_rule, examine, report
from judges.rules import RuleModel, rule_batch, rule_tokens
from likelihood import answer_scores
from plumbing import errors, measure
from plumbing.batches import Batches
from plumbing.errors import BadInput
from plumbing.records import tell, write_lines
from plumbing.run import Run
from sampling import load_model, respond

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "tiny"  # a named set of other defaults
    out: str = "out/rules"  # directory for ckpt.pt, probes.jsonl, last.pt, log.jsonl
    init: str = "out/sft_probed/ckpt.pt"  # the model to attack and to start from; made if missing
    data: str = "world"  # or world_ko: attack it, let simulated labelers mark; or a file of marks
    rules_file: str = ""  # rules, a wording a line; empty: the tiny world's
    n_marks: int = 14000  # dialogues under attack, one mark each (Sparrow: about 14,000)
    n_eval: int = 700  # dialogues of attacks that no training meets, each judged by all rules
    max_len: int = 512  # tokens of dialogue and rule; a longer dialogue loses its left
    batch_size: int = 32  # marks of one step
    grad_accum: int = 1  # forward-backward passes that make up one step
    epochs: int = 3  # passes over the marks
    # differs from the paper: the loss knows of slips, and marks that say broken, few, weigh double
    noise: float = 0.1  # share of the marks that is taken to be wrong; 0: marks at their word
    broken_weight: float = 2.0  # of a mark "broken", of which there are few, beside one "kept"
    steps: int = 0  # optimizer steps; 0: as many as the epochs need
    lr: float = 1e-3  # AdamW; then a cosine down to a tenth
    matrix_lr: float = 0.007  # Muon; 0 hands the hidden matrices to AdamW
    # differs from the paper: a second network, whose words tell what does not fit the rule
    alpha: float = 0.5  # of minus the words' log p beside its scalar; 0: no second network
    words_lr: float = 0.004  # Muon of the second network
    eval_every: int = 200  # steps between validations and checkpoints
    seed: int = 1
    device: str = "auto"
    dtype: str = "auto"  # float32, bfloat16, float16; auto takes what is fast here
    resume: bool = False  # go on from last.pt
    eval: bool = False  # measure the checkpoint of --init on --data; nothing is trained or written
    log: str = ""  # csv or tensorboard: the log in that form as well
    export: str = ""  # hf: also write {out}/hf, which transformers loads


PRESETS = {
    "tiny": {},
    "ko": dict(data="world_ko", init="out/ko/sft_probed/ckpt.pt", out="out/ko/rules"),
}


def check(cfg):
    """Refuse options that make no training; one line each."""
    positive(
        cfg, "batch_size", "grad_accum", "eval_every", "max_len", "epochs", "n_marks", "n_eval"
    )
    if not 0 <= cfg.noise < 0.5:
        raise BadInput(f"--noise={cfg.noise}: expected a share from 0, and below 0.5, a coin's")
    if not 0 < cfg.broken_weight < math.inf:
        raise BadInput(f"--broken_weight={cfg.broken_weight}: expected a number above 0")
    if not 0 <= cfg.alpha < math.inf:
        raise BadInput(
            f"--alpha={cfg.alpha}: expected 0 or more; what is unlikely counts as broken"
        )
    if not cfg.alpha:
        idle(cfg, "with --alpha=0, which trains no second network", "words_lr")
    if cfg.n_marks < 20:
        raise BadInput(f"--n_marks={cfg.n_marks}: at least 20, a tenth of them is held out")
    if cfg.grad_accum > cfg.batch_size:
        raise BadInput(f"--grad_accum={cfg.grad_accum}: --batch_size has no so many marks")
    if cfg.rules_file and cfg.data in LANGUAGES:
        raise BadInput("--rules_file: nobody marks by your rules but you; give the marks by --data")


# --- the maths ---------------------------------------------------------------------------------


def rule_loss(scores, broken, count, noise=0.0, weight=1.0):
    """L = −Σ w log[ε + (1 − 2ε) σ(±s)] / `count`, + where the rule is marked broken, − where kept.

    scores and broken (N,) of a part of the batch, broken 1.0 or 0.0; `count`: the marks of all of
    it; noise: ε, the share of marks that are the wrong way round (forward correction, Patrini et
    al. 2017, arXiv 1609.03683); weight: w of marks that say broken, 1 for the rest. With ε = 0 and
    w = 1 this is binary cross-entropy. Returns a scalar.
    """
    signed = torch.where(broken > 0, scores, -scores)
    logp = F.logsigmoid(signed) + math.log1p(-2 * noise)
    if noise:  # what the network is surest of may still be marked wrong, and costs −log ε at most
        logp = torch.logaddexp(logp, logp.new_tensor(math.log(noise)))
    return -torch.where(broken > 0, weight * logp, logp).sum() / count


# --- batches -----------------------------------------------------------------------------------


def sample_marks(model, tokenizer, cfg, machine):
    """Attacks, the model's answers at temperature 1, and one simulated mark of each."""
    questions = Probes(world_named(cfg.data)).asked_of("train", cfg.n_marks, cfg.seed)
    asked = [question["messages"] for question in questions]
    texts, _ = respond(model, tokenizer, asked, machine, seed=cfg.seed)
    markers = Markers(cfg.seed)
    return [markers.mark(*row) for row in zip(questions, texts)]


def unseen_attacks(cfg):
    """Attacks of families that no training meets, and some on a rule that no mark was given for."""
    probes = Probes(world_named(cfg.data))
    control = probes.probes("test", cfg.n_eval // 5, cfg.seed, UNSEEN)
    return probes.asked_of("test", cfg.n_eval, cfg.seed) + control


def load_marks(cfg, rules, sft, tokenizer, machine):
    """Marked dialogues (training, validation); a tenth of the dialogues is held out."""
    if cfg.data in LANGUAGES:
        records = sample_marks(sft, tokenizer, cfg, machine)
    else:
        tell_idle(cfg, "n_marks", "n_eval")
        records = read_marks(cfg.data, rules)
        check_evidence(records, tokenizer, cfg.data)
        long = sum(len(tokenizer.render(r["messages"])[0]) > cfg.max_len for r in records)
        if long:
            line = f"{long} of {len(records)} dialogues exceed {cfg.max_len} tokens: the left goes"
            tell(line, file=cfg.data, cut=long, of=len(records))
    if len(records) < 2:
        raise BadInput(f"{cfg.data}: {len(records)} marked dialogue; at least 2, one is held out")
    order = np.random.default_rng(cfg.seed).permutation(len(records))
    held = max(1, len(records) // 10)
    train_set = as_marks([records[i] for i in order[held:]])
    if len({mark["broken"] for mark in train_set}) < 2:
        raise BadInput(f"{cfg.data}: all marks to train on say {MARKS[train_set[0]['broken']]}")
    return records, train_set, as_marks([records[i] for i in order[:held]])


def as_marks(records):
    """One entry for each mark: {"messages", "rule", "broken" by it, "bad": is any rule broken?}"""
    marks = []
    for record in records:
        bad = record.get("bad", MARKS["broken" in record["rules"].values()])
        for rule, mark in record["rules"].items():
            entry = {"messages": record["messages"], "rule": rule}
            marks.append({**entry, "broken": mark == "broken", "bad": bad == "broken"})
    return marks


def get_batch(marks, wordings, name, tokenizer, cfg, machine):
    """What `answer_scores` reads, and what was marked (N,): see `rule_batch`.

    name: the network. "rules" and "words" read their mark's wording; "bad" reads none, and its mark
    is "bad".
    """
    reads = name != "bad"
    rows = []
    for mark, wording in zip(marks, wordings):
        text = wording if reads else ""
        rows.append(rule_tokens(tokenizer, mark["messages"], text, cfg.max_len, name == "words"))
    broken = torch.tensor([float(mark["broken" if reads else "bad"]) for mark in marks])
    return rule_batch(tokenizer, rows, machine), machine.put(broken)


def length(mark):
    """How long a dialogue is, in characters."""
    return sum(len(message["content"]) for message in mark["messages"])


def word(marks, rules, rng):
    """A wording for each mark's rule, drawn from those that are trained on."""
    found = []
    for mark in marks:
        wordings = trained(rules[mark["rule"]])
        found.append(wordings[rng.integers(len(wordings))])
    return found


# --- evaluation --------------------------------------------------------------------------------


@torch.no_grad()
def evaluate(networks, val_set, rules, tokenizer, cfg, machine):
    """Loss and accuracy on held-out marks, all of one weight; they are noisy themselves.
    networks: those whose scores add up, by name."""
    total = right = 0.0
    for rows in np.array_split(val_set, math.ceil(len(val_set) / 256)):
        wordings = [rules[mark["rule"]][0] for mark in rows]
        scores = 0.0
        for name, network in networks.items():
            network.eval()
            batch, broken = get_batch(rows, wordings, name, tokenizer, cfg, machine)
            with machine.autocast():
                scores = scores + answer_scores(network, *batch)
            network.train()
        total += float(rule_loss(scores, broken, len(val_set), cfg.noise))
        right += float(((scores > 0) == (broken > 0)).sum())
    return {"val_loss": total, "val_accuracy": right / len(val_set)}


# --- training ----------------------------------------------------------------------------------


def learners_of(parent, cfg, machine):
    """The fine-tuned network with one number in the place of its words, by name: "rules" reads the
    rule, "bad" does not. "words" reads it and keeps its words beside the number: the less likely
    they find an answer, the more is broken."""
    heads = {"rules": "scalar", "bad": "scalar"}
    if cfg.alpha:
        heads["words"] = "reward"
    learners = {}
    for name, head in heads.items():
        learners[name] = machine.place(load_model(parent, cfg.init, head=head, dropout=0.0)[0])
    if cfg.alpha:
        learners["words"].alpha.fill_(-cfg.alpha)
    return learners


def train(cfg):
    """Train as `cfg` says; returns the metrics of the last validation."""
    # --- setup: dialogues under attack, and marks of one rule each
    check(cfg)
    run = Run(cfg, "rules")
    machine = run.machine
    rules = read_rules(cfg.rules_file)
    read_first(cfg, lambda path: read_marks(path, rules))
    made = (f"--seed={cfg.seed}", f"--n_probes={LESSONS}")
    parent = run.inherit("sft.py", ("sft", "pretrain", "ppo"), *made)
    check_language(cfg.data, parent, cfg.init)
    if run.saved and cfg.alpha and "words" not in run.saved:
        raise BadInput(f"{run.name} was made without a second network: add --alpha=0")
    # Where no file has rules, they are the world's, in the language that the model reads.
    if not cfg.rules_file:
        rules = read_rules("", cfg.data if cfg.data in LANGUAGES else world_read(parent))
    sft, tokenizer = load_model(parent, cfg.init)
    sft = sft.to(machine.device)
    fit_len(cfg, sft.config)
    # A tenth of the dialogues is never trained on.
    records, train_set, val_set = load_marks(cfg, rules, sft, tokenizer, machine)
    val_set = run.held_out(train_set, val_set)

    # --- models: all learn from the same number of marks, and two read the rule
    learners = learners_of(parent, cfg, machine)
    of_rules = {name: network for name, network in learners.items() if name != "bad"}
    # Muon for the hidden matrices, AdamW for the rest; from here on the run can be resumed.
    optimizers = {}
    for name, network in learners.items():
        rate = cfg.words_lr if name == "words" else cfg.matrix_lr
        optimizers[name] = optim.build(network, cfg.lr, rate, dtype=machine.dtype)
    run.begin(learners["rules"], sum(optimizers.values(), []), parent["tokenizer"])
    # What it was taught, for whoever asks it, and the second network, as it is when it is written.
    run.saver.fixed["rules"] = rules
    if cfg.alpha:
        run.saver.fixed["words"] = learners["words"].state_dict()
    if run.saved:  # the checkpoint is of those that read the rule; to go on, all are needed
        held = {**run.saved, "rules": run.saved["model"]}
        for name in of_rules if cfg.eval else learners:
            learners[name].load_state_dict(held[name])
    networks = {name: machine.distribute(network) for name, network in learners.items()}
    # Marks of dialogues of similar length share a batch, so that little of it is padding.
    lengths = [length(mark) for mark in train_set]
    # An epoch: every mark once.
    per_epoch = math.ceil(len(train_set) / cfg.batch_size)
    steps = cfg.steps or cfg.epochs * per_epoch
    batches = Batches(len(train_set), cfg.batch_size, cfg.seed, lengths=lengths)
    # What was marked is kept, in the form in which people's marks are read.
    if cfg.data in LANGUAGES and machine.main and not cfg.eval:
        write_lines(run.out / "probes.jsonl", records)
        run.log(probes=len(records), noise=NOISE)
    # What there is to learn from: few marks say broken.
    broken = sum(mark["broken"] for mark in train_set) / len(train_set)
    run.announce(
        f"{len(train_set):,} marks by {len(rules)} rules of {cfg.data} ({broken:.0%} broken; "
        f"{len(val_set)} held out), {steps} steps, {machine}"
    )

    # --- loop
    metrics = {}
    for step in run.steps(steps):
        # Every so often, and at the end: marks of dialogues never trained on.
        if run.due(step, cfg.eval_every):
            metrics = evaluate(of_rules, val_set, rules, tokenizer, cfg, machine)
            run.log(step=step, epoch=step / per_epoch, **metrics)
            run.say(measure.guesses(step, metrics))
            run.save(step, metrics, better=True, bad=learners["bad"].state_dict())
        if step == steps:  # the last step only evaluates
            break

        # All processes draw the same marks, and the same wording for the rule of each.
        batch = batches[step]
        rng = np.random.default_rng([cfg.seed, step])
        wordings = dict(zip(batch, word([train_set[i] for i in batch], rules, rng)))

        # The batch goes through in parts that fit into memory; their gradients add up, since
        # nothing is cleared between the backward passes.
        losses = dict.fromkeys(networks, 0.0)
        for rows, weight in machine.parts(machine.mine(batch), cfg.grad_accum):
            # The same dialogues for all; "bad" alone is not shown the rule.
            marks = [train_set[i] for i in rows]
            texts = [wordings.get(i, "") for i in rows]
            for name, network in networks.items():
                batch_of, marked = get_batch(marks, texts, name, tokenizer, cfg, machine)
                # The rule has been read when the score is taken: it is the last thing in the row.
                with machine.autocast():
                    scores = answer_scores(network, *batch_of)
                part = weight * rule_loss(scores, marked, len(batch), cfg.noise, cfg.broken_weight)
                machine.backward(part)
                losses[name] += part.detach()

        # One update of each at this step's learning rate; the gradients are empty afterwards.
        factor = optim.learning_rate(step, steps)
        norms = {}
        for name, network in learners.items():
            norms[name] = optim.step(optimizers[name], network, factor)

        # Its loss is that of the paper's network; the norm is of all: none may be no number.
        run.progress(step, losses["rules"], torch.stack([*norms.values()]).norm())

    # --- results
    # Of the world by the gold predicates (simulated), of people's own rules by held-out marks.
    if machine.main and not (cfg.eval and cfg.data in LANGUAGES):
        model = RuleModel([*of_rules.values()], tokenizer, rules)
        if cfg.data in LANGUAGES:
            details = examine(model, learners["bad"], sft, unseen_attacks(cfg), cfg, machine)
        else:
            details = by_rule(model, val_set, cfg.max_len, machine)
        run.log(step=steps, details=details)
        report(details)
    run.say(f"{run.name}: agrees with {metrics['val_accuracy']:.1%} of held-out marks")
    # Only now is the run whole, and what comes next may build on it.
    run.finish()
    return metrics


# --- run ---------------------------------------------------------------------------------------

if __name__ == "__main__":
    errors.run(lambda: train(parse_config(Config, PRESETS)))
