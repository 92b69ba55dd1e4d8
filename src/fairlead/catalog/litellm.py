"""LiteLLM's table of prices (`model_prices_and_context_window.json`, MIT licence), read into a snapshot of ours.

It prices a token, in floats that stand for decimal numbers: read as decimals, they are exact.
"""

from __future__ import annotations

import hashlib
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fairlead.catalog.snapshot import OffPeak, Quoted, Snapshot
from fairlead.errors import CatalogError
from fairlead.money import MINUTES_PER_DAY, weekly

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

    from fairlead.catalog.rates import Rates

PROVIDERS = {
    **{name: name for name in ("openai", "anthropic", "gemini", "mistral", "groq", "deepseek", "xai", "openrouter")},
    "together_ai": "together",
}
"""LiteLLM's name of a provider -> ours."""
TOKEN_RATES = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "input_cost_per_audio_token": "input_audio",
    "output_cost_per_audio_token": "output_audio",
    "cache_read_input_audio_token_cost": "cache_read_audio",
    "input_cost_per_image_token": "input_image",
    "output_cost_per_image_token": "output_image",
}
"""Its name of a rate, USD per token -> ours."""
SERVICE_TIERS = ("flex", "priority")
_TIER = re.compile(r"_above_(\d+)k_tokens$")
_MILLION = Decimal(1_000_000)


def read_litellm(path: Path, taken: date, version: str = "") -> Snapshot:
    """Returns the chat models of LiteLLM's table that our providers serve.

    Args:
        path: the JSON file.
        taken: the day on which it said so.
        version: of LiteLLM, where known.

    Raises:
        CatalogError: it cannot be read, or is no such table.
    """
    try:
        content = path.read_bytes()
        table = json.loads(content, parse_float=Decimal)
    except OSError as error:
        raise CatalogError(f"cannot read `{path}`: {error.strerror}. Give the path of LiteLLM's JSON.") from None
    except ValueError as error:
        raise CatalogError(f"`{path}` is not JSON ({error}). Give the path of LiteLLM's JSON.") from None
    prices = dict(found for key, entry in table.items() if (found := _entry(key, entry))) if _is_table(table) else {}
    if not prices:
        message = f"`{path}` prices no model that we know; expected LiteLLM's `model_prices_and_context_window.json`."
        raise CatalogError(message)
    source = f"litellm {version}".strip()
    return Snapshot.of(prices, source=source, taken=taken, file_sha256=hashlib.sha256(content).hexdigest())


def _is_table(table: object) -> bool:
    return isinstance(table, dict) and all(isinstance(entry, dict) for entry in table.values())


def _entry(key: str, entry: Mapping[str, Any]) -> tuple[str, Quoted] | None:
    theirs = entry.get("litellm_provider")
    if theirs not in PROVIDERS or entry.get("mode") not in {"chat", "responses"}:
        return None
    rates = _rates(entry)
    if not {"input", "output"} <= rates.keys():
        return None
    name = f"{PROVIDERS[theirs]}/{key.removeprefix(f'{theirs}/')}"
    quoted = Quoted(
        key=key,
        page=str(entry.get("source", "")),
        rates=rates,
        off_peak=_off_peak(entry.get("off_peak_pricing")),
        settings={f"service_tier={tier}": own for tier in SERVICE_TIERS if (own := _rates(entry, f"_{tier}"))},
        uplifts=_uplifts(entry),
    )
    return name, quoted


def _rates(entry: Mapping[str, Any], suffix: str = "") -> Rates:
    """Returns the rates, tiers by the length of the input included, under names that end so."""
    rates: dict[str, dict[int, Decimal]] = {}
    for field, value in entry.items():
        if not field.endswith(suffix) or not isinstance(value, Decimal | int) or isinstance(value, bool):
            continue
        bare = field[: len(field) - len(suffix)]
        tier = _TIER.search(bare)
        ours = TOKEN_RATES.get(_TIER.sub("", bare))
        if ours is not None and (value or ours not in {"cache_write", "cache_write_1h"}):  # 0: it asks for no writing
            rates.setdefault(ours, {})[int(tier[1]) * 1000 if tier else 0] = _plain(value * _MILLION)
    return {name: tuple(sorted(steps.items())) for name, steps in rates.items() if 0 in steps}


def _off_peak(pricing: Mapping[str, Any] | None) -> tuple[OffPeak, ...]:
    if not pricing:
        return ()
    spans = [span for window in pricing["windows"] for span in _spans(window)]
    return (OffPeak(spans=tuple(sorted(spans)), rates=_rates(pricing)),)


def _spans(window: Mapping[str, Any]) -> list[tuple[int, int]]:
    hours = window["hours_utc"]
    days = [day - 1 for day in window.get("weekdays", range(1, 8))]
    clocks = [each.split("-") for each in ([hours] if isinstance(hours, str) else hours)]
    return [span for start, end in clocks for span in weekly(days, _minute(start), _minute(end))]


def _minute(clock: str) -> int:
    hour, minute = clock.split(":")
    return (int(hour) * 60 + int(minute)) % MINUTES_PER_DAY


def _uplifts(entry: Mapping[str, Any]) -> dict[str, Decimal]:
    prefix = "regional_processing_uplift_multiplier_"
    found = {name.removeprefix(prefix): value for name, value in entry.items() if name.startswith(prefix)}
    if "us" in (own := entry.get("provider_specific_entry") or {}):
        found["us"] = own["us"]
    return {region: _plain(Decimal(value)) for region, value in found.items()}


def _plain(value: Decimal) -> Decimal:
    """Returns the number without an exponent and without zeros at its end, so that equal ones look equal."""
    short = value.normalize()
    return short.quantize(Decimal(1)) if short == short.to_integral() else Decimal(f"{short:f}")
