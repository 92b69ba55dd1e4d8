"""Whose scores a statement rests on: never two kinds in one figure, the judge's only as far as it follows people."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from fairlead.ledger.base import Feedback
from fairlead.ledger.sources import counting
from fairlead.proof.pairs import paired
from fairlead.proof.shown import figures, quality_lines
from fairlead.proof.statement import statement
from tests.proof.conftest import make_world


def scored(entries, says, *, seed=0):
    """Returns the entries with scores; `says` gives source -> score of an entry, and of its session by chance."""
    rng = np.random.default_rng(seed)
    chance = {entry.session_id: rng.random() for entry in entries}
    found = []
    for entry in entries:
        said = says(entry, chance[entry.session_id], rng)
        rows = tuple(
            Feedback(decision_id=entry.decision_id, at=entry.at + timedelta(seconds=i), score=score, source=source)
            for i, (source, score) in enumerate(said.items())
        )
        found.append(replace(entry, feedback=rows, score=counting(rows)))
    return found


def lenient(entry, rng, leans=0.0):
    """A judge that is too kind, to the policy most of all."""
    more = leans if entry.arm == "policy" else 0.0
    return float(np.clip(0.35 + more + 0.5 * entry.score + rng.normal(0, 0.05), 0, 1))


def people_some(share, leans=0.0):
    def says(entry, chance, rng):
        judge = {"judge:m": lenient(entry, rng, leans)}
        return {"human": entry.score, **judge} if chance < share else judge

    return says


@pytest.fixture(scope="module")
def simulated():
    return make_world(seed=4, n_sessions=900)


def test_a_judge_helps_people_and_its_leaning_does_not_move_the_difference(simulated):
    alone = statement(scored(simulated.entries, lambda e, c, _: {"human": e.score} if c < 0.2 else {})).quality
    helped = statement(scored(simulated.entries, people_some(0.2, leans=0.3))).quality
    judge = statement(scored(simulated.entries, people_some(0.0, leans=0.3))).quality
    assert (helped.said_by.kind, helped.said_by.helper) == ("human", "judge")
    assert helped.n_policy > 4 * alone.n_policy
    assert helped.difference.high - helped.difference.low < 0.8 * (alone.difference.high - alone.difference.low)
    assert judge.difference.low > 0.1  # what the judge alone would claim
    assert helped.difference.low < -0.04 < helped.difference.high  # five of a hundred right answers were made wrong
    assert helped.difference.value == pytest.approx(helped.policy - helped.reference.value)


def test_every_source_is_named_with_its_n(simulated):
    stated = statement(scored(simulated.entries, people_some(0.2)))
    by_kind = {count.kind: count for count in stated.quality.said_by.counts}
    n = sum(entry.arm == "policy" for entry in simulated.entries)
    assert by_kind["judge"].n_policy == n
    assert by_kind["judge"].n_alone == len(simulated.entries) - by_kind["human"].n_policy - by_kind["human"].n_control
    (line,) = quality_lines(stated)
    assert f"what people say of {by_kind['human'].n_policy:,} answers" in line
    assert f"what judges say of {by_kind['judge'].n_alone:,} more" in line
    assert figures(stated)[-1].note.endswith("by people and judges")


def test_too_few_people_leave_it_to_the_judge_and_it_is_said(simulated):
    few = sorted({entry.session_id for entry in simulated.entries})[:12]

    def says(entry, _, rng):
        return {"judge:m": lenient(entry, rng), **({"human": entry.score} if entry.session_id in few else {})}

    stated = statement(scored(simulated.entries, says))
    said_by = stated.quality.said_by
    assert (said_by.kind, said_by.helper, said_by.too_few) == ("judge", None, ("human",))
    first, passed_over, warning = quality_lines(stated)
    assert "what judges say" in first
    assert "People scored" in passed_over
    assert "too few to go by" in passed_over
    assert "was not shown" in warning


def test_people_who_complain_of_bad_answers_alone_are_not_helped(simulated):
    def says(entry, chance, rng):
        complains = chance < 0.6 and entry.score == 0.0
        return {"judge:m": lenient(entry, rng), **({"human": 0.0} if complains else {})}

    stated = statement(scored(simulated.entries, says))
    assert (stated.quality.said_by.kind, stated.quality.said_by.unlike) == ("human", "judge")
    assert "not scored at random" in quality_lines(stated)[1]


def test_kinds_are_not_mixed_between_the_arms(simulated):
    """People scored the policy, a judge the control arm: that compares nobody with nobody."""

    def says(entry, _, rng):
        return {"human": entry.score} if entry.arm == "policy" else {"verifier:x": lenient(entry, rng)}

    stated = statement(scored(simulated.entries, says))
    assert stated.quality.said_by.kind is None
    assert "No kind of source alone" in quality_lines(stated)[0]


def test_one_kind_is_stated_as_before(simulated):
    named = statement(scored(simulated.entries, lambda e, *_: {"human": e.score}))
    plain = statement(simulated.entries)
    assert replace(named.quality, said_by=plain.quality.said_by) == plain.quality
    assert named.misroute == plain.misroute
    assert quality_lines(plain) == []


def test_tables_by_model_name_who_scored_and_how_many(simulated):
    stated = statement(scored(simulated.entries, people_some(0.2)))
    for row in (*stated.models, *stated.kinds):
        assert (row.scored_by, row.helped_by) == ("human", "judge")
        assert row.n_more > 2 * row.n_scored
        assert row.score.low < 0.8 < row.score.high + 0.06


def test_a_pair_is_of_one_kind(entry):
    """A judge's word on the reference against a person's on the answer is no difference of answers."""
    rows = (
        Feedback(decision_id="dec-0", at=entry(0).at, score=0.9, source="judge:m", reference_score=1.0),
        Feedback(decision_id="dec-0", at=entry(0).at, score=0.0, source="human"),
    )
    (case,) = paired([replace(entry(0), feedback=rows, score=0.0)])
    assert case.by("human").reference_score is None
    assert (case.by("judge").score, case.by("judge").reference_score) == (0.9, 1.0)
