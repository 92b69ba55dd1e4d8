"""Certificates in the statement: what was promised, whether it held when the period ended, and what was done."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from fairlead.certificate import Certificate, Rung
from fairlead.ledger.base import CertificateEvent
from fairlead.proof.monitor import REFERENCE, Monitor
from fairlead.proof.page import page
from fairlead.proof.shown import certificate_lines
from fairlead.proof.statement import statement
from tests.proof.conftest import START, make_entry

SAFE, GREEDY = "Floor(margin=0.0)", "Floor(margin=0.01)"


def make_certificate(**changes):
    fields = {
        "margin": 0.02,
        "confidence": 0.95,
        "reference": "sim/large",
        "n_questions": 900,
        "n_prompts": 1000,
        "table": "t",
        "data_hash": "d4ta",
        "router": "7f",
        "rungs": tuple(Rung(policy=policy, p_value=0.01, loss=0.0, cost_usd=0.01) for policy in (SAFE, GREEDY)),
        "refused": None,
        "reference_cost_usd": 0.03,
        "seed": 0,
        "issued_at": START,
        "expires_at": START + timedelta(days=90),
        "alarm_chance": 0.01,
    }
    return Certificate(**{**fields, **changes}).named()


def issued(certificate):
    content = msgspec.json.encode(certificate, order="deterministic").decode()
    return CertificateEvent.issued(certificate.id, content, START)


def alarm(certificate, number, *, content=None):
    seen = replace(Monitor(certificate).standing, observations=120, mean_loss=0.051)
    at = START + timedelta(days=number, hours=3)
    return CertificateEvent.alarm(certificate.id, number, content or msgspec.json.encode(seen).decode(), at)


def served(certificate, n=5, **changes):
    return [make_entry(i, certificate=certificate.id, **changes) for i in range(n)]


@pytest.mark.parametrize(
    ("n_alarms", "state", "serves"),
    [(0, "holds", GREEDY), (1, "stepped_back", SAFE), (2, "fell_back", REFERENCE)],
)
def test_each_alarm_takes_one_step_back(n_alarms, state, serves):
    certificate = make_certificate()
    events = [issued(certificate), *(alarm(certificate, i + 1) for i in range(n_alarms))]
    stated = statement(served(certificate), events)
    (promise,) = stated.certificates
    assert (promise.state, promise.serves, promise.n_requests, promise.routes) == (state, serves, 5, ("auto",))
    assert len(promise.alarms) == n_alarms
    lines = certificate_lines(stated)
    assert len(lines) == 2 + n_alarms
    assert "at most 2.0 points lost against sim/large, confidence 95.0 %, shown on 900 questions" in lines[0]
    if n_alarms:
        assert lines[2] == (
            f"Alarm 1 at 2026-11-02 03:00 UTC after 120 scored outcomes that lost 5.1 points on average: "
            f"{SAFE} serves since."
        )


def test_one_that_ended_before_the_last_request_is_said_to_have(entry):
    certificate = make_certificate(expires_at=START + timedelta(minutes=2))
    (promise,) = statement(served(certificate), [issued(certificate)]).certificates
    assert (promise.state, promise.serves) == ("expired", REFERENCE)


def test_an_alarm_of_another_one_from_the_same_outcomes_counts():
    old, new = make_certificate(), make_certificate(margin=0.05)
    (promise,) = statement(served(new), [issued(old), alarm(old, 1), issued(new)]).certificates
    assert (promise.state, promise.alarms[0].raised_by) == ("stepped_back", old.id)
    other = make_certificate(data_hash="other")
    (promise,) = statement(served(other), [issued(old), alarm(old, 1), issued(other)]).certificates
    assert promise.state == "holds"


def test_an_older_alarm_that_kept_less_is_told_all_the_same():
    certificate = make_certificate()
    stated = statement(served(certificate), [issued(certificate), alarm(certificate, 1, content="{}")])
    assert certificate_lines(stated)[2] == f"Alarm 1 at 2026-11-02 03:00 UTC: {SAFE} serves since."


def test_a_certificate_that_the_ledger_does_not_hold_is_named():
    stated = statement(served(make_certificate()))
    assert stated.certificates[0].state == "not_kept"
    assert "what it promised is not known" in certificate_lines(stated)[0]


def test_certificates_that_served_nothing_in_the_period_are_left_out(entry):
    assert statement([entry(0)], [issued(make_certificate())]).certificates == ()


def test_a_margin_that_nobody_certified_is_said_to_be_so(entry):
    assert certificate_lines(statement([entry(0)])) == []
    (line,) = certificate_lines(statement([entry(0, policy="Floor(margin=0.01)")]))
    assert "not shown before it served" in line


@pytest.mark.parametrize(
    ("policy", "margin"),
    [
        ("Floor(margin=1e-05)", 1e-05),  # not 1
        ("Certified(policies=[Floor(margin=0.0), Floor(margin=0.03)])", 0.03),
        ("Constant(candidate='a')", None),
    ],
)
def test_a_margin_is_read_whole_from_the_words_of_the_policy(entry, policy, margin):
    assert statement([entry(0, policy=policy)]).margin == margin


def test_what_a_certificate_promised_counts_before_what_its_policy_aims_at():
    certificate = make_certificate()
    stated = statement(served(certificate, policy="Floor(margin=0.005)"), [issued(certificate)])
    assert stated.margin == certificate.margin == 0.02


def test_the_page_has_them():
    certificate = make_certificate()
    html = page(statement(served(certificate), [issued(certificate), alarm(certificate, 1)]), title="Statement")
    assert "Certificates and alarms" in html
    assert "Alarm 1 at" in html
