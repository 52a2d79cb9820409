"""The command line of a stage: a dataclass of options, presets, and `--key=value` over them."""

import dataclasses
import difflib
import inspect
import math
import re
import sys
from pathlib import Path

from plumbing.checkpoint import load_checkpoint
from plumbing.errors import BadInput

RENAMED = {"iterations": "steps"}  # options of earlier editions, and what to type now


def parse_config(Config, presets, argv=None):
    """`--preset=NAME` first, then each `--key=value` over it, as an instance of the dataclass
    `Config`.

    Raises BadInput for an unknown key (with the nearest one), a wrong type or an unknown preset.
    """
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
    name = given.get("preset", fields["preset"].default)
    if name not in presets:
        raise BadInput(f"--preset={name}: no such preset; there are {', '.join(presets)}")
    base = {**presets[name], "preset": name}
    if given.get("resume"):  # a run goes on as it was begun, but for what is given again
        out = given.get("out", base.get("out", fields["out"].default))
        saved = load_checkpoint(Path(out) / "last.pt").get("train_config", {})
        base = {key: value for key, value in saved.items() if key in fields}
    return Config(**{**base, **given})


def parse_value(key, kind, text):
    """The text after `--key=` as int, float, bool or str; a bare `--key` means true."""
    if text is None and kind is not bool:
        raise BadInput(f"--{key} needs a value: --{key}={kind.__name__}")
    if kind is bool:
        values = {None: True, "true": True, "1": True, "false": False, "0": False}
        if text not in values:
            raise BadInput(f"--{key}={text}: expected true or false")
        return values[text]
    try:
        value = kind(text)
    except ValueError:
        expected = {int: "a whole number", float: "a number"}[kind]
        raise BadInput(f"--{key}={text}: expected {expected}") from None
    if kind is float and not math.isfinite(value):
        raise BadInput(f"--{key}={text}: expected a finite number")
    if kind in (int, float) and value < 0:
        raise BadInput(f"--{key}={text}: expected a number that is not negative")
    return value


def positive(cfg, *names):
    """Refuse a zero where it makes no sense."""
    for name in names:
        if getattr(cfg, name) <= 0:
            raise BadInput(f"--{name}={getattr(cfg, name)}: expected a number above 0")


def print_help(Config, presets):
    """The stage's docstring, then each field with its default and the comment that stands beside
    it."""
    print(sys.modules[Config.__module__].__doc__.strip(), "\n\noptions (default: meaning)")
    comments = dict(re.findall(r"^    (\w+): .*?  # (.*)$", inspect.getsource(Config), re.M))
    for f in dataclasses.fields(Config):
        print(f"  --{f.name}={f.default!s:<12} {comments.get(f.name, '')}")
    print("\npresets (each a set of other defaults)")
    for name, values in presets.items():
        print(f"  --preset={name:<18}", " ".join(f"{k}={v}" for k, v in values.items()))


def numbers(text, default, name):
    """The whole numbers of an option such as --n=0,1,8, in order; `default` where it is empty."""
    try:
        values = sorted({int(part) for part in text.split(",")}) if text else list(default)
    except ValueError:
        values = [-1]
    if min(values) < 0:
        raise BadInput(f"--{name}={text}: expected whole numbers with commas between: --{name}=0,8")
    return values
