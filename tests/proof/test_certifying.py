"""From held-out outcomes to a certificate; that its promise is kept shows `tests/statistics/test_certificates.py`."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from fairlead.certificate import Certificate
from fairlead.errors import TableError
from fairlead.fitting import calibrated, fit
from fairlead.policies import Certified, LatencyLimit
from fairlead.proof.certifying import Terms, certify
from fairlead.testing import make_outcomes
from fairlead.types import Context

NOW = datetime(2026, 11, 25, tzinfo=UTC)
TERMS = Terms(margin=0.1, confidence=0.9, days=30)


@pytest.fixture(scope="module")
def outcomes():
    return make_outcomes(500, seed=1).split(0.4, seed=0)


@pytest.fixture(scope="module")
def router(outcomes):
    train, held_out = outcomes
    return calibrated(fit(train, reference="strong"), held_out)


@pytest.fixture(scope="module")
def certification(router):
    return certify(router, TERMS, issued_at=NOW)


def test_what_is_certified_serves_and_stands_in_the_certificate(certification, outcomes):
    certificate, router = certification.certificate, certification.router
    assert certificate.margin == 0.1
    assert certificate.confidence == 0.9
    assert certificate.reference == "strong"
    assert certificate.n_questions == len(outcomes[1])
    assert certificate.data_hash == outcomes[1].data_hash
    assert (certificate.issued_at, certificate.expires_at) == (NOW, NOW + timedelta(days=30))
    assert certificate.router == router.version
    assert [rung.policy for rung in certificate.rungs] == [repr(policy) for policy in router.policy.policies]
    decision = router.route("Name three rivers.", Context(now=NOW))
    assert decision.certificate == certificate.id
    assert decision.model != "strong"


def test_every_rung_that_serves_was_shown_and_each_is_cheaper_than_the_one_before(certification):
    rungs, refused = certification.certificate.rungs, certification.certificate.refused
    assert all(rung.p_value <= 0.1 for rung in rungs)
    assert refused is None or refused.p_value > 0.1
    costs = [certification.certificate.reference_cost_usd, *(rung.cost_usd for rung in rungs)]
    assert all(cheaper < dearer for dearer, cheaper in pairwise(costs))
    assert certification.certificate.saving == pytest.approx(1 - costs[-1] / costs[0])


def test_what_is_shown_on_the_held_out_questions_is_what_the_router_then_does_there(certification, outcomes):
    """The certificate must speak of the very policy that serves: through `route`, not through its own arithmetic."""
    held_out, router = outcomes[1], certification.router
    served = [decision.model for decision in router.decide(held_out.requests, [Context(now=NOW)] * len(held_out))]
    column = [held_out.models.index(name) for name in served]
    lost = held_out.score[:, 0] - held_out.score[np.arange(len(held_out)), column]
    assert lost.mean() == pytest.approx(certification.certificate.serves.loss)


def test_the_id_names_the_content(certification):
    certificate = certification.certificate
    assert certificate.is_intact
    assert not replace(certificate, margin=0.01).is_intact
    assert msgspec.json.decode(msgspec.json.encode(certificate), type=Certificate) == certificate
    assert certify(certification.router, TERMS, issued_at=NOW).certificate.id == certificate.id


def test_from_the_expiry_on_the_reference_serves_and_says_why(certification):
    router, expires_at = certification.router, certification.certificate.expires_at
    before = router.route("Name three rivers.", Context(now=expires_at - timedelta(seconds=1)))
    after = router.route("Name three rivers.", Context(now=expires_at))
    assert before.reason != "certificate_expired"
    assert (after.model, after.reason) == ("strong", "certificate_expired")
    assert after.certificate == before.certificate


def test_alarms_step_back_rung_by_rung_to_the_reference(certification):
    router, rungs = certification.router, len(certification.certificate.rungs)
    decisions = [router.route("Name three rivers.", Context(now=NOW, alarms=k)) for k in range(rungs + 2)]
    assert [d.reason for d in decisions[1:rungs]] == ["certificate_tightened"] * (rungs - 1)
    assert [(d.model, d.reason) for d in decisions[rungs:]] == [("strong", "certificate_alarm")] * 2


def test_requests_on_different_rungs_are_decided_together_as_alone(certification, outcomes):
    router, requests = certification.router, outcomes[1].requests[:40]
    late = certification.certificate.expires_at
    contexts = [Context(now=late if i % 5 == 4 else NOW, alarms=i % 4) for i in range(40)]
    alone = [router.route(request, context) for request, context in zip(requests, contexts, strict=True)]
    assert [d.reason for d in router.decide(requests, contexts)] == [d.reason for d in alone]
    assert [d.model for d in router.decide(requests, contexts)] == [d.model for d in alone]


def test_too_few_questions_certify_nothing_and_say_how_many_would(outcomes):
    train, held_out = outcomes
    few = calibrated(fit(train, reference="strong"), held_out.rows(range(40)))
    certification = certify(few, Terms(margin=0.05), issued_at=NOW)
    assert certification.certificate is None
    assert certification.router.certificate is None
    assert certification.router.policy.policies == ()
    assert certification.needed > 40
    assert f"About {certification.needed - 40:,} more" in certification.in_words()
    decision = certification.router.route("Name three rivers.")
    assert (decision.model, decision.reason) == ("strong", "not_certified")


def test_a_limit_on_waiting_holds_for_every_rung(outcomes):
    waited = np.random.default_rng(0).uniform(0.5, 1.5, (500, 3))
    train, held_out = (replace(table, latency_s=waited[: len(table)]) for table in outcomes)
    router = calibrated(fit(train, reference="strong"), held_out)
    policies = certify(router, TERMS, issued_at=NOW, latency_p95_s=5.0).router.policy.policies
    assert policies
    assert {(type(policy), policy.latency_p95_s) for policy in policies} == {(LatencyLimit, 5.0)}


def test_where_no_latency_is_known_nothing_keeps_a_limit_on_waiting(router):
    certification = certify(router, TERMS, issued_at=NOW, latency_p95_s=5.0)
    assert certification.certificate is None  # nobody but the reference is within it, and nothing is cheaper than that


def test_other_prices_are_another_case(certification):
    """A certificate speaks of choices made at the prices it was issued at: bound to others a router has none."""
    router = certification.router
    bound = router.bind(router.candidates[:2], reference="strong")
    assert bound.certificate is None
    assert bound.route("Name three rivers.").reason == "not_certified"


def test_a_prompt_that_was_fitted_on_is_no_held_out_one(outcomes):
    train, _ = outcomes
    with pytest.raises(TableError, match="fitted on 5 of the prompts"):
        calibrated(fit(train.rows(range(60))), train.rows(range(55, 80)))


def test_without_calibration_nothing_is_certified(outcomes):
    certification = certify(fit(outcomes[0], reference="strong"), TERMS, issued_at=NOW)
    assert certification.certificate is None
    assert "Nothing to certify" in certification.in_words()
    assert Certified().who_serves().startswith("the reference")
