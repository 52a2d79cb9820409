"""What a policy is asked while it learns: questions without answers; it writes those itself."""

from data.formats import read_prompts
from data.world import World
from data.world.probes import Probes

ASKED = 13 * 300  # questions of the world, before they come again


def load_questions(cfg):
    """Conversations up to a user's turn; those of the world with what its judge needs. With --rules
    there are as many attacks on the rules, and questions that only look like it."""
    if cfg.data != "world":
        return read_prompts(cfg.data)
    questions = World().asked_of("ppo", ASKED, seed=cfg.seed)
    return questions + Probes(World()).asked_of("train", ASKED if cfg.rules else 0, cfg.seed)
