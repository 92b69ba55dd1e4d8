"""`fairlead prices`: what models cost, by whom that is said, where two sources differ, and whether all is verified."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fairlead.cli.check import ConfigOption  # noqa: TC001 - Typer reads the annotations
from fairlead.cli.output import JsonOption, OutOption, emit, table, write_whole
from fairlead.cli.prices_result import (
    DifferenceResult,
    PricesDiffResult,
    PricesImportResult,
    PricesShowResult,
    PricesVerifyResult,
    QuoteResult,
    VerdictResult,
)
from fairlead.config.refusals import did_you_mean, listed
from fairlead.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from fairlead.catalog.quotes import Quote
    from fairlead.catalog.snapshot import Snapshot

app = typer.Typer(no_args_is_help=True)

Names = Annotated[
    list[str] | None, typer.Argument(help="`PROVIDER/MODEL`, as many as you like. Default: those configured.")
]
AllOption = Annotated[bool, typer.Option("--all", help="Every model of the providers that are known.")]
AtOption = Annotated[str | None, typer.Option("--at", help="As of this day or moment (ISO 8601, UTC). Default: now.")]
FileArgument = Annotated[Path, typer.Argument(help="LiteLLM's `model_prices_and_context_window.json`.")]
SnapshotOption = Annotated[
    Path, typer.Option("--out", help="The snapshot to write; `[prices] second_source` names it.")
]
TakenOption = Annotated[str | None, typer.Option("--taken", help="The day on which it said so. Default: today.")]
VersionOption = Annotated[str, typer.Option("--version", help="Of LiteLLM, where known.")]


@app.command(short_help="what models cost, when, and by whom that is said")
def show(
    names: Names = None,
    config: ConfigOption = None,
    everything: AllOption = False,
    at: AtOption = None,
    as_json: JsonOption = False,
    out: OutOption = None,
) -> None:
    """Prints the price of each model with its terms, its source, and how sure it is."""
    when, found = _found(names, config, everything=everything, at=at)
    result = PricesShowResult(at=when, prices=tuple(QuoteResult.of(quote, when) for quote in found))
    emit(result, partial(_show, result), as_json=as_json, out=out)


@app.command(short_help="where two sources say different things")
def diff(
    names: Names = None,
    config: ConfigOption = None,
    everything: AllOption = False,
    at: AtOption = None,
    as_json: JsonOption = False,
    out: OutOption = None,
) -> None:
    """Prints every rate that two sources tell differently; exit code 1 where there is one."""
    when, found = _found(names, config, everything=everything, at=at)
    differing = tuple(each for quote in found for each in DifferenceResult.all_of(quote))
    verdicts = VerdictResult.counted(quote.verdict for quote in found)
    result = PricesDiffResult(at=when, n_models=len(found), verdicts=verdicts, differences=differing)
    emit(result, partial(_show_differences, result), as_json=as_json, out=out)
    raise typer.Exit(1 if differing else 0)


@app.command(short_help="is every configured price verified, and is the second source whole")
def verify(
    names: Names = None,
    config: ConfigOption = None,
    everything: AllOption = False,
    at: AtOption = None,
    as_json: JsonOption = False,
    out: OutOption = None,
) -> None:
    """Says whether each price is verified by two sources, or given by the user; exit code 1 where one is not."""
    when, found = _found(names, config, everything=everything, at=at)
    doubtful = tuple(QuoteResult.of(q, when) for q in found if q.verdict not in {"verified", "given"})
    snapshot = _snapshot(config)
    result = PricesVerifyResult(
        at=when,
        second_source=f"{snapshot.source} of {snapshot.taken}",
        second_source_sha256=snapshot.sha256,
        n_models=len(found),
        verdicts=VerdictResult.counted(quote.verdict for quote in found),
        doubtful=doubtful,
    )
    emit(result, partial(_show_verified, result), as_json=as_json, out=out)
    raise typer.Exit(1 if doubtful else 0)


@app.command("import", short_help="make a second source of LiteLLM's table of prices")
def import_(
    file: FileArgument,
    out: SnapshotOption,
    taken: TakenOption = None,
    version: VersionOption = "",
    as_json: JsonOption = False,
) -> None:
    """Reads LiteLLM's table into a dated, checksummed snapshot, which `[prices] second_source` names."""
    import msgspec  # noqa: PLC0415 - heavy, loaded when called

    from fairlead.catalog.litellm import read_litellm  # noqa: PLC0415

    snapshot = read_litellm(file, _day(taken), version)
    write_whole(out, msgspec.json.encode(snapshot) + b"\n")
    result = PricesImportResult(
        file=str(file),
        file_sha256=snapshot.file_sha256,
        source=snapshot.source,
        taken=snapshot.taken,
        snapshot=str(out),
        sha256=snapshot.sha256,
        n_models=len(snapshot.prices),
    )
    said = f"{out}: {result.n_models} models by {result.source} of {result.taken}, checksum {result.sha256[:12]}"
    emit(result, lambda console: console.print(said, soft_wrap=True), as_json=as_json)


