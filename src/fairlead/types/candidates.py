"""Who may answer, what each can do, and at what price."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - the ledger decodes these types: hints must resolve

from fairlead.money import Price, Tariff  # noqa: TC001
from fairlead.types.content import Dialect  # noqa: TC001


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a candidate can do; `None` is unknown, and unknown excludes where the capability is needed."""

    context_tokens: int | None = None
    max_output_tokens: int | None = None
    tools: bool | None = None
    vision: bool | None = None
    audio: bool | None = None
    files: bool | None = None
    json_schema: bool | None = None
    reasoning: bool | None = None
    """It thinks before it answers, so that its first word may take minutes."""
    prefill: bool | None = None
    """It goes on from the beginning of an answer that a request ends with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Weights at a host with settings: what is priced, measured and chosen."""

    name: str
    """`provider/model`, unique."""
    provider: str = ""
    model: str = ""
    """The name that the provider knows."""
    weights: str = ""
    """Candidates with equal weights are hosts of one model."""
    dialects: tuple[Dialect, ...] = ("openai",)
    """What its host speaks; the first is what a request of another dialect is put into."""
    refused: tuple[str, ...] = ()
    """Fields of the first dialect that its host does not take."""
    goes_on: bool | None = None
    """It is known to go on with an answer that broke off, and how its host is asked for that."""
    settings: tuple[tuple[str, str | int | float | bool], ...] = ()
    capabilities: Capabilities = Capabilities()
    price: Price | None = None
    """What stands for all its prices where no moment is given: the dearest hour of the day it was looked up."""
    known_as: tuple[str, ...] = ()
    """Its names in outcome tables."""
    tariff: Tariff | None = None
    """Its prices over time, where one price does not say it all."""

    @property
    def prices(self) -> tuple[Price, ...]:
        """Every price that a bill may name, each once."""
        terms = () if self.tariff is None else self.tariff.terms
        return tuple(dict.fromkeys(price for price in (self.price, *(t.price for t in terms)) if price is not None))

    def price_at(self, moment: datetime) -> Price | None:
        """Returns what a call at that moment is predicted and billed by."""
        return self.price if self.tariff is None else self.tariff.price_at(moment)

    def prices_within(self, start: datetime, end: datetime) -> tuple[Price | None, ...]:
        """Returns every price that a call between these moments may be billed by, for a bound on its cost."""
        return (self.price,) if self.tariff is None else self.tariff.within(start, end)
