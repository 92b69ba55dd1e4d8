"""Prices of a second source, as they were on a day: dated, checksummed, each with where it was read."""

from __future__ import annotations

import hashlib
import re
from datetime import date  # noqa: TC003 - msgspec reads the annotations
from decimal import Decimal  # noqa: TC003
from importlib import resources
from typing import TYPE_CHECKING, Self

import msgspec

from fairlead.catalog.rates import Rates, from_steps
from fairlead.catalog.terms import of_rates
from fairlead.errors import CatalogError
from fairlead.money import Tariff, Term

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SHIPPED = "second_source.json"
_DATED = re.compile(r"-(\d{8}|\d{4}-\d{2}-\d{2})$")


class OffPeak(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Other rates at some hours."""

    spans: tuple[tuple[int, int], ...]
    """Minutes since Monday 00:00 UTC, ends exclusive."""
    rates: Rates


class Quoted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the source says of one model."""

    key: str
    """The source's own name of it."""
    page: str = ""
    """Where the source read it."""
    rates: Rates
    off_peak: tuple[OffPeak, ...] = ()
    settings: dict[str, Rates] = {}
    """`service_tier=flex` -> the rates that differ."""
    uplifts: dict[str, Decimal] = {}
    """Region -> factor."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A second source on a day."""

    schema: str = "fairlead.prices.snapshot/1"
    source: str
    """Name and version."""
    taken: date
    file_sha256: str
    """Of the file that it was read from."""
    prices: dict[str, msgspec.Raw]
    """`PROVIDER/MODEL` -> a `Quoted`."""
    sha256: str
    """Of everything above."""

    @classmethod
    def of(cls, prices: Mapping[str, Quoted], *, source: str, taken: date, file_sha256: str) -> Self:
        """Returns the snapshot of these prices, with its checksum."""
        raw = {name: msgspec.Raw(msgspec.json.encode(prices[name])) for name in sorted(prices)}
        bare = cls(source=source, taken=taken, file_sha256=file_sha256, prices=raw, sha256="")
        return msgspec.structs.replace(bare, sha256=bare.checksum())

    def checksum(self) -> str:
        """Returns the SHA-256 of what the snapshot says, in hexadecimal."""
        digest = hashlib.sha256(f"{self.schema}\n{self.source}\n{self.taken}\n{self.file_sha256}\n".encode())
        for name, raw in self.prices.items():
            digest.update(name.encode() + bytes(raw))
        return digest.hexdigest()

    def quoted(self, provider: str, model: str) -> Quoted | None:
        """Returns what is said of the model, or where nothing is, of the one that it is a dated version of."""
        for name in (model, _DATED.sub("", model)):
            if (raw := self.prices.get(f"{provider}/{name}")) is not None:
                return msgspec.json.decode(raw, type=Quoted)
        return None

    def tariff_of(self, provider: str, model: str, settings: Mapping[str, object]) -> Tariff | None:
        """Returns what the model costs over the week; `None` where the source does not say it."""
        quoted = self.quoted(provider, model)
        if quoted is None or not {"input", "output"} <= quoted.rates.keys():
            return None
        own = [rates for when, rates in quoted.settings.items() if _holds(when, settings)]
        name = f"{self.source} of {self.taken}: {quoted.key}"
        base = quoted.rates | {rate: usd for rates in own for rate, usd in rates.items()}
        off_peak = () if own else quoted.off_peak  # what a setting costs off peak nobody says
        terms = [
            Term(price=of_rates(from_steps(quoted.rates | each.rates), name), spans=each.spans) for each in off_peak
        ]
        return Tariff(terms=(Term(price=of_rates(from_steps(base), name)), *terms))

    def uplift(self, provider: str, model: str, region: str) -> Decimal | None:
        """Returns by what the model is dearer in a region; `None` where the source does not say it."""
        quoted = self.quoted(provider, model)
        return None if quoted is None else quoted.uplifts.get(region)


def read_snapshot(path: Path | None = None) -> Snapshot:
    """Returns a snapshot that was imported, or without a path the one that ships inside.

    Raises:
        CatalogError: it cannot be read, is no snapshot, or was altered after it was written.
    """
    place = f"`{path}`" if path else "the snapshot of prices that ships inside"
    try:
        content = resources.files(__package__).joinpath(SHIPPED).read_bytes() if path is None else path.read_bytes()
        snapshot = msgspec.json.decode(content, type=Snapshot)
    except OSError as error:
        raise CatalogError(f"cannot read {place}: {error.strerror}. Make it by `fairlead prices import`.") from None
    except msgspec.DecodeError as error:
        message = f"{place} is no snapshot of prices ({error}). Make it by `fairlead prices import`."
        raise CatalogError(message) from None
    if snapshot.checksum() != snapshot.sha256:
        raise CatalogError(f"{place} was altered: its checksum differs. Make it anew by `fairlead prices import`.")
    return snapshot


def _holds(when: str, settings: Mapping[str, object]) -> bool:
    name, _, value = when.partition("=")
    return str(settings.get(name)) == value
