"""Fixed randomness, one thread and the place of the large sample files, for every test."""

import os
from pathlib import Path

import pytest
import torch
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
# The tests run side by side, a process per core: each, and each command that it starts, has one.
torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A slow or busy machine is no bug: no deadline. The same examples on every run.
settings.register_profile("repeatable", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def seeded():
    """Each test draws the same numbers, whatever ran before it."""
    torch.manual_seed(1234)


@pytest.fixture
def shared():
    """The folder of sample data beside the repository; tests that want it are skipped without it."""
    path = ROOT.parent / "shared"
    if not path.is_dir():
        pytest.skip("no folder of sample data beside the repository")
    return path
