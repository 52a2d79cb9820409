"""Reading GPT-2's file of a vocabulary."""

import pytest

from plumbing.vocab_bpe import read_merges


@pytest.mark.parametrize("line", ["a", "a b c", "a \u3042"])
def test_read_merges_names_the_line(tmp_path, line):
    path = tmp_path / "vocab.bpe"
    path.write_text(f"#version: 0.2\nh e\n{line}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"vocab\.bpe, line 3") as error:
        read_merges(path)
    assert "\n" not in str(error.value)


def test_read_merges_of_what_is_no_text_is_one_line(tmp_path):
    path = tmp_path / "vocab.bpe"
    path.write_bytes(b"#version: 0.2\nh e\n\xff\xfe\x00\x80\n")
    with pytest.raises(ValueError, match=r"vocab\.bpe") as error:
        read_merges(path)
    assert "\n" not in str(error.value)
