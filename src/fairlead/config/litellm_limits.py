"""Budgets, rates and caches of LiteLLM's proxy in our words: budget and cache of a route, limits of a key."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BUDGET = ("max_budget", "budget_duration")
RATES = {
    "rpm": "--requests-per-minute",
    "rpm_limit": "--requests-per-minute",
    "tpm": "--tokens-per-minute",
    "tpm_limit": "--tokens-per-minute",
    "max_parallel_requests": "--parallel",
}
"""Its limit -> the option of `fairlead keys create` that keeps it, for a key."""
LONGEST_S = 604_800
STORES = frozenset({"local", "redis", "redis-cluster", "disk", "s3", "gcs", "azure-blob"})
"""Where an exact-match cache of LiteLLM may lie; the others look for similar requests."""
_DURATION = re.compile(r"(\d+)(s|m|h|d|w|mo)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_PERIODS = {3600: "hour", 86_400: "day", 604_800: "week", 28 * 86_400: "month", 30 * 86_400: "month"} | {
    31 * 86_400: "month"
}


def period(duration: object) -> str | None:
    """Returns the period of a budget that is renewed after so long; `None` where we have none of this length.

    Example:
        >>> period("24h"), period("30d"), period(None), period("10d")
        ('day', 'month', 'total', None)
    """
    if duration is None:
        return "total"
    found = _DURATION.fullmatch(str(duration))
    if found is None:
        return None
    n, unit = int(found[1]), found[2]
    if unit == "mo":
        return "month" if n == 1 else None
    return _PERIODS.get(n * _SECONDS[unit])


def budget(limits: Mapping[str, Any]) -> dict[str, str] | None:
    """Returns the budget of a route; `None` where there is none, or none of ours is like it."""
    usd, per = _usd(limits.get("max_budget")), period(limits.get("budget_duration"))
    return {"usd": usd, "per": per} if usd is not None and per is not None else None


def key_command(limits: Mapping[str, Any], route: str | None = None) -> str:
    """Returns the command that makes a key with these limits, as far as a key can have them."""
    words = [] if route is None else [f"--route {route}"]
    if (made := budget(limits)) is not None:
        words.append(f"--budget {made['usd']}/{made['per']}")
    words += [f"{option} {int(limits[name])}" for name, option in RATES.items() if _is_count(limits.get(name))]
    if re.fullmatch(r"\d{1,5}[hdw]", str(limits.get("duration"))):
        words.append(f"--expires {limits['duration']}")
    return " ".join(["fairlead keys create NAME", *words])


def cache(library: Mapping[str, Any]) -> tuple[dict[str, Any] | None, list[tuple[str, str]]]:
    """Returns the cache of every route, `None` where there is none, and (setting, why) of what is not the same here."""
    if library.get("cache") is not True:
        return None, []
    params: dict[str, Any] = dict(library.get("cache_params") or {})
    if (why := _not_ours(params)) is not None:
        return None, [("cache", why)]
    ttl_s = params.pop("ttl", None)
    for settled in ("type", "mode", "supported_call_types"):
        params.pop(settled, None)
    made = {"ttl_s": float(min(ttl_s, LONGEST_S))} if _is_count(ttl_s) else {"ttl_s": 3600.0}
    return made, list(_differences(params, ttl_s))


def _not_ours(params: Mapping[str, Any]) -> str | None:
    if (kind := str(params.get("type", "local"))) not in STORES:
        return f"`{kind}` answers similar requests alike; here only the same request gets the same answer"
    if params.get("mode") == "default_off":
        return "requests cannot ask for it one by one; set `cache` of the routes that may keep answers"
    if not {"completion", "acompletion"} & set(params.get("supported_call_types") or ["completion"]):
        return "only answers of chats are kept"
    return None


def _differences(params: Mapping[str, Any], ttl_s: object) -> Iterator[tuple[str, str]]:
    if not _is_count(ttl_s):
        yield "cache_params.ttl", "none is given: answers are kept for an hour"
    for name in params:
        yield f"cache_params.{name}", "answers lie in the memory of each gateway, for the key that asked, and no other"


def _usd(value: object) -> str | None:
    try:
        usd = Decimal(str(value))
    except InvalidOperation:
        return None
    return f"{usd:f}" if usd.is_finite() and usd > 0 else None


def _is_count(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
