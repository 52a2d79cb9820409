"""The command line of the tiny world: `python -m data.world` says what it can show."""

import itertools
import json
import re
import sys
from pathlib import Path
from random import Random

import data.world
from data.world import PROMPT_SPLITS, world_named
from data.world.documents import SHARES
from data.world.languages import LANGUAGES
from data.world.probes import Probes
from data.world.tasks import ATTRIBUTES, SPLITS, TASKS
from plumbing.errors import BadInput, run
from plumbing.files import write_text
from tokenizer import transcript


def show(world):
    """Print samples of every text, counts, and the held-out splits."""
    rng = Random("show")
    lang = world.language
    for name, share in SHARES.items():
        print(f"--- {name}: {share:.0%} of the pretraining text")
        print(world.makers[name](rng))
    print("\n--- conversations (simulated labelers)")
    for record in world.conversations(6):
        print(f"[{record['source']}]")
        print(transcript(record["messages"]))
    print("\n--- demonstrations (simulated labelers)")
    for record in world.demonstrations(6):
        print(f"[{record['source']}] {record['task']}")
        print(transcript(record["messages"]))
    show_probes(world)
    texts = list(itertools.islice(world.documents(), 5000))
    words = re.findall(r"\w+", "\n".join(texts))
    print(
        f"\n--- counts: {len(world.things)} things, {len(ATTRIBUTES) * len(world.things)} facts, "
        f"{len(lang.OPPOSITES)} opposite pairs, {len(lang.VERBS)} verbs, {len(lang.LABELS)} "
        "labels,\n"
        f"{len(set(words))} different words; {len(words) / len(texts):.0f} words per document"
    )
    print("\n--- keys (task, item) and distinct prompts of each split")
    row("", SPLITS, PROMPT_SPLITS)
    for task in TASKS:
        splits = [world.split_of[task, item] for item in world.items[task]]
        prompts = [len(world.prompt_keys(task, split, rng)) for split in PROMPT_SPLITS]
        row(task, [splits.count(split) for split in SPLITS], prompts)


def show_probes(world):
    """Print attacks on rules, and what only looks like them."""
    print("\n--- probes of rules, by families that only tests meet, and near misses")
    probes = Probes(world)
    for record in probes.probes("test", 7) + probes.near_misses("test", 7):
        print(f"[{record.get('rule', 'near miss')}, {record['family']}]")
        print(transcript(record["messages"]).removesuffix("\nBot:"))


def row(task, keys, prompts):
    """One line of the table of splits."""
    left = "".join(f"{cell:>7}" for cell in keys)
    right = "".join(f"{cell:>11}" for cell in prompts)
    print(f"{task:9}{left}  |{right}")


def write(world, folder):
    """Write 20,000 pretraining documents, 4,000 demonstrations, 6,000 conversations and the prompts
    of every split."""
    texts = "\n\n".join(itertools.islice(world.documents(), 20_000))
    write_text(Path(folder) / "pretrain.txt", texts + "\n")
    files = {f"prompts_{split}": world.prompts(split) for split in PROMPT_SPLITS}
    files["demonstrations"] = world.demonstrations(4000)
    files["conversations"] = world.conversations(6000)
    for name, records in files.items():
        lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        write_text(Path(folder) / f"{name}.jsonl", lines)
    print(f"wrote pretrain.txt and {len(files)} .jsonl files to {folder}")


def main(argv):
    """The command line: --show, --write=DIR, --data=NAME of the world, before them."""
    if not argv or argv[0] in ("-h", "--help"):
        print(data.world.__doc__)
    name = "world"
    if argv and argv[-1].startswith("--data=") and argv[-1].removeprefix("--data=") in LANGUAGES:
        raise BadInput(
            f"{argv[-1]} names a world and shows nothing: --show or --write=DIR after it"
        )
    for arg in argv:
        if arg == "--show":
            show(world_named(name))
        elif arg.startswith("--write=") and arg != "--write=":
            write(world_named(name), arg.partition("=")[2])
        elif arg.removeprefix("--data=") in LANGUAGES:
            name = arg.removeprefix("--data=")
        elif arg not in ("-h", "--help"):
            raise BadInput(
                f"data.world: unknown option '{arg}'; use --show or --write=DIR, after "
                f"--data={' or --data='.join(LANGUAGES)}"
            )


if __name__ == "__main__":
    run(main, sys.argv[1:])
