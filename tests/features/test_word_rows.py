"""Rows of words, remembered."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fairlead.features import word_rows
from fairlead.features.reading import N_SEGMENTS, read
from fairlead.features.word_rows import LONGEST_WORD, WordRows
from fairlead.types import Request


def lengths(words):
    lengths.asked.append(list(words))
    return np.array([[len(word), word[0]] for word in words], dtype=np.float32)


@pytest.fixture
def rows():
    lengths.asked = []
    return WordRows(lengths, 2)


def test_a_row_is_worked_out_once(rows):
    assert rows([b"tea", b"silk", b"tea"])[:, 0].tolist() == [3, 4, 3]
    assert rows([b"silk", b"a"])[:, 0].tolist() == [4, 1]
    assert lengths.asked == [[b"tea", b"silk"], [b"a"]]
    assert rows([]).shape == (0, 2)


def test_it_keeps_no_more_than_its_capacity(rows, monkeypatch):
    monkeypatch.setattr(word_rows, "CAPACITY", 3)
    small = WordRows(lengths, 2)
    for words in ([b"a", b"bb"], [b"ccc", b"dddd"], [b"a"], [b"1", b"22", b"333", b"4444"], [b"bb"]):
        assert small(words)[:, 0].tolist() == [len(word) for word in words]
        assert len(small._memo) <= 3


def test_threads_get_their_own_words_rows_while_the_memo_starts_anew(rows, monkeypatch):
    monkeypatch.setattr(word_rows, "CAPACITY", 25)
    small = WordRows(lengths, 2)
    texts = [[b"x" * (1 + (7 * i + j) % 39) for j in range(20)] for i in range(300)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(small, texts))
    assert all(row[:, 0].tolist() == list(map(len, text)) for row, text in zip(found, texts, strict=True))


def test_a_very_long_word_is_cut_and_not_kept(rows):
    assert rows([b"tea", b"k" * 5_000])[:, 0].tolist() == [3, LONGEST_WORD]
    assert not rows._memo


def test_rows_are_added_up_by_segment(rows):
    readings = [read(Request.from_prompt(text)) for text in ("tea and tea", "", "silk " * 1_000)]
    assert rows.sums(readings)[:2, 0].tolist() == [6, 0]
    assert len(rows.sums(readings)) == 2 + N_SEGMENTS
