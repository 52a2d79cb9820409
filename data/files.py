"""Files of other people: their bytes and their text.

What a file holds is told from its content, never from its name. Text is read in one Unicode form,
the tokenizer's: a syllable that a Mac wrote in parts is the same in a label, a name, a heading.
"""

import codecs
import gzip
import io
import os
import zlib
from pathlib import Path
from unicodedata import normalize

from plumbing.errors import BadInput

# How files begin that have to be unpacked or written anew first.
OTHERS = {
    b"PK\x03\x04": "a zip archive; unpack it",
    b"BZh91AY": "packed with bzip2; unpack it",
    b"\xfd7zXZ": "packed with xz; unpack it",
    b"\x28\xb5\x2f\xfd": "packed with zstd; unpack it",
    b"PAR1": "a Parquet table; save it as JSON Lines",
}
# A byte order mark names the encoding. UTF-32's little-endian one begins like UTF-16's.
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
GZIP = b"\x1f\x8b\x08"
UNPACKED = "NANOCHATGPT_UNPACK_MB"  # the environment variable that raises the limit for a .gz


def read_bytes(path, size=-1):
    """The first `size` bytes of a file, or all; BadInput when it is missing or cannot be read."""
    try:
        if Path(path).is_dir():
            raise BadInput(f"{path} is a directory: give the path of one file")
        with open(path, "rb") as f:
            return f.read(size)
    except FileNotFoundError:
        raise BadInput(f"{path} not found") from None
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: {error}") from None


def unpack(path, data):
    """What a gzip file holds. A megabyte of it may hold a thousand: there is a limit."""
    try:
        limit = int(os.environ.get(UNPACKED, 512))
    except ValueError:
        raise BadInput(f"{UNPACKED}={os.environ[UNPACKED]}: expected a number of MB") from None
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            content = file.read((limit << 20) + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"{path}: damaged gzip file ({error})") from None
    if len(content) > limit << 20:
        raise BadInput(f"{path}: unpacks to more than {limit} MB; {UNPACKED}=N sets the limit")
    return content


def read_text(path, latin1=None):
    """A file, perhaps gzipped, as text without byte order marks, lines ended by a bare newline.

    UTF-8, or UTF-16 or -32 with its mark. Any bytes are Latin-1, so that is never guessed: a text
    is read so only if it begins as the pattern `latin1` says. Raises BadInput with the line.
    """
    data = read_bytes(path)
    data = unpack(path, data) if data.startswith(GZIP) else data
    for start, what in OTHERS.items():
        if data.startswith(start):
            raise BadInput(f"{path} is {what}")
    encoding = next((name for mark, name in MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
        broken = text.find("\0")
        line = text.count("\n", 0, max(0, broken)) + 1
    except UnicodeDecodeError as error:
        text = data.decode("latin-1")
        few = sum(byte > 127 for byte in data) < len(data) / 5  # of another alphabet most are
        expected = latin1 and latin1.match(text) and few and not is_korean(data)
        broken = text.find("\0") if expected else error.start
        line = text.count("\n", 0, max(0, broken)) + 1
    if broken >= 0:
        found = "text in code page 949 (EUC-KR)" if is_korean(data) else "other bytes"
        raise BadInput(f"{path}, line {line}: expected UTF-8 text, found {found}; save it as UTF-8")
    if not text.strip().strip("\ufeff").strip():
        raise BadInput(f"{path} is empty")
    text = text.replace("\r\n", "\n")
    if "\n" not in text:  # as old Macs and their spreadsheets end lines
        text = text.replace("\r", "\n")
    # Files with marks that were put one after the other have them in the middle.
    return normalize("NFC", text.replace("\n\ufeff", "\n").removeprefix("\ufeff"))


def is_korean(data):
    """Are these bytes text as Korean Windows saves it? Two bytes make a syllable, and few others
    are allowed, so that Latin-1's single letters are hardly ever mistaken for it."""
    try:
        return "\0" not in data.decode("cp949")
    except UnicodeDecodeError:
        return False
