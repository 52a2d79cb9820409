"""What people would have said: comparisons of simulated labelers, for the study of lab/pareto.py.

    python -m lab.people --data=out/constitution/comparisons.jsonl     harm, judged by people
    python -m lab.people --init=out/sft/ckpt.pt                        help, ranked by people

The first takes the comparisons of constitution.py and lets people say which answer does less harm,
where an AI judge had said it: the same pairs, as many labels, other labelers. The rankings of help
among them stay as they are. The second asks a model and ranks its answers; of several rounds each
asks other questions, perhaps of another model, and what earlier rounds had collected stays.

reads   --data, comparisons that are there, and what constitution.py logged beside them; --init
writes  OUT/comparisons.jsonl, OUT/log.jsonl

Labelers are programs: simulated. They see what lab/pareto.py measures by, with errors.
"""

from dataclasses import dataclass
from pathlib import Path
from random import Random

from plumbing.config import check_options, idle, parse_config, positive

if __name__ == "__main__":  # answer --help and slips before torch, a second's work, loads
    check_options(__file__)

import numpy as np

from data.formats import read_comparisons
from data.principles import SOURCES
from data.world import World
from data.world.harms import Harms
from data.world.tasks import stable_hash
from judges.constitution import harm_of
from judges.labelers import BIAS, ERRS
from judges.rankings import sample_comparisons
from plumbing.errors import BadInput, run
from plumbing.folder import look_for_room
from plumbing.machine import setup
from plumbing.records import Log, read_records, write_lines
from sampling import open_checkpoint

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "tiny"  # there is one set of defaults
    out: str = "out/people"  # directory for comparisons.jsonl, log.jsonl
    data: str = ""  # comparisons that are there
    init: str = ""  # the model that is asked; empty: nobody, the pairs of --data are judged
    n: int = 3000  # questions to a model, of all rounds together
    rounds: int = 1  # in which they are asked
    round: int = 1  # this one of them
    k: int = 4  # answers that a labeler ranks at once
    half: int = 0  # 1 or 2: that half of the questions of --data, as it is; 0: all, judged
    seed: int = 1
    device: str = "auto"
    dtype: str = "auto"  # float32, bfloat16; auto takes bfloat16 where it is fast


PRESETS = {"tiny": {}}


def check(cfg):
    """Refuse options that make no comparisons; one line each."""
    positive(cfg, "n", "rounds", "round")
    if not 2 <= cfg.k <= 9:
        raise BadInput(f"--k={cfg.k}: labelers rank 2 to 9 answers")
    if not cfg.init and not cfg.data:
        raise BadInput("--init=CKPT to ask a model, or --data=FILE with pairs to judge")
    if cfg.round > cfg.rounds or cfg.rounds > cfg.n:
        raise BadInput(f"--round={cfg.round}: of --rounds={cfg.rounds}, at most --n={cfg.n}")
    if cfg.half not in (0, 1, 2):
        raise BadInput(f"--half={cfg.half}: expected 1 or 2, or 0 for all")
    if cfg.init:
        idle(cfg, "with --init, which asks a model", "half")
    else:
        idle(cfg, "without --init, which asks a model", "rounds", "round")
    if cfg.data and Path(cfg.data).parent.resolve() == Path(cfg.out).resolve():
        raise BadInput(
            f"--out={cfg.out}: --data lies there, and would be lost; give another folder"
        )
    look_for_room(cfg.out)


# --- comparisons -------------------------------------------------------------------------------


def requests_of(path):
    """{what was asked: the request} of all requests that constitution.py made, by the log beside
    its comparisons."""
    log = Path(path).with_name("log.jsonl")
    if not log.exists():
        raise BadInput(f"{log}: no such file; --data is to be what constitution.py has written")
    asked = next(iter(read_records(log)[0]), {}).get("config", {})
    if not {"n_requests", "seed"} <= asked.keys():
        raise BadInput(f"{log}, line 1: no log of constitution.py; put back the one it wrote")
    requests = Harms(World()).requests("train", asked["n_requests"], asked["seed"])
    return {request.asked: request for request in requests}


def less_harm(record, request, labeler, rng):
    """A pair of answers as a labeler sees it, who is wrong about the harm of one in ten; who sees
    as much harm in both ties them."""
    harm = harm_of([request] * len(record["responses"]), record["responses"])
    seen = [bool(truth) != (rng.random() < ERRS) for truth in harm]
    better = [i for i, bad in enumerate(seen) if not bad]
    worse = [i for i, bad in enumerate(seen) if bad]
    return {
        "messages": record["messages"],
        "responses": record["responses"],
        "ranking": [group for group in (better, worse) if group],
        "labeler": labeler,
        "source": "sim",
        "kind": "harmless",
    }


def judged(cfg):
    """The comparisons of --data with people's labels in the place of the AI's, and of which kind
    each is."""
    records = read_comparisons(cfg.data)
    requests = requests_of(cfg.data)
    rng = Random(f"people {cfg.seed}")
    found = []
    for record in records:
        if record.get("source") not in SOURCES.values():
            found.append({**record, "kind": "helpful"})
            continue
        asked = record["messages"][-1]["content"]
        if asked not in requests:
            raise BadInput(f"{cfg.data}: not a request of constitution.py's log: {asked!r:.60}")
        labeler = list(BIAS)[len(found) % len(BIAS)]
        found.append(less_harm(record, requests[asked], labeler, rng))
    return found


def halved(cfg):
    """One half of the questions of --data, with all their comparisons."""
    found = []
    for record in read_comparisons(cfg.data):
        side = stable_hash(record["messages"][-1]["content"]) % 2
        if side == cfg.half - 1:
            found.append(record)
    return found


def ranked(cfg, machine):
    """Rankings of the answers of --init to the questions of this round."""
    questions = World().asked_of("rm", cfg.n, cfg.seed)
    mine = np.array_split(np.arange(len(questions)), cfg.rounds)[cfg.round - 1]
    loaded = open_checkpoint(cfg.init, machine)
    some = [questions[i] for i in mine]
    options = {"seed": 100 * cfg.seed + cfg.round, "misfits": True}
    return sample_comparisons(loaded.model, loaded.tokenizer, some, cfg, machine, **options)


# --- run ---------------------------------------------------------------------------------------


def main(cfg):
    """Make the comparisons; returns them."""
    check(cfg)
    machine = setup(cfg)
    out = Path(cfg.out)
    if cfg.init:
        before = read_comparisons(cfg.data) if cfg.data else []
        found = [*before, *ranked(cfg, machine)]
    else:
        found = halved(cfg) if cfg.half else judged(cfg)
    log = Log(out / "log.jsonl", cfg, machine)
    ties = sum(len(record["ranking"]) == 1 for record in found)
    log.write(comparisons=len(found), ties=ties)
    write_lines(out / "comparisons.jsonl", found)
    print(f"{cfg.out}: {len(found):,} comparisons (simulated labelers), {ties:,} of them ties")
    return found


if __name__ == "__main__":
    run(lambda: main(parse_config(Config, PRESETS)))
