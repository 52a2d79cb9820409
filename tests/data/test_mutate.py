"""Damaged files of every layout give records or one line, and no row is lost without a word."""

import pytest

from tests.data import mutate


@pytest.mark.parametrize("name", mutate.READERS)
def test_every_row_is_read_or_told(name, tmp_path):
    found = [mutate.one(name, seed, tmp_path / "file") for seed in range(400)]
    assert {"all read", "refused"} <= set(found)
    assert name == "corpus" or "some left out, told" in found


def test_the_check_can_fail(tmp_path, monkeypatch):
    reader, layouts = mutate.READERS["demonstrations"]

    def forgetful(path):
        records = reader(path)
        del records[-1:]
        return records

    monkeypatch.setitem(mutate.READERS, "demonstrations", (forgetful, layouts))
    with pytest.raises(AssertionError):
        for seed in range(50):
            mutate.one("demonstrations", seed, tmp_path / "file")
