"""A statement read as an auditor would: no line contradicts another, and none claims what was not drawn."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
from rich.console import Console

from fairlead.cli.statement_shown import show_statement
from fairlead.ledger.base import Feedback
from fairlead.proof.page import page
from fairlead.proof.shown import figures, misroute_lines, verdict
from fairlead.proof.statement import statement


def shown(stated):
    written = StringIO()
    show_statement(stated, Console(file=written, width=200, markup=False))
    return written.getvalue()


def same(entries, **changes):
    """Returns the entries as if the policy itself had chosen the reference, whatever was drawn."""
    return [
        replace(
            e,
            request_id=f"same-{e.request_id}",
            session_id=f"same-{e.session_id}",
            arm="policy",
            chosen="sim/large",
            propensity=1.0,
            **changes,
        )
        for e in entries
    ]


def undrawn(entries):
    return [replace(e, propensity=1.0, arm="policy", chosen="sim/small") for e in entries]


def test_without_a_control_arm_even_what_the_reference_served_claims_nothing(world):
    """A saving of exactly 0 over those alone would stand beside a policy that nobody compared."""
    elsewhere, kept = undrawn(world(seed=1).entries), same(world(seed=2).entries)
    stated = statement([*elsewhere, *kept])
    assert stated.verdict == "no_control_arm"
    assert (stated.saving, stated.quality, stated.misroute, stated.gap) == (None, None, None, None)
    assert stated.not_compared == {"no_chance": len(elsewhere) + len(kept)}
    assert stated.naive.n_requests == len(elsewhere) + len(kept)
    assert [figure.note for figure in figures(stated)[1:3]] == ["no control arm", "no control arm"]


def test_what_was_the_same_before_the_control_arm_is_left_out_with_the_rest(world):
    inside = world(seed=1).entries
    early = timedelta(days=30)
    before = [replace(e, at=e.at - early) for e in (*undrawn(world(seed=2).entries), *same(world(seed=3).entries))]
    before = [replace(e, request_id=f"old-{i}", session_id=f"old-{e.session_id}") for i, e in enumerate(before)]
    alone, together = statement(inside), statement([*before, *inside])
    assert together.saving == alone.saving
    assert together.not_compared == {"no_chance": len(before)}
    assert sum(together.not_compared.values()) + together.policy.n_requests + together.control.n_requests == len(
        [*before, *inside]
    )


def test_a_route_that_serves_the_reference_alone_keeps_no_margin_for_another_one(world):
    """Its requests lose nothing; those of the other route were sent elsewhere, and hardly compared yet."""
    kept = [replace(e, route="same") for e in same(world(seed=2).entries)]
    other = world(seed=11, n_sessions=40, control_share=0.1, route="other").entries
    stated = statement([replace(e, policy="Floor(margin=0.01)") for e in (*kept, *other)])
    assert stated.verdict == "not_enough_evidence"
    assert (stated.quality, stated.bound) == (None, "not_settled")
    assert "the same in both arms" in figures(stated)[2].note


def test_the_naive_figure_is_one_figure(world):
    """That beside the estimate, and that which the steps begin with; requests that are the same are a step."""
    entries = [*world(seed=1).entries, *same(world(seed=2).entries)]
    stated = statement(entries)
    assert stated.gap.naive_saving_usd == stated.naive.saving_usd
    steps = {step.name: step.usd.value for step in stated.gap.steps}
    assert steps["same"] != 0
    assert float(stated.gap.naive_saving_usd) + sum(steps.values()) == pytest.approx(stated.saving.saving_usd.value)


def test_n_is_the_same_wherever_it_stands(world):
    entries = [
        replace(e, feedback=(Feedback(decision_id=e.decision_id, at=e.at, score=e.score, source="human"),))
        for e in (*world(seed=1).entries, *same(world(seed=2).entries))
    ]
    quality = statement(entries).quality
    (people,) = quality.said_by.counts
    assert (people.n_policy, people.n_control) == (quality.n_policy, quality.n_control)


def test_a_ledger_of_named_models_says_that_nothing_was_compared(world):
    stated = statement([replace(e, reason="asked_for") for e in world(seed=1).entries])
    assert stated.verdict == "nothing_compared"
    assert "no request takes part" in verdict(stated)
    assert stated.sessions_needed is None
    assert "asked_for" in shown(stated)


def test_money_that_only_the_gateway_spent_is_stated(entry):
    probe = entry(0, purpose="probe", session_id=None)
    stated = statement([probe])
    assert (stated.n_requests, stated.paid_usd) == (0, probe.cost_usd)
    assert "0.001000" in shown(stated)
    assert "there is nothing to state yet" in shown(statement([]))


def test_an_unknown_cost_is_named_beside_what_was_paid(entry, attempt):
    stated = statement([entry(0), entry(1, attempts=(attempt(cost_usd=None),))])
    assert figures(stated)[0].note.startswith("exact, without 1 request of unknown cost")


def test_a_first_estimate_is_not_promised_to_be_an_answer(world):
    few = world(seed=5, n_sessions=40, control_share=0.1)
    stated = statement(few.entries)
    assert stated.saving is None
    assert "would allow a first estimate" in verdict(stated)


def test_a_margin_has_no_plus_sign(world):
    stated = statement([replace(e, policy="Floor(margin=0.02)") for e in world(seed=1).entries])
    assert "declares: 2.0 points;" in misroute_lines(stated)[-1]
    assert misroute_lines(statement(world(seed=1).entries))[-1].startswith("No margin was declared")


def test_several_configurations_are_said_in_the_terminal_as_on_the_page(world):
    entries = [replace(e, config_hash=f"c{i % 2}") for i, e in enumerate(world(seed=1).entries)]
    stated = statement(entries)
    assert "2 configurations served" in shown(stated)
    assert "2 configurations served" in page(stated, title="Statement")


def test_no_amount_appears_that_no_row_paid(world):
    """The parts of what was paid add up to it."""
    entries = world(seed=1).entries
    own = [replace(entries[i], request_id=f"own-{i}", purpose=p) for i, p in enumerate(("judge", "shadow", "probe"))]
    stated = statement([*entries, *own])
    told = stated.included
    parts = stated.policy.paid_usd + stated.control.paid_usd + told.judge_usd + told.shadow_usd + told.probe_usd
    assert parts == stated.paid_usd == sum((e.cost_usd for e in (*entries, *own)), Decimal(0))
    assert Counter(stated.not_compared) == Counter(not_served=3)
