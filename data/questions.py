"""What is learned from: demonstrations; and what a policy is asked while it learns, questions
without answers, which it writes itself."""

from data.formats import read_demonstrations, read_prompts
from data.principles import EPOCHS, REVISIONS
from data.world import World
from data.world.harms import Harms
from data.world.probes import LESSONS, Probes, lessons
from plumbing.errors import BadInput
from plumbing.inputs import need
from plumbing.records import check_whole

ASKED = 13 * 300  # questions of the world, before they come again


def load_demonstrations(cfg):
    """Demonstrations of a file, or of the world, with as many attacks and searches as asked for."""
    if cfg.data == "world":
        more = (cfg.n_probes, cfg.n_harms, cfg.n_evidence)
        return lessons(cfg.n_demos, cfg.n_talks, *more, seed=cfg.seed)
    if cfg.n_evidence:
        raise BadInput("--n_evidence is of the world; in a file 'search' and 'result' tell of it")
    if cfg.data.endswith("revisions.jsonl"):  # a model's own, by a constitution
        need(cfg.data, "constitution.py", cfg.preset, f"--seed={cfg.seed}")
    check_whole(cfg.data, "revisions")
    return read_demonstrations(cfg.data)


def load_questions(cfg):
    """Conversations up to a user's turn; those of the world with what its judge needs. With --rules
    there are as many attacks on the rules, and questions that only look like it; with --harms as
    many requests for harm."""
    if cfg.data != "world":
        return read_prompts(cfg.data)
    questions = World().asked_of("ppo", ASKED, seed=cfg.seed)
    questions += Probes(World()).asked_of("train", ASKED if cfg.rules else 0, cfg.seed)
    return questions + Harms(World()).asked_of("train", ASKED if cfg.harms else 0, cfg.seed)


def made_by(cfg):
    """How sft.py makes the model that PPO starts from, where there is none yet."""
    if cfg.harms:
        return [f"--seed={cfg.seed}", f"--data={REVISIONS}", f"--epochs={EPOCHS}"]
    return [f"--seed={cfg.seed}", f"--n_probes={LESSONS if cfg.rules else 0}"]
