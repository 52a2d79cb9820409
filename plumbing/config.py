"""The command line of a stage: a dataclass of options, presets, and `--key=value` over them."""

import ast
import dataclasses
import difflib
import inspect
import math
import re
import sys
from pathlib import Path

from plumbing.console import quoted, spelled
from plumbing.errors import BadInput, first_process, interrupted_early, run

# Options that may be given anew with --resume: where and how long it trains, not what it does.
FREE = {"out", "resume", "steps", "eval_every", "export", "log"}
FREE |= {"device", "dtype", "compile", "fsdp", "grad_accum", "checkpoint_activations"}
SHAPE = (
    "n_layer",
    "n_head",
    "n_embd",
    "pos",
    "rotary",
    "qk_norm",
)  # of a network, beside its words
# The least and the most of an option, where 0 or what its type holds make no sense.
LEAST = {"max_len": 2, "n_demos": 2}  # a question and its answer; one to learn from, one held out
MOST = {int: 2**32 - 1, float: 1e38}  # what a seed of 32 bits and a float32 hold
MOST |= dict.fromkeys(("batch_size", "minibatch", "block_size", "max_new_tokens"), 65_536)
MOST |= dict.fromkeys(("n_demos", "n_talks", "n_prompts", "n_eval", "n", "draws"), 10**6)
MOST |= {
    "prompts": 10**6,
    "lstm": 10**9,
    "seeds": 1000,
    "predict": 1000,
    "repeats": 10_000,
    "resamples": 10**6,
}
MOST |= {"n_layer": 1000, "lora": 1000, "lam": 1, "port": 65_535}
MOST |= {"ema": 0.9999999, "final_lr": 1}  # an average that keeps all of itself never moves
RENAMED = {"iterations": "steps"}  # options of earlier editions, and what to type now
SIZES = ("tiny", "ko", "gpt2")  # presets that every stage has


def parse_config(Config, presets, argv=None):
    """`--preset=NAME` first, then each `--key=value` over it, as an instance of the dataclass
    `Config`.

    Raises BadInput for an unknown key (with the nearest one), a wrong type or an unknown preset.
    """
    base, given = read_options(Config, presets, argv)
    if given.get("resume") and given.get("eval"):
        raise BadInput("--eval trains nothing and --resume goes on training: give one of the two")
    for name in ("log", "export"):
        if given.get("eval") and given.get(name):
            raise BadInput(
                f"--{name}={given[name]} writes, and --eval does not: give one of the two"
            )
    if given.get("resume"):  # a run goes on as it was begun, but for what is given again
        out = given.get("out", base.get("out", getattr(Config, "out", "")))
        base = saved_options(Path(out), Config, given)
    if given.get("eval"):  # a checkpoint is measured as it was trained, but for what is given
        base |= measured_options(Config, base, given)
    cfg = Config(**{**base, **given})
    cfg.given = frozenset(given)  # what was typed; it is no option itself
    cfg.usual = usual_values(Config, presets, cfg.preset)
    return cfg


def size_of(preset):
    """Which of SIZES a preset is of: "ko" of ko_sparrow, "tiny" of one that a single stage has."""
    family = preset.partition("_")[0]
    return family if family in SIZES else "tiny"


def usual_values(Config, presets, name):
    """{option: the values that need not be typed}: the one of this preset, or, where it has none,
    those of the presets of the same size."""
    alike = [values for other, values in presets.items() if size_of(other) == size_of(name)]
    usual = {}
    for field in dataclasses.fields(Config):
        value = presets[name].get(field.name, field.default)
        usual[field.name] = {value} if value else {values.get(field.name) for values in alike}
    return usual


def read_options(Config, presets, argv=None):
    """The options of the preset that is asked for, and those that are typed: two dicts. --help is
    answered here."""
    argv = sys.argv[1:] if argv is None else argv
    fields = {f.name: f for f in dataclasses.fields(Config)}
    if "--help" in argv or "-h" in argv:
        print_help(Config, presets)
        sys.exit(0)
    given = {}
    for arg in argv:
        key, equals, text = arg[2:].partition("=")
        if not arg.startswith("--"):
            raise BadInput(f"'{arg}': options look like --key=value (see --help)")
        if key in RENAMED and RENAMED[key] in fields and key not in fields:
            raise BadInput(f"--{key} is now --{RENAMED[key]}")
        if key not in fields:
            near = difflib.get_close_matches(key, fields, n=1)
            hint = f"did you mean --{near[0]}?" if near else "see --help"
            raise BadInput(f"unknown option --{key}: {hint}")
        given[key] = parse_value(key, fields[key].type, text if equals else None)
        if given[key] == "" and fields[key].default:
            usual = quoted(f"--{key}={fields[key].default}")
            raise BadInput(f"--{key}= is empty; leave it out for {usual}, or give another value")
    name = given.get("preset", fields["preset"].default)
    if name not in presets:
        raise BadInput(f"--preset={name}: no such preset; there are {', '.join(presets)}")
    return {**presets[name], "preset": name}, given


