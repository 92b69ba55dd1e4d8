"""Virtual keys in every store of the ledger: kept as a hash, ended for good."""

import sqlite3
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from fairlead.errors import LedgerError, MissingRowError
from fairlead.ledger.budget import Budget, KeyTerms
from fairlead.ledger.keys import Held, key_id_of, new_key
from tests.contracts.test_ledger import STORES

NOW = datetime(2026, 11, 25, 12, 0, 0, 123456, tzinfo=UTC)
TERMS = KeyTerms(models=("a/cheap",), routes=("auto",), budget=Budget(usd=Decimal("2.50"), per="day"))


@pytest.fixture(params=STORES)
def store(request, tmp_path):
    return STORES[request.param](tmp_path, request.getfixturevalue)


@pytest.fixture
async def ledger(store):
    ledger = store.open()
    yield ledger
    await ledger.close()


async def test_a_key_comes_back_whole_and_opens_by_itself_alone(ledger):
    secret, key = new_key("build", TERMS, NOW, team="search", expires_at=NOW + timedelta(days=1))
    other, _ = new_key("build", TERMS, NOW)
    assert not ledger.keys.any()
    ledger.keys.add(key)
    assert ledger.keys.any()
    found = ledger.keys.get(key_id_of(secret))
    assert found == key
    assert found.opens(secret)
    assert not found.opens(other)
    assert not found.opens(secret[:-1] + ("0" if secret[-1] != "0" else "1"))


def test_the_key_itself_is_kept_nowhere(tmp_path):
    sqlite = STORES["sqlite"](tmp_path, None)
    secret, key = new_key("build", TERMS, NOW)
    sqlite.open().keys.add(key)
    connection = sqlite3.connect(sqlite.path)
    dump = "\n".join(connection.iterdump())
    connection.close()
    assert key.id in dump
    assert secret.rpartition("-")[2] not in dump
    assert secret not in repr(key)
    assert key.hash not in repr(key)


async def test_a_key_ends_when_it_is_revoked_or_its_time_is_over(ledger):
    _, key = new_key("build", TERMS, NOW, expires_at=NOW + timedelta(days=1))
    ledger.keys.add(key)
    assert [key.ended(NOW + timedelta(days=days)) for days in (0, 1)] == [None, "expired"]
    revoked = ledger.keys.revoke(key.id, NOW)
    assert revoked.ended(NOW) == "revoked"
    assert ledger.keys.revoke(key.id, NOW + timedelta(hours=1)).revoked_at == NOW
    assert ledger.keys.any()  # or the last key's end would open the gateway to everybody
    with pytest.raises(MissingRowError, match="no key `nobody`"):
        ledger.keys.revoke("nobody", NOW)


async def test_what_a_budget_has_spent_and_holds_is_told(ledger, records):
    (limit,) = KeyTerms(budget=Budget(usd=Decimal(2), per="day")).limits("k")
    await ledger.intent(records.intent(1), [limit.claim(Decimal("0.5"), NOW)])
    await ledger.intent(records.intent(2), [limit.claim(Decimal("0.25"), NOW)])
    await ledger.settle(records.settlement(1, records.attempt(cost_usd=Decimal("0.125"))))
    account = limit.account(NOW)
    assert ledger.keys.used([account, "usd/key:none"]) == {account: (Decimal("0.125"), Decimal("0.25"))}
    assert ledger.keys.held() == [Held("req_0002", account, Decimal("0.25"), NOW)]


@pytest.mark.parametrize(("usd", "counted"), [(None, "0.25"), (Decimal("0.0625"), "0.0625"), (Decimal(0), "0")])
async def test_what_a_dead_process_held_is_given_back_when_somebody_says_what_it_cost(ledger, records, usd, counted):
    (limit,) = KeyTerms(budget=Budget(usd=Decimal(2), per="day")).limits("k")
    await ledger.intent(records.intent(1), [limit.claim(Decimal("0.25"), NOW)])
    for _ in range(2):  # the second time nothing is held any more
        ledger.keys.resolve("req_0001", usd)
    assert ledger.keys.held() == []
    assert ledger.keys.used([limit.account(NOW)]) == {limit.account(NOW): (Decimal(counted), Decimal(0))}
    assert [entry.status for entry in ledger.entries()] == ["unsettled"]  # the rows say what they said


def test_a_hash_that_was_changed_by_hand_is_a_fault_of_the_ledger():
    secret, key = new_key("build", TERMS, NOW)
    object.__setattr__(key, "salt", "not hexadecimal")
    with pytest.raises(LedgerError, match="changed by hand"):
        key.opens(secret)
