"""A decision that was logged is made again from its row, to the last bit; one that was not, is found."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from fairlead import fit
from fairlead.ledger.base import Intent
from fairlead.ledger.sqlite import SqliteLedger
from fairlead.policies import Budget, Cascade, Floor, HullGuard, Latency
from fairlead.proof.replay import replay_exactly
from fairlead.testing import make_outcomes
from fairlead.types import Context, HostState, Request, SessionState

N = 60


@pytest.fixture(scope="module")
def outcomes():
    return make_outcomes(400, n_wrong_answers=9, seed=5)


@pytest.fixture(scope="module")
def fitted(outcomes):
    dear = 30 * float(np.nanmean(outcomes.cost_usd, axis=0).max())
    return fit(outcomes, Cascade(objective="utility", willingness_to_pay_usd=dear), seed=0)


@pytest.fixture(scope="module")
def policies(fitted):
    names = [candidate.name for candidate in fitted.candidates]
    return {
        "guarded": fitted.policy,
        "floor": Floor(margin=0.4),
        "budget": Budget(usd_per_request=1e-3, multiplier=0.001, other=0.01, share=0.4),
        "latency": Latency(margin=0.4),
        "mix": HullGuard(policy=Floor(), allowed=False, fixed=names[0], other=names[1], share=0.3),
        "cascade": fitted.policy.policy,
    }


def context(i, names):
    """Every third request has no session, some hosts are slow, and now and then one is failing."""
    rng = np.random.default_rng(i)
    session = SessionState(id=f"s{i}", rule="header", control_draw=float(rng.random()), mix_draw=float(rng.random()))
    hosts = {name: HostState(latency_p95_s=float(rng.exponential(4))) for name in names if rng.random() < 0.5}
    hosts |= {names[2]: HostState(breaker_open=True)} if i % 7 == 0 else {}
    at = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=i)
    return Context(now=at, seed=i, hosts=hosts, session=None if i % 3 == 0 else session)


def logged(path, router, outcomes):
    """Returns the entries of requests that the router decided, as they come back from a ledger."""
    names = [candidate.name for candidate in router.candidates]

    async def keep():
        ledger = SqliteLedger.open(path)
        for i, prompt in enumerate(outcomes.prompts[:N]):
            circumstances = context(i, names)
            decision = router.route(Request.from_prompt(prompt), circumstances)
            await ledger.intent(
                Intent(
                    request_id=f"req_{i:03}",
                    decision_id=f"dec_{i:03}",
                    at=circumstances.now,
                    route="auto",
                    model_asked="auto",
                    dialect="openai",
                    stream=False,
                    session_id=circumstances.session and circumstances.session.id,
                    session_rule=None,
                    prompt_id=None,
                    decision=decision,
                    context=circumstances,
                    reserved_usd=None,
                    config_hash="c",
                    candidates=dict.fromkeys(names),
                )
            )
        entries = list(ledger.entries())
        await ledger.close()
        return entries

    return asyncio.run(keep())


@pytest.mark.parametrize("name", ["guarded", "floor", "budget", "latency", "mix", "cascade"])
def test_every_policy_decides_again_as_it_did(tmp_path, fitted, outcomes, policies, name):
    router = replace(fitted, policy=policies[name], control_share=0.2)
    entries = logged(tmp_path / "ledger.db", router, outcomes)
    found = replay_exactly(entries, {"auto": router})
    assert (found.n_same, found.n_different, found.not_replayed) == (N, 0, {})
    assert found.ok
    assert name == "guarded" or len({entry.chosen for entry in entries}) > 1
    if name == "cascade":
        assert any(entry.plan[0].acceptance.rule == "posterior" for entry in entries)


def test_a_fault_of_then_is_decided_as_it_was(tmp_path, fitted, outcomes):
    class Broken:
        def transform(self, _):
            raise ValueError("broken")

        def description(self):
            return fitted.features.description()

        def state(self):
            return fitted.features.state()

    entries = logged(tmp_path / "ledger.db", replace(fitted, features=Broken()), outcomes)
    assert {entry.fault for entry in entries} == {"ValueError"}
    assert replay_exactly(entries, {"auto": fitted}).n_same == N


def test_what_was_changed_is_found_and_named(tmp_path, fitted, outcomes):
    entries = logged(tmp_path / "ledger.db", replace(fitted, control_share=0.2), outcomes)
    router = replace(fitted, control_share=0.2)
    other = replace(entries[5], reason="constant", propensity=0.5)
    found = replay_exactly([*entries[:5], other, *entries[6:]], {"auto": router})
    assert not found.ok
    assert (found.n_same, found.n_different) == (N - 1, 1)
    assert [(d.decision_id, d.field) for d in found.differences] == [("dec_005", "propensity"), ("dec_005", "reason")]
    assert found.differences[1].logged == "'constant'"


def test_what_cannot_be_decided_again_is_counted_by_reason(tmp_path, fitted, outcomes):
    entries = logged(tmp_path / "ledger.db", fitted, outcomes)
    entries = [
        replace(entries[0], reason="asked_for"),
        replace(entries[1], purpose="shadow"),
        replace(entries[2], route="gone"),
        replace(entries[3], router_version="0" * 16),
        replace(entries[4], chances=None),
    ]
    found = replay_exactly(entries, {"auto": fitted})
    assert found.not_replayed == dict.fromkeys(
        ("asked_for", "not_served", "other_route", "other_router", "kept_too_little"), 1
    )
    assert found.other_routers == {"0" * 16: 1}
    assert not found.ok  # nothing was shown
