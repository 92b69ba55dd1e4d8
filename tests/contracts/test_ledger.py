"""What every store of the ledger must do; a new one is tested by being listed in `STORES`."""

import asyncio
import sqlite3
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec import structs
from sqlalchemy import make_url

from fairlead.errors import LedgerError, MissingRowError
from fairlead.ledger.base import CertificateEvent, Payload
from fairlead.ledger.browsing import newest, start_of_newest, words
from fairlead.ledger.paces import paces
from fairlead.ledger.postgres import PostgresLedger
from fairlead.ledger.sql import PAGE
from fairlead.ledger.sqlite import SqliteLedger
from fairlead.ledger.verify import verify
from fairlead.types import Outcome, Rate
from tests.conftest import change_rows


class SqliteStore:
    def __init__(self, folder, _):
        self.path = folder / "ledger.db"

    def open(self):
        return SqliteLedger.open(self.path)

    def execute(self, *statements):
        connection = sqlite3.connect(self.path)
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.close()

    def tamper(self, *statements):
        change_rows(self.path, *statements)


class PostgresStore:
    def __init__(self, _, find_fixture):
        self.server = find_fixture("postgres")
        self.url = self.server.ledger()
        self.name = make_url(self.url).database

    def open(self):
        return PostgresLedger.open(self.url)

    def execute(self, *statements):
        self.server.execute(self.name, *statements)

    def tamper(self, *statements):
        self.execute("SET session_replication_role = replica", *statements)  # what a superuser may do


STORES = {"sqlite": SqliteStore, "postgres": PostgresStore}
"""Name -> a store in a folder, or on a server: opened again it holds the same rows."""


SESSION = ("session_id", "session_rule")
OF_INTENT = ("request_id", "decision_id", "at", "route", "model_asked", "prompt_id", "reserved_usd", *SESSION)
OF_INTENT += ("config_hash", "candidates", "context")
OF_DECISION = (
    "arm",
    "propensity",
    "reason",
    "reference",
    "predictions",
    "excluded",
    "policy",
    "router_version",
    "fault",
    "plan",
    "chances",
    "mix_draw",
    "answer_form",
)


def picked(record, names):
    return {name: getattr(record, name) for name in names}


@pytest.fixture(params=STORES)
def store(request, tmp_path):
    return STORES[request.param](tmp_path, request.getfixturevalue)


@pytest.fixture
async def reopen(store):
    opened = []

    def reopen():
        opened.append(store.open())
        return opened[-1]

    yield reopen
    for ledger in opened:
        await ledger.close()


@pytest.fixture
async def ledger(reopen):
    return reopen()


async def test_a_settled_request_comes_back_whole(ledger, records):
    attempts = (records.failed_attempt(1), records.attempt(2))
    intent, settlement = records.intent(), records.settlement(1, *attempts)
    await ledger.register([records.price])
    await ledger.intent(intent)
    await ledger.settle(settlement)
    await ledger.feedback(records.feedback())

    (entry,) = ledger.entries()

    assert picked(entry, OF_INTENT) == picked(intent, OF_INTENT)
    assert picked(entry, OF_DECISION) == picked(intent.decision, OF_DECISION)
    assert entry.chosen == "a/cheap"
    assert (entry.status, entry.served, entry.attempts) == ("delivered", "a/cheap", attempts)
    assert entry.reference_cost_usd == settlement.reference_cost_usd
    assert entry.reference_price == records.price
    assert entry.latency_s == pytest.approx(1.25)  # from the first attempt's start to the second one's end
    assert entry.score == 1.0


async def test_a_request_is_found_by_either_of_its_ids(ledger, records):
    for n in (1, 2):
        await ledger.intent(records.intent(n))
    assert ledger.entry("dec_0002") == ledger.entry("req_0002") == list(ledger.entries())[1]
    assert ledger.entry("dec_0003") is None


