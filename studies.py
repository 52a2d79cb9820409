"""Moved: `python -m lab.tax` and `python -m lab.overoptimisation`."""

import sys

from plumbing.errors import moved

if __name__ == "__main__":
    moved(f"python -m lab.{sys.argv.pop(1)}" if len(sys.argv) > 1 else "python -m lab.tax")
