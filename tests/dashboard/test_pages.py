"""The pages: what they say of a small ledger, what they say of none, and that a row's words are never markup."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from fairlead.certificate import Certificate, Rung
from fairlead.dashboard import pages
from fairlead.dashboard.pages import MENU, Pages
from fairlead.dashboard.queries import Queries
from fairlead.dashboard.question import BudgetShown, Installation, Live, Question, RouteShown, StandingShown
from fairlead.ledger.base import CertificateEvent
from fairlead.ledger.budget import Budget, KeyTerms
from fairlead.ledger.keys import new_key
from fairlead.ledger.sqlite import SqliteLedger


def words(page):
    return " ".join(re.sub(r"<[^>]+>", " ", page.body).split())


@pytest.mark.parametrize("name", MENU)
def test_every_page_holds_to_the_content_policy(ask, name):
    page = ask(name)
    assert page.status_code == 200
    assert not re.search(r"<style|<script(?! src=)|\son\w+=|\sstyle=|https?://(?!www\.w3\.org)", page.body)


def test_the_overview_says_what_the_statement_says(ask):
    shown = words(ask("overview"))
    assert "No saving can be shown" in shown
    assert "misrouted" in shown.lower()
    assert "code" in shown


def test_a_decision_is_taken_apart(ask):
    page = ask("decision", id="dec_0002")
    assert page.status_code == 200
    assert "RateLimitError" in words(page)
    assert "<code>a/blind</code>" in page.body
    assert page.body.count("<code>wrt_") == 4  # intent, settlement and two attempts, each at its place in the chain


def test_a_decision_that_is_not_there_is_said_so(ask):
    page = ask("decision", id="dec_9999")
    assert page.status_code == 404
    assert "no such decision" in words(page)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["dec_0003", "dec_0002", "dec_0001"]),
        ({"status": "unsettled"}, ["dec_0003"]),
        ({"status": "delivered", "kind": "code"}, ["dec_0002", "dec_0001"]),
        ({"served": "a/cheap", "arm": "policy"}, ["dec_0002", "dec_0001"]),
        ({"arm": "control"}, []),
        ({"session_id": "'; drop table requests; --"}, []),
        ({"before": "no cursor"}, ["dec_0003", "dec_0002", "dec_0001"]),
    ],
)
def test_filters_show_what_fits_newest_first(ask, query, found):
    page = ask("decisions", **query)
    assert re.findall(r"decisions/(dec_\d+)\"", page.body) == found


def test_a_page_of_decisions_leads_to_the_next(ask, monkeypatch):
    monkeypatch.setattr("fairlead.dashboard.queries.PAGE_ROWS", 2)
    first = ask("decisions", kind="code")
    more = dict(
        pair.split("=") for pair in re.search(r'class="more" href="[^"]*\?([^"]*)"', first.body)[1].split("&amp;")
    )
    assert more["kind"] == "code"
    before = more["before"].replace("%3A", ":").replace("%2B", "+").replace("%7C", "|")
    second = ask("decisions", kind="code", before=before)
    assert re.findall(r"decisions/(dec_\d+)\"", second.body) == ["dec_0001"]
    assert 'class="more"' not in second.body


def test_a_fragment_is_the_rows_alone(ask):
    page = ask("decisions", fragment=True)
    assert "<html" not in page.body
    assert page.body.count("<tr>") == 4


def test_breakers_and_the_spool_are_told_by_the_running_process(ask):
    page = ask("models", live=Live(breakers={"a/dear": "half_open"}, n_spooled=7))
    assert "half open" in words(page)
    assert "7 changes wait in the spool" in words(page)
    assert "a/cheap (not configured)" in words(page)


def test_the_road_says_what_is_missing(ask):
    shown = words(ask("road"))
    assert "1 scored answers" in shown
    assert "fairlead fit" in shown


def test_the_figures_of_the_charts_are_those_of_the_ledger(ask, ledger):
    slices = json.loads(ask("series").body)["slices"]
    assert sum(one["n_requests"] for one in slices) == 3
    paid = sum(float(entry.cost_usd) for entry in ledger.entries() if entry.cost_usd is not None)
    assert sum(one["policy_usd"] + one["control_usd"] for one in slices) == pytest.approx(paid)
    assert all(one["saving_share"] is None for one in slices)


@pytest.mark.parametrize("name", MENU)
def test_an_empty_ledger_has_pages_without_claims(ledger, name):
    empty = Queries(ledger, now=lambda: datetime(2030, 1, 1, tzinfo=UTC))
    page = Pages(Installation(), empty).page(Question(page=name))
    assert page.status_code == 200
    assert "Routing saved" not in page.body


def test_words_of_a_row_are_text_not_markup(ledger, queries, monkeypatch):
    evil = "<img src=x onerror=alert(1)>"
    entry = replace(ledger.entry("dec_0001"), route=evil, policy=f"`{evil}`", served=evil)
    monkeypatch.setattr(queries, "decision", lambda _: entry)
    assert "<img" not in Pages(Installation(), queries).page(Question(page="decision")).body


def test_what_breaks_is_said_without_the_row(ask, monkeypatch):
    def broken(_):
        raise RuntimeError("a prompt")

    monkeypatch.setattr(pages, "figures", broken)
    page = ask("overview")
    assert page.status_code == 500
    assert "RuntimeError" in page.body
    assert "a prompt" not in page.body


def test_a_long_period_is_cut_and_says_so(ask, monkeypatch):
    monkeypatch.setattr("fairlead.dashboard.queries.MAX_REQUESTS", 2)
    assert "these are the newest 2" in words(ask("overview"))


CERTIFICATE = Certificate(
    margin=0.02,
    confidence=0.95,
    reference="a/dear",
    n_questions=900,
    n_prompts=1000,
    table="t",
    data_hash="d4ta",
    router="7f",
    rungs=(
        Rung(policy="Floor(margin=0.0)", p_value=0.001, loss=-0.01, cost_usd=0.02),
        Rung(policy="Floor(margin=0.01)", p_value=0.04, loss=0.004, cost_usd=0.01),
    ),
    refused=None,
    reference_cost_usd=0.03,
    seed=0,
    issued_at=datetime(2026, 11, 1, tzinfo=UTC),
    expires_at=datetime(2100, 1, 1, tzinfo=UTC),
    alarm_chance=0.01,
).named()


async def test_a_certificate_shows_its_promise_its_alarms_and_how_it_is_doing(tmp_path):
    ledger = SqliteLedger.open(tmp_path / "fairlead.db")
    content = msgspec.json.encode(CERTIFICATE, order="deterministic").decode()
    await ledger.certificate(CertificateEvent.issued(CERTIFICATE.id, content, CERTIFICATE.issued_at))
    await ledger.certificate(CertificateEvent.alarm(CERTIFICATE.id, 1, "{}", datetime(2026, 11, 3, 4, 5, tzinfo=UTC)))
    standing = StandingShown(
        certificate=CERTIFICATE.id,
        alarms=1,
        n_rungs=2,
        serves="Floor(margin=0.0)",
        observations=12,
        mean_loss=0.03,
        evidence=3.5,
        alarm_at=100.0,
    )
    question = Question(page="certificates", live=Live(standings=(standing,)))
    page = Pages(Installation(), Queries(ledger)).page(question)
    await ledger.close()
    shown = words(page)
    assert "2.0 points at most are lost against a/dear" in shown
    assert "1 alarm : what was promised is no longer believed" in shown.replace("alarm:", "alarm :")
    assert "2026-11-03 04:05" in shown
    assert "3.5 an alarm at 100; 12 observations" in shown
    assert re.search(r'class="chosen"><th scope="row" class="words"><code>Floor\(margin=0.0\)', page.body)


async def test_keys_show_what_they_may_and_have_spent_and_never_themselves(tmp_path):
    ledger, now = SqliteLedger.open(tmp_path / "fairlead.db"), datetime(2026, 11, 2, tzinfo=UTC)
    terms = KeyTerms(models=("a/*",), parallel=3, budget=Budget(usd=Decimal(50), per="month"))
    secret, key = new_key("search", terms, now, team="web")
    ended = new_key("old", KeyTerms(), now, expires_at=now)[1]
    for one in (key, ended):
        ledger.keys.add(one)
    route = RouteShown(
        name="auto",
        reference=None,
        policy="",
        control_share=0,
        candidates=(),
        learned=False,
        budget=BudgetShown(owner="route:auto", usd=Decimal(7), per="day"),
    )
    installation = Installation(routes=(route,))
    page = Pages(installation, Queries(ledger, now=lambda: now)).page(Question(page="keys"))
    await ledger.close()
    shown = words(page)
    assert "web active a/*; all routes" in shown
    assert "50.00 USD / month 0.00 USD 0.00 USD 50.00 USD" in shown
    assert "expired" in shown
    assert "auto 7.000 USD / day" in shown
    assert secret not in page.body
    assert key.hash not in page.body
    assert key.salt not in page.body
