"""The command line of the tiny world: `python -m data.world` says what it can show."""

import itertools
import json
import re
import sys
from pathlib import Path
from random import Random

import data.world
from data.world import PROMPT_SPLITS, World
from data.world.documents import SHARES
from data.world.english import ATTRIBUTES, LABELS, OPPOSITES, TASKS, VERBS
from data.world.tasks import SPLITS
from plumbing.errors import BadInput, run
from tokenizer import transcript


def show(world):
    """Print samples of every text, counts, and the held-out splits."""
    rng = Random("show")
    for name, share in SHARES.items():
        print(f"--- {name}: {share:.0%} of the pretraining text")
        print(getattr(world, world._maker(name))(rng))
    print("\n--- demonstrations (simulated labelers)")
    for record in world.demonstrations(6):
        print(f"[{record['source']}] {record['task']}")
        print(transcript(record["messages"]))
    texts = list(itertools.islice(world.documents(), 5000))
    words = [w for text in texts for w in re.findall(r"\w+", text)]
    print(
        f"\n--- counts: {len(world.things)} things, {len(ATTRIBUTES) * len(world.things)} facts, "
        f"{len(OPPOSITES)} opposite pairs, {len(VERBS)} verbs, {len(LABELS)} labels,\n"
        f"{len(set(words))} different words; {len(words) / len(texts):.0f} words per document"
    )
    print(
        "\n--- keys (task, item) and distinct prompts of each split\n"
        + " " * 9
        + "".join(f"{s:>7}" for s in SPLITS)
        + "  |"
        + "".join(f"{s:>11}" for s in PROMPT_SPLITS)
    )
    for task in TASKS:
        keys = [sum(world.split_of[task, i] == s for i in world.items[task]) for s in SPLITS]
        distinct = [len(world._prompt_keys(task, s, rng)) for s in PROMPT_SPLITS]
        print(
            f"{task:9}"
            + "".join(f"{k:7}" for k in keys)
            + "  |"
            + "".join(f"{k:11}" for k in distinct)
        )


def write(world, folder):
    """Write 20,000 pretraining documents, 4,000 demonstrations and the prompts of every split."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    texts = "\n\n".join(itertools.islice(world.documents(), 20_000))
    (folder / "pretrain.txt").write_text(texts + "\n", encoding="utf-8", newline="\n")
    files = {f"prompts_{split}": world.prompts(split) for split in PROMPT_SPLITS}
    files["demonstrations"] = world.demonstrations(4000)
    for name, records in files.items():
        lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8", newline="\n")
    print(f"wrote pretrain.txt and {len(files)} .jsonl files to {folder}")


def main(argv):
    """The command line: --show, --write=DIR."""
    if not argv or argv[0] in ("-h", "--help"):
        print(data.world.__doc__)
    for arg in argv:
        if arg == "--show":
            show(World())
        elif arg.startswith("--write=") and arg != "--write=":
            write(World(), arg.partition("=")[2])
        elif arg not in ("-h", "--help"):
            raise BadInput(f"data.world: unknown option '{arg}'; use --show or --write=DIR")


if __name__ == "__main__":
    run(main, sys.argv[1:])