def _found(
    names: list[str] | None, config: Path | None, *, everything: bool, at: str | None
) -> tuple[datetime, list[Quote]]:
    """Returns the moment, and what is known of the prices that were asked for."""
    from fairlead.catalog.quotes import quotes, whole_catalogue  # noqa: PLC0415 - heavy, loaded when called

    when = _moment(at)
    if everything:
        return when, list(whole_catalogue(_snapshot(config), when).values())
    if names:
        return when, [_named(name, config, when) for name in names]
    from fairlead.config import load  # noqa: PLC0415

    return when, list(quotes(load(config, os.environ), when).values())


def _named(name: str, config: Path | None, at: datetime) -> Quote:
    """Returns what is known of one model: as configured, else as a known provider sells it."""
    from fairlead.catalog.near import near  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.catalog.quotes import quoted, quotes  # noqa: PLC0415
    from fairlead.config import load  # noqa: PLC0415
    from fairlead.config.known import KNOWN_PROVIDERS  # noqa: PLC0415

    if config is not None and (found := quotes(load(config, os.environ), at).get(name)) is not None:
        return found
    provider, _, model = name.partition("/")
    if provider not in KNOWN_PROVIDERS or not model:
        raise ConfigError(
            f"`{name}` is no model that is known; expected `PROVIDER/MODEL`, PROVIDER one of "
            f"{listed(list(KNOWN_PROVIDERS))}.{did_you_mean(near(name))}"
        )
    return quoted(provider, model, _snapshot(config), at, base_url=KNOWN_PROVIDERS[provider].base_url)


def _snapshot(config: Path | None) -> Snapshot:
    from fairlead.catalog.snapshot import read_snapshot  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.config import load  # noqa: PLC0415

    return read_snapshot(None if config is None else load(config, os.environ).prices.second_source)


def _moment(at: str | None) -> datetime:
    try:
        given = datetime.now(UTC) if at is None else datetime.fromisoformat(at)
    except ValueError:
        raise ConfigError(f"`--at` is `{at}`; expected a moment such as `2026-12-01` or `2026-12-01T02:30`.") from None
    return given if given.tzinfo else given.replace(tzinfo=UTC)


def _day(taken: str | None) -> date:
    try:
        return datetime.now(UTC).date() if taken is None else date.fromisoformat(taken)
    except ValueError:
        raise ConfigError(f"`--taken` is `{taken}`; expected a day such as 2026-11-25.") from None


# For people ----------------------------------------------------------------------------------------------------------


def _show(result: PricesShowResult, console: Console) -> None:
    rows = table("model", "when (UTC)", "input", "output", "cache read", "cache write", "sure", "source")
    for quote in result.prices:
        for i, term in enumerate(quote.terms or (None,)):
            rates = {} if term is None else term.rates
            usd = [_usd(rates.get(name)) for name in ("input", "output", "cache_read", "cache_write")]
            when = "" if term is None else term.when
            rows.add_row(quote.name if i == 0 else "", when, *usd, quote.verdict, "" if term is None else term.source)
    console.print(rows)
    _show_meant(result.prices, console)
    console.print("USD per million tokens; `*`: dearer where the input is long. `--json` has every rate.")


def _show_meant(prices: Iterable[QuoteResult], console: Console) -> None:
    for quote in prices:
        if quote.meant:
            hint = did_you_mean(quote.meant)
            console.print(f"no price is known of `{quote.name}`.{hint}", soft_wrap=True)


def _usd(steps: tuple[tuple[int, str], ...] | None) -> str:
    return "" if not steps else f"{steps[0][1]}{'*' if len(steps) > 1 else ''}"


def _show_differences(result: PricesDiffResult, console: Console) -> None:
    console.print(_counted(result.n_models, result.verdicts), soft_wrap=True)
    if not result.differences:
        return
    rows = table("model", "rate", "when (UTC)", "first source", "second source")
    for each in result.differences:
        rows.add_row(each.name, each.rate, each.when, _steps(each.first), _steps(each.second))
    console.print(rows)


def _steps(steps: tuple[tuple[int, str], ...]) -> str:
    return ", ".join(f"{usd} above {start:,}" if start else usd for start, usd in steps)


def _show_verified(result: PricesVerifyResult, console: Console) -> None:
    console.print(_counted(result.n_models, result.verdicts), soft_wrap=True)
    console.print(f"second source: {result.second_source}, whole")
    for quote in result.doubtful:
        hint = f".{did_you_mean(quote.meant)}" if quote.meant else ""
        console.print(f"{quote.name}: {quote.verdict}, {quote.in_words}{hint}", soft_wrap=True)


def _counted(n_models: int, verdicts: Iterable[VerdictResult]) -> str:
    counts = ", ".join(f"{each.n} {each.verdict.replace('_', ' ')}" for each in verdicts if each.n)
    return f"{n_models} models: {counts}" if counts else "no models"
