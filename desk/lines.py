"""A JSON Lines file that several threads and processes write to at once, a whole line at a time."""

import json
import os
import threading
from contextlib import contextmanager
from pathlib import Path

from plumbing.files import lock, replacing
from plumbing.records import object_of


class Lines:
    """A JSON Lines file shared by threads and processes. `append` and `remove` return when the
    change is on the disk; call them, and `read` before them, under `locked()`."""

    def __init__(self, path):
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.thread = threading.RLock()
        self.depth = 0
        self.stamp = None
        self.lines = []

    @contextmanager
    def locked(self):
        """Hold the file against all others. A lock ends with its process, however that ends."""
        with self.thread:
            if self.depth == 0:
                self.file = open(f"{self.path}.lock", "a+b")
                lock(self.file)
            self.depth += 1
            try:
                yield
            finally:
                self.depth -= 1
                if self.depth == 0:
                    self.file.close()  # which unlocks it

    def raw(self):
        """[(line, record)]: the file's lines as bytes; the record is None where it is no object."""
        if not self.path.exists():
            return []
        with self.locked():
            stamp = stamp_of(self.path)
            if stamp != self.stamp:
                lines = self.path.read_bytes().split(b"\n")
                self.lines = [(line, object_of(line)) for line in lines if line.strip()]
                self.stamp = stamp
            return self.lines

    def read(self):
        """The records in order. A line that was damaged by other hands is left alone."""
        return [record for _, record in self.raw() if record is not None]

    def append(self, record):
        """Add one whole line. What a crash left unfinished at the end is cut off first."""
        line = json.dumps(record, ensure_ascii=False).encode() + b"\n"
        with open(self.path, "a+b", buffering=0) as file:
            file.seek(0)
            before = file.read()
            end = before.rfind(b"\n") + 1
            if object_of(before[end:]) is not None:  # a whole record that lacks only its line break
                line = b"\n" + line
                end = len(before)
            file.truncate(end)
            try:
                if file.write(line) < len(line):
                    raise OSError("the disk is full")
                os.fsync(file.fileno())
            except OSError:
                file.truncate(end)
                raise
        sync_folder(self.path.parent)

    def remove(self, record):
        """Drop one of the records that `read` gave: the file is replaced whole, so that at any
        moment there is the old one or the new one, and other lines keep their bytes."""
        kept = [line + b"\n" for line, other in self.raw() if other is not record]
        with replacing(self.path) as file:
            file.write(b"".join(kept))
        sync_folder(self.path.parent)


def stamp_of(path):
    """Tells whether a file has changed."""
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino


def sync_folder(path):
    """Make a new or renamed file's name last as well (Windows does so by itself)."""
    if os.name != "nt":
        folder = os.open(path, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
