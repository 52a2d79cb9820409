"""Moved: `python -m lab.tax` and `python -m lab.overoptimisation`."""

import sys

from plumbing.errors import moved

if __name__ == "__main__":
    named = sys.argv[1:2] in (["tax"], ["overoptimisation"])
    moved(f"python -m lab.{sys.argv.pop(1) if named else 'tax'}")
