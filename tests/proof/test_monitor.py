"""Whether a certificate still holds: what counts as an outcome, when an alarm is raised, what a restart remembers."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from fairlead.certificate import Certificate, Rung
from fairlead.ledger.base import CertificateEvent, Scored
from fairlead.proof.monitor import REFERENCE, Monitor, in_words, resumed

START = datetime(2026, 11, 1, tzinfo=UTC)


def make_certificate(n_rungs=2, **changes):
    rungs = tuple(Rung(policy=f"policy {k}", p_value=0.01, loss=0.0, cost_usd=0.5 / (k + 1)) for k in range(n_rungs))
    values = {
        "margin": 0.02,
        "confidence": 0.95,
        "reference": "big",
        "n_questions": 1000,
        "n_prompts": 1000,
        "table": "t",
        "data_hash": "d",
        "router": "r",
        "rungs": rungs,
        "refused": None,
        "reference_cost_usd": 1.0,
        "seed": 0,
        "issued_at": START,
        "expires_at": START + timedelta(days=90),
        "alarm_chance": 0.01,
    }
    return Certificate(**values | changes).named()


def make_scored(i, score, *, arm="policy", reference_score=None, alarms=0, **changes):
    values = {
        "decision_id": f"dec-{i}",
        "at": START + timedelta(minutes=i),
        "session_id": f"session-{i}",
        "arm": arm,
        "chosen": "small",
        "reference": "big",
        "propensity": 0.9,
        "alarms": alarms,
        "score": score,
        "reference_score": reference_score,
    }
    return Scored(**values | changes)


def watched(rows, certificate=None):
    monitor = Monitor(certificate or make_certificate())
    for row in rows:
        monitor.see(row)
    return monitor.standing


def test_a_score_beside_the_references_is_an_outcome_by_itself():
    standing = watched([make_scored(0, 0.25, reference_score=1.0)])
    assert (standing.observations, standing.mean_loss) == (1, 0.75)


def test_without_it_a_control_session_is_held_against_the_routed_ones_before_it():
    rows = [make_scored(i, score) for i, score in enumerate([1.0, 0.0, 0.0, 1.0])]
    assert watched(rows).observations == 0
    standing = watched([*rows, make_scored(9, 1.0, arm="control")])
    assert (standing.observations, standing.mean_loss) == (1, 0.5)


def test_each_session_is_used_up_by_one_outcome():
    rows = [make_scored(0, 0.0), make_scored(1, 1.0, arm="control"), make_scored(2, 1.0, arm="control")]
    assert watched(rows).observations == 1
    assert watched([*rows, make_scored(3, 0.0)]).observations == 2


def test_a_session_counts_once_by_its_first_score():
    rows = [make_scored(i, 0.0, reference_score=1.0, session_id="one") for i in range(50)]
    assert watched(rows).observations == 1


@pytest.mark.parametrize(
    "row",
    [
        make_scored(0, 0.0, reference_score=1.0, alarms=1),
        make_scored(0, 0.0, reference_score=1.0, reference=None),
        make_scored(0, 0.0, reference_score=1.0, at=START + timedelta(days=90)),
    ],
    ids=["of another rung", "no reference to compare with", "after the expiry"],
)
def test_what_says_nothing_of_what_serves_is_passed_over(row):
    assert watched([row]).observations == 0


def test_a_request_without_a_session_takes_part_in_pairs_alone():
    rows = [make_scored(0, 0.0, session_id=None), make_scored(1, 1.0, arm="control")]
    assert watched(rows).observations == 0
    assert watched([make_scored(0, 0.0, session_id=None, reference_score=1.0)]).observations == 1


def test_a_drop_raises_an_alarm_and_the_next_rung_starts_afresh():
    monitor, raised_at = Monitor(make_certificate()), []
    for i in range(400):
        bad = i % 3 == 0
        row = make_scored(i, 0.0 if bad else 1.0, reference_score=1.0, alarms=monitor.alarms)
        if monitor.see(row):
            raised_at.append(i)
            monitor.restart()
            assert monitor.standing.observations == 0
            assert monitor.standing.evidence == pytest.approx(1.0)
    assert len(raised_at) == 2
    assert monitor.serves_reference
    assert monitor.standing.serves == REFERENCE
    assert watched([], make_certificate()).serves == "policy 1"


def test_a_restart_in_between_changes_nothing():
    certificate, monitor, events, rows = make_certificate(), Monitor(make_certificate()), [], []
    for i in range(300):
        rows.append(make_scored(i, float(i % 4 > 0), reference_score=1.0, alarms=monitor.alarms))
        if monitor.see(rows[-1]):
            standing = msgspec.json.encode(monitor.standing).decode()
            events.append(CertificateEvent.alarm(certificate.id, monitor.alarms, standing, rows[-1].at))
            monitor.restart()
    again = resumed(certificate, events)
    for row in rows:
        again.see(row)
    assert again.standing == monitor.standing
    assert again.alarms >= 1


def test_while_nothing_is_lost_there_is_no_alarm():
    rows = [make_scored(i, 1.0 - (i % 50 == 0), reference_score=1.0) for i in range(20_000)]
    assert watched(rows).alarms == 0


def test_people_are_told_what_it_has_seen():
    words = in_words(watched([make_scored(0, 0.5, reference_score=1.0)]))
    assert "No alarm; policy 1 serves; 1 outcomes seen, +0.5000 lost on average" in words


def test_an_alarm_holds_for_every_certificate_from_the_same_outcomes():
    """Else asking for another margin, or a new price, would undo it."""
    old, new, other = make_certificate(), make_certificate(margin=0.03), make_certificate(data_hash="e")
    events = [
        *(CertificateEvent.issued(c.id, msgspec.json.encode(c).decode(), START) for c in (old, new, other)),
        CertificateEvent.alarm(old.id, 1, "{}", START + timedelta(days=1)),
    ]
    assert resumed(new, events).alarms == 1
    assert resumed(other, events).alarms == 0
    events.append(CertificateEvent.alarm(new.id, 2, "{}", START + timedelta(days=2)))
    assert [resumed(c, events).alarms for c in (old, new)] == [2, 2]
    assert resumed(old, events).standing.last_alarm_at == START + timedelta(days=2)
