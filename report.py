"""Moved: `python -m lab.report`."""

from plumbing.errors import moved

if __name__ == "__main__":
    moved("python -m lab.report")
