"""What is learned from: demonstrations; and what a policy is asked while it learns, questions
without answers, which it writes itself."""

from data.formats import read_demonstrations, read_prompts
from data.world import World
from data.world.probes import Probes, lessons
from plumbing.errors import BadInput

ASKED = 13 * 300  # questions of the world, before they come again


def load_demonstrations(cfg):
    """Demonstrations of a file, or of the world, with as many attacks and searches as asked for."""
    if cfg.data == "world":
        return lessons(cfg.n_demos, cfg.n_talks, cfg.n_probes, cfg.seed, cfg.n_evidence)
    if cfg.n_evidence:
        raise BadInput("--n_evidence is of the world; in a file 'search' and 'result' tell of it")
    return read_demonstrations(cfg.data)


def load_questions(cfg):
    """Conversations up to a user's turn; those of the world with what its judge needs. With --rules
    there are as many attacks on the rules, and questions that only look like it."""
    if cfg.data != "world":
        return read_prompts(cfg.data)
    questions = World().asked_of("ppo", ASKED, seed=cfg.seed)
    return questions + Probes(World()).asked_of("train", ASKED if cfg.rules else 0, cfg.seed)
