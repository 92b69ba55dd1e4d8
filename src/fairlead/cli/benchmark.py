"""`fairlead benchmark`: every method on every table, resumable; writes a page, a report with frontiers and JSON."""

from __future__ import annotations

import shlex
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from fairlead.cli.benchmark_result import BenchmarkResult, written
from fairlead.cli.output import JsonOption, emit, write_whole
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
SeedsOption = Annotated[int, typer.Option("--seeds", help="Splits of 70/30.", min=1, max=100)]
FirstOption = Annotated[
    int, typer.Option("--first-seed", help="Seed of the first split; the others follow.", min=0, max=10_000)
]
OnlyOption = Annotated[
    str | None, typer.Option("--only", help="Only these parts, separated by semicolons, such as `mmlu_pro;routellm`.")
]
JobsOption = Annotated[int, typer.Option("--jobs", help="Processes that work at a time.", min=1, max=64)]

DEFAULT_OUT = Path("benchmark")


@app.command()
def benchmark(
    data: DataOption,
    out: FolderOption = DEFAULT_OUT,
    seeds: SeedsOption = 5,
    first_seed: FirstOption = 0,
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
        among = "" if only is None else f" among `{only}`"
        raise TableError(
            f"`{data}` has no table to judge{among}; expected a folder with outcome tables in it. Name that folder."
        )
    tasks = tasks_of(list(read_parts(data, parts)), n_seeds=seeds, first_seed=first_seed, code=code_version())
    with _progress(len(tasks)) as done:
        run(tasks, out / "cells", n_jobs=jobs, done=done)
    command = _command(seeds, first_seed, only, out)
    found, provenance = _results(tasks, out / "cells", command, seeds, first_seed, jobs, tuple(lacking))
    result = written(found, provenance)
    _write(out, found, provenance, result)
    emit(result, partial(_show, found, out), as_json=as_json)


def _command(seeds: int, first_seed: int, only: str | None, out: Path) -> str:
    words = ["fairlead", "benchmark", "--data", "$FAIRLEAD_DATA"]
    words += ["--seeds", str(seeds)] if seeds != 5 else []
    words += ["--first-seed", str(first_seed)] if first_seed else []
    words += ["--only", only] if only else []
    words += ["--out", str(out)] if not out.is_absolute() and out != DEFAULT_OUT else []
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
    tasks: Sequence[Task],
    cells: Path,
    command: str,
    seeds: int,
    first_seed: int,
    jobs: int,
    lacking: tuple[str, ...],
) -> tuple[list[PartResult], Provenance]:
    from fairlead.evaluation.benchmark.pooling import part_result  # noqa: PLC0415
    from fairlead.evaluation.benchmark.provenance import Provenance  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.evaluation.benchmark.running import found_cells  # noqa: PLC0415

    by_part: dict[str, list[Any]] = {}
    for task, found in found_cells(tasks, cells):
        by_part.setdefault(task.judged.part.name, []).append((task, found))
    took_s = sum(cell.took_s for splits in by_part.values() for _, found in splits for cell in found.values())
    provenance = Provenance.of(
        command=command,
        n_seeds=seeds,
        first_seed=first_seed,
        n_boot=N_BOOT,
        n_jobs=jobs,
        took_s=took_s,
        lacking=lacking,
    )
    order = list(dict.fromkeys(task.judged.part.name for task in sorted(tasks, key=lambda task: task.place)))
    return [part_result(by_part[name], n_boot=N_BOOT) for name in order], provenance


N_BOOT = 1000
NOTES = "NOTES.md"
"""What readers should know before the figures; where it lies beside the results it stands at their top."""


def _write(out: Path, found: Sequence[PartResult], provenance: Provenance, result: BenchmarkResult) -> None:
    from fairlead.evaluation.benchmark.html import html  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.evaluation.benchmark.page import markdown  # noqa: PLC0415

    notes = out / NOTES
    said = notes.read_text("utf-8") if notes.is_file() else ""
    write_whole(out / "RESULTS.md", markdown(found, provenance, notes=said).encode())
    write_whole(out / "results.html", html(found, provenance).encode())
    write_whole(out / "results.json", msgspec.json.encode(result) + b"\n")


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
        console.print(f"{rank:6.2f}  {name}")
    console.print(f"\nWritten: {out / 'RESULTS.md'}, {out / 'results.html'}, {out / 'results.json'}")
