"""What two sources say together: verified, differing, or known to one alone; regions; what guards budgets."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from fairlead import catalog
from fairlead.catalog.quotes import VERDICTS, quoted, quotes, whole_catalogue
from fairlead.catalog.snapshot import OffPeak, Quoted, Snapshot, read_snapshot
from fairlead.config import load
from fairlead.config.known import KNOWN_PROVIDERS
from fairlead.money import weekly
from fairlead.types import Usage

AT = datetime(2026, 11, 25, 12, tzinfo=UTC)
OPENAI = KNOWN_PROVIDERS["openai"].base_url
GPT_4O = {"input": "2.5", "output": "10", "cache_read": "1.25"}
MILLION = Usage(input_tokens=10**6, output_tokens=10**6)


def snapshot(provider="openai", model="gpt-4o", off_peak=(), uplifts=None, **rates):
    entry = Quoted(key=model, rates=steps(rates or GPT_4O), off_peak=off_peak, uplifts=uplifts or {})
    return Snapshot.of({f"{provider}/{model}": entry}, source="other", taken=date(2026, 11, 25), file_sha256="0")


def steps(rates):
    return {name: ((0, Decimal(usd)),) for name, usd in rates.items()}


def quote(snapshot, model="gpt-4o", base_url=OPENAI, provider="openai", **settings):
    return quoted(provider, model, snapshot, AT, base_url=base_url, settings=settings)


def test_two_sources_that_agree_verify_a_price():
    found = quote(snapshot())
    assert (found.verdict, found.differences, found.tariff.second) == ("verified", (), ())


def test_what_only_one_of_them_says_is_no_difference():
    assert quote(snapshot(input="2.5", output="10", cache_write="3")).verdict == "verified"


def test_a_tier_from_a_length_on_and_above_it_is_the_same_tier():
    other = read_snapshot().tariff_of("xai", "grok-4.7", {}).terms[0].price.input
    ours = quote(read_snapshot(), "grok-4.7", KNOWN_PROVIDERS["xai"].base_url, "xai")
    assert (ours.verdict, ours.first.terms[0].price.input.tiers[0][0], other.tiers[0][0]) == (
        "verified",
        199_999,
        200_000,
    )


def test_where_they_differ_the_first_bills_and_the_dearer_guards():
    found = quote(snapshot(input="2.5", output="12"))
    (difference,) = found.differences
    assert (found.verdict, difference.rate, difference.spans) == ("differs", "output", ())
    assert (difference.first.base, difference.second.base) == (Decimal(10), Decimal(12))
    assert found.tariff.price_at(AT).source.startswith("genai-prices")
    most = [price.cost_usd(MILLION) for price in found.tariff.within(AT, AT)]
    assert most == [Decimal("12.5"), Decimal("14.5")]


@pytest.mark.parametrize(("model", "verdict"), [("gpt-4o-mini", "one_source"), ("gpt-unheard-of", "unknown")])
def test_what_one_source_knows_is_not_verified(model, verdict):
    assert quote(snapshot(), model).verdict == verdict


def test_the_second_source_fills_in_for_the_first():
    found = quote(snapshot(model="gpt-unheard-of"), "gpt-unheard-of")
    assert (found.verdict, found.tariff.price_at(AT).source) == ("one_source", "other of 2026-11-25: gpt-unheard-of")


def test_a_difference_of_some_hours_names_them():
    rates = {"input": "1.32", "output": "3.96", "cache_read": "0.044"}
    low = steps({"input": "0.66", "output": "1.98", "cache_read": "0.022"})
    working_days = [(0, 60), (240, 360), (600, 0)]
    spans = [span for start, end in working_days for span in weekly(range(5), start, end)] + list(weekly([5, 6], 0, 0))
    other = snapshot("deepseek", "deepseek-v4-pro", (OffPeak(spans=tuple(sorted(spans)), rates=low),), **rates)
    found = quote(other, "deepseek-v4-pro", KNOWN_PROVIDERS["deepseek"].base_url, "deepseek")
    expected = tuple((day * 1440 + start, day * 1440 + end) for day in (5, 6) for start, end in ((60, 240), (360, 600)))
    assert {each.rate: each.spans for each in found.differences} == dict.fromkeys(rates, expected)
    saturday = datetime(2026, 11, 28, 2, tzinfo=UTC)
    assert [p.input.base for p in found.tariff.within(saturday, saturday)] == [Decimal("1.32"), Decimal("0.66")]
    assert len(found.tariff.within(saturday - timedelta(days=3), saturday - timedelta(days=3))) == 2  # by two sources


@pytest.mark.parametrize(
    ("provider", "model", "base_url", "settings", "factor"),
    [
        ("anthropic", "claude-opus-5-5", "https://api.anthropic.com/v1", {"inference_geo": "us"}, "1.1"),
        ("anthropic", "claude-opus-5-5", "https://api.anthropic.com/v1", {"inference_geo": "global"}, "1"),
        ("together", "openai/gpt-oss-120b", "https://us-api.together.ai/v1", {}, "1.25"),
        ("openai", "gpt-6.1-sol", "https://eu.api.openai.com/v1", {}, "1.1"),
    ],
)
def test_a_region_has_its_uplift(provider, model, base_url, settings, factor):
    shipped = read_snapshot()
    there = quote(shipped, model, base_url, provider, **settings)
    usual = quote(shipped, model, KNOWN_PROVIDERS[provider].base_url, provider)
    assert there.tariff.price_at(AT).output.base == Decimal(factor) * usual.tariff.price_at(AT).output.base
    assert there.verdict == usual.verdict


def test_a_region_whose_uplift_nobody_tells_has_no_price():
    assert quote(snapshot(), base_url="https://eu.api.openai.com/v1").verdict == "unknown"


def test_the_snapshot_that_ships_is_whole_and_agrees_with_the_first_source_on_most_models():
    verdicts = [quote.verdict for quote in whole_catalogue(read_snapshot(), AT).values()]
    assert verdicts.count("verified") > 150
    assert verdicts.count("differs") < verdicts.count("verified") / 3
    assert set(verdicts) <= set(VERDICTS)


def test_a_configured_snapshot_is_asked_in_place_of_the_shipped_one(tmp_path):
    (tmp_path / "mine.json").write_bytes(msgspec.json.encode(snapshot(input="2.5", output="11")))
    path = tmp_path / "fairlead.toml"
    path.write_text('[prices]\nsecond_source = "mine.json"\n[providers.openai]\n[models."openai/gpt-4o"]\n')
    config = load(path, {"OPENAI_API_KEY": "x"})
    assert quotes(config, AT)["openai/gpt-4o"].verdict == "differs"
    (candidate,) = catalog.build(config, AT)
    assert (candidate.price.output.base, len(candidate.prices_within(AT, AT))) == (Decimal(10), 2)


def test_a_price_of_ones_own_asks_nobody(tmp_path):
    path = tmp_path / "fairlead.toml"
    path.write_text(
        '[prices]\nsecond_source = "gone.json"\n[providers.openai]\n[models."openai/gpt-4o"]\n'
        "price = { input_usd_per_mtok = 1, output_usd_per_mtok = 1 }\n"
    )
    assert quotes(load(path, {"OPENAI_API_KEY": "x"}), AT)["openai/gpt-4o"].verdict == "given"
