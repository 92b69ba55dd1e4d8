"""What is shown of a host's words: no secret, no part of one, and not too much."""

import pytest

from fairlead.providers.quoting import MOST_CHARS, PART_CHARS, quoted

KEY = "sk-a/0123456789bcdefghijklmnop"


@pytest.mark.parametrize("n_before", range(MOST_CHARS - len(KEY) - 3, MOST_CHARS + 3))
def test_wherever_the_cut_falls_no_part_is_left(n_before):
    shown = quoted("x" * n_before + KEY + "y" * 100, [KEY])
    assert len(shown) <= MOST_CHARS
    assert not any(KEY[i : i + 4] in shown for i in range(len(KEY) - 3))


@pytest.mark.parametrize("start", range(len(KEY) - PART_CHARS + 1))
def test_a_part_that_the_host_cut_is_hidden(start):
    assert quoted(f"key {KEY[start : start + PART_CHARS]} is wrong", [KEY]) == "key *** is wrong"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("a model of yours", "a model of yours"),
        ("sk-abc...wxyz is wrong", "*** is wrong"),
        ("Please wait... and try again", "Please wait... and try again"),
        ("x" * 600, "x" * (MOST_CHARS - 1) + "…"),
        ("", ""),
    ],
)
def test_other_words(words, shown):
    assert quoted(words, [KEY, ""]) == shown


def test_a_short_secret_is_hidden_whole_and_in_no_part():
    assert quoted("hunter2 and hunter", ["hunter2"]) == "*** and hunter"
