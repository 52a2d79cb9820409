"""Moved: `python -m exercises`."""

from plumbing.errors import moved

if __name__ == "__main__":
    moved("python -m exercises")
