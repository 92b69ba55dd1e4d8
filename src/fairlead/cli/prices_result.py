"""What `fairlead prices` answers."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime  # noqa: TC003 - msgspec reads the annotations
from typing import TYPE_CHECKING, Self

import msgspec

from fairlead.cli.output import Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fairlead.catalog.quotes import Quote
    from fairlead.money import Rate, Term

Steps = tuple[tuple[int, str], ...]
"""(Total input tokens above which it counts, USD)."""


class TermResult(msgspec.Struct, kw_only=True, frozen=True):
    """A price while it holds."""

    price_id: str | None
    """Names the row in a ledger; `null` where no price is known then."""
    starts: datetime | None
    """`null` is since ever."""
    when: str
    """Hours of the week, UTC, in words; `always` where nothing restricts it."""
    rates: dict[str, Steps]
    """Rate -> steps: USD per million tokens, of `web_search`, `file_search` and `request` per thousand."""
    source: str
    estimated: bool

    @classmethod
    def of(cls, term: Term) -> Self:
        """Returns what is shown of a term."""
        from fairlead.catalog.terms import in_words, rates_of  # noqa: PLC0415 - heavy, loaded when called

        price = term.price
        return cls(
            price_id=None if price is None else price.id,
            starts=term.starts,
            when=in_words(term.spans, term.starts),
            rates={} if price is None else {name: steps(rate) for name, rate in rates_of(price).items()},
            source="" if price is None else price.source,
            estimated=price is not None and price.estimated,
        )


class QuoteResult(msgspec.Struct, kw_only=True, frozen=True):
    """What is known of the price of a model."""

    name: str
    verdict: str
    """`given`, `verified`, `differs`, `one_source` or `unknown`."""
    in_words: str
    now: str | None
    """Id of the price that counts at the moment asked for; `null` where none is known."""
    terms: tuple[TermResult, ...]
    """What bills use; of the terms that hold the last one counts."""
    second: tuple[TermResult, ...]
    """What the second source says."""
    meant: tuple[str, ...] = ()
    """Known models with close names, where no price is known of this one."""

    @classmethod
    def of(cls, quote: Quote, at: datetime) -> Self:
        """Returns what is shown of a price."""
        from fairlead.catalog.near import near  # noqa: PLC0415 - heavy, loaded when called
        from fairlead.catalog.quotes import VERDICTS  # noqa: PLC0415 - heavy, loaded when called

        price = None if quote.tariff is None else quote.tariff.price_at(at)
        return cls(
            name=quote.name,
            verdict=quote.verdict,
            in_words=VERDICTS[quote.verdict],
            now=None if price is None else price.id,
            terms=() if quote.tariff is None else tuple(map(TermResult.of, quote.tariff.terms)),
            second=() if quote.second is None else tuple(map(TermResult.of, quote.second.terms)),
            meant=near(quote.name) if quote.verdict == "unknown" else (),
        )


class DifferenceResult(msgspec.Struct, kw_only=True, frozen=True):
    """A rate that two sources tell differently."""

    name: str
    rate: str
    when: str
    first: Steps
    second: Steps
    sources: str

    @classmethod
    def all_of(cls, quote: Quote) -> Iterator[Self]:
        """Yields every difference of a quote."""
        from fairlead.catalog.terms import in_words  # noqa: PLC0415 - heavy, loaded when called

        said = " | ".join(_source(tariff.terms) for tariff in (quote.first, quote.second) if tariff is not None)
        for each in quote.differences:
            yield cls(
                name=quote.name,
                rate=each.rate,
                when=in_words(each.spans),
                first=steps(each.first),
                second=steps(each.second),
                sources=said,
            )


class VerdictResult(msgspec.Struct, kw_only=True, frozen=True):
    """How many prices are how sure."""

    verdict: str
    n: int

    @classmethod
    def counted(cls, verdicts: Iterable[str]) -> tuple[Self, ...]:
        """Returns one row a verdict, zeros included."""
        from fairlead.catalog.quotes import VERDICTS  # noqa: PLC0415 - heavy, loaded when called

        counts = Counter(verdicts)
        return tuple(cls(verdict=verdict, n=counts[verdict]) for verdict in VERDICTS)


class PricesShowResult(Result, kw_only=True, frozen=True):
    """What models cost, and by whom that is said."""

    schema: str = "fairlead.prices.show/1"
    at: datetime
    prices: tuple[QuoteResult, ...]


class PricesDiffResult(Result, kw_only=True, frozen=True):
    """Where two sources differ; exit code 1 where they do."""

    schema: str = "fairlead.prices.diff/1"
    at: datetime
    n_models: int
    verdicts: tuple[VerdictResult, ...]
    differences: tuple[DifferenceResult, ...]


class PricesVerifyResult(Result, kw_only=True, frozen=True):
    """Whether every price is verified by two sources or given by the user; exit code 1 where one is not."""

    schema: str = "fairlead.prices.verify/1"
    at: datetime
    second_source: str
    second_source_sha256: str
    """Of what the snapshot says; it was compared with the snapshot itself."""
    n_models: int
    verdicts: tuple[VerdictResult, ...]
    doubtful: tuple[QuoteResult, ...]


class PricesImportResult(Result, kw_only=True, frozen=True):
    """The snapshot that was made of a table of prices."""

    schema: str = "fairlead.prices.import/1"
    file: str
    file_sha256: str
    source: str
    taken: date
    snapshot: str
    sha256: str
    n_models: int


def steps(rate: Rate) -> Steps:
    """Returns a rate with its tiers, every digit."""
    return ((0, f"{rate.base:f}"), *((start, f"{usd:f}") for start, usd in rate.tiers))


def _source(terms: tuple[Term, ...]) -> str:
    return next((term.price.source for term in terms if term.price is not None), "")
