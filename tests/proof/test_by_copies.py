"""Copies tell of candidates that chance never chose; of plans that weigh answers they tell between what it lies."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import msgspec
import numpy as np
import pytest
from msgspec import structs

from fairlead.ledger.base import Feedback
from fairlead.policies import Constant
from fairlead.proof.by_copies import Copies, Wanted, by_copies
from fairlead.proof.means import session_mean
from fairlead.proof.what_if import what_if
from fairlead.types import Acceptance, Stage, Step
from tests.proof.conftest import make_attempt, make_entry
from tests.proof.test_what_if import BIG, ROUTER, SMALL, TINY, make_world

CASCADE = (
    Stage(steps=(Step(candidate=TINY), Step(candidate=SMALL)), acceptance=Acceptance(rule="agreement")),
    Stage(steps=(Step(candidate=BIG),)),
)


def answered(entry, name, *, cost, score, latency_s, source="verifier:x"):
    """Returns the entry as `name` answered it."""
    call = structs.replace(make_attempt(name, cost_usd=f"{cost:.9f}"), latency_s=latency_s)
    said = (Feedback(decision_id=entry.decision_id, at=entry.at + timedelta(1), score=score, source=source),)
    return replace(entry, served=name, attempts=(call,), cost_usd=Decimal(f"{cost:.9f}"), score=score, feedback=said)


LATENCY = {BIG: 3.0, SMALL: 2.0, TINY: 1.0}


def copied_world(share=0.5, seed=0, n_sessions=150):
    """Returns a log in which a share of the requests was copied to everybody, and what each would have come to."""
    entries, costs, scores = make_world(make_entry, n_sessions=n_sessions, seed=seed)
    rng, log = np.random.default_rng(seed), []
    for entry, cost, score in zip(entries, costs, scores, strict=True):
        tell = lambda e, name, c=cost, s=score: answered(  # noqa: E731
            e, name, cost=c[name], score=s[name], latency_s=LATENCY[name]
        )
        log.append(tell(entry, entry.chosen))
        if rng.random() < share:
            for name in {BIG, SMALL, TINY} - {entry.chosen}:
                copy = replace(
                    entry,
                    request_id=f"{entry.request_id}-{name}",
                    decision_id=f"{entry.decision_id}-{name}",
                    purpose="shadow",
                    parent_id=entry.decision_id,
                )
                log.append(tell(copy, name))
    return log, costs, scores


def by_name(measures):
    return {found.measure: found for found in measures}


def test_a_candidate_that_chance_never_chose_is_told_of_by_copies():
    log, costs, scores = copied_world()
    found = what_if(log, {"auto": replace(ROUTER, policy=Constant(candidate=TINY))})
    assert found.n_usable == 0
    copied = found.copied
    assert copied.n_requests == copied.n_copied == sum(e.purpose == "shadow" for e in log) // 2
    assert copied.n_weighed == 0
    cost, score = by_name(copied.measures)["cost_usd"], by_name(copied.measures)["score"]
    assert cost.low == cost.high
    assert cost.low.low < np.mean([c[TINY] for c in costs]) < cost.low.high
    assert score.low.low < np.mean([s[TINY] for s in scores]) < score.low.high
    assert by_name(copied.measures)["latency_s"].low.value == 1.0
    assert cost.difference_low.high < 0  # it is the cheapest


class Weighs(Constant):
    """A policy that always asks two cheap candidates and then, maybe, the dear one."""

    def choose(self, predictions, circumstances):
        choices = super().choose(predictions, circumstances)
        return msgspec.structs.replace(choices, openings=dict.fromkeys(range(len(choices.first)), CASCADE))


def test_a_plan_that_weighs_answers_lies_between_its_ends():
    """Whatever the rule would have accepted: any rule's outcome is inside."""
    log, costs, scores = copied_world(share=1.0)
    found = what_if(log, {"auto": replace(ROUTER, policy=Weighs(candidate=TINY))})
    n = sum(e.purpose == "serve" for e in log)
    assert found.not_usable["cascade"] == n == found.copied.n_weighed
    cost, score, latency = (by_name(found.copied.measures)[m] for m in ("cost_usd", "score", "latency_s"))
    first = np.array([c[TINY] + c[SMALL] for c in costs])
    every = first + np.array([c[BIG] for c in costs])
    assert cost.low.value == pytest.approx(first.mean())
    assert cost.high.value == pytest.approx(every.mean())
    assert score.low.value == np.mean([min(s.values()) for s in scores])
    assert score.high.value == np.mean([max(s.values()) for s in scores])
    assert (latency.low.value, latency.high.value) == (pytest.approx(2.0), pytest.approx(5.0))
    rng = np.random.default_rng(1)
    stops = rng.random(n) < 0.5  # some rule
    assert cost.low.low < np.where(stops, first, every).mean() < cost.high.high


