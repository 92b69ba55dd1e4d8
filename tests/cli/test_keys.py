"""`fairlead keys`: what it makes, shows and ends."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from fairlead.cli.main import main
from fairlead.ledger.budget import Limit
from fairlead.ledger.keys import key_id_of
from fairlead.ledger.opening import open_ledger


def run(capsys, *words):
    with pytest.raises(SystemExit) as stopped:
        main(words)
    out, error = capsys.readouterr()
    return stopped.value.code, out, error


@pytest.fixture
def ledger(tmp_path):
    return str(tmp_path / "fairlead.db")


def json_of(capsys, *words):
    code, out, error = run(capsys, "keys", *words, "--json")
    assert (code, error) == (0, "")
    return msgspec.json.decode(out)


def test_a_key_is_shown_once_and_opens(capsys, ledger):
    terms = ("--team", "search", "--model", "a/*", "--model", "b/c", "--route", "auto", "--budget", "2.50/day")
    limits = ("--requests-per-minute", "60", "--tokens-per-minute", "9000", "--parallel", "4", "--expires", "30d")
    made = json_of(capsys, "create", "build", *terms, *limits, "--ledger", ledger)
    assert key_id_of(made["secret"]) == made["key"]["id"]
    key = open_ledger(ledger).keys.get(made["key"]["id"])
    assert key.opens(made["secret"])
    assert (key.terms.models, key.terms.routes, key.terms.parallel) == (("a/*", "b/c"), ("auto",), 4)
    assert (made["key"]["budget_usd"], made["key"]["budget_per"], made["key"]["spent_usd"]) == ("2.50", "day", "0")
    (listed,) = json_of(capsys, "list", "--ledger", ledger)["keys"]
    assert listed == made["key"]


def test_a_revoked_key_is_listed_only_when_asked_for(capsys, ledger):
    made = json_of(capsys, "create", "build", "--ledger", ledger)
    gone = json_of(capsys, "revoke", made["key"]["id"], "--ledger", ledger)["key"]
    assert gone["state"] == "revoked"
    left = json_of(capsys, "list", "--ledger", ledger)
    assert (left["keys"], left["n_ended"]) == ([], 1)
    assert (
        "no key is active, 1 ended (`--all`); the gateway stays closed"
        in run(capsys, "keys", "list", "--ledger", ledger)[1]
    )
    assert [key["state"] for key in json_of(capsys, "list", "--all", "--ledger", ledger)["keys"]] == ["revoked"]


def test_people_see_a_table_and_the_key_once(capsys, ledger):
    _, out, _ = run(capsys, "keys", "create", "build", "--budget", "5/month", "--ledger", ledger)
    secret = next(word for word in out.split() if word.startswith("sk-fl-"))
    _, table, _ = run(capsys, "keys", "list", "--ledger", ledger)
    assert "build" in table
    assert "$5/month" in table
    assert secret not in table


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("create", "x", "--budget", "5"), "expected USD above 0 and a period"),
        (("create", "x", "--budget", "-5/day"), "expected USD above 0 and a period"),
        (("create", "x", "--budget", "five/day"), "expected USD above 0 and a period"),
        (("create", "x", "--expires", "soon"), "expected a time such as"),
        (("create", "x", "--expires", "2020-01-01"), "which has passed"),
    ],
)
def test_a_slip_is_told(capsys, ledger, words, complaint):
    code, _, error = run(capsys, "keys", *words, "--ledger", ledger)
    assert code == 2
    assert complaint in " ".join(error.replace("│", " ").split())


def test_a_key_that_is_not_there_cannot_be_revoked(capsys, ledger):
    json_of(capsys, "create", "build", "--ledger", ledger)
    code, _, error = run(capsys, "keys", "revoke", "nobody", "--ledger", ledger)
    assert code == 1
    assert "there is no key `nobody`" in error


async def hold(place, records, at):
    opened = open_ledger(place)
    limit = Limit(kind="usd", owner="route:auto", most=Decimal(5), per="month")
    await opened.intent(records.intent(1), [limit.claim(Decimal("0.5"), at)])
    await opened.close()


def test_what_a_crash_left_behind_is_listed_and_resolved(capsys, ledger, records):
    asyncio.run(hold(ledger, records, datetime.now(UTC) - timedelta(hours=2)))
    assert [(held["request_id"], held["usd"]) for held in json_of(capsys, "held", "--ledger", ledger)["held"]] == [
        ("req_0001", "0.5")
    ]
    resolved = json_of(capsys, "held", "--resolve", "req_0001", "--usd", "0.25", "--ledger", ledger)
    assert (resolved["resolved"], resolved["held"]) == ("req_0001", [])
    code, _, error = run(capsys, "keys", "held", "--resolve", "req_0001", "--ledger", ledger)
    assert (code, "holds nothing" in error) == (1, True)


def test_what_may_still_be_in_flight_is_not_resolved(capsys, ledger, records):
    asyncio.run(hold(ledger, records, datetime.now(UTC)))
    code, _, error = run(capsys, "keys", "held", "--resolve", "req_0001", "--ledger", ledger)
    assert (code, "may still be in flight" in error) == (1, True)
