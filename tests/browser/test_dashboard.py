"""The dashboard as a person meets it: headless Chromium at a running gateway with a day of simulated traffic.

`make test-browser` installs the browser and runs these. With FAIRLEAD_SCREENSHOTS naming a folder, the pictures of the
docs are written there (`make screenshots`).
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import expect, sync_playwright

from benchmarks.statement import Month, play
from fairlead.certificate import Certificate, Rung
from fairlead.ledger.base import CertificateEvent
from fairlead.ledger.budget import Budget, KeyTerms
from fairlead.ledger.keys import new_key
from fairlead.ledger.sqlite import SqliteLedger

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / ".browser" / "node_modules" / "axe-core" / "axe.min.js"
FAIRLEAD = (sys.executable, "-c", "from fairlead.cli.main import main; main()", "serve", "--port", "0")
CONFIGURATION = """
[ledger]
path = "day.db"
[providers.simulated]
dialect = "simulated"
time_scale = 0
[routes.auto]
reference = "simulated/albatross"
control_share = 0.15
"""
PAGES = {
    "overview": "/",
    "decisions": "/dashboard/decisions",
    "decision": "/dashboard/decisions/dec_000100",
    "models": "/dashboard/models",
    "keys": "/dashboard/keys",
    "certificates": "/dashboard/certificates",
    "road": "/dashboard/road",
}
PICTURED = ("overview", "decision")
SIZE = {"width": 1100, "height": 860}


NOW = datetime.now(UTC)
RUNGS = tuple(Rung(policy=f"Floor(margin={m})", p_value=0.01, loss=m / 2, cost_usd=0.004) for m in (0.005, 0.01))
CERTIFICATE = Certificate(
    margin=0.02,
    confidence=0.95,
    reference="simulated/albatross",
    n_questions=900,
    n_prompts=1_000,
    table="simulated",
    data_hash="da7a",
    router="7f",
    rungs=RUNGS,
    refused=None,
    reference_cost_usd=0.006,
    seed=0,
    issued_at=NOW - timedelta(days=3),
    expires_at=NOW + timedelta(days=60),
    alarm_chance=0.01,
).named()
"""So that the page has something to show; no router serves by it."""


async def fill(path):
    """Writes a day of traffic, a certificate that had an alarm, and a key; returns the key."""
    ledger = SqliteLedger.open(path)
    await play(Month(n_tasks=1_500, days=1, control_share=0.15, end=NOW), ledger)
    content = msgspec.json.encode(CERTIFICATE, order="deterministic").decode()
    await ledger.certificate(CertificateEvent.issued(CERTIFICATE.id, content, NOW - timedelta(days=2)))
    await ledger.certificate(CertificateEvent.alarm(CERTIFICATE.id, 1, "{}", NOW - timedelta(hours=5)))
    secret, key = new_key("search", KeyTerms(parallel=8, budget=Budget(usd=Decimal(50), per="month")), NOW, team="web")
    ledger.keys.add(key)
    await ledger.close()
    return secret


@contextmanager
def serving(folder):
    with subprocess.Popen(
        [*FAIRLEAD, "--config", str(folder / "fairlead.toml")], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process.stdout.readline().split()[3].rstrip(";")
        finally:
            process.terminate()


def ask(address, secret):
    body = json.dumps({"model": "auto", "messages": [{"role": "user", "content": "Hello there."}]}).encode()
    headers = {"authorization": f"Bearer {secret}"}
    with urllib.request.urlopen(urllib.request.Request(f"{address}/v1/chat/completions", body, headers)) as reply:
        assert reply.status == 200


@pytest.fixture(scope="session")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("day")
    (folder / "fairlead.toml").write_text(CONFIGURATION)
    secret = asyncio.run(fill(folder / "day.db"))
    with serving(folder) as address:
        ask(address, secret)
        yield address


@pytest.fixture(scope="session")
def browser(address):
    """Launched when the ledger is filled: from then on the driver has an event loop of its own."""
    with sync_playwright() as driver:
        # In a container Chromium cannot make a sandbox of its own; these pages are ours.
        yield driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])


@contextmanager
def looking(browser, address, **how):
    """Yields a page and the list of everything that a browser complains of on it."""
    with browser.new_context(base_url=address, viewport=SIZE, **how) as context:
        page, complaints = context.new_page(), []
        page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(request.url) if failed(request) else None)
        yield page, complaints


def failed(request):
    """Says whether a request failed by itself; what is under way when a page is left is called off."""
    return request.failure != "net::ERR_ABORTED"


def drawn(page):
    expect(page.locator("figure.chart:not([data-drawn])")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_drawn_without_a_complaint(browser, address, scheme):
    """Nor one of the content policy: nothing inline, nothing from elsewhere."""
    with looking(browser, address, color_scheme=scheme) as (page, complaints):
        for path in PAGES.values():
            assert page.goto(path).ok
            drawn(page)
        assert complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_nobody_is_shut_out(browser, address, name, scheme):
    """Axe finds no serious violation: names, roles, headings, landmarks, contrast, in both schemes."""
    with looking(browser, address, color_scheme=scheme, bypass_csp=True) as (page, _):
        page.goto(PAGES[name])
        drawn(page)
        page.evaluate("document.querySelectorAll('details').forEach((d) => (d.open = true))")
        page.add_script_tag(path=AXE)
        found = page.evaluate("axe.run().then((result) => result.violations)")
        worst = [violation for violation in found if violation["impact"] in {"serious", "critical"}]
        assert [(one["id"], one["nodes"][0]["html"]) for one in worst] == []


def test_the_keyboard_goes_everywhere(browser, address):
    with looking(browser, address) as (page, _):
        page.goto("/dashboard/decisions")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.locator("#rows a").first.focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/dashboard/decisions/dec_*")
        assert page.get_by_role("heading", level=1).inner_text() == "One decision"


def test_a_filter_shows_what_fits_and_says_how_many(browser, address):
    with looking(browser, address) as (page, complaints):
        page.goto("/dashboard/decisions")
        page.get_by_label("Arm").select_option("control")
        page.wait_for_url("**arm=control**")
        expect(page.locator("#found")).to_contain_text("decisions are shown")
        arms = set(page.locator("#rows tbody tr td:nth-child(6)").all_inner_texts())
        assert arms == {"control"}
        page.reload()
        assert page.get_by_label("Arm").input_value() == "control"
        page.get_by_label("Arm").select_option("policy")
        page.wait_for_url("**arm=policy**")
        page.go_back()
        page.wait_for_url("**arm=control**")
        page.get_by_role("heading", level=1).wait_for()  # a whole page came back, not its rows alone
        assert complaints == []


def test_it_works_without_scripts(browser, address):
    with looking(browser, address, java_script_enabled=False) as (page, _):
        page.goto("/dashboard/decisions")
        page.get_by_label("Arm").select_option("control")
        page.get_by_role("button", name="Filter").click()
        assert "arm=control" in page.url
        page.get_by_role("link", name="Older decisions").click()
        assert page.locator("#rows tbody tr").count() > 0


def test_a_call_shows_at_its_host(browser, address):
    with looking(browser, address) as (page, _):
        page.goto("/dashboard/models")
        row = page.get_by_role("row").filter(has_text="albatross").first
        assert "closed" in row.inner_text()


def test_a_key_shows_what_it_holds_of_its_budget(browser, address):
    with looking(browser, address) as (page, _):
        page.goto("/dashboard/keys")
        row = page.get_by_role("row").filter(has_text="search")
        assert "50.00 USD / month" in row.inner_text()
        assert row.get_by_role("meter").count() == 1


def test_an_alarm_is_the_first_thing_said_of_a_certificate(browser, address):
    with looking(browser, address) as (page, _):
        page.goto("/dashboard/certificates")
        assert "no longer believed" in page.locator("section .notice").first.inner_text()


def test_a_narrow_screen_scrolls_tables_and_nothing_else(browser, address):
    with looking(browser, address) as (page, _):
        page.set_viewport_size({"width": 390, "height": 800})
        for path in PAGES.values():
            page.goto(path)
            drawn(page)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PICTURED)
def test_a_picture_is_taken(browser, address, name, scheme, tmp_path):
    folder = Path(os.environ.get("FAIRLEAD_SCREENSHOTS", tmp_path))
    with looking(browser, address, color_scheme=scheme) as (page, _):
        page.goto(PAGES[name])
        drawn(page)
        picture = folder / f"dashboard-{name}-{scheme}.png"
        page.screenshot(path=picture)
        assert 10_000 < picture.stat().st_size < 250_000
