"""What a console shows and what is typed there, whatever its code page.

A Korean Windows reads and writes code page 949, an older American one 437. Neither has every letter
that is printed here, and what comes through a pipe may be of another code page than the console's.
"""

import codecs
import os
import re
import shlex
import sys
from pathlib import Path
from unicodedata import category, east_asian_width, normalize

# What stands for a sign that a code page lacks. Letters lose their accents, small digits grow.
PLAIN = {"−": "-", "–": "-", "—": "-", "⁄": "/", "‖": "||", "·": ".", "×": "x"}
PLAIN |= {"‘": "'", "’": "'", "“": '"', "”": '"', "±": "+-", "≈": "~", "≤": "<=", "≥": ">="}
PLAIN |= {"→": "->"}
UNSEEN = ("Mn", "Me", "Cf")  # categories of Unicode: marks over a letter, joiners
JAMO = re.compile("[\u1100-\u11ff]*")  # the parts of syllables, as macOS writes Hangul
THREE_BYTES = "\u0800"  # from here on UTF-8 takes three bytes or more, as for Hangul


def open_streams():
    """Print what a code page lacks in plainer signs, and keep the bytes of what is typed in another
    one than the console says, for `text_of`."""
    codecs.register_error("plain", plain)
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="surrogateescape" if stream is sys.stdin else "plain")


def plain(error):
    """An error handler of encoding, by the rules of `codecs.register_error`: the letters that the
    code page lacks in others that it has, and where to go on."""
    end = JAMO.match(error.object, error.end).end()
    # A page of single bytes does not tell its name here.
    page = "ascii" if error.encoding == "charmap" else error.encoding
    letters = normalize("NFC", error.object[error.start : end])
    return "".join(plain_letter(letter, page) for letter in letters), end


def plain_letter(letter, page):
    """One letter as it is, or in plainer signs, or as a question mark, whichever the page has."""
    parts = [part for part in normalize("NFKD", letter) if category(part) not in UNSEEN]
    for shown in (letter, "".join(PLAIN.get(part, part) for part in parts)):
        try:
            shown.encode(page)
            return shown
        except UnicodeEncodeError:
            pass
    return "?"


def text_of(line, page):
    """The text of a line of standard input, which was read as code page `page`, bytes kept.

    A pipe brings the bytes of a file, in UTF-8 or code page 949, whatever the console says. UTF-8
    with letters of three bytes is never an accident; one of two bytes may be a syllable in 949.
    Raises UnicodeError where it is text in none of them.
    """
    data = line.encode(page, errors="surrogateescape")
    as_utf8 = decoded(data, "utf-8")
    if as_utf8 and max(as_utf8) >= THREE_BYTES:
        return as_utf8.removeprefix("\ufeff")
    for text in (decoded(data, page), as_utf8, decoded(data, "cp949")):
        if text is not None:
            return text
    raise UnicodeError(f"no text in {page}")


def decoded(data, page):
    """Bytes as text of a code page; None where they are none."""
    try:
        return data.decode(page)
    except UnicodeDecodeError:
        return None


def spelled(typed):
    """What was typed, in the form of Unicode that has a syllable in one piece; a path that is there
    in the form that its disk has: macOS names files in parts, and they look the same."""
    known = normalize("NFC", typed)
    if typed.isascii() or os.path.exists(typed):
        return typed
    found = on_disk(Path(known))
    return known if found == Path(known) else found.as_posix()


def quoted(text):
    """A word of a command as any shell reads it: Windows's own knows double quotes alone."""
    if re.fullmatch(r"[\w@%+=:,./-]+", text):
        return text
    return shlex.quote(text) if set(text) & set('"$`\\!') else f'"{text}"'


def on_disk(path):
    """A path with each name in the form in which its folder has it, as far as there are any."""
    if os.path.exists(path) or path == path.parent:
        return path
    folder = on_disk(path.parent)
    names = os.listdir(folder) if os.path.isdir(folder) else ()
    same = (name for name in names if normalize("NFC", name) == normalize("NFC", path.name))
    return folder / next(same, path.name)


def cells(text):
    """How many columns of a console a text takes: a letter of Hangul takes two."""
    return len(text) + sum(east_asian_width(letter) in "WF" for letter in text)


def padded(text, width):
    """A text with blanks behind it, up to so many columns of a console."""
    return text + " " * (width - cells(text))
