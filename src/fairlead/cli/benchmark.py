"""`fairlead benchmark`: every method on every table, resumable; writes a page, a report with frontiers and JSON."""

from __future__ import annotations

import math
import shlex
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from fairlead.cli.evaluate import FitCell, Spread  # noqa: TC001 - msgspec reads the types of fields
from fairlead.cli.output import JsonOption, Result, emit, write_whole
from fairlead.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console

    from fairlead.evaluation.benchmark.provenance import Provenance
    from fairlead.evaluation.benchmark.results import PartResult
    from fairlead.evaluation.benchmark.running import Task

app = typer.Typer()

DataOption = Annotated[Path, typer.Option("--data", help="Folder of outcome tables, one folder each.")]
FolderOption = Annotated[
    Path, typer.Option("--out", help="Write RESULTS.md, results.html, results.json and the cells to this folder.")
]
SeedsOption = Annotated[int, typer.Option("--seeds", help="Splits of 70/30, seeds 0, 1, ...", min=1, max=100)]
OnlyOption = Annotated[
    str | None, typer.Option("--only", help="Only these parts, separated by semicolons, such as `mmlu_pro;routellm`.")
]
JobsOption = Annotated[int, typer.Option("--jobs", help="Processes that work at a time.", min=1, max=64)]


class BenchmarkPoint(msgspec.Struct, kw_only=True, frozen=True):
    """One operating point."""

    setting: str
    """Of the method's knob; several where splits picked different ones."""
    score: Spread
    """Mean score, in [0, 1]."""
    cost: Spread
    """Mean a request: USD, or share of strong calls; 0 where no cost is known."""
    difference: Spread
    """Mean score minus the reference's."""
    cost_ratio: Spread
    """Its cost over the reference's."""
    gain: Spread
    """Mean score minus the hull of fixed models at the same cost, picked in hindsight."""
    gain_lower: float | None
    """One-sided 95 % lower limit of that."""
    gain_beforehand: Spread
    """Mean score minus the mixes at the same cost that were picked on training prompts."""
    gain_beforehand_lower: float | None
    """One-sided 95 % lower limit of that."""
    misroute: Spread
    """Share of the prompts on which the reference succeeds and the served answer fails."""
    misroute_cost: Spread
    """What asking the reference again on them would add to the mean cost."""


class BenchmarkCalibration(msgspec.Struct, kw_only=True, frozen=True):
    """How far the expected score of the chosen candidate can be trusted, at the default point."""

    n: int
    brier: float
    error: float
    """Expected calibration error over ten bins of equal size."""
    excess: float
    """The same minus its mean under perfect calibration."""
    limit: float
    """What perfect calibration stays below in 95 cases of 100."""
    auc: Spread


class BenchmarkVersus(msgspec.Struct, kw_only=True, frozen=True):
    """How far Fairlead's main figure is ahead of the method's."""

    difference: Spread
    p: float
    """Two-sided, alone."""
    p_holm: float | None
    """Corrected for the comparisons with all baselines of the part; `null` for bounds."""


class BenchmarkMethod(msgspec.Struct, kw_only=True, frozen=True):
    """One method on one part."""

    name: str
    bound: bool
    """It knows what no router can: a ceiling, no competitor."""
    about: str
    took_s: float
    """To learn and to decide at every setting, mean over splits."""
    main: Spread
    """What methods are ranked by: area over the hull, or the score at the default point where no cost is known."""
    aiq: Spread
    """Mean height of its hull over the cost range of the fixed models."""
    default: BenchmarkPoint
    parity: BenchmarkPoint | None
    """The cheapest setting, picked in hindsight, that scores as much as the reference."""
    picked: dict[str, BenchmarkPoint]
    """Purpose -> the settings that the splits picked for it on their training prompts."""
    best: BenchmarkPoint
    """The setting of the highest score, picked in hindsight."""
    perf_gain: Spread
    """Largest gain in score, relative to the reference's."""
    regret: Spread
    """The oracle's mean score minus its best."""
    pareto_distance: float | None
    """Mean distance of its points to the Pareto frontier of everybody's."""
    at_cost: dict[str, Spread]
    """Share of the reference's cost -> the score that its hull reaches there."""
    apgr: Spread
    cpt50: Spread
    cpt80: Spread
    """Of two models, by RouteLLM's definitions; `null` elsewhere."""
    calibration: BenchmarkCalibration | None
    points: tuple[tuple[str, float, float], ...]
    """Setting, cost, score."""
    lowest_band: float | None
    """The lowest end, over all settings, of a band that holds all their gains over the hull at once."""
    versus: BenchmarkVersus | None
    """Fairlead against it."""