def check_options(script, argv=None):
    """Answer --help and refuse a slip, as `parse_config` does, before a script imports torch, which
    takes a second: of the file nothing is run but Config, PRESETS and what these name. From here on
    Ctrl-C ends in one line too."""
    sys.excepthook = interrupted_early
    tree = ast.parse(Path(script).read_text(encoding="utf-8"))
    names = {"__name__": "__main__"}
    for node in named(tree, {"Config", "PRESETS"}):
        exec(compile(ast.Module([node], []), script, "exec"), names)
    Config = names["Config"]
    run(read_options, Config, names.get("PRESETS", {Config.preset: {}}), argv)


def named(tree, wanted):
    """The statements of a file, in order, that these names need: a class, values, and imports."""
    found = []
    for node in reversed(tree.body):  # what a statement needs stands before it
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            node.names = [name for name in node.names if (name.asname or name.name) in wanted]
            made = node.names
        else:
            changed = [n for target in getattr(node, "targets", ()) for n in ast.walk(target)]
            made = {getattr(n, "id", "") for n in changed} | {getattr(node, "name", "")}
            made &= wanted
        if made:
            names = [n for n in ast.walk(node) if isinstance(n, ast.Name)]
            wanted = wanted | {n.id for n in names if isinstance(n.ctx, ast.Load)}
            found.insert(0, node)
    return found


def path_and_options(argv):
    """A command line whose first word may be a file: that word, "" where there is none, and the
    options after it."""
    return (spelled(argv[0]), argv[1:]) if argv and argv[0][:1] != "-" else ("", argv)


def saved_options(out, Config, given):
    """The options of the run in `out`; BadInput where one that was typed would make it another run
    than it is recorded to be."""
    from plumbing.checkpoint import load_checkpoint  # with torch, which --help does without

    if not (out / "last.pt").exists():
        aside = out / "earlier" / "last.pt"
        raise BadInput(
            f"{out / 'last.pt'}: no such file, so nothing was saved to go on from; begin a run "
            "without --resume" + (f" (an older run is in {aside.parent})" if aside.exists() else "")
        )
    checkpoint = load_checkpoint(out / "last.pt")
    saved = checkpoint.get("train_config", {})
    for key in given.keys() - FREE:
        before = saved.get(key, given[key])
        if given[key] != before:
            raise BadInput(
                f"--{key}={given[key]}: the run in {out} was begun with --{key}={before} and goes "
                "on with it; leave the option out, or begin a new run without --resume"
            )
    names = {f.name for f in dataclasses.fields(Config)}
    step = checkpoint.get("step", 0)
    if given.get("steps", saved.get("steps")) != saved.get("steps") and given["steps"] < step:
        raise BadInput(f"--steps={given['steps']}: the run in {out} has done {step} steps already")
    return {key: value for key, value in saved.items() if key in names}


# Options of where and how a checkpoint is measured, which its own do not tell.
HERE = {"preset", "device", "dtype", "compile", "fsdp", "eval", "resume", "log", "export", "out"}
HERE |= {"lora"}  # what it added is one with the matrices by then


def measured_options(Config, base, given):
    """The options that a checkpoint was trained with, so that it is measured on what was held out
    from it. Without --init it is that of the stage's own folder."""
    from plumbing.checkpoint import load_checkpoint  # with torch, which --help does without

    out = Path(given.get("out", base.get("out", Config.out)))
    init = given.get("init") or (out / "ckpt.pt").as_posix()
    if not init.endswith(".pt"):  # weights of OpenAI's
        return {}
    checkpoint = load_checkpoint(init)
    found = {"init": init, "out": Path(init).parent.as_posix()}
    if checkpoint["stage"] == Path(Config.out).name:
        saved = checkpoint.get("train_config", {})
        known = {field.name for field in dataclasses.fields(Config)} - HERE - found.keys()
        found |= {key: value for key, value in saved.items() if key in known}
    return found


def keep_shape(cfg, config, tokenizer, words):
    """Record the shape of a network that was not made by these options, and the `words` that its
    tokenizer was made from."""
    shape = {name: getattr(config, name) for name in SHAPE}
    shape |= {"vocab_size": tokenizer.n_vocab, "tokenizer": words}
    keep(cfg, cfg.init or cfg.out, shape, ", or begin from scratch without --init")


