"""The page of results: bars, tables, versions, machine, command."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from load import JSON, LATENCY, LONG, SCENARIOS, STREAM, TTFT
from rounds import DIRECT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from endurance import Endurance
    from process import Running
    from rounds import Run, Runs

OURS, BASE = "Fairlead", "pass-through"

HEAD = """\
# The gateway against others

Written by `{command}` on {date}, in {minutes:.0f} minutes. {machine}. One core serves, the other runs driver and mock;
{settings}, one gateway after the other within a round, so that what else the machine does disturbs all alike. CPU is
user and system time of all processes of a gateway for an answer, medians over the rounds; ratios and added times are
taken within a round, then their median. Every answer was checked to be whole.

Ours runs with a virtual key and its budget, eligibility, a fitted router over eight candidates, and the durable ledger
on. The pass-through is `passthrough.py`: uvicorn and aiohttp that hand bytes on, no JSON, no routing, nothing kept.
"""


def page(
    runs: Runs,
    endurance: Endurance | None,
    gateways: Sequence[Running],
    missing: Mapping[str, str],
    *,
    settings: str,
    command: str,
    taken_s: float,
) -> str:
    """Returns the page, Markdown."""
    date = datetime.now(UTC).date().isoformat()
    head = HEAD.format(command=command, date=date, minutes=taken_s / 60, machine=_machine(), settings=settings)
    bars = [*_ratio_bars(runs), *([] if endurance is None else _endurance_bars(endurance))]
    names = [gateway.peer.name for gateway in gateways]
    parts = [
        head,
        "## Bars\n\n" + _table(("figure", "measured", "bar", "aim", "reached"), bars),
        "## CPU for an answer, and answers a second, 64 connections\n\n" + _table(_CPU_HEAD, _cpu_rows(runs, names)),
        "## Added time, one connection, ms\n\n" + _table(_ADDED_HEAD, _added_rows(runs, names)),
        "## Versions, start, memory after all this\n\n" + _table(_VERSIONS_HEAD, _version_rows(gateways)),
        _footnotes(runs, missing),
    ]
    return "\n".join(part for part in parts if part)


_CPU_HEAD = ("gateway", "JSON, us", "answers/s", "stream of 53 events, us", "streams/s", "20,000 tokens, us", "n")
_ADDED_HEAD = ("gateway", "p50", "p99", "first token p50", "first token p99", "whole stream p50", "n")
_VERSIONS_HEAD = ("gateway", "version", "start, s", "resident, MB")


def _ratio_bars(runs: Runs) -> Iterator[tuple[str, ...]]:
    yield _bar("CPU, JSON, of the pass-through", runs.ratio(JSON, OURS, BASE, _cpu), 1.7, 0.75)
    yield _bar("CPU, JSON, of TensorZero", runs.ratio(JSON, OURS, "TensorZero", _cpu), 1.25)
    yield _bar("CPU, JSON, of LiteLLM", runs.ratio(JSON, OURS, "LiteLLM", _cpu), 1 / 40)
    yield _bar("CPU, stream, of the pass-through", runs.ratio(STREAM, OURS, BASE, _cpu), 1.7, 1.0)
    yield _bar("CPU, stream, of TensorZero", runs.ratio(STREAM, OURS, "TensorZero", _cpu), 1.0)
    yield _bar("CPU, stream, of Portkey", runs.ratio(STREAM, OURS, "Portkey", _cpu), 1.0)
    yield _bar("CPU, 20,000 tokens, of the pass-through", runs.ratio(LONG, OURS, BASE, _cpu), 2.0)
    for name, ours, base, bar in (
        ("added p50", *_both(runs, LATENCY, lambda a: a.p50_ms), 2.0),
        ("added p99", *_both(runs, LATENCY, lambda a: a.p99_ms), 3.0),
        ("added time to first token, p50", *_both(runs, TTFT, lambda a: a.ttft_p50_ms), 2.0),
    ):
        yield _bar(f"{name}, of the pass-through's", ours / base if ours and base else None, bar, 1.2)


def _both(runs: Runs, scenario: object, value: Callable[..., float]) -> tuple[float | None, float | None]:
    ours, base = (runs.added(scenario, name, value) for name in (OURS, BASE))  # type: ignore[arg-type]
    return ours, base


def _endurance_bars(seen: Endurance) -> Iterator[tuple[str, ...]]:
    first, last = seen.grown_mb
    growth = seen.grown_mb[last] / seen.grown_mb[first] - 1
    yield _bar("idle memory, MB", seen.idle_mb, 110, 60)
    yield _bar(f"growth from {first:,} ({seen.grown_mb[first]:.0f} MB) to {last:,} mixed requests, %", 100 * growth, 10)
    yield _bar(f"start to ready, s (n = {seen.n_starts})", seen.start_s, 1.0, 0.5)
    n = seen.slow.n + seen.slow.failed
    yield _bar(f"of {n} slow concurrent streams, dropped", seen.slow.failed, 0)
    yield _bar("memory after them, MB", seen.slow_mb, 2 * seen.grown_mb[last])
    yield _bar(
        f"p99 of {seen.beside.n} requests beside them, ms ({seen.beside.failed} failed)", seen.beside.p99_ms, 1000
    )


def _bar(figure: str, value: float | None, bar: float, aim: float | None = None) -> tuple[str, ...]:
    if value is None:
        return figure, "not measured", f"<= {bar:.3g}", "", ""
    reached = "aim" if aim is not None and value <= aim else "bar" if value <= bar else "**no**"
    return figure, f"{value:.3g}", f"<= {bar:.3g}", "" if aim is None else f"<= {aim:.3g}", reached


def _cpu_rows(runs: Runs, names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for name in (DIRECT, *names):
        figures = (
            runs.median(JSON, name, _cpu),
            runs.median(JSON, name, _per_s),
            runs.median(STREAM, name, _cpu),
            runs.median(STREAM, name, _per_s),
            runs.median(LONG, name, _cpu),
        )
        n = sum(runs.n(scenario, name) for scenario in (JSON, STREAM, LONG))
        yield name, *(f"{value:,.0f}" if value else "" for value in figures), f"{n:,}"


def _added_rows(runs: Runs, names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for name in names:
        figures = (
            runs.added(LATENCY, name, lambda a: a.p50_ms),
            runs.added(LATENCY, name, lambda a: a.p99_ms),
            runs.added(TTFT, name, lambda a: a.ttft_p50_ms),
            runs.added(TTFT, name, lambda a: a.ttft_p99_ms),
            runs.added(TTFT, name, lambda a: a.p50_ms),
        )
        n = sum(runs.n(scenario, name) for scenario in (LATENCY, TTFT))
        yield name, *("" if value is None else f"{value:.2f}" for value in figures), f"{n:,}"


def _version_rows(gateways: Sequence[Running]) -> Iterator[tuple[str, ...]]:
    for gateway in gateways:
        yield gateway.peer.name, gateway.peer.version, f"{gateway.start_s:.2f}", f"{gateway.rss_mb():.0f}"


def _footnotes(runs: Runs, missing: Mapping[str, str]) -> str:
    failed = [f"- {name}: {n} answers failed ({_why(runs, name)})." for name, n in runs.n_failed.items()]
    absent = [f"- {name} could not be had: {why}." for name, why in missing.items()]
    return "\n".join([*failed, *absent]) + "\n" if failed or absent else ""


def _why(runs: Runs, name: str) -> str:
    said = (run.answers.why for scenario in SCENARIOS for run in runs.found[scenario.name][name])
    return next(filter(None, said), "no words")


def _cpu(run: Run) -> float:
    return run.cpu_us


def _per_s(run: Run) -> float:
    return run.answers.per_s


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "unknown CPU")
    load = os.getloadavg()[2]
    return f"{os.cpu_count()} cores ({cpu}), Python {platform.python_version()}; mean load of 15 minutes {load:.1f}"


def _table(head: Sequence[str], rows: Iterator[tuple[str, ...]] | Sequence[tuple[str, ...]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