class BenchmarkFixed(msgspec.Struct, kw_only=True, frozen=True):
    """One model that serves everything."""

    model: str
    score: Spread
    cost: Spread


class BenchmarkFlip(msgspec.Struct, kw_only=True, frozen=True):
    """What one change of the wording does to the choices of Fairlead without its guard."""

    change: str
    adversarial: bool
    n: int
    flipped: float
    dearer: float


class BenchmarkPart(msgspec.Struct, kw_only=True, frozen=True):
    """All methods on one part of the benchmark."""

    name: str
    cost: str
    """`usd`, `strong share` or `none`."""
    data_hash: str
    """SHA-256 of the judged outcomes."""
    n_prompts: int
    n_judged: int
    """Over all splits: a prompt that is tested in two counts twice."""
    n_questions: int
    n_splits: int
    n_train: int
    n_test: int
    n_prompts_left_out: int
    models_left_out: tuple[str, ...]
    references: tuple[str, ...]
    fixed: tuple[BenchmarkFixed, ...]
    methods: tuple[BenchmarkMethod, ...]
    """Best first, bounds last."""
    not_applicable: tuple[str, ...]
    failed: tuple[tuple[str, str], ...]
    """Method and what went wrong."""
    few_labels: bool
    flips: tuple[BenchmarkFlip, ...]
    fit_table: tuple[FitCell, ...]


class BenchmarkClaim(msgspec.Struct, kw_only=True, frozen=True):
    """A bar and whether it is reached."""

    claim: str
    part: str
    bar: str
    measured: str
    n: int
    """Different questions behind it."""
    reached: bool


class BenchmarkResult(Result, kw_only=True, frozen=True):
    """What `fairlead benchmark` found."""

    schema: str = "fairlead.benchmark/1"
    command: str
    version: str
    """Of Fairlead, with a hash of the code that decides."""
    python: str
    numpy: str
    n_seeds: int
    n_boot: int
    took_s: float
    """Work in all cells, fits included."""
    lacking: tuple[str, ...]
    """Known tables that were not there."""
    claims: tuple[BenchmarkClaim, ...]
    ranking: dict[str, float]
    """Method -> mean rank over the parts, first the best."""
    parts: tuple[BenchmarkPart, ...]


@app.command()
def benchmark(
    data: DataOption,
    out: FolderOption = Path("benchmark"),
    seeds: SeedsOption = 5,
    only: OnlyOption = None,
    jobs: JobsOption = 2,
    as_json: JsonOption = False,
) -> None:
    """Fits and judges every method on every table, and writes what came out; goes on where it was stopped."""
    from fairlead.evaluation.benchmark.cells import code_version  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.evaluation.benchmark.running import run, tasks_of  # noqa: PLC0415
    from fairlead.evaluation.benchmark.tables import parts_of, read_parts  # noqa: PLC0415

    parts, lacking = parts_of(data)
    parts = [part for part in parts if only is None or part.name in {name.strip() for name in only.split(";")}]
    if not parts:
        raise TableError(f"`{data}` has no table to judge{'' if only is None else f' among `{only}`'}.")
    tasks = tasks_of(list(read_parts(data, parts)), n_seeds=seeds, code=code_version())
    with _progress(len(tasks)) as done:
        run(tasks, out / "cells", n_jobs=jobs, done=done)
    found, provenance = _results(tasks, out / "cells", _command(seeds, only), seeds, jobs, tuple(lacking))
    result = _written(found, provenance)
    _write(out, found, provenance, result)
    emit(result, partial(_show, found, out), as_json=as_json)


