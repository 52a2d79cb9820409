"""Follow a run that goes on: each checkpoint that it writes, until it ends."""

import json
import time
from pathlib import Path


def finished(log):
    """Has the run that writes this log.jsonl come to its end? Its last line then holds samples."""
    try:
        last = Path(log).read_text(encoding="utf-8", errors="replace").splitlines()[-1]
        return "samples" in json.loads(last)
    except (OSError, IndexError, ValueError):  # not begun, or the line is half written
        return False


def newest(folder):
    """The file of the latest step that a run has saved, and when: (path, time) or None."""
    for name in ("last.pt", "ckpt.pt"):
        try:
            return folder / name, (folder / name).stat().st_mtime_ns
        except FileNotFoundError:
            continue
    return None


def checkpoints(folder, pause=1.0):
    """Yields the path of each checkpoint that a run writes into `folder`, until the run ends."""
    seen = None
    while True:
        over = finished(folder / "log.jsonl")  # asked first: what it wrote last is not missed
        found = newest(folder)
        if found and found != seen:
            seen = found
            yield found[0]
        elif over:
            return
        time.sleep(pause)
