"""Figures over time: they end where the statement ends, and their intervals hold, however often one looks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from fairlead.dashboard.series import N_SLICES, series
from fairlead.proof.pairs import paired
from fairlead.proof.statement import statement
from tests.proof.conftest import make_world


def of(entries):
    return series(paired(sorted(entries, key=lambda entry: (entry.at, entry.request_id))))


def test_a_period_is_cut_into_slices_that_hold_every_request_once():
    entries = make_world(seed=1).entries
    slices = of(entries).slices
    assert len(slices) == N_SLICES
    assert sum(one.n_requests for one in slices) == len(entries)
    paid = sum(one.policy_usd + one.control_usd for one in slices)
    assert paid == pytest.approx(sum(float(entry.cost_usd) for entry in entries))


def with_own_costs(entries):
    """Returns the entries, and a judge, a shadow and a probe among them."""
    own = [
        replace(entries[7 * i], request_id=purpose, decision_id=purpose, purpose=purpose)
        for i, purpose in enumerate(("judge", "shadow", "probe"), start=1)
    ]
    return [*entries, *own]


@pytest.mark.parametrize("factor", [0.4, 1.5])
def test_the_last_figures_are_those_of_the_statement_and_less_certain(factor):
    """Also where routing loses, with two routes, and with what the gateway spent of itself."""
    entries = make_world(seed=2, n_sessions=400, factor=factor).entries
    other = make_world(seed=3, n_sessions=100, factor=factor, route="other").entries
    few = make_world(seed=4, n_sessions=15, control_share=0.1, route="few").entries
    every = with_own_costs([*entries, *other, *few])
    last, stated = of(every).slices[-1], statement(every)
    assert stated.not_compared["few_controls"] == len(few)
    for found, once in ((last.saving_share, stated.saving.saving_share), (last.quality, stated.quality.difference)):
        assert found.value == pytest.approx(once.value, abs=1e-12)
        assert found.high - found.low > once.high - once.low
        assert found.low < once.low < once.high < found.high


def test_nothing_is_said_before_enough_was_seen_and_all_of_it_after():
    slices = of(make_world(seed=3, n_sessions=400).entries).slices
    assert slices[0].saving_share is None
    said = [one.saving_share is not None for one in slices]
    assert said == sorted(said)
    assert said[-1]


def test_what_is_paid_beside_stands_apart_and_lowers_the_saving():
    entries = make_world(seed=4).entries
    own = with_own_costs(entries)[len(entries) :]
    with_own, without = of([*entries, *own]).slices, of(entries).slices
    assert sum(one.own_usd for one in with_own) == pytest.approx(float(sum(one.cost_usd for one in own)))
    before, after = without[-1].saving_share, with_own[-1].saving_share
    assert (after.value, after.low, after.high) < (before.value, before.low, before.high)
    assert with_own[-1].quality == without[-1].quality


def test_what_was_before_the_control_arm_tells_nothing_of_the_reference():
    """There the reference had no chance: its cost would be the model's word alone, and yet count as certain."""
    entries = make_world(seed=7, n_sessions=300).entries
    before = [
        replace(
            entry,
            request_id=f"old-{i}",
            session_id=f"old-{entry.session_id}",
            at=entry.at - timedelta(days=30),
            propensity=1.0,
            arm="policy",
            chosen="sim/small",
        )
        for i, entry in enumerate(entries)
    ]
    assert of([*before, *entries]).slices[-1].saving_share == of(entries).slices[-1].saving_share


def test_costs_of_too_heavy_a_tail_show_no_saving():
    rng = np.random.default_rng(0)
    entries = [
        replace(entry, cost_usd=Decimal(f"{float(entry.cost_usd) * np.exp(rng.normal(0, 2.5)):.12f}"))
        for entry in make_world(seed=8, n_sessions=300).entries
    ]
    last = of(entries).slices[-1]
    assert last.saving_share is None
    assert last.quality is not None


def test_one_request_is_one_slice():
    (only,) = of(make_world(seed=5).entries[:1]).slices
    assert only.n_requests == 1
    assert of([]).slices == ()


def true_share(entries, end, factor):
    """Returns the saving over the sessions that began before a moment, where everything is known."""
    began = {}
    for entry in entries:
        began.setdefault(entry.session_id, entry.at.timestamp())
    inside = [entry for entry in entries if began[entry.session_id] < end]
    paid = sum(float(entry.cost_usd) for entry in inside)
    reference = sum(float(e.cost_usd) / (1.0 if e.arm == "control" else factor) for e in inside)
    return 1 - paid / reference


@pytest.mark.slow
@pytest.mark.parametrize("factor", [0.4, 1.5])
def test_every_interval_of_a_period_holds(factor):
    """At all slices at once, in at least 95 of 100 periods; where routing loses, too."""
    held = []
    for seed in range(200):
        entries = make_world(seed=seed, n_sessions=200, control_share=0.3, factor=factor, scored=False).entries
        said = [(one.end, one.saving_share) for one in of(entries).slices if one.saving_share is not None]
        held.append(all(found.low <= true_share(entries, end, factor) <= found.high for end, found in said))
    assert np.mean(held) >= 0.95


def test_sessions_of_two_routes_are_two():
    entries = make_world(seed=6).entries
    other = [replace(e, route="other", request_id=f"o{e.request_id}", at=e.at + timedelta(seconds=1)) for e in entries]
    assert of([*entries, *other]).slices[-1].saving_share is not None
