"""What is known of each candidate, with who says so and when: for `/v1/models` and `fairlead models`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

import msgspec

from fairlead.catalog.facts import facts_of
from fairlead.catalog.quotes import quotes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.catalog.capabilities import Fact
    from fairlead.catalog.quotes import Quote
    from fairlead.config import Config
    from fairlead.execution.hosts import Host
    from fairlead.types import Candidate


class PriceShown(msgspec.Struct, frozen=True, kw_only=True):
    """The base rates that count now; tiers and caches come on top (`fairlead prices show`)."""

    input_usd_per_mtok: str
    output_usd_per_mtok: str
    estimated: bool
    verdict: str = "given"
    """`given`, `verified`, `differs` (from a second source) or `one_source`."""
    source: str = ""

    @classmethod
    def of(cls, candidate: Candidate, quote: Quote | None, now: datetime) -> Self | None:
        """Returns what a candidate costs at a moment; `None` where that is not known."""
        price = candidate.price_at(now)
        if price is None:
            return None
        return cls(
            input_usd_per_mtok=f"{price.input.base:f}",
            output_usd_per_mtok=f"{price.output.base:f}",
            estimated=price.estimated,
            verdict="given" if quote is None or quote.verdict == "unknown" else quote.verdict,
            source=price.source,
        )


class MeasuredShown(msgspec.Struct, frozen=True, kw_only=True):
    """What was lately measured of its host, by requests and by `fairlead probe`; `null` before twenty of a kind."""

    ttft_p95_s: float | None
    """Time to the first token of 19 streams in 20."""
    latency_p95_s: float | None
    """Time to the whole of 19 answers in 20; of probes, which are short, this is not asked."""
    tokens_per_s: float | None
    """Median of streams, after the first token."""
    n_streams: int
    """Streams that this rests on: the latest, at most 200."""
    n_answers: int
    """The same of whole answers, streamed or not."""
    at: datetime
    """When the newest of these calls was made."""

    @classmethod
    def of(cls, host: Host | None) -> Self | None:
        """Returns what was measured; `None` where nothing was yet."""
        if host is None or host.measured_at is None:
            return None
        return cls(
            ttft_p95_s=host.ttft_s.quantile(0.95),
            latency_p95_s=host.latency_s.quantile(0.95),
            tokens_per_s=host.tokens_per_s.quantile(0.5),
            n_streams=len(host.ttft_s),
            n_answers=len(host.latency_s),
            at=host.measured_at,
        )


class Knowledge:
    """What the sources say of the configured models, looked up when somebody asks."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._facts: Mapping[str, Mapping[str, Fact]] | None = None
        self._quotes: Mapping[str, Quote] = {}

    def facts(self, name: str) -> Mapping[str, Fact]:
        """Returns what is known of a candidate, by the name of the fact."""
        self._look()
        assert self._facts is not None
        return self._facts.get(name, {})

    def quote(self, name: str) -> Quote | None:
        """Returns what the sources say of its price; `None` for a model inside this process."""
        self._look()
        return self._quotes.get(name)

    def _look(self) -> None:
        if self._facts is None:
            models = self._config.models
            self._quotes = quotes(self._config, datetime.now(UTC))
            self._facts = {name: facts_of(name, model, self._config) for name, model in models.items()}
