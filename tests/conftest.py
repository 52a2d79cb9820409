"""Fixed randomness, two threads and the place of the large sample files, for every test."""

from pathlib import Path

import pytest
import torch
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
torch.set_num_threads(2)
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
