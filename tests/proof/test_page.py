"""The page: self-contained, escaped, and saying what the statement says, losses included."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from fairlead import wording
from fairlead.proof.page import Section, Truth, page
from fairlead.proof.statement import statement
from fairlead.statistics.bootstrap import Interval

MINUS = "\N{MINUS SIGN}"


def _words(html):
    text = []
    parser = HTMLParser()
    parser.handle_data = text.append
    parser.feed(re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL))
    return " ".join(" ".join(text).split())


def test_a_page_fetches_nothing_and_runs_nothing(world):
    html = page(statement(world().entries), title="Savings statement")
    assert not re.search(r"<script|<link|<img|src=|href=|@import|url\(", html)
    assert set(re.findall(r"https?://[^\"' ]+", html)) == {"http://www.w3.org/2000/svg"}


def test_a_page_says_in_words_what_was_stated(world):
    stated = statement(world(seed=1).entries)
    words = _words(page(stated, title="Savings statement", notice="Every figure is simulated."))
    assert "Every figure is simulated." in words
    assert wording.usd(stated.paid_usd) in words
    assert wording.interval(stated.saving.saving_share, wording.percent) in words
    assert "Routing saved money" in words


def test_a_loss_is_printed_as_a_loss(world):
    words = _words(page(statement(world(seed=2, factor=2.0).entries), title="Savings statement"))
    assert "Routing cost more" in words
    assert re.search(rf"Saving {MINUS}\d", words)


def test_the_truth_stands_beside_the_estimate(world):
    stated = statement(world(seed=1).entries)
    words = _words(page(stated, title="t", truth=Truth(saving_share=0.123, quality_difference=-0.0456)))
    assert "12.3 %" in words
    assert f"{MINUS}4.6 points" in words


def test_names_from_the_ledger_are_text_not_markup(world):
    evil = "<script>alert(1)</script>"
    entries = [replace(e, reference=evil) for e in world().entries]
    assert "<script>" not in page(statement(entries), title=evil)


def test_sections_are_put_in_as_they_are():
    html = page(statement([]), title="t", sections=[Section(title="Three decisions", body="<p>one</p>")])
    assert "<p>one</p>" in html


def test_an_empty_ledger_has_a_page_without_claims():
    words = _words(page(statement([]), title="Savings statement"))
    assert "no requests" in words
    assert "there is nothing to state yet" in words


def test_what_is_not_known_is_said(entry, attempt):
    stated = statement([entry(0, attempts=(attempt(cost_usd=None),), reserved_usd=None)])
    assert "Together they cost at most not known" in _words(page(stated, title="t"))


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (1234.5, "1,234.50 USD"),
        (-12.3456, f"{MINUS}12.35 USD"),
        (0.0000123456, "0.00001235 USD"),
        (0, "0.00 USD"),
        (None, "not known"),
    ],
)
def test_money_in_words(amount, expected):
    assert wording.usd(amount) == expected


def test_an_interval_in_words_names_its_unit_once():
    given = Interval(value=0.312, low=-0.02, high=0.4)
    assert wording.interval(given, wording.percent) == f"31.2 % [{MINUS}2.0, 40.0]"
