"""Where an installation is on the road from day 0, and about how far it is to the first saving."""

import math
from dataclasses import replace

import numpy as np
import pytest

from fairlead.learning.road import DISCORDANCE, Pair, Signs, labels_needed, road, signs_of
from fairlead.testing import make_outcomes

WHOLE = make_outcomes(60)
NOTHING = Signs(n_requests=0, n_scored=0, n_saving=0, pairs=())
CHEAP = Pair(candidate="b", n=40, mean_difference=0.0, sd=0.3, cost_ratio=0.1)


@pytest.mark.parametrize(
    ("signs", "stage", "says"),
    [
        (NOTHING, "no_requests", "fairlead serve"),
        (replace(NOTHING, n_requests=9), "no_scores", "9 requests are served by the reference"),
        (replace(NOTHING, n_requests=9, n_scored=4), "nothing_compared", "Set `shadow`"),
        (replace(NOTHING, n_requests=9, n_scored=4, pairs=(CHEAP,)), "gathering", "`b` scores +0.000"),
        (replace(NOTHING, n_requests=9, n_scored=4, pairs=(replace(CHEAP, n=5_600),)), "ready", "fairlead promote"),
        (
            replace(NOTHING, n_requests=9, n_scored=4, pairs=(replace(CHEAP, mean_difference=-0.2),)),
            "gathering",
            "must come from routing",
        ),
        (replace(NOTHING, n_requests=9, n_scored=4, n_saving=3, pairs=(CHEAP,)), "saving", "the statement says"),
    ],
)
def test_each_stage_says_what_comes_next(signs, stage, says):
    found = road(signs, margin=0.01)
    assert found.stage == stage
    assert says in found.words


def test_before_anything_was_compared_the_number_is_that_of_the_textbook():
    """247 pairs for a margin of five points at a discordance of ten in a hundred, 95 % one-sided and 80 % power."""
    found = road(replace(NOTHING, n_requests=9, n_scored=4), margin=0.05)
    assert found.labels_needed == pytest.approx(247, abs=2)


def test_the_nearest_is_who_needs_the_fewest_more_and_is_cheaper():
    pairs = (
        replace(CHEAP, candidate="cheapest", mean_difference=-0.008, cost_ratio=0.01),
        replace(CHEAP, candidate="cheap", mean_difference=0.01, cost_ratio=0.2),
        replace(CHEAP, candidate="dear", mean_difference=0.2, cost_ratio=3.0),
        replace(CHEAP, candidate="unknown", mean_difference=0.2, cost_ratio=None),
    )
    assert road(replace(NOTHING, n_requests=9, n_scored=4, pairs=pairs), margin=0.01).candidate == "cheap"


async def test_a_ledger_shows_its_signs(book, filling):
    rows = await filling(WHOLE)
    assert signs_of(book.entries()) == NOTHING
    await rows.all(keep=())  # the road needs no features
    signs = signs_of(book.entries())
    assert (signs.n_requests, signs.n_scored, signs.n_saving) == (60, 60, 0)
    assert [pair.candidate for pair in signs.pairs] == ["weak", "middle"]  # the cheapest first
    for pair in signs.pairs:
        difference = WHOLE.score[:, WHOLE.column_of[pair.candidate]] - WHOLE.score[:, 0]
        assert (pair.n, pair.mean_difference) == (60, pytest.approx(difference.mean()))
        assert pair.sd == pytest.approx(difference.std(ddof=1))
    assert signs.pairs[0].cost_ratio < 0.1


async def test_what_is_served_in_place_of_the_reference_counts_as_a_saving(book, filling):
    rows = await filling(WHOLE)
    await rows.answer(0, 0)
    await rows.answer(1, 2)
    assert signs_of(book.entries()).n_saving == 1
    assert road(signs_of(book.entries()), margin=0.01).stage == "saving"


@pytest.mark.parametrize(("truth", "discordance", "margin"), [(0.0, 0.1, 0.05), (0.01, 0.2, 0.05), (-0.01, 0.1, 0.05)])
def test_with_so_many_labels_the_margin_is_shown_in_four_cases_of_five(truth, discordance, margin):
    """The lower 95 % limit of the mean difference, in 4,000 samples of the size that was told."""
    sd = math.sqrt(discordance - truth**2)
    n = labels_needed(truth, sd, 0, margin=margin)
    rng = np.random.default_rng(0)
    chances = [(discordance + truth) / 2, (discordance - truth) / 2]
    drawn = rng.multinomial(n, [*chances, 1 - sum(chances)], size=4_000)
    mean = (drawn[:, 0] - drawn[:, 1]) / n
    spread = np.sqrt(((drawn[:, 0] + drawn[:, 1]) / n - mean**2) / n)
    assert np.mean(mean - 1.645 * spread > -margin) == pytest.approx(0.8, abs=0.03)


def test_what_speaks_against_a_candidate_gives_no_number():
    assert labels_needed(-0.02, math.sqrt(DISCORDANCE), 500, margin=0.01) is None
    assert labels_needed(-0.00999, math.sqrt(DISCORDANCE), 500, margin=0.01) is None
