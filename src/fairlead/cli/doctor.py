"""`fairlead doctor`: what is wrong with this installation; does the gateway survive its providers' failures."""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal, Self

import msgspec
import typer

from fairlead.cli.check import ConfigOption  # noqa: TC001 - Typer reads the annotations
from fairlead.cli.examination import Finding, examine
from fairlead.cli.output import JsonOption, OutOption, Result, emit, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from fairlead.drills import Result as Drilled

app = typer.Typer()

FaultsOption = Annotated[
    bool,
    typer.Option("--faults", help="Play every known fault of providers at the gateway, on loopback sockets, instead."),
]
RealTimeOption = Annotated[
    bool, typer.Option("--real-time", help="With `--faults`: in real time, two minutes, not twenty times as fast.")
]


class DrillResult(msgspec.Struct, kw_only=True, frozen=True):
    """How the gateway came through one fault, in one dialect, streamed or not."""

    scenario: str
    fault: str
    """What happens at the provider, in words."""
    conduct: str
    """What a gateway should do, in words."""
    dialect: Literal["chat", "responses", "messages"]
    stream: bool
    grade: Literal["pass", "safe", "fail"]
    """`pass`: the whole answer, or the error that is right; `safe`: a clear error; `fail`: see `wrong`."""
    wrong: tuple[str, ...]

    @classmethod
    def of(cls, drilled: Drilled) -> Self:
        """Returns what is shown of a drill."""
        cell = drilled.cell
        return cls(
            scenario=cell.scenario.id,
            fault=cell.scenario.fault,
            conduct=cell.scenario.conduct,
            dialect=cell.dialect,
            stream=cell.stream,
            grade=drilled.grade,
            wrong=tuple(drilled.faults),
        )


class DoctorResult(Result, kw_only=True, frozen=True):
    """What `fairlead doctor` found; exit code 1 where something is wrong, or a drill failed."""

    schema: str = "fairlead.doctor/1"
    findings: tuple[Finding, ...]
    drills: tuple[DrillResult, ...]
    """Of `--faults`; else none."""

    @property
    def well(self) -> bool:
        """Whether nothing is wrong."""
        wrong = any(finding.status == "wrong" for finding in self.findings)
        return not wrong and all(drill.grade != "fail" for drill in self.drills)


@app.command()
def doctor(
    config: ConfigOption = None,
    faults: FaultsOption = False,
    real_time: RealTimeOption = False,
    as_json: JsonOption = False,
    out: OutOption = None,
) -> None:
    """Says what is wrong with this installation; calls nobody, costs nothing."""
    if real_time and not faults:
        raise typer.BadParameter("`--real-time` goes with `--faults`")
    drills = tuple(map(DrillResult.of, asyncio.run(_drilled(real_time=real_time)))) if faults else ()
    result = DoctorResult(findings=() if faults else tuple(examine(config)), drills=drills)
    emit(result, partial(_show_drills if faults else _show_findings, result), as_json=as_json, out=out)
    raise typer.Exit(0 if result.well else 1)


async def _drilled(*, real_time: bool) -> list[Drilled]:
    from fairlead.drills import BEYOND, SCENARIOS, drilled  # noqa: PLC0415 - heavy, loaded when called

    every = (*SCENARIOS, *BEYOND)
    with _silent():
        if real_time:
            found = await asyncio.gather(*(drilled(scenario, (1.0,)) for scenario in every))
        else:
            found = [await drilled(scenario) for scenario in every]
    return [result for results in found for result in results]


@contextmanager
def _silent() -> Iterator[None]:
    """Prints no calls that fail: they are what is asked for here."""
    ours, nowhere = logging.getLogger("fairlead"), logging.NullHandler()
    ours.addHandler(nowhere)
    try:
        yield
    finally:
        ours.removeHandler(nowhere)


def _show_findings(result: DoctorResult, console: Console) -> None:
    rows = table("", "", "")
    for finding in result.findings:
        rows.add_row(finding.status, finding.about, finding.says)
    console.print(rows)
    n_wrong = sum(finding.status == "wrong" for finding in result.findings)
    console.print("nothing is wrong" if result.well else f"wrong: {n_wrong} of {len(result.findings)}")


def _show_drills(result: DoctorResult, console: Console) -> None:
    ways = list(dict.fromkeys((drill.dialect, drill.stream) for drill in result.drills))
    rows = table("fault", *(f"{dialect}{' stream' if stream else ''}" for dialect, stream in ways))
    for scenario, fault in dict.fromkeys((drill.scenario, drill.fault) for drill in result.drills):
        grades = [drill.grade for drill in result.drills if drill.scenario == scenario]
        rows.add_row(f"{scenario} {fault}", *grades)
    console.print(rows)
    for drill in result.drills:
        for wrong in drill.wrong:
            way = f"{drill.scenario} {drill.dialect}, {'streamed' if drill.stream else 'not streamed'}"
            console.print(f"{way}: {wrong}. Expected: {drill.conduct}.", soft_wrap=True)
    n_failed = sum(drill.grade == "fail" for drill in result.drills)
    console.print(f"failed: {n_failed} of {len(result.drills)}")
