"""The statement part by part: by kind of task, by route, and what routing itself costs."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from fairlead.proof.cases import Case
from fairlead.proof.included import included
from fairlead.proof.shares import shares
from fairlead.proof.statement import statement


def test_each_answer_counts_under_its_kind_and_the_model_that_gave_it(entry, attempt):
    failed = attempt("sim/small", cost_usd="0.0001", status="failed", latency_s=9.0)
    entries = [
        entry(
            0, kind="code", attempts=(failed, attempt("sim/large", cost_usd="0.02", number=2, latency_s=2.0)), score=1
        ),
        entry(1, kind="code", score=0),
        entry(2, kind="code", score=1),
        entry(3, kind=None),
        entry(4, kind="code", status="failed", served=None),
    ]
    rows = {(row.kind, row.model): row for row in statement(entries).kinds}
    assert set(rows) == {("code", "sim/large"), ("code", "sim/small"), ("not kept", "sim/small")}
    large, small = rows["code", "sim/large"], rows["code", "sim/small"]
    assert (large.n, large.latency_p50_s, large.cost_usd) == (1, 2.0, None)  # one session has no interval
    assert (small.n, small.n_scored, small.score.value) == (2, 2, 0.5)
    assert small.cost_usd.value == pytest.approx(0.001)


def test_the_mean_cost_of_related_answers_is_less_certain(entry, attempt):
    usd = [0.001, 0.001, 0.009, 0.009] * 10
    entries = [entry(i, kind="code", attempts=(attempt(cost_usd=str(c)),)) for i, c in enumerate(usd)]
    together = [replace(e, session_id=f"s{i // 4 * 2 + (i % 4) // 2}") for i, e in enumerate(entries)]
    apart, related = (statement(given).kinds[0].cost_usd for given in (entries, together))
    assert apart.value == related.value == pytest.approx(0.005)
    assert related.high > apart.high > 0.005 > apart.low > related.low > 0


def test_routing_pays_for_retries_control_judges_and_shadows(entry, attempt):
    failed = attempt(cost_usd="0.0003", status="failed")
    asked = [
        Case.of(entry(0, attempts=(failed, attempt(cost_usd="0.002", number=2)))),
        Case.of(entry(1, arm="control", chosen="sim/large")),
    ]
    own = [
        replace(Case.of(entry(i)), purpose=purpose)
        for i, purpose in enumerate(("judge", "shadow", "shadow", "probe"), 2)
    ]
    found = included(asked, own)
    assert (found.n_retries, found.retries_usd) == (1, Decimal("0.0003"))
    assert (found.n_control, found.control_usd) == (1, asked[1].cost_usd)
    assert (found.n_judge, found.n_shadow, found.shadow_usd) == (1, 2, Decimal("0.002"))
    assert (found.n_probe, found.probe_usd) == (1, Decimal("0.001"))
    assert found.router_usd == 0


def test_a_part_is_stated_like_the_whole(world):
    saves, loses = world(seed=1, factor=0.4, route="a").entries, world(seed=2, factor=2.0, route="b").entries
    parts = {share.name: share for share in statement([*saves, *loses]).routes}
    assert parts["a"].saving == statement(saves).saving
    assert parts["b"].saving.saving_usd.high < 0 < parts["a"].saving.saving_usd.low


def test_a_part_without_a_name_is_in_none(world):
    cases = [replace(Case.of(e), team="search" if i % 2 else None) for i, e in enumerate(world().entries)]
    (team,) = shares(cases, lambda case: case.team)
    assert (team.name, team.n_requests) == ("search", len(cases) // 2)


def test_equal_rows_have_one_fingerprint_in_any_order(world):
    entries = world().entries
    first, second = statement(entries), statement(reversed(entries))
    assert first.rows_sha256 == second.rows_sha256
    assert len(first.rows_sha256) == 64
