"""What is learned from: demonstrations; and what a policy is asked while it learns, questions
without answers, which it writes itself."""

from pathlib import Path

from data.formats import read_demonstrations, read_prompts
from data.principles import EPOCHS, REVISIONS, are_revisions, own
from data.world import world_named
from data.world.harms import Harms
from data.world.languages import LANGUAGES
from data.world.probes import LESSONS, Probes, lessons
from plumbing.checkpoint import ancestry, load_checkpoint
from plumbing.config import idle
from plumbing.errors import BadInput
from plumbing.inputs import MADE, need
from plumbing.records import check_whole, tell, tell_later

FEWEST = 250  # steps in which a network this small learns to answer, and to stop
EPOCHS_AT_MOST = 16  # over a small file (InstructGPT, App. C.1); of them the best model is kept
PASSES = 20  # over a small text, when a base is made of it
BYTES_OF_A_STEP = 16 * 128 * 3  # of pretrain.py's batch, at three bytes a token
MOST = 2600  # its steps
COUNTS = ("n_demos", "n_talks", "n_probes", "n_harms")  # options: how many of the world's
ASKED = 13 * 300  # questions of the world, before they come again


def check_language(data, checkpoint, path):
    """Refuse a world in another language than that in which the model at `path` learned to read."""
    for ancestor in ancestry(checkpoint) if checkpoint else ():
        read = ancestor.get("data")
        if {data, read} <= {*LANGUAGES} and data != read:
            raise BadInput(
                f"--data={data}: {path} comes from a model that has read --data={read}, another "
                "language; --preset=ko is the chain in Korean, --preset=tiny in English"
            )


def world_read(checkpoint):
    """The world whose text a model has read, as --data names it; the English one for any other."""
    read = [ancestor.get("data") for ancestor in ancestry(checkpoint)]
    return next((data for data in read if data in LANGUAGES), "world")


def epochs(cfg, per_epoch):
    """How often the demonstrations are read, an epoch being `per_epoch` steps: --epochs, if it is
    given. The world's are as many as are needed, and read once; a file may hold a hundred, which
    read once would teach no model to end its answer."""
    if cfg.epochs or cfg.data in LANGUAGES:
        return cfg.epochs or 1
    return max(1, min(EPOCHS_AT_MOST, round(FEWEST / per_epoch)))


def load_demonstrations(cfg, parent=None):
    """Demonstrations of a file, or of the world, with as many attacks and searches as asked for.
    `parent`: the model that learns from them."""
    check_language(cfg.data, parent, cfg.init)
    more = {"n_probes": cfg.n_probes, "n_harms": cfg.n_harms, "n_evidence": cfg.n_evidence}
    if cfg.data in LANGUAGES:
        world = world_named(cfg.data)
        return lessons(cfg.n_demos, cfg.n_talks, **more, seed=cfg.seed, world=world)
    if cfg.n_evidence:
        raise BadInput("--n_evidence is of the world; in a file 'search' and 'result' tell of it")
    if are_revisions(cfg.data):  # a model's own, by a constitution
        need(cfg.data, "constitution.py", cfg.preset, f"--seed={cfg.seed}")
    tell_idle(cfg, *COUNTS)
    check_whole(cfg.data, "revisions")
    return read_demonstrations(cfg.data)


def tell_cut(data, examples, max_len):
    """Tell how many demonstrations, (ids, mask, messages), are too long, and keep no prompt."""
    cut = [mask[-max_len:] for ids, mask, _ in examples if len(ids) > max_len]
    promptless = sum(0 not in mask[1:] for mask in cut)  # at most <|assistant|> is left of it
    if cut:
        line = f"{len(cut)} of {len(examples)} demonstrations exceed {max_len} tokens and lost the "
        line += f"left of their prompt, {promptless} all of it; --max_len sets the limit"
        tell(line, file=data, cut=len(cut), of=len(examples), promptless=promptless)


def check_mix(cfg):
    """Refuse a share of pretraining text, in fine-tuning, that is none."""
    if cfg.pretrain_mix >= 1:
        raise BadInput(f"--pretrain_mix={cfg.pretrain_mix}: expected a share, 0 or more, below 1")
    if not cfg.pretrain_mix:
        idle(cfg, "with --pretrain_mix=0, which mixes in no text", "mix_data", "mix_rows")


def tell_idle(cfg, *names):
    """Tell of options that were typed, count what is made of the tiny world, and do nothing where
    a file is learned from."""
    typed = [f"--{name}" for name in names if name in getattr(cfg, "given", ())]
    if typed:
        line = f"note: {', '.join(typed)} count questions of the tiny world, and {cfg.data} is a "
        tell(line + "file: they do nothing", file=cfg.data, idle_options=typed)


