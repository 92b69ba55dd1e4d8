"""LiteLLM's table read into a snapshot: each rate by hand, as the table spells them."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec
import pytest

from fairlead.catalog.litellm import read_litellm
from fairlead.catalog.snapshot import read_snapshot
from fairlead.errors import CatalogError
from fairlead.types import Usage

DAY = date(2026, 11, 25)
TABLE = """{
 "sample_spec": {"litellm_provider": "one of https://docs", "mode": "one of: chat, ...", "input_cost_per_token": 0.0},
 "gpt-x": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 2e-06, "output_cost_per_token": 1e-05,
   "cache_read_input_token_cost": 1e-07, "input_cost_per_token_above_272k_tokens": 4e-06,
   "output_cost_per_token_above_272k_tokens": 1.5e-05, "input_cost_per_token_flex": 1e-06,
   "output_cost_per_token_flex": 5e-06, "input_cost_per_token_batches": 1e-06, "source": "https://page",
   "regional_processing_uplift_multiplier_eu": 1.1, "supports_vision": true},
 "claude-x": {"litellm_provider": "anthropic", "mode": "chat", "input_cost_per_token": 4e-06,
   "output_cost_per_token": 2e-05, "cache_creation_input_token_cost": 5e-06,
   "cache_creation_input_token_cost_above_1hr": 8e-06, "provider_specific_entry": {"us": 1.1}},
 "deepseek/deep-x": {"litellm_provider": "deepseek", "mode": "chat", "input_cost_per_token": 1.32e-06,
   "output_cost_per_token": 3.96e-06, "cache_creation_input_token_cost": 0.0, "off_peak_pricing": {
   "input_cost_per_token": 6.6e-07, "output_cost_per_token": 1.98e-06, "windows": [
     {"hours_utc": ["00:00-01:00", "10:00-00:00"], "weekdays": [1, 2, 3, 4, 5]},
     {"hours_utc": "00:00-00:00", "weekdays": [6, 7]}]}},
 "azure/gpt-x": {"litellm_provider": "azure", "mode": "chat", "input_cost_per_token": 1e-06,
   "output_cost_per_token": 1e-06},
 "vectors": {"litellm_provider": "openai", "mode": "embedding", "input_cost_per_token": 1e-06,
   "output_cost_per_token": 0},
 "half": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-06}
}"""
MILLION = Usage(input_tokens=10**6, output_tokens=10**6)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "model_prices_and_context_window.json"
    path.write_text(TABLE)
    return path


@pytest.fixture
def snapshot(file):
    return read_litellm(file, DAY, "1.2.3")


def rates(snapshot, provider, model, **settings):
    price = snapshot.tariff_of(provider, model, settings).terms[0].price
    return {name: getattr(price, name).base for name in ("input", "output")}


def test_chat_models_of_known_providers_with_both_prices_are_kept(snapshot):
    assert sorted(snapshot.prices) == ["anthropic/claude-x", "deepseek/deep-x", "openai/gpt-x"]


def test_a_price_per_token_is_one_per_million_to_the_last_digit(snapshot):
    price = snapshot.tariff_of("openai", "gpt-x", {}).terms[0].price
    assert (price.input.base, price.output.base, price.cache_read.base) == (Decimal(2), Decimal(10), Decimal("0.1"))
    assert (price.input.tiers, price.output.tiers) == (((272_000, Decimal(4)),), ((272_000, Decimal(15)),))
    assert price.source == "litellm 1.2.3 of 2026-11-25: gpt-x"
    claude = snapshot.tariff_of("anthropic", "claude-x", {}).terms[0].price
    assert (claude.cache_write.base, claude.cache_write_1h.base) == (Decimal(5), Decimal(8))


def test_a_service_tier_has_rates_of_its_own(snapshot):
    assert rates(snapshot, "openai", "gpt-x", service_tier="flex") == {"input": Decimal(1), "output": Decimal(5)}
    assert rates(snapshot, "openai", "gpt-x", service_tier="auto") == {"input": Decimal(2), "output": Decimal(10)}


@pytest.mark.parametrize(
    ("moment", "usd"),
    [
        (datetime(2026, 11, 23, 0, 59, tzinfo=UTC), "2.64"),  # Monday, off peak
        (datetime(2026, 11, 23, 1, 0, tzinfo=UTC), "5.28"),
        (datetime(2026, 11, 23, 10, 0, tzinfo=UTC), "2.64"),
        (datetime(2026, 11, 28, 5, 0, tzinfo=UTC), "2.64"),  # Saturday
    ],
)
def test_hours_off_peak_are_terms(snapshot, moment, usd):
    assert snapshot.tariff_of("deepseek", "deep-x", {}).price_at(moment).cost_usd(MILLION) == Decimal(usd)


def test_what_asks_nothing_for_writing_to_its_cache_has_no_rate_of_it(snapshot):
    assert snapshot.tariff_of("deepseek", "deep-x", {}).terms[0].price.cache_write is None


def test_a_dated_name_is_the_model_and_uplifts_are_kept(snapshot):
    assert snapshot.quoted("openai", "gpt-x-2026-01-01") == snapshot.quoted("openai", "gpt-x")
    assert snapshot.uplift("openai", "gpt-x", "eu") == snapshot.uplift("anthropic", "claude-x", "us") == Decimal("1.1")
    assert snapshot.quoted("openai", "gpt-x").page == "https://page"


def test_a_snapshot_that_was_altered_is_refused(snapshot, tmp_path):
    path = tmp_path / "prices.json"
    path.write_bytes(msgspec.json.encode(snapshot))
    assert read_snapshot(path).prices.keys() == snapshot.prices.keys()
    path.write_text(path.read_text().replace('[0,"2"]', '[0,"1"]'))
    with pytest.raises(CatalogError, match="was altered: its checksum differs"):
        read_snapshot(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "is not JSON"), ("[]", "prices no model that we know"), ('{"a": 1}', "prices no model that we know")],
)
def test_what_is_no_such_table_is_refused(file, content, message):
    file.write_text(content)
    with pytest.raises(CatalogError, match=message):
        read_litellm(file, DAY)


def test_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(CatalogError, match="cannot read"):
        read_litellm(tmp_path / "none.json", DAY)
    with pytest.raises(CatalogError, match="cannot read"):
        read_snapshot(tmp_path / "none.json")
    (tmp_path / "other.json").write_text(json.dumps({"schema": "x"}))
    with pytest.raises(CatalogError, match="is no snapshot of prices"):
        read_snapshot(tmp_path / "other.json")
