"""`fairlead probe`: how fast the configured hosts are, and how often they fail, by small calls within a sum."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal, Self

import msgspec
import typer

from fairlead.cli.check import ConfigOption, checked
from fairlead.cli.output import JsonOption, OutOption, Result, emit, table
from fairlead.errors import ConfigError
from fairlead.execution.hosts import MIN_SEEN, tokens_per_s
from fairlead.gateway.probing import MAX_OUTPUT_TOKENS, PROMPT, STOPPED, limits_of_probes, probe
from fairlead.gateway.setup import limits_of, opened
from fairlead.statistics.medians import median
from fairlead.statistics.proportions import wilson

if TYPE_CHECKING:
    from rich.console import Console

    from fairlead.gateway.probing import Probed
    from fairlead.gateway.setup import Setup
    from fairlead.statistics.bootstrap import Interval

app = typer.Typer()

MaxUsdOption = Annotated[str, typer.Option("--max-usd", help="The most that all calls may cost together, USD.")]
CallsOption = Annotated[
    int,
    typer.Option(
        "--calls",
        min=1,
        max=1000,
        help="Calls of each candidate; from 6 on medians have intervals, from 20 on `serve` starts from them.",
    ),
]


class FigureResult(msgspec.Struct, kw_only=True, frozen=True):
    """A figure with its 95 % interval; `low` and `high` are `null` where `n` is too small for one."""

    n: int
    """Calls that it rests on."""
    value: float
    low: float | None
    high: float | None

    @classmethod
    def of(cls, found: Interval | None, n: int) -> Self | None:
        """Returns what is shown of an interval; `None` of nothing."""
        if found is None:
            return None
        low, high = (None if math.isnan(end) else end for end in (found.low, found.high))
        return cls(n=n, value=found.value, low=low, high=high)


class ProbedHostResult(msgspec.Struct, kw_only=True, frozen=True):
    """What the calls of one candidate came to."""

    candidate: str
    host: Literal["hosted", "simulated", "recorded"]
    n_calls: int
    n_errors: int
    errors: dict[str, int]
    """Class of the error -> calls that ended in it."""
    whys: dict[str, str]
    """Class of the error -> why the last of these calls failed."""
    error_share: FigureResult | None
    """With Wilson's interval."""
    ttft_s: FigureResult | None
    """Median time to first token of the calls that were answered, with the interval of its order statistics."""
    tokens_per_s: FigureResult | None
    """Median of the tokens a second after the first one, of the calls that were answered and told their usage."""
    at_most_usd: Decimal
    """What the calls cost; of one whose cost is not known, its bound."""
    n_unknown_cost: int
    served_as: tuple[str, ...]
    """Names that the host gave its model, where they are none of the one that was asked for."""
    stopped: str | None
    """Why it was called less often than asked for, or not at all; `null` where all calls were made.

    `max_usd`: the sum is spent; `key_refused`: its host does not take the key; `over_bound`: it does not keep to the
    limit on its output; `recorded`: it answers from a table; else why it may not serve, in the words of an exclusion.
    """

    @classmethod
    def of(cls, probed: Probed, host: Literal["hosted", "simulated", "recorded"]) -> Self:
        """Returns what is shown of a candidate."""
        attempts, name = probed.attempts, probed.candidate.name
        answered = [attempt for attempt in attempts if attempt.status == "ok"]
        firsts = [attempt.ttft_s for attempt in answered if attempt.ttft_s is not None]
        paces = [pace for attempt in answered if (pace := tokens_per_s(attempt)) is not None]
        errors = Counter(attempt.error or attempt.status for attempt in attempts if attempt.status != "ok")
        return cls(
            candidate=name,
            host=host,
            n_calls=len(attempts),
            n_errors=errors.total(),
            errors=dict(errors),
            whys=probed.whys,
            error_share=FigureResult.of(wilson(errors.total(), len(attempts)), len(attempts)),
            ttft_s=FigureResult.of(median(firsts), len(firsts)),
            tokens_per_s=FigureResult.of(median(paces), len(paces)),
            at_most_usd=probed.at_most_usd,
            n_unknown_cost=sum(attempt.cost_usd is None for attempt in attempts),
            served_as=tuple(sorted(probed.served_as)),
            stopped=probed.stopped,
        )


