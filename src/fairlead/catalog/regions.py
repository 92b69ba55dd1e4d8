"""Where calls are processed, and what that adds to their price, by the page named beside it; as of November 2026."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Mapping


class Place(NamedTuple):
    """A region that a call is kept in."""

    region: str
    factor: Decimal | None
    """On every rate; `None`: it differs by model, and the second source says it."""
    source: str


HOSTS = {
    "us-api.together.ai": (
        "api.together.xyz",
        Place("us", Decimal("1.25"), "docs.together.ai, geo-specific inference"),
    ),
    "ca-api.together.ai": (
        "api.together.xyz",
        Place("ca", Decimal("1.25"), "docs.together.ai, geo-specific inference"),
    ),
    "eu.api.openai.com": ("api.openai.com", Place("eu", None, "the second source")),
    "us.api.openai.com": ("api.openai.com", Place("us", None, "the second source")),
}
"""Host of a region -> the host whose prices it multiplies, and by what."""
SETTINGS = {
    ("anthropic", "inference_geo", "us"): Place("us", Decimal("1.1"), "platform.claude.com, data residency"),
}
"""(Provider, setting, its value) -> the region, and what it adds."""


def placed(provider: str, base_url: str, settings: Mapping[str, object]) -> tuple[str, Place | None]:
    """Returns the address whose prices count, and the region that the calls are kept in, where there is one."""
    parts = urlsplit(base_url)
    if (found := HOSTS.get(parts.hostname or "")) is not None:
        host, place = found
        return urlunsplit(parts._replace(netloc=host)), place
    asked = (SETTINGS.get((provider, name, str(value))) for name, value in settings.items())
    return base_url, next((place for place in asked if place is not None), None)