def _command(seeds: int, only: str | None) -> str:
    words = ["fairlead", "benchmark", "--data", "$FAIRLEAD_DATA"]
    words += ["--seeds", str(seeds)] if seeds != 5 else []
    words += ["--only", only] if only else []
    return shlex.join(words).replace("'$FAIRLEAD_DATA'", "$FAIRLEAD_DATA")


@contextmanager
def _progress(n: int) -> Iterator[Callable[[Task], None]]:
    from rich.console import Console  # noqa: PLC0415 - only people need it
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        bar = progress.add_task("splits", total=n)

        def done(task: Task) -> None:
            progress.update(bar, advance=1, description=f"{task.judged.part.name}, seed {task.seed}")

        yield done


def _results(
    tasks: Sequence[Task], cells: Path, command: str, seeds: int, jobs: int, lacking: tuple[str, ...]
) -> tuple[list[PartResult], Provenance]:
    from fairlead.evaluation.benchmark.provenance import Provenance  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.evaluation.benchmark.results import part_result  # noqa: PLC0415
    from fairlead.evaluation.benchmark.running import found_cells  # noqa: PLC0415

    by_part: dict[str, list[Any]] = {}
    for task, found in found_cells(tasks, cells):
        by_part.setdefault(task.judged.part.name, []).append((task, found))
    took_s = sum(cell.took_s for splits in by_part.values() for _, found in splits for cell in found.values())
    provenance = Provenance.of(
        command=command, n_seeds=seeds, n_boot=N_BOOT, n_jobs=jobs, took_s=took_s, lacking=lacking
    )
    order = list(dict.fromkeys(task.judged.part.name for task in sorted(tasks, key=lambda task: task.place)))
    return [part_result(by_part[name], n_boot=N_BOOT) for name in order], provenance


N_BOOT = 1000


def _write(out: Path, found: Sequence[PartResult], provenance: Provenance, result: BenchmarkResult) -> None:
    from fairlead.evaluation.benchmark.html import html  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.evaluation.benchmark.page import markdown  # noqa: PLC0415

    write_whole(out / "RESULTS.md", markdown(found, provenance).encode())
    write_whole(out / "results.html", html(found, provenance).encode())
    write_whole(out / "results.json", msgspec.json.encode(result) + b"\n")


def _written(found: Sequence[PartResult], provenance: Provenance) -> BenchmarkResult:
    from fairlead.evaluation.benchmark.claims import claims, ranking  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.evaluation.benchmark.ours import NAME  # noqa: PLC0415

    whole = [part for part in found if not part.few_labels and part.method(NAME)]
    named = ("command", "version", "python", "numpy", "n_seeds", "n_boot", "took_s", "lacking")
    return BenchmarkResult(
        **{name: getattr(provenance, name) for name in named},
        claims=msgspec.convert(_plain(claims(found)), tuple[BenchmarkClaim, ...]),
        ranking=ranking(whole) if whole else {},
        parts=msgspec.convert(_plain(tuple(found)), tuple[BenchmarkPart, ...]),
    )


def _plain(value: Any) -> Any:
    """Returns dataclasses as plain values, what is unknown as `None`."""
    return _known(msgspec.to_builtins(value, str_keys=True))


def _known(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _known(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_known(inner) for inner in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _show(found: Sequence[PartResult], out: Path, console: Console) -> None:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - only people need it
    from rich.table import Table  # noqa: PLC0415

    from fairlead.evaluation.benchmark.claims import claims, ranking  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.evaluation.benchmark.ours import NAME  # noqa: PLC0415

    bars = Table(title="Bars", title_justify="left", box=SIMPLE_HEAD)
    for column in ("claim", "table", "measured", ""):
        bars.add_column(column)
    for claim in claims(found):
        bars.add_row(claim.claim, claim.part, claim.measured, "reached" if claim.reached else "not reached")
    console.print(bars)
    whole = [part for part in found if not part.few_labels and part.method(NAME)]
    for name, rank in (ranking(whole) if whole else {}).items():
        console.print(f"{rank:6.2f}  {name}", markup=False)
    console.print(f"\nWritten: {out / 'RESULTS.md'}, {out / 'results.html'}, {out / 'results.json'}", markup=False)