def read_first(cfg, read):
    """Before a missing --init is made, which takes minutes: a mistake in people's own data is told,
    and what no stage is to write at the path that was typed. `read`: the function that reads it."""
    if cfg.eval or cfg.resume or cfg.data in LANGUAGES or "data" not in getattr(cfg, "given", ()):
        return
    path = Path(cfg.data)
    if path.name in MADE and not path.exists():  # a stage before this one writes it, in its folder
        usual = getattr(cfg, "usual", {}).get("data", set())
        if path.as_posix() in usual | {own(REVISIONS, world) for world in LANGUAGES}:
            return
    elif Path(cfg.init).exists():
        return
    read(cfg.data)
    tell_later()


def made_base(cfg):
    """How pretrain.py makes the base that sft.py starts from, where there is none yet. With
    --pretrain_on it is of that text, and stands beside what is tuned."""
    if not cfg.pretrain_on:
        read_first(cfg, read_prompts if cfg.distill else read_demonstrations)
        return ["--init=gpt2", "--steps=0"] if cfg.preset == "gpt2" else [f"--seed={cfg.seed}"]
    if "init" in getattr(cfg, "given", ()):
        raise BadInput("--pretrain_on makes a base, and --init names one: give one of the two")
    cfg.init = f"{cfg.out.rstrip('/')}_base/ckpt.pt"
    if Path(cfg.init).exists():
        made_of = load_checkpoint(cfg.init)["train_config"].get("data")
        if made_of != cfg.pretrain_on:
            raise BadInput(
                f"{cfg.init} is there already, of {made_of}: start from it with --init={cfg.init}, "
                "or give another --out"
            )
    read_first(cfg, read_demonstrations)
    return [f"--seed={cfg.seed}", f"--data={cfg.pretrain_on}", *small_text(cfg.pretrain_on)]


def small_text(path):
    """Options of pretrain.py for a text that is little: so many steps that it is read PASSES times,
    with dropout, since what is read more often is learned by heart."""
    size = Path(path).stat().st_size if Path(path).is_file() else 0
    steps = PASSES * size // BYTES_OF_A_STEP
    if not 0 < size or steps >= MOST:
        return []
    return [f"--steps={max(100, steps)}", "--dropout=0.2"]


def tuned_on(parent):
    """What a checkpoint was tuned on: a world, or a file. A model's own revisions are of the world
    that its base has read; what does not tell is of the English one."""
    data = (parent or {}).get("train_config", {}).get("data") or "world"
    return world_read(parent) if are_revisions(data) else data


def check_asked(cfg, parent):
    """Refuse the world's questions to a model that was tuned on people's own data, unless they are
    asked for: the simulated labelers know no others."""
    check_language(cfg.data, parent, cfg.init)
    own = tuned_on(parent)
    asked_for = "data" in getattr(cfg, "given", ("data",))
    if cfg.data in LANGUAGES and own not in LANGUAGES and not asked_for:
        raise BadInput(
            f"{cfg.init} was tuned on {own}, and simulated labelers rank answers to the tiny "
            f"world's questions alone. Rank its answers: python chat.py {cfg.init} --label; then "
            "learn from them by --data=out/labels/comparisons.jsonl (or ask for --data=world)"
        )


def load_questions(cfg, parent=None):
    """Conversations up to a user's turn; those of the world with what its judge needs. Where --data
    names none, they are of what the SFT model, `parent`, was tuned on. With --rules there are as
    many attacks on the rules, and questions that only look like it; with --harms as many requests
    for harm."""
    if not cfg.data:
        cfg.data = tuned_on(parent)
        if cfg.data not in LANGUAGES and not Path(cfg.data).exists():
            raise BadInput(
                f"{cfg.init} was tuned on {cfg.data}, which is not here any more: give a file of "
                "questions by --data=FILE (--data=world asks those of the tiny world)"
            )
    check_language(cfg.data, parent, cfg.init)
    check_judged(cfg)
    if cfg.data not in LANGUAGES:
        return read_prompts(cfg.data)
    world = world_named(cfg.data)
    questions = world.asked_of("ppo", ASKED, seed=cfg.seed)
    questions += Probes(world).asked_of("train", ASKED if cfg.rules else 0, cfg.seed)
    return questions + Harms(world).asked_of("train", ASKED if cfg.harms else 0, cfg.seed)


def check_judged(cfg):
    """Refuse the hidden judge for questions of which it knows no answer."""
    if cfg.reward == "judge" and cfg.data and cfg.data not in LANGUAGES:
        raise BadInput("--reward=judge knows the questions of --data=world only")


def made_by(cfg):
    """How sft.py makes the model that PPO starts from, where there is none yet."""
    check_judged(cfg)
    read_first(cfg, read_prompts)
    start = Path(cfg.init)
    begun = start.exists() or start.with_name("last.pt").exists()
    if cfg.knowledge and not (cfg.eval or begun):
        raise BadInput(
            f"--knowledge={cfg.knowledge}: {cfg.init} is not there yet, and what is made there "
            "looks nothing up; python sft.py --n_evidence=8000 makes a model that does"
        )
    if cfg.harms:
        data = own(REVISIONS, cfg.data)
        return [f"--seed={cfg.seed}", f"--data={data}", f"--epochs={EPOCHS}"]
    return [f"--seed={cfg.seed}", f"--n_probes={LESSONS if cfg.rules else 0}"]