async def test_money_keeps_every_digit(ledger, records):
    cost = Decimal("0.00000000000000000000010")
    await ledger.intent(records.intent(reserved_usd=Decimal("12345678901234567890.10")))
    await ledger.settle(records.settlement(1, records.attempt(cost_usd=cost)))
    (entry,) = ledger.entries()
    assert str(entry.attempts[0].cost_usd) == str(cost)
    assert str(entry.cost_usd) == str(cost)
    assert str(entry.reserved_usd) == "12345678901234567890.10"


async def test_an_unknown_cost_stays_unknown(ledger, records):
    await ledger.intent(records.intent(reserved_usd=None))
    await ledger.settle(records.settlement(1, records.attempt(usage=None, cost_usd=None)))
    (entry,) = ledger.entries()
    assert (entry.reserved_usd, entry.cost_usd, entry.attempts[0].usage) == (None, None, None)


async def test_without_a_settlement_a_request_is_unsettled(ledger, records):
    await ledger.intent(records.intent())
    (entry,) = ledger.entries()
    assert (entry.status, entry.cost_usd, entry.latency_s, entry.attempts) == ("unsettled", None, None, ())
    assert entry.reserved_usd == Decimal("0.05")


async def test_entries_come_oldest_first_across_pages_and_each_once(ledger, records):
    numbers = [(7 * n) % (2 * PAGE + 3) for n in range(2 * PAGE + 3)]  # written in another order
    moment = records.start
    await asyncio.gather(*(ledger.intent(records.intent(n, at=moment + timedelta(seconds=n // 3))) for n in numbers))
    assert [entry.request_id for entry in ledger.entries()] == [f"req_{n:04}" for n in range(2 * PAGE + 3)]


async def test_since_includes_its_own_moment_and_nothing_before(ledger, records):
    for n in range(1, 4):
        await ledger.intent(records.intent(n))
    since = records.intent(2).at
    assert [entry.request_id for entry in ledger.entries(since)] == ["req_0002", "req_0003"]
    assert [e.request_id for e in ledger.entries(since + timedelta(microseconds=1))] == ["req_0003"]


async def test_the_latest_feedback_counts_whatever_the_order_of_arrival(ledger, records):
    await ledger.intent(records.intent())
    await ledger.feedback(records.feedback(score=0.25, after_s=200))
    await ledger.feedback(records.feedback(score=0.75, after_s=100))
    (entry,) = ledger.entries()
    assert entry.score == 0.25


async def test_whom_to_believe_is_settled_by_the_kind_of_source(ledger, records):
    await ledger.intent(records.intent())
    scores = {"human:ann": 0.25, "verifier:regex": 1.0, "judge:a/dear": 0.5, "implicit": 0.0}
    for i, (source, score) in enumerate(scores.items()):
        await ledger.feedback(replace(records.feedback(score=score, after_s=100 + i), source=source))
    (entry,) = ledger.entries()
    assert entry.score == 0.25
    assert {row.source: row.score for row in entry.feedback} == scores


async def test_scores_are_kept_together_or_not_at_all(ledger, records):
    await ledger.intent(records.intent())
    kept = replace(records.feedback(), reference_score=0.5)
    with pytest.raises(MissingRowError):
        await ledger.feedback(kept, records.feedback(99))
    assert ledger.decided(["dec_0001", "dec_0099"]) == {"dec_0001": []}
    await ledger.feedback(kept, records.feedback(score=0.5, after_s=90))
    assert ledger.decided(["dec_0001"]) == {"dec_0001": [kept, records.feedback(score=0.5, after_s=90)]}
    assert verify(ledger).ok


async def test_a_shadow_names_what_it_follows(ledger, records):
    await ledger.intent(records.intent(1))
    await ledger.intent(records.intent(2, purpose="shadow", parent_id="dec_0001", team="blue", opted_out=True))
    served, shadow = ledger.entries()
    assert (served.purpose, served.parent_id, served.team, served.opted_out) == ("serve", None, None, False)
    assert (shadow.purpose, shadow.parent_id, shadow.team, shadow.opted_out) == ("shadow", "dec_0001", "blue", True)


async def test_feedback_on_a_decision_that_nobody_made_is_refused(ledger, records):
    with pytest.raises(MissingRowError):
        await ledger.feedback(records.feedback(99))


async def test_a_settlement_without_an_intent_is_refused_with_its_attempts(ledger, records):
    with pytest.raises(MissingRowError):
        await ledger.settle(records.settlement(99))
    assert list(ledger.orphans()) == []


async def test_a_request_is_settled_once(ledger, records):
    await ledger.intent(records.intent())
    await ledger.settle(records.settlement())
    again = records.settlement(1, records.attempt(2), outcome=Outcome(status="failed", attempts=(records.attempt(2),)))
    with pytest.raises(LedgerError):
        await ledger.settle(again)
    (entry,) = ledger.entries()
    assert (entry.status, len(entry.attempts)) == ("delivered", 1)


async def test_a_bad_row_fails_alone_among_those_written_with_it(ledger, records):
    naive = records.intent(3, at=records.start.replace(tzinfo=None))
    huge = structs.replace(records.usage, output_tokens=2**70)
    await ledger.intent(records.intent(1))
    writes = [ledger.intent(records.intent(n)) for n in (2, 4, 5)]
    bad = [ledger.intent(naive), ledger.settle(records.settlement(1, records.attempt(usage=huge)))]
    answers = await asyncio.gather(*writes, *bad, return_exceptions=True)
    assert answers[:3] == [(), (), ()]
    assert [type(answer) for answer in answers[3:]] == [LedgerError, LedgerError]
    assert [(entry.request_id, entry.status) for entry in ledger.entries()] == [
        ("req_0001", "unsettled"),
        ("req_0002", "unsettled"),
        ("req_0004", "unsettled"),
        ("req_0005", "unsettled"),
    ]


async def test_a_price_is_kept_once_and_never_changes(ledger, records):
    await ledger.register([records.price])
    await ledger.register([records.price, records.price])
    dearer = replace(records.price, output=Rate(base=Decimal(9)))
    with pytest.raises(LedgerError, match="price_cheap"):
        await ledger.register([dearer])
    assert ledger.prices() == {"price_cheap": records.price}


async def test_rows_are_there_for_the_next_one_who_opens_it(reopen, records):
    first = reopen()
    await first.intent(records.intent())
    await first.close()
    second = reopen()
    assert [entry.request_id for entry in second.entries()] == ["req_0001"]
    await second.intent(records.intent(2))
    await second.close()


async def test_a_closed_ledger_says_so(reopen, records):
    ledger = reopen()
    await ledger.close()
    with pytest.raises(LedgerError, match="closed"):
        await ledger.intent(records.intent())
    await ledger.close()


async def test_closing_waits_for_what_was_handed_over(reopen, records):
    ledger = reopen()
    writes = [asyncio.ensure_future(ledger.intent(records.intent(n))) for n in range(1500)]
    await asyncio.gather(*(asyncio.wait_for(asyncio.shield(writes[0]), 10), ledger.close()))
    await asyncio.gather(*writes)
    assert len(list(reopen().entries())) == 1500


# The hash chain -------------------------------------------------------------------------------------------------------


async def fill(ledger, records, numbers=range(1, 4)):
    await ledger.register([records.price])
    for n in numbers:
        await ledger.intent(records.intent(n))
        await ledger.settle(records.settlement(n, records.failed_attempt(1), records.attempt(2)))
    await ledger.feedback(records.feedback(numbers[0], score=0.1 + 0.2))


async def test_what_was_written_is_found_as_it_was(reopen, records):
    first = reopen()
    await fill(first, records)
    found = verify(first)
    assert (found.ok, found.n_rows, found.n_requests) == (True, 14, 3)
    second = reopen()
    await fill(second, records, range(4, 6))
    assert verify(second, found.ends).ok
    assert [writer.after and writer.after.writer for writer in second.writers()] == [None, first.writers()[0].id]


async def test_writers_at_once_wait_for_nobody_and_have_chains_of_their_own(reopen, records):
    ledgers = [reopen() for _ in range(3)]
    await asyncio.gather(*(ledgers[n % 3].intent(records.intent(n)) for n in range(90)))
    assert [writer.seq for writer in ledgers[0].writers()] == [30, 30, 30]
    assert verify(ledgers[0]).ok


async def test_two_that_register_a_price_at_once_both_have_it(reopen, records):
    ledgers = [reopen() for _ in range(4)]
    await asyncio.gather(*(ledger.register([records.price]) for ledger in ledgers))
    assert list(ledgers[0].prices()) == [records.price.id]


@pytest.mark.parametrize(
    "table", ["prices", "requests", "settlements", "attempts", "feedback", "erasures", "certificates", "writers"]
)
@pytest.mark.parametrize("change", ["UPDATE {} SET hash = 'feed'", "DELETE FROM {}"])
async def test_the_database_refuses_to_change_a_row(store, ledger, records, table, change):
    await fill(ledger, records)
    await ledger.erase(records.start, team=None, reason="asked_for")
    await ledger.certificate(CertificateEvent.issued("crt_1", "{}", records.start))
    with pytest.raises((AssertionError, sqlite3.IntegrityError), match="never changed"):
        store.execute(change.format(table))


TAMPERING = {
    "changed": (["UPDATE attempts SET latency_s = 0.26 WHERE number = 2 AND seq = 5"], ["row_changed"]),
    "a bill made cheaper": (
        ["UPDATE attempts SET cost_usd = '0.0001' WHERE seq = 5"],
        ["row_changed", "cost_differs", "total_differs"],
    ),
    "taken out": (["DELETE FROM feedback"], ["row_missing"]),
    "swapped": (
        [
            "UPDATE settlements SET seq = 99 WHERE seq = 3",
            "UPDATE settlements SET seq = 3 WHERE seq = 7",
            "UPDATE settlements SET seq = 7 WHERE seq = 99",
        ],
        ["row_reordered"] * 4,
    ),
    "put in": (
        [
            """INSERT INTO feedback (id, decision_id, at, score, source, writer, seq, hash)
            SELECT 77, decision_id, at, 1.0, source, writer, 15, hash FROM feedback"""
        ],
        ["row_added"],
    ),
    "the end moved": (["UPDATE writers SET hash = 'feed'"], ["end_differs"]),
}


@pytest.mark.parametrize("how", TAMPERING)
async def test_each_kind_of_tampering_is_found(store, ledger, records, how):
    await fill(ledger, records)
    statements, rules = TAMPERING[how]
    store.tamper(*statements)
    assert [fault.rule for fault in verify(ledger).faults] == rules


# What may be erased ---------------------------------------------------------------------------------------------------

PROMPT = "the words of a prompt that nobody may find again"


def remembered(records, n, team):
    payloads = (
        Payload(kind="prompt", content=PROMPT, salt=f"salt{n}"),
        Payload(kind="features", content="AA", salt="b"),
    )
    return records.intent(n, team=team, payloads=payloads)


async def test_a_payload_comes_back_until_it_is_erased_and_the_chain_holds(ledger, records):
    for n, team in ((1, "blue"), (2, "red"), (3, "blue")):
        await ledger.intent(remembered(records, n, team))
    await ledger.intent(records.intent(4, team="blue"))  # had none
    assert {p.kind: p.content for p in ledger.payloads(["req_0002"])["req_0002"]} == {
        "prompt": PROMPT,
        "features": "AA",
    }
    before = verify(ledger)
    erasure = await ledger.erase(records.intent(3).at, team="blue", reason="asked_for")
    assert (erasure.n_erased, erasure.team, ledger.erasures()) == (2, "blue", [erasure])
    assert set(ledger.payloads([f"req_{n:04}" for n in range(1, 5)])) == {"req_0002", "req_0003"}
    after = verify(ledger, before.ends)
    assert (after.ok, after.n_rows) == (True, before.n_rows + 1)


async def test_retention_erases_what_is_old_of_everybody(ledger, records):
    for n, team in ((1, "blue"), (2, None), (3, None)):
        await ledger.intent(remembered(records, n, team))
    assert (await ledger.erase(records.intent(3).at, team=None, reason="retention")).n_erased == 4
    assert set(ledger.payloads(["req_0001", "req_0002", "req_0003"])) == {"req_0003"}
    assert (await ledger.erase(records.intent(3).at, team=None, reason="retention")).n_erased == 0
    assert len(ledger.erasures()) == 1  # one that found nothing is no row
    assert verify(ledger).ok


async def test_an_erasure_that_finds_nothing_may_come_first(reopen, records):
    ledger = reopen()
    await ledger.erase(records.start, team=None, reason="retention")
    await ledger.intent(records.intent())
    assert (verify(ledger).ok, verify(ledger).n_rows) == (True, 1)


PAYLOADS_TAMPERED = {
    "taken out": ("DELETE FROM payloads WHERE kind = 'prompt' AND request_id = 'req_0002'", "payload_missing"),
    "taken out of a team that erased nothing": (
        "DELETE FROM payloads WHERE request_id = 'req_0003'",
        "payload_missing",
    ),
    "changed": ("UPDATE payloads SET content = 'other words' WHERE request_id = 'req_0003'", "payload_changed"),
    "given another salt": ("UPDATE payloads SET salt = 'x' WHERE request_id = 'req_0003'", "payload_changed"),
}


@pytest.mark.parametrize("how", PAYLOADS_TAMPERED)
async def test_a_payload_that_goes_without_an_erasure_is_missed(store, ledger, records, how):
    for n, team in ((1, "blue"), (2, "blue"), (3, "red")):
        await ledger.intent(remembered(records, n, team))
    await ledger.erase(records.intent(2).at, team="blue", reason="asked_for")  # the first only
    statement, rule = PAYLOADS_TAMPERED[how]
    store.tamper(statement)
    assert {fault.rule for fault in verify(ledger).faults} == {rule}


async def test_an_erasure_that_is_made_up_is_found(store, ledger, records):
    await ledger.intent(remembered(records, 1, "blue"))
    await ledger.erase(records.start, team="red", reason="asked_for")
    store.tamper("DELETE FROM payloads", "UPDATE erasures SET team = 'blue', before = before + 100000000")
    assert {fault.rule for fault in verify(ledger).faults} == {"row_changed"}


# Certificates --------------------------------------------------------------------------------------------------------


def under(records, n, certificate="crt_1", **changes):
    """Returns an intent that a certificate was served by."""
    alarms = changes.pop("alarms", 0)
    intent = records.intent(n, **changes)
    context = structs.replace(intent.context, alarms=alarms)
    return structs.replace(intent, decision=structs.replace(intent.decision, certificate=certificate), context=context)


async def test_what_happens_to_a_certificate_is_kept_once(ledger, records):
    issued = CertificateEvent.issued("crt_1", '{"margin":0.02}', records.start)
    alarm = CertificateEvent.alarm("crt_1", 1, '{"capital":120}', records.start + timedelta(days=3))
    assert await ledger.certificate(issued)
    assert await ledger.certificate(alarm)
    assert not await ledger.certificate(replace(issued, at=records.start + timedelta(days=4)))
    assert not await ledger.certificate(replace(alarm, at=records.start + timedelta(days=5)))
    await ledger.certificate(CertificateEvent.issued("crt_2", "{}", records.start))
    assert list(ledger.certificate_events("crt_1")) == [issued, alarm]
    assert len(ledger.certificate_events()) == 3
    assert verify(ledger).ok


async def test_two_that_raise_the_same_alarm_keep_it_once(reopen, records):
    ledgers = [reopen() for _ in range(3)]
    alarm = CertificateEvent.alarm("crt_1", 1, "{}", records.start)
    assert sum(await asyncio.gather(*(ledger.certificate(alarm) for ledger in ledgers))) == 1
    assert list(ledgers[0].certificate_events()) == [alarm]


async def test_scores_of_a_certificate_come_in_the_order_in_which_they_were_given(ledger, records):
    await ledger.register([records.price])
    for intent in (
        under(records, 1),
        under(records, 2, alarms=1, session_id=None),
        under(records, 3, "crt_2"),
        records.intent(4),
        under(records, 5, purpose="shadow"),
        under(records, 6, opted_out=True),
    ):
        await ledger.intent(intent)
    for n in (6, 5, 4, 3, 2, 1):
        await ledger.feedback(replace(records.feedback(n, n / 10, after_s=100 - n), reference_score=0.9))
    found = ledger.scored("crt_1")
    assert [(s.decision_id, s.score, s.reference_score) for s in found] == [
        ("dec_0002", 0.2, 0.9),
        ("dec_0001", 0.1, 0.9),
    ]
    assert [(s.session_id, s.alarms, s.arm) for s in found] == [(None, 1, "policy"), ("s", 0, "policy")]
    assert [(s.chosen, s.reference, s.propensity) for s in found] == [("a/cheap", "a/dear", 0.98)] * 2
    assert [s.decision_id for s in ledger.scored("crt_1", since=found[1].at)] == ["dec_0001"]
    assert [entry.certificate for entry in ledger.entries()][:4] == ["crt_1", "crt_1", "crt_2", None]


async def test_the_newest_come_first_page_by_page_and_by_what_is_looked_for(ledger, records):
    await ledger.register([records.price])
    for n in range(1, 6):
        await ledger.intent(records.intent(n, kind="code" if n % 2 else "other", at=records.intent(n // 2).at))
    await ledger.settle(records.settlement(2))
    first = newest(ledger, limit=2)
    second = newest(ledger, limit=2, before=first.more)
    third = newest(ledger, limit=2, before=second.more)
    ids = [entry.request_id for page in (first, second, third) for entry in page.entries]
    assert ids == ["req_0005", "req_0004", "req_0003", "req_0002", "req_0001"]  # equal times by their ids
    assert third.more is None

    def found(**matching):
        return [entry.request_id for entry in newest(ledger, limit=9, matching=matching).entries]

    assert found(kind="code") == ["req_0005", "req_0003", "req_0001"]
    assert found(status="unsettled", kind="other") == ["req_0004"]
    assert found(served="a/cheap") == ["req_0002"]
    assert [e.request_id for e in newest(ledger, limit=9, since=records.intent(2).at).entries] == [
        "req_0005",
        "req_0004",
    ]
    assert words(ledger, "kind", None) == ["code", "other"]
    assert words(ledger, "served", None) == ["a/cheap"]
    assert start_of_newest(ledger, 2) == records.intent(2).at
    assert start_of_newest(ledger, 9) is None
    with pytest.raises(ValueError, match="no filter"):
        found(policy="x")


async def test_the_pace_of_hosts_is_read_of_what_was_answered_or_overtaken(ledger, records):
    slow = records.attempt(1, candidate="a/dear", status="cancelled", ttft_s=None, usage=None, cost_usd=None)
    rows = {
        1: (records.intent(1), records.settlement(1, slow, records.attempt(2, kind="hedge"))),
        2: (records.intent(2, purpose="probe", stream=True), records.settlement(2, records.attempt())),
        3: (records.intent(3), records.settlement(3, records.failed_attempt(1))),
    }
    await ledger.register([records.price])
    for intent, settlement in rows.values():
        await ledger.intent(intent)
        await ledger.settle(settlement)
    found = paces(ledger, since=records.start, limit=10)
    assert sorted((p.candidate, p.late, p.probe, p.streamed, p.output_tokens) for p in found) == [
        ("a/cheap", False, False, False, records.usage.output_tokens),
        ("a/cheap", False, True, True, records.usage.output_tokens),
        ("a/dear", True, False, False, None),
    ]
    assert [p.probe for p in paces(ledger, since=records.start + timedelta(seconds=2), limit=10)] == [True]
    assert len(paces(ledger, since=records.start, limit=1)) == 2  # of each kind