def test_scores_of_one_request_are_of_one_kind_of_source(entry):
    """What a person says of one and a rule of the other is not compared."""
    asked = answered(entry(0), SMALL, cost=0.1, score=0.0, latency_s=1.0, source="human")
    copy = answered(replace(entry(1), purpose="shadow", parent_id="dec-0"), TINY, cost=0.1, score=1.0, latency_s=1.0)
    copies = Copies()
    copies.add(copy)
    found = by_copies([Wanted(entry=asked, chances={TINY: 1.0})], copies)
    assert found.n_requests == 1
    assert set(by_name(found.measures)) == {"cost_usd", "latency_s"}


def test_a_request_of_which_one_answer_is_missing_says_nothing(entry):
    copies = Copies()
    copies.add(answered(replace(entry(1), purpose="shadow", parent_id="dec-0"), TINY, cost=0.1, score=1, latency_s=1))
    asked = answered(entry(0), BIG, cost=0.2, score=1.0, latency_s=1.0)
    found = by_copies([Wanted(entry=asked, chances={}, stages=CASCADE)], copies)  # the small model was not asked
    assert (found.n_copied, found.n_requests, found.measures) == (1, 0, ())
    assert by_copies([Wanted(entry=entry(5), chances={TINY: 1.0})], copies).n_copied == 0


def test_a_few_copies_are_refused():
    log, *_ = copied_world(n_sessions=12, share=1.0)
    found = what_if(log, {"auto": replace(ROUTER, policy=Constant(candidate=TINY))}).copied
    assert {each.refusal for each in found.measures} == {"few_sessions"}
    assert all(each.low is None for each in found.measures)


def held(n, seed, *, sd, n_sessions=100):
    """Returns how often the mean held, and how often the difference to a cheaper answer did."""
    rng, hits = np.random.default_rng(seed), []
    truth = np.exp(0.5**2 / 2 + sd**2 / 2)
    for _ in range(n):
        sessions = np.repeat(np.arange(n_sessions), rng.geometric(0.4, n_sessions))
        level, names = rng.normal(0, 0.5, n_sessions)[sessions], list(map(str, sessions))
        dear, cheap = (np.exp(level + rng.normal(0, sd, len(sessions))) for _ in range(2))
        mean, difference = session_mean(dear, names, positive=True), session_mean(0.3 * cheap - dear, names)
        hits.append((mean.low < truth < mean.high, difference.low < -0.7 * truth < difference.high))
    return np.mean(hits, axis=0)


@pytest.mark.slow
@pytest.mark.parametrize("sd", [0.3, 0.8, 1.09])  # with the sessions' own spread up to the limit of 1.2
@pytest.mark.parametrize("n_sessions", [100, 300])
def test_means_of_copies_hold_as_often_as_they_say(sd, n_sessions):
    found = held(2_000, seed=31, sd=sd, n_sessions=n_sessions)
    assert found.min() >= 0.93
    assert found.max() <= 0.98


def test_means_of_copies_hold_in_two_hundred_draws():
    assert held(200, seed=32, sd=0.8).min() >= 0.9


def test_costs_that_differ_too_widely_are_refused():
    log, *_ = copied_world(share=1.0)
    rng = np.random.default_rng(0)
    wild = [
        replace(
            e,
            attempts=tuple(
                structs.replace(a, cost_usd=a.cost_usd * Decimal(float(np.exp(rng.normal(0, 2))))) for a in e.attempts
            ),
        )
        for e in log
    ]
    found = by_name(what_if(wild, {"auto": replace(ROUTER, policy=Constant(candidate=TINY))}).copied.measures)
    assert (found["cost_usd"].refusal, found["cost_usd"].low, found["score"].refusal) == ("heavy_tail", None, None)
