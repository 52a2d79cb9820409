"""The folder of a run: one run at a time trains in it, and an older run's files are set aside."""

import atexit
import contextlib
import os
from pathlib import Path

from plumbing.errors import BadInput
from plumbing.files import lock

EARLIER = "earlier"  # where the files of the run before go
# last.pt goes first: from then on --resume cannot take up the older run.
OF_A_RUN = ("last.pt", "log.jsonl", "comparisons.jsonl", "ckpt.pt")
OF_A_RUN += ("log.csv", "events.out.tfevents.run")  # the log in other forms
held = {}  # {path of a lock: its open file}, of this process


def look(folder):
    """Refuse, before any work, a folder in which another process trains or in which nothing can be
    written; nothing is."""
    look_for_room(folder)
    if (Path(folder) / "run.lock").exists():
        hold(folder)


def look_for_room(folder):
    """Refuse, before any work, a folder in which nothing can be written; nothing is."""
    place = Path(folder).absolute()
    there = next(path for path in (place, *place.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise BadInput(
            f"{folder}: nothing can be written in {there}; give another folder with --out=FOLDER"
        )


def hold(folder):
    """Keep other processes from training in `folder` until `release`, or until this one ends: the
    system gives back the lock of a process that ends, however it ends."""
    path = (Path(folder) / "run.lock").resolve()
    if path in held:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        file = open(path, "a+b", buffering=0)
        if not lock(file, wait=False):
            file.seek(0)
            owner = file.read(20).decode(errors="replace")
            file.close()
            raise BadInput(
                f"{folder}: another run is at work in this folder (process {owner}); wait until it "
                "ends, or give this one a folder of its own with --out=FOLDER"
            )
        if stands(file, path):
            break
        file.close()  # whoever held it removed it while we took hold: once more
    file.truncate(0)
    file.write(str(os.getpid()).encode())
    held[path] = file


def stands(file, path):
    """Is the open file still the one at `path`?"""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def release(folder):
    """Let others train in `folder`; the lock's file goes too."""
    path = (Path(folder) / "run.lock").resolve()
    file = held.pop(path, None)
    if not file:
        return
    with contextlib.suppress(OSError):
        if os.name != "nt":
            path.unlink()  # while it is locked: who opens it later opens another file
        file.close()  # which unlocks it
        if os.name == "nt":
            path.unlink()  # refused there where somebody has it open


@atexit.register
def release_all():
    """A run that ended in an error leaves no lock; one that was killed leaves a file that locks
    nothing."""
    for path in [*held]:
        release(path.parent)


def tidy(folder):
    """Remove what killed runs left half-written; call it under `hold`."""
    for path in Path(folder).glob("*.tmp"):
        path.unlink(missing_ok=True)


def set_aside(folder, data=""):
    """Move an older run's files to `earlier/`, in the place of those of the run before it; a file
    that the new run reads (`data`, or several with commas between) stays. Returns whether there
    were any."""
    folder = Path(folder)
    kept = {Path(name.strip()).resolve() for name in (data, *data.split(","))}
    if not any((folder / name).exists() for name in ("ckpt.pt", "last.pt")):
        return False
    (folder / EARLIER).mkdir(exist_ok=True)
    for name in OF_A_RUN:
        path, place = folder / name, folder / EARLIER / name
        place.unlink(missing_ok=True)
        if path.exists() and path.resolve() not in kept:
            os.replace(path, place)
    return True
