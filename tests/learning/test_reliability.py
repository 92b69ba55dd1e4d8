"""A source of scores, held against people."""

import math

import pytest

from fairlead.learning.reliability import reliabilities
from fairlead.ledger.base import Feedback
from fairlead.statistics.proportions import wilson


class Scored:
    """As much of an entry as is read."""

    def __init__(self, records, *given):
        self.feedback = tuple(
            Feedback(decision_id="d", at=records.start, score=score, source=source) for source, score in given
        )


def test_the_four_cells_are_counted_where_both_have_a_say(records):
    entries = [
        Scored(records, ("human", 1.0), ("verifier:lint", 1.0)),
        Scored(records, ("human:ann", 1.0), ("verifier:lint", 1.0)),
        Scored(records, ("user", 1.0), ("verifier:lint", 0.0)),
        Scored(records, ("human", 0.0), ("verifier:lint", 0.5), ("judge:a", 0.25)),
        Scored(records, ("human", 0.25), ("verifier:lint", 0.0)),
        Scored(records, ("verifier:lint", 1.0)),
        Scored(records, ("human", 0.0), ("human", 1.0), ("verifier:lint", 1.0)),  # the later judgement counts
    ]
    judge, lint = reliabilities(entries)
    assert (judge.source, judge.n_scores, judge.n_both, judge.true_bad) == ("judge:a", 1, 1, 1)
    assert (lint.n_scores, lint.n_both) == (7, 6)
    assert (lint.true_good, lint.false_good, lint.true_bad, lint.false_bad) == (3, 1, 1, 1)
    assert lint.mean_difference == pytest.approx((0 + 0 - 1 + 0.5 - 0.25 + 0) / 6)
    assert lint.sensitivity.value == pytest.approx(3 / 4)
    assert lint.specificity.value == pytest.approx(1 / 2)


def test_without_people_nothing_is_known_of_a_source(records):
    (lint,) = reliabilities([Scored(records, ("verifier:lint", 1.0))])
    assert (lint.mean_difference, lint.sensitivity, lint.specificity) == (None, None, None)


@pytest.mark.parametrize("p", [0.02, 0.5, 0.9])
@pytest.mark.parametrize("n", [12, 60])
def test_wilson_covers_about_as_often_as_it_says(p, n):
    chance = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    covered = sum(c for k, c in enumerate(chance) if wilson(k, n).low <= p <= wilson(k, n).high)
    assert 0.91 <= covered <= 1.0
