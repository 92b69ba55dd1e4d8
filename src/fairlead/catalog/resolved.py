"""The first source's prices, worked out beforehand: what the library says, without loading it.

genai-prices takes 0.15 s and 13 MB, much of a gateway's start. So `tools/resolve_prices.py` asks it for every model of
a known provider, and what it said lies beside this file. It counts only where the very version of the library is
installed that was asked, at a provider's usual address, for a model by its own name, and for settings that change no
price; everything else asks the library itself. A test holds each model against it.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads the annotations
from functools import cache
from importlib import resources
from importlib.metadata import version
from typing import TYPE_CHECKING, Self

import msgspec

from fairlead.catalog.rates import Rates, from_steps, to_steps
from fairlead.catalog.terms import of_rates, rates_of
from fairlead.config.known import KNOWN_PROVIDERS
from fairlead.money import Term

if TYPE_CHECKING:
    from collections.abc import Mapping

LIBRARY = "genai-prices"
FILE = "first_source.json"


class ResolvedTerm(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A price while it holds."""

    rates: Rates | None
    """`None`: no price is known then."""
    source: str = ""
    estimated: bool = False
    starts: datetime | None = None
    spans: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, term: Term) -> Self:
        """Returns what is kept of a term."""
        price = term.price
        if price is None:
            return cls(rates=None, starts=term.starts, spans=term.spans)
        rates = {name: to_steps(rate) for name, rate in rates_of(price).items()}
        return cls(rates=rates, source=price.source, estimated=price.estimated, starts=term.starts, spans=term.spans)

    def term(self) -> Term:
        """Returns the term."""
        price = None if self.rates is None else of_rates(from_steps(self.rates), self.source, estimated=self.estimated)
        return Term(price=price, starts=self.starts, spans=self.spans)


class Resolved(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the library says of a model."""

    terms: tuple[ResolvedTerm, ...] = ()
    context_tokens: int | None = None
    settings: tuple[str, ...] = ()
    """Those that change its price."""


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """All that was worked out."""

    library: str
    """Version that was asked."""
    models: dict[str, msgspec.Raw]
    """`PROVIDER/MODEL` -> a `Resolved`."""


def resolved(model: str, base_url: str | None, settings: Mapping[str, object] | None = None) -> Resolved | None:
    """Returns what was worked out for a model; `None` where the library must be asked."""
    provider = next((name for name, known in KNOWN_PROVIDERS.items() if known.base_url == base_url), None)
    raw = None if provider is None else book().models.get(f"{provider}/{model}")
    if raw is None or book().library != version(LIBRARY):
        return None
    entry = msgspec.json.decode(raw, type=Resolved)
    return None if set(entry.settings) & set(settings or ()) else entry


@cache
def book() -> Book:
    """Returns what ships inside."""
    return msgspec.json.decode(resources.files(__package__).joinpath(FILE).read_bytes(), type=Book)
