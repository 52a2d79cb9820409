"""The documents, made from the committed records: no figure in them is typed by hand.

    python -m lab.results            docs/*.md, docs/pictures/ and the blocks of both READMEs
    python -m lab.results --run      first make the records anew: every study, probe and bench

reads   docs/records/*.jsonl; with --run what the runs leave under --out
writes  docs/results.md, docs/papers.md, docs/pictures/*.svg (*.ko.svg in Korean), and in README.md
        and README.ko.md the blocks <!-- results: NAME --> ... <!-- end -->; with --run also
        docs/records/*.jsonl

--run lists its jobs with the time that each took when the records were made, takes what is finished
under --out as it is, and goes on where it was stopped. It takes hours on two cores.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from plumbing.config import check_options, idle, parse_config, positive

if __name__ == "__main__":  # answer --help and slips before torch, a second's work, loads
    check_options(__file__)

import numpy as np

from lab import (
    arms,
    bench,
    constitution,
    evidence,
    korean,
    memory,
    overoptimisation,
    papers,
    pareto,
    pictures,
    probing,
    reward,
    scaling,
    tables,
    tables_claude,
    tables_icl,
    tables_memory,
    tables_pareto,
    tables_probing,
    tables_scaling,
    tables_speed,
    tables_talk,
    talk,
    tax,
    tension,
)
from lab.editions import is_earlier
from lab.harvest import RECORDS, harvest, records
from lab.studies import folder, make
from lab.svg import title_of
from lab.words import say
from plumbing.errors import BadInput, run
from plumbing.files import ROOT, write_text
from plumbing.records import print_table

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "tiny"  # how large the stages are
    run: bool = False  # make the records anew, and not only the documents
    out: str = "out/studies"  # where the runs are, and are made
    seeds: int = 3  # seeds 1, 2, ...
    device: str = "auto"
    dtype: str = "auto"  # float32, bfloat16, float16; auto takes what is fast here


PRESETS = {"tiny": {}}

# --- the documents -----------------------------------------------------------------------------

# name of a block -> what makes it of the records and a language
BLOCKS = {
    "questions": tables.questions,
    "talk": tables_talk.talk,
    "conversation": tables_talk.conversation,
    "turns": tables_talk.turns,
    "korean": tables_talk.korean,
    "korean_talk": tables_talk.korean_talk,
    "preferences": tables.preferences,
    "tax": tables.tax,
    "surer": tables.surer,
    "sharper": tables.sharper,
    "reward": tables.reward,
    "reward_variants": tables.reward_variants,
    "lesson": tables.lesson,
    "overoptimisation": tables.overoptimisation,
    "classifier": tables_probing.classifier,
    "probing": tables_probing.probing,
    "by_rule": tables_probing.by_rule,
    "evidence": tables_probing.evidence,
    "distilled": tables_pareto.distilled,
    "tension": tables_probing.tension,
    "folds": tables_pareto.folds,
    "revisions": tables_claude.revisions,
    "judged": tables_claude.judged,
    "constitution": tables_claude.constitution,
    "plane": tables_pareto.plane,
    "distance": tables_pareto.distance,
    "rounds": tables_pareto.rounds,
    "scaling": tables_scaling.scaling,
    "fewshot": tables_icl.fewshot,
    "labels": tables_icl.labels,
    "sizes": tables_icl.sizes,
    "shots": tables_icl.shots,
    "bayes": tables_icl.bayes,
    "bayes_loss": tables_icl.bayes_loss,
    "demonstrations": tables_icl.demonstrations,
    "main_demonstrations": tables_icl.main_demonstrations,
    "induction": tables_icl.induction,
    "speed": tables_speed.speed,
    "speed_line": tables_speed.speed_line,
    "story": tables_speed.story,
    "times": tables_speed.times,
    "other_times": tables_speed.other_times,
    "memory": tables_memory.memory,
}
# The subject of the records that a block is made of, where it has another name.
SUBJECT = {
    "conversation": "talk",
    "turns": "talk",
    "korean_talk": "korean",
    "tax": "preferences",
    "surer": "preferences",
    "sharper": "preferences",
    "lesson": "reward_variants",
    "classifier": "rules",
    "by_rule": "probing",
    "judged": "revisions",
    "plane": "pareto",
    "distance": "pareto",
    "rounds": "pareto",
    "labels": "fewshot",
    "sizes": "fewshot",
    "shots": "fewshot",
    "bayes_loss": "bayes",
    "main_demonstrations": "demonstrations",
    "speed": "bench",
    "speed_line": "bench",
    "story": "times",
    "other_times": "times",
}
# Other records that a block sets beside its own.
BESIDE = {"korean": "talk", "by_rule": "rules"}
EARLIER = "*Of an earlier text of the world; today's models differ.*"
HEAD = """# Results

