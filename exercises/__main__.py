"""`python -m exercises`: see exercises/workshop.py."""

import sys

from exercises.workshop import main
from plumbing.errors import run

if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
