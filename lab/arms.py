"""The runs of lab/pareto.py, in the form of those in lab/studies.py: name of the run -> (script,
{option: the run it starts from}, options).

hh       a preference model of help and of harm, the pairs of constitution.py judged by people in
         the place of an AI: harm counts λ times as much as help; then PPO by it
half     two preference models, each of one half of the questions; PPO climbs the first, without a
         leash, for so many steps
round    help alone: comparisons of the current policy, round by round; static: as many at once, all
         of the model that the policies start from
"""

# Over-optimisation is studied with InstructGPT's scalar alone: the words of the default reward are
# a leash by themselves.
SCALAR = {"alpha": 0, "matrix_lr": 0.007}
# "ppo" is PPO alone, so that one thing at a time is changed; ppo.py's default is "ppo_ptx".
BARE = {"ptx": 0}
PEOPLE = "lab/people.py"
# Harm is asked for as well; on a longer leash a policy may end in one brush-off for everything.
HARMS = {"data": "world", "harms": True, "beta": 0.15}
WEIGHTS = (0.25, 1, 4, 16)
HALVES = {"half": 1, "other": 2}
STEPS = (5, 10, 20, 40)
ROUNDS = 3


def by_people():
    """HH: one preference model and one policy for each λ."""
    runs = {"people": (PEOPLE, {"data": "constitution"}, {})}
    for weight in WEIGHTS:
        name = f"hh_{weight:g}"
        learned = {"init": "sft_helpful", "data": "people"}
        climbed = {"init": "sft_helpful", "reward": f"reward_{name}"}
        runs[f"reward_{name}"] = ("reward.py", learned, {"harm_weight": weight})
        runs[f"ppo_{name}"] = ("ppo.py", climbed, HARMS)
    return runs


def by_half():
    """A preference model to climb, one that looks on, and policies after so many steps."""
    runs = {}
    for half, place in HALVES.items():
        learned = {"init": "sft_helpful", "data": f"people_{half}"}
        runs[f"people_{half}"] = (PEOPLE, {"data": "people"}, {"half": place})
        runs[f"reward_{half}"] = ("reward.py", learned, SCALAR)
    climbed = {"init": "sft_helpful", "reward": "reward_half"}
    for steps in STEPS:
        own = {**HARMS, **BARE, "beta": 0, "steps": steps}
        runs[f"ppo_half_{steps}"] = ("ppo.py", climbed, own)
    return runs


def in_rounds():
    """Comparisons of the current policy in rounds (Bai et al. 2022a, iterated online training), or
    all of the same model."""
    asked = {"init": "sft"}
    parts = {"static": (asked, {})}
    for n in range(1, ROUNDS + 1):
        parts[f"round_{n}"] = (asked, {"rounds": ROUNDS, "round": n})
        asked = {"init": f"ppo_round_{n}", "data": f"people_round_{n}"}
    runs = {}
    for name, (asked, options) in parts.items():
        learned = {"init": "sft", "data": f"people_{name}"}
        climbed = {"init": "sft", "reward": f"reward_{name}"}
        runs[f"people_{name}"] = (PEOPLE, asked, options)
        runs[f"reward_{name}"] = ("reward.py", learned, SCALAR)
        runs[f"ppo_{name}"] = ("ppo.py", climbed, BARE)
    return runs


RUNS = {**by_people(), **by_half(), **in_rounds()}
