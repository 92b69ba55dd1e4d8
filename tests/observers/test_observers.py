"""Observers are told, and cannot do harm."""

import logging

import pytest

from fairlead.observers import Observers


class Breaks:
    def observe(self, record):
        raise ValueError(record.request_id)


class Keeps:
    def __init__(self):
        self.told = []

    def observe(self, record):
        self.told.append(record)


def test_one_that_breaks_is_logged_without_its_words_and_the_others_are_told(seen, caplog):
    keeps = Keeps()
    with caplog.at_level(logging.ERROR, "fairlead"):
        Observers([Breaks(), keeps]).notify(seen())
    assert len(keeps.told) == 1
    assert caplog.messages == ["observer_broke observer=Breaks error=ValueError"]


def test_nothing_that_they_are_told_can_be_changed(seen):
    record = seen()
    with pytest.raises(AttributeError):
        record.total_s = 0
    with pytest.raises(AttributeError):
        record.outcome.status = "failed"
