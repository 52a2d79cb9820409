"""Moved: `python -m lab.bench`."""

from plumbing.errors import moved

if __name__ == "__main__":
    moved("python -m lab.bench")