Written by `python -m lab.results` from the records in `docs/records/`; nothing here is typed by
hand. `python -m lab.results --run` makes the records anew. All models are trained on the tiny
world, whose truth is known; its judge and its labelers are programs, so what they say is simulated,
and nothing here is a result about large models.
"""
SECTIONS = {
    "Size and text (after Brown et al. 2020, figure 3.1)": ["scaling"],
    "Questions": ["questions"],
    "Conversation": ["conversation", "turns", "talk"],
    "The same world in Korean": ["korean", "korean_talk"],
    "Preferences": ["preferences", "tax", "surer", "sharper"],
    "The reward model": ["reward"],
    "A reward model that knows what is true": ["reward_variants", "lesson"],
    "Over-optimisation": ["overoptimisation"],
    "Rules (after Glaese et al. 2022)": ["classifier", "probing", "by_rule"],
    "Evidence (after Glaese et al. 2022)": ["evidence"],
    "What a prompt does, without the prompt (after Askell et al. 2021)": ["distilled"],
    "Help against harm (after Bai et al. 2022a)": ["tension"],
    "Harm as people compared it (HH-RLHF)": ["folds"],
    "A constitution (after Bai et al. 2022b)": ["revisions", "judged", "constitution"],
    "Helpful and harmless (after Bai et al. 2022a, 2022b)": ["plane", "distance", "rounds"],
    "A few examples": ["fewshot", "labels", "sizes", "shots"],
    "Implicit Bayes (Xie et al. 2021)": ["bayes", "bayes_loss"],
    "What demonstrations are for (Min et al. 2022)": ["demonstrations"],
    "Induction heads (Olsson et al. 2022)": ["induction"],
    "Speed": ["speed_line", "speed"],
    "How long each stage takes": ["times"],
    "How long the other runs take": ["other_times"],
    "Memory": ["memory"],
}
# The picture that stands above a block, where it is not called as the block is.
PICTURE = {"plane": "pareto"}
BLOCK = re.compile(r"<!-- results: (\w+) -->\n.*?<!-- end -->", re.S)


def block(name, language="en"):
    """The Markdown of a block. Raises BadInput for a name that is none."""
    if name not in BLOCKS:
        raise BadInput(f"results: {name}: no such block; there are {', '.join(BLOCKS)}")
    subject = SUBJECT.get(name, name)
    rows = records(subject)
    found = {subject: rows}
    if name in BESIDE:
        found[BESIDE[name]] = records(BESIDE[name])
    if not rows:
        return ""
    text = BLOCKS[name](found, language)
    if text and is_earlier(RECORDS / f"{subject}.jsonl"):
        text += f"\n\n{say(EARLIER, language)}"
    return text


def shown(name, drawn):
    """The picture of a block as Markdown, its title beside it; "" where there is none.
    drawn: {path: SVG text} of all pictures."""
    path = pictures.FOLDER / f"{PICTURE.get(name, name)}.svg"
    if path not in drawn:
        return ""
    return f"![{title_of(drawn[path])}](pictures/{path.name})"


def results_page(drawn=None):
    """docs/results.md. drawn: as of `shown`."""
    parts = [HEAD]
    for title, names in SECTIONS.items():
        found = []
        for name in names:
            if text := block(name):
                found += [shown(name, drawn or {}), text]
        if found:
            parts += [f"## {title}", *filter(None, found)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def fill(text, language):
    """A document whose blocks are made anew."""

    def made(match):
        name = match[1]
        return f"<!-- results: {name} -->\n{block(name, language)}\n<!-- end -->"

    return BLOCK.sub(made, text)


def documents():
    """{path: text} of every document that is made from records."""
    drawn = pictures.pictures()
    found = {
        ROOT / "docs" / "results.md": results_page(drawn),
        ROOT / "docs" / "papers.md": papers.page(),
        **drawn,
    }
    for name, language in (("README.md", "en"), ("README.ko.md", "ko")):
        found[ROOT / name] = fill((ROOT / name).read_text(encoding="utf-8"), language)
    return found


# --- figures in a text -------------------------------------------------------------------------

CODE = re.compile(r"```.*?```|`[^`]*`|\]\([^)]*\)|<!--.*?-->", re.S)
VERSION = re.compile(r"(?:Python|torch|TRL) \d[\d.]*")
FIGURE = re.compile(r"[+−-]?\d[\d,]*(?:\.\d+)?(?: ± \d+(?:\.\d+)?)?(?: ?%)?")


def figures(text):
    """What a text states as measured: its numbers with an interval, a per cent sign or a decimal
    point, outside code and links. So a README is held against docs/results.md:
    `figures(readme) - figures(results)` is empty."""
    text = VERSION.sub("", CODE.sub(" ", text)).replace("-", "−")
    found = set()
    for match in FIGURE.findall(text):
        if "±" in match or "%" in match or "." in match:
            found.add(match.lstrip("+").replace(" %", "%"))
    return found


# --- making the records ------------------------------------------------------------------------

# name of a job -> the runs that it makes with each seed
JOBS = {
    "alignment tax": tax.ARMS,
    "over-optimisation": (*overoptimisation.ARMS.values(), *overoptimisation.ARMS),
    "induction": ("induction",),
    "demonstrations": ("demos", "demos_flip", "demonstrations"),
    "implicit Bayes": ("ginc", "ginc_one", "ginc_random", "bayes"),
    "conversation": talk.ARMS,
    "in Korean": korean.ARMS,
    "reward models": ("reward", "reward_scalar", "reward_scalar_e4"),
    "rules": ("rules", *(arm for arm, _, _ in probing.ARMS.values())),
    "evidence": (evidence.ARM,),
    "help against harm": tuple(tension.ARMS),
    "constitution": ("constitution", *constitution.ARMS.values()),
    "helpful and harmless": tuple(arms.RUNS),
    "three sizes": ("tiny_s", "tiny_l", "fewshot"),
}
# What is measured on the runs.
STUDIES = (tax, overoptimisation, reward, probing, evidence, korean, tension, constitution, pareto)


def known_seconds(name):
    """How long a run took when the records were made, or None."""
    took = [row["seconds"] for row in records("times") if row["run"] == name]
    return float(np.mean(took)) if took else None


def show_jobs(cfg):
    """What is to be made, what of it is finished, and how long the rest will take."""
    table = []
    for job, names in JOBS.items():
        runs = [(seed, name) for seed in range(1, cfg.seeds + 1) for name in dict.fromkeys(names)]
        left = [name for seed, name in runs if not (folder(cfg, seed, name) / "finished").exists()]
        took = [known_seconds(name) for name in left]
        need = "?" if None in took else tables_speed.duration(sum(took)) if took else "-"
        table.append([job, f"{len(runs) - len(left)} of {len(runs)}", need])
    print_table(
        f"runs in {cfg.out}, {cfg.seeds} seeds; the time is that of the records",
        ["", "finished", "time left"],
        table,
    )
    print("then what the judge says of the models, and lab.bench", flush=True)


def make_all(cfg):
    """Every run of every seed, then what is measured on them; finished ones are left alone."""
    for names in JOBS.values():
        for seed in range(1, cfg.seeds + 1):
            for name in names:
                make(cfg, seed, name)
    shared = dict(out=cfg.out, seeds=cfg.seeds, device=cfg.device, dtype=cfg.dtype)
    for study in STUDIES:
        study.main(study.Config(**shared))
    talk.main(talk.Config(**{**shared, "seeds": max(cfg.seeds, talk.Config.seeds)}))
    for name in tables_speed.STAGES:  # once more by themselves: how long each stage takes
        make(replace(cfg, out=f"{cfg.out}/times"), 1, name)
    if not (Path(cfg.out) / "memory.jsonl").exists():
        memory.main(memory.Config(out=cfg.out))
    of_size = dict(out=f"{cfg.out}/scaling", reach=True, device=cfg.device, dtype=cfg.dtype)
    scaling.main(scaling.Config(**of_size))
    if not (Path(cfg.out) / "bench.jsonl").exists():
        bench.main([f"--out={cfg.out}", f"--device={cfg.device}", f"--dtype={cfg.dtype}"])


# --- run ---------------------------------------------------------------------------------------


def main(cfg):
    """Write the documents; returns the paths of those that changed."""
    positive(cfg, "seeds")
    if not cfg.run:
        idle(cfg, "without --run", "out", "seeds", "device", "dtype")
    if cfg.run:
        show_jobs(cfg)
        make_all(cfg)
        for subject, why in harvest(cfg).items():
            print(f"{subject}: the records stay as they are, {why} is missing")
    changed = []
    for path, text in documents().items():
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        if text != old:
            write_text(path, text)
            changed.append(path)
    for path in changed:
        print(f"written: {path.relative_to(ROOT).as_posix()}")
    if not changed:
        print(f"all documents agree with {RECORDS.relative_to(ROOT).as_posix()}")
    return changed


if __name__ == "__main__":
    run(lambda: main(parse_config(Config, PRESETS)))
