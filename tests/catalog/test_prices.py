"""Prices against the very library they come from, and by hand for what we add."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import genai_prices
import pytest

from fairlead.catalog import price_of, priced, tariff_of
from fairlead.catalog.prices import context_tokens_of
from fairlead.catalog.terms import dearest
from fairlead.config.known import KNOWN_PROVIDERS
from fairlead.types import Rate, Usage

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
DEFAULTS = [(name, model, provider.base_url) for name, provider in KNOWN_PROVIDERS.items() for model in provider.models]
USAGES = [
    Usage(input_tokens=1234, output_tokens=567),
    Usage(input_tokens=300_000, output_tokens=40, cache_read_tokens=70_000, cache_write_tokens=2_000),
]


@pytest.mark.parametrize(("provider", "model", "base_url"), DEFAULTS)
def test_every_default_model_has_a_price(provider, model, base_url):
    price = price_of(provider, model, AT, base_url=base_url)
    assert price is not None
    assert price.source.startswith(f"genai-prices {genai_prices.__version__}: ")
    assert price.input.base > 0


@pytest.mark.parametrize("usage", USAGES)
@pytest.mark.parametrize(("provider", "model", "base_url"), [d for d in DEFAULTS if d[0] != "deepseek"])
def test_a_bill_is_what_the_library_computes(provider, model, base_url, usage):
    price = price_of(provider, model, AT, base_url=base_url)
    total_input = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    theirs = genai_prices.Usage(
        input_tokens=total_input,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
    calculated = genai_prices.calc_price(theirs, model, provider_api_url=base_url, genai_request_timestamp=AT)
    assert price.cost_usd(usage) == calculated.total_price


def test_a_price_changes_on_its_day():
    before, after = datetime(2026, 11, 30, 23, 59, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
    early, late = price_of("gemini", "gemini-4-argon", before), price_of("gemini", "gemini-4-argon", after)
    assert (early.input.base, late.input.base) == (Decimal(2), Decimal(4))
    assert early.id != late.id


@pytest.mark.parametrize("day", [1, 11, 16, 17, 25, 30])
@pytest.mark.parametrize("model", ["deepseek-v4-pro", "deepseek-v4-flash", "deepseek-reasoner"])
def test_at_every_half_hour_the_price_is_the_librarys(model, day):
    tariff = tariff_of("deepseek", model)
    for month in (8, 11):
        for i in range(48):
            at = datetime(2026, month, day, i // 2, 30 * (i % 2), tzinfo=UTC)
            theirs = genai_prices.calc_price(
                genai_prices.Usage(input_tokens=1_000_000, output_tokens=1_000_000),
                model,
                provider_id="deepseek",
                genai_request_timestamp=at,
            )
            assert tariff.price_at(at).cost_usd(Usage(input_tokens=10**6, output_tokens=10**6)) == theirs.total_price


def test_what_ended_before_is_left_out_and_changes_nothing_after():
    whole, left = tariff_of("deepseek", "deepseek-v4-flash"), tariff_of("deepseek", "deepseek-v4-flash", AT)
    assert len(left.terms) < len(whole.terms)
    for hour in range(24 * 7):
        assert left.price_at(AT + timedelta(hours=hour)) == whole.price_at(AT + timedelta(hours=hour))


def test_where_no_moment_is_given_the_dearest_hour_stands_for_all():
    tariff = tariff_of("deepseek", "deepseek-v4-pro", AT)
    assert dearest(tariff, AT.replace(hour=12)) == tariff.price_at(AT.replace(hour=2))


def test_settings_that_have_rates_of_their_own_get_them():
    plain = price_of("openai", "gpt-6.1-sol", AT, settings={"reasoning_effort": "low"})
    flex = price_of("openai", "gpt-6.1-sol", AT, settings={"service_tier": "flex"})
    assert plain == price_of("openai", "gpt-6.1-sol", AT)
    assert flex.input.base == plain.input.base / 2


@pytest.mark.parametrize(
    ("provider", "model", "base_url"),
    [
        ("openai", "gpt-unheard-of", None),
        ("nobody", "gpt-4o", None),
        ("deepseek", "deepseek-chat", "http://127.0.0.1:8000/v1"),  # the weights, on this machine
        ("openai", "text-embedding-3-small", None),  # it has no output
    ],
)
def test_what_is_not_known_has_no_price(provider, model, base_url):
    assert price_of(provider, model, AT, base_url=base_url) is None


def test_an_address_names_the_provider_whatever_it_is_called():
    ours = price_of("work", "gpt-4o-mini", AT, base_url="https://api.openai.com/v1")
    assert ours == price_of("openai", "gpt-4o-mini", AT)
    assert context_tokens_of("work", "gpt-4o-mini", base_url="https://api.openai.com/v1") == 128_000


def test_an_id_names_the_content():
    content = {"input": Rate(base=Decimal("0.1")), "output": Rate(base=Decimal(2)), "source": "a list"}
    assert priced(**content) == priced(**content)
    others = [
        priced(**content | {"input": Rate(base=Decimal("0.2"))}),
        priced(**content | {"input": Rate(base=Decimal("0.1"), tiers=((5, Decimal(1)),))}),
        priced(**content, cache_read=Rate(base=Decimal("0.1"))),
        priced(**content, cache_write=Rate(base=Decimal("0.1"))),
        priced(**content | {"source": "another list"}),
        priced(**content, estimated=True),
    ]
    assert len({priced(**content).id, *(price.id for price in others)}) == 7


def test_importing_the_catalogue_does_not_load_the_library():
    script = "import sys, fairlead.catalog; sys.exit('genai_prices' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_every_rate_that_we_can_bill_is_taken_over():
    sonnet = price_of("anthropic", "claude-sonnet-4-5", AT)
    assert (sonnet.cache_write.base, sonnet.cache_write_1h.base) == (Decimal("3.75"), Decimal(6))
    assert sonnet.web_search.base == Decimal(10)
    flash = price_of("gemini", "gemini-2.5-flash", AT)
    assert (flash.input_audio.base, flash.cache_read_audio.base) == (Decimal(1), Decimal("0.1"))


def test_a_rate_that_we_cannot_bill_is_named_and_makes_the_price_an_estimate():
    price = price_of("perplexity", "sonar-deep-research", AT)
    assert price.estimated
    assert "without output_citation_mtok" in price.source