def keep(cfg, owner, values, remedy=""):
    """Record what stands in `owner`, whatever the options say: what is recorded is what was done.
    BadInput where one of them was typed and differs."""
    for name, value in values.items():
        if name in getattr(cfg, "given", ()) and getattr(cfg, name) != value:
            raise BadInput(
                f"--{name}={getattr(cfg, name)}: {owner} has {name}={value}, which stays; leave "
                f"the option out{remedy}"
            )
        setattr(cfg, name, value)


def parse_value(key, kind, text):
    """The text after `--key=` as int, float, bool or str; a bare `--key` means true."""
    if text is None and kind is not bool:
        raise BadInput(f"--{key} needs a value: --{key}={kind.__name__}")
    if kind is bool:
        values = {"true": True, "1": True, "false": False, "0": False}
        word = "true" if text is None else text.lower()
        if word not in values:
            raise BadInput(f"--{key}={text}: expected true or false")
        return values[word]
    try:
        value = spelled(text) if kind is str else kind(text)
    except ValueError:
        expected = {int: "a whole number", float: "a number"}[kind]
        raise BadInput(f"--{key}={text}: expected {expected}") from None
    if kind is float and not math.isfinite(value):
        raise BadInput(f"--{key}={text}: expected a finite number")
    if kind in (int, float) and value < 0:
        raise BadInput(f"--{key}={text}: expected a number that is not negative")
    if kind in MOST and value > MOST.get(key, MOST[kind]):
        raise BadInput(f"--{key}={text:.20}: expected at most {MOST.get(key, MOST[kind])}")
    return value


def positive(cfg, *names):
    """Refuse a zero, or less than LEAST, where it makes no sense."""
    for name in names:
        value, least = getattr(cfg, name), LEAST.get(name, 1)
        if value < least if least > 1 else value <= 0:
            raise BadInput(f"--{name}={value}: expected a number above {least - 1}")


def idle(cfg, why, *names):
    """Refuse options that were typed and of which nothing comes; `why`: in what company."""
    for name in names:
        if name in getattr(cfg, "given", ()):
            raise BadInput(
                f"--{name}={getattr(cfg, name)} does nothing {why}; leave the one or the other out"
            )


def fit_len(cfg, config):
    """Lower --max_len to what a network of this shape has positions for; the log has that."""
    room = config.room(cfg.max_len)
    if room < LEAST["max_len"]:
        raise BadInput(f"{cfg.init} has {room} position, too few for a question and its answer")
    if room < cfg.max_len and first_process():
        print(f"the model has {room} positions: --max_len={room}; what is longer loses its left")
    cfg.max_len = room


# What these options mean wherever the field has no comment of its own.
SHARED = {
    "seed": "of every draw; the same seed gives the same run",
    "device": "cpu, cuda or mps; auto takes a GPU where there is one",
    "dtype": "float32, bfloat16, float16; auto takes what is fast here",
}


def print_help(Config, presets):
    """The stage's docstring, then each field with its default, as it can be typed, and the comment
    that stands beside it."""
    print(sys.modules[Config.__module__].__doc__.strip(), "\n\noptions (default: meaning)")
    comments = SHARED | dict(
        re.findall(r"^    (\w+): .*?  # (.*)$", inspect.getsource(Config), re.M)
    )
    options = {}
    for f in dataclasses.fields(Config):
        default = quoted(str(f.default)) if f.default != "" else ""
        options[f"--{f.name}={default}"] = comments.get(f.name, "")
    print_columns(options)
    print("\npresets (each a set of other defaults)")
    sets = {}
    for name, values in presets.items():
        changed = " ".join(f"{k}={v}" for k, v in values.items())
        sets[f"--preset={name}"] = changed or "the defaults above"
    print_columns(sets)


def print_columns(rows):
    """Words and what they mean, side by side."""
    width = max(map(len, rows))
    for word, meaning in rows.items():
        print(f"  {word:<{width}}  {meaning}")


def numbers(text, default, name):
    """The whole numbers of an option such as --n=0,1,8, in order; `default` where it is empty."""
    try:
        values = sorted({int(part) for part in text.split(",")}) if text else list(default)
    except ValueError:
        values = [-1]
    if not 0 <= min(values) <= max(values) <= 10_000:
        raise BadInput(
            f"--{name}={text:.40}: expected whole numbers up to 10,000 with commas between: "
            f"--{name}=0,8"
        )
    return values
