"""Files that are there whole or not at all."""

import errno
import glob
import os
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from plumbing.errors import BadInput

try:
    import fcntl
except ImportError:  # Windows
    import msvcrt

ROOT = Path(__file__).resolve().parent.parent  # the folder of the stages


@contextmanager
def replacing(path):
    """A binary file to write in the place of `path`: whoever looks finds the old one or the new
    one, also after a power cut. The new one is dropped if the block raises."""
    path = Path(path)
    if path.is_dir():
        raise BadInput(f"{path} is a directory; name a file, such as one in it")
    path.parent.mkdir(parents=True, exist_ok=True)
    forget_killed(path)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def forget_killed(path, age=86_400):
    """Remove what a killed process left half-written in the place of `path` over a day ago."""
    for other in path.parent.glob(f"{glob.escape(path.name)}.*.tmp"):
        if time.time() - other.stat().st_mtime > age:
            other.unlink(missing_ok=True)


def lock(file, wait=True):
    """Lock an open file against other processes, until it is closed. Returns False where another
    has it and `wait` is off. A folder of a system that knows no locks is not guarded."""
    if os.name != "nt":
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError as error:
            return error.errno not in (errno.EAGAIN, errno.EACCES)
        return True
    while True:  # Windows gives up after ten tries, a second apart
        try:
            file.seek(1 << 20)  # beyond all content: what is locked there cannot be read
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
            return True
        except OSError:
            if not wait:
                return False
            time.sleep(0.05)


def write_text(path, text):
    """Write a text file whole, in UTF-8; half of a surrogate pair is written as its escape."""
    with replacing(path) as file:
        file.write(text.encode("utf-8", errors="backslashreplace"))


def download(url, path):
    """Fetch `url` to `path` with a progress bar, once. Offline: say which file to fetch by hand."""
    path = Path(path)
    if path.exists():
        return path
    try:
        with urllib.request.urlopen(url, timeout=30) as reply, replacing(path) as file:
            total = int(reply.headers.get("Content-Length", 0)) or None
            with tqdm(total=total, unit="B", unit_scale=True, desc=path.name) as bar:
                while chunk := reply.read(1 << 20):
                    file.write(chunk)
                    bar.update(len(chunk))
            if total and file.tell() != total:
                raise BadInput(
                    f"{url}: the download stopped at {file.tell()} of {total} bytes; try again"
                )
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise BadInput(
            f"cannot download {url} ({getattr(error, 'reason', error)}); "
            f"fetch it by hand and save it as {path}"
        ) from None
    return path