class ProbeResult(Result, kw_only=True, frozen=True):
    """What `fairlead probe` measured; exit code 1 where a host was called and never answered."""

    schema: str = "fairlead.probe/1"
    began_at: datetime
    ended_at: datetime
    prompt: str
    max_output_tokens: int
    calls: int
    """That were asked for, of each candidate."""
    max_usd: Decimal
    at_most_usd: Decimal
    """What all calls cost; of those whose cost is not known, their bounds. More than `max_usd` only where a host is
    `over_bound`."""
    hosts: tuple[ProbedHostResult, ...]


@app.command()
def probe_hosts(
    config: ConfigOption = None,
    max_usd: MaxUsdOption = "0.05",
    calls: CallsOption = 20,
    as_json: JsonOption = False,
    out: OutOption = None,
) -> None:
    """Measures the configured hosts by small paid calls: time to first token, tokens a second, errors.

    Each call has its rows in the ledger, from which `fairlead serve` takes its first expectations; what it may cost is
    set aside before it is made. Models without a price are not called.
    """
    sum_usd, setup, began_at = _amount(max_usd), checked(config), datetime.now(UTC)
    probed = asyncio.run(_probed(setup, sum_usd, calls))
    result = ProbeResult(
        began_at=began_at,
        ended_at=datetime.now(UTC),
        prompt=PROMPT,
        max_output_tokens=MAX_OUTPUT_TOKENS,
        calls=calls,
        max_usd=sum_usd,
        at_most_usd=sum((each.at_most_usd for each in probed), Decimal(0)),
        hosts=tuple(ProbedHostResult.of(each, _host(setup, each.candidate.provider)) for each in probed),
    )
    emit(result, partial(_show, result), as_json=as_json, out=out)
    raise typer.Exit(1 if any(host.n_calls == host.n_errors > 0 for host in result.hosts) else 0)


async def _probed(setup: Setup, max_usd: Decimal, calls: int) -> list[Probed]:
    recorded = {name for name in setup.inside if _host(setup, name) == "recorded"}
    async with opened(setup, limits=limits_of_probes(limits_of(setup.config.limits))) as gateway:
        return await probe(gateway, max_usd=max_usd, n_calls=calls, recorded=recorded)


def _host(setup: Setup, provider: str) -> Literal["hosted", "simulated", "recorded"]:
    if provider not in setup.inside:
        return "hosted"
    return "recorded" if setup.inside[provider].responder.label == "recorded" else "simulated"


def _amount(usd: str) -> Decimal:
    try:
        amount = Decimal(usd)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount <= 0:
        raise ConfigError(f"`--max-usd` is `{usd}`; expected a sum above 0, such as `0.05`.")
    return amount


def _show(result: ProbeResult, console: Console) -> None:
    rows = table("candidate", "host", "calls", "errors", "error share", "first token s", "tokens/s", "USD at most", "")
    for host in result.hosts:
        rows.add_row(
            host.candidate,
            host.host,
            str(host.n_calls),
            str(host.n_errors),
            *map(_figure, (host.error_share, host.ttft_s, host.tokens_per_s)),
            f"{host.at_most_usd:f}",
            _notes(host),
        )
    console.print(rows)
    console.print(
        f"{result.calls} calls each were asked for, at most {result.max_output_tokens} tokens of output; medians and "
        f"shares with 95 % intervals. At most ${result.at_most_usd:f} of ${result.max_usd:f} was spent.",
    )
    if few := [host.candidate for host in result.hosts if host.n_calls and _n_firsts(host) < MIN_SEEN]:
        console.print(
            f"`fairlead serve` starts from these figures where {MIN_SEEN} calls were answered within a week: not yet "
            f"for {', '.join(few)}: more `--calls`, or a larger `--max-usd`.",
        )


def _n_firsts(host: ProbedHostResult) -> int:
    return 0 if host.ttft_s is None else host.ttft_s.n


def _figure(figure: FigureResult | None) -> str:
    if figure is None:
        return ""
    ends = "" if figure.low is None else f" [{figure.low:.3g}, {figure.high:.3g}]"
    return f"{figure.value:.3g}{ends} (n={figure.n})"


def _notes(host: ProbedHostResult) -> str:
    failed = [f"{name} {n}x: {host.whys.get(name, 'no reason was given')}" for name, n in host.errors.items()]
    renamed = [f"served as {name}" for name in host.served_as]
    return "; ".join([*failed, *renamed, *([] if host.stopped is None else [STOPPED[host.stopped]])])
