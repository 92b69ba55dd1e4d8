"""`fairlead evaluate`: judge a fitted router, or all methods, on outcome tables."""

from __future__ import annotations

import math
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from fairlead.cli.output import JsonOption, OutOption, Result, emit, write_whole
from fairlead.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console
    from rich.table import Table

    from fairlead.evaluation import Evaluation
    from fairlead.evaluation.metrics import Figures
    from fairlead.outcomes import Outcomes
    from fairlead.router import Router
    from fairlead.statistics.bootstrap import Interval

app = typer.Typer()

Tables = Annotated[list[Path], typer.Argument(help="Folders of outcome tables; each is judged on its own.")]
RouterFolder = Annotated[
    Path | None,
    typer.Option("--router", help="Judge this fitted router. Default: fit and judge all methods, over splits."),
]
Seeds = Annotated[int, typer.Option(help="Splits of 70/30 to fit and judge on, seeds 0, 1, ...", min=1, max=100)]
Models = Annotated[str | None, typer.Option(help="Only these models of the tables, separated by commas.")]
HtmlOption = Annotated[Path | None, typer.Option("--html", help="Write a page with plots to this file.")]


class Spread(msgspec.Struct, kw_only=True, frozen=True):
    """A figure with its interval; `null` is unknown."""

    value: float | None
    low: float | None
    high: float | None


class Method(msgspec.Struct, kw_only=True, frozen=True):
    """The figures of one method."""

    name: str
    bound: bool
    """It knows the outcomes: nothing can serve it, it bounds what can."""
    n: int
    """Prompts on which its choice was measured."""
    n_unscored: int
    """Prompts on which it was not; they are in no figure."""
    n_faults: int
    """Prompts on which the router broke down and the reference served."""
    score: Spread
    """Mean score, in [0, 1]."""
    cost_usd: Spread
    """Mean cost of a request."""
    difference: Spread
    """Mean score minus the reference's."""
    cost_ratio: Spread
    """Its cost over the reference's."""
    gain: Spread
    """Mean score minus that of the best fixed model or mix of two at the same cost, picked in hindsight."""
    regret: Spread
    """The oracle's mean score minus its own."""
    brier: Spread
    """Mean squared error of the score that it predicted for its choice."""
    calibration_error: Spread
    """Expected calibration error of the same over ten bins; chance alone makes it positive."""
    calls: dict[str, float]
    """Model -> share of the calls."""


class Model(msgspec.Struct, kw_only=True, frozen=True):
    """One model, as if it served everything."""

    model: str
    score: Spread
    cost_usd: Spread


class Judgement(msgspec.Struct, kw_only=True, frozen=True):
    """All methods on the same prompts and models of one table."""

    table: str
    data_hash: str
    """SHA-256 of the judged table's content."""
    prompts: str
    """`splits`: held out of each fit; `unseen`: the router was not fitted on them; `fitted_on`: it was."""
    n_prompts: int
    """Judged; a prompt tested in two splits counts twice."""
    n_questions: int
    """Different ones among them."""
    n_splits: int
    n_prompts_left_out: int
    """Prompts on which some model was not measured, or its cost is unknown."""
    models_left_out: tuple[str, ...]
    """Models without a price, or measured on too few prompts."""
    references: tuple[str, ...]
    """What differences and ratios are taken to."""
    seed: int
    """Of resamples; split `i` has the seed `i`."""
    n_boot: int
    """Resamples behind each interval."""
    confidence: float
    """Of the intervals."""
    methods: tuple[Method, ...]
    models: tuple[Model, ...]


class EvaluateResult(Result, kw_only=True, frozen=True):
    """What `fairlead evaluate` found."""

    schema: str = "fairlead.evaluate/1"
    router: str | None
    """Version of the router that was judged; `null` where methods were fitted here."""
    judgements: tuple[Judgement, ...]


@app.command()
def evaluate(
    tables: Tables,
    router: RouterFolder = None,
    seeds: Seeds = 5,
    models: Models = None,
    as_json: JsonOption = False,
    out: OutOption = None,
    html: HtmlOption = None,
) -> None:
    """Judges a router, or all methods, on outcome tables: one table of figures each, an interval on every figure."""
    from fairlead.artifact import load  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.evaluation.report import page  # noqa: PLC0415

    read = _read(tables, models)
    fitted = None if router is None else load(router)
    found = list(_splits(read, seeds) if fitted is None else _parts(fitted, read))
    version = None if fitted is None else fitted.version
    if html is not None:
        write_whole(html, page([evaluation for _, evaluation in found], title=_title(version)).encode())
    judgements = tuple(_judgement(prompts, evaluation) for prompts, evaluation in found)
    result = EvaluateResult(router=version, judgements=judgements)
    emit(result, partial(_show, found, html), as_json=as_json, out=out)


def _title(version: str | None) -> str:
    return "All methods, fitted and judged" if version is None else f"Router {version}, judged"


def _read(tables: Sequence[Path], models: str | None) -> list[Outcomes]:
    from fairlead.outcomes import Outcomes  # noqa: PLC0415 - heavy, loaded when called

    read = [Outcomes.read(table) for table in tables]
    if models is None:
        return read
    return [table.only([name.strip() for name in models.split(",")]) for table in read]


def _splits(tables: Sequence[Outcomes], seeds: int) -> Iterator[tuple[str, Evaluation]]:
    from rich.console import Console  # noqa: PLC0415 - only people need it
    from rich.progress import track  # noqa: PLC0415

    from fairlead.evaluation.splits import evaluate_splits  # noqa: PLC0415 - heavy, loaded when called

    terminal = Console(stderr=True)
    for table in tables:
        about = f"fitting and judging on {table.name}"
        watched = track(range(seeds), description=about, console=terminal, disable=not sys.stderr.isatty())
        yield "splits", evaluate_splits(table, seeds=watched)


def _parts(router: Router, tables: Sequence[Outcomes]) -> Iterator[tuple[str, Evaluation]]:
    """Yields each table's prompts that the router was not fitted on, then those that it was."""
    import numpy as np  # noqa: PLC0415 - heavy, loaded when called

    from fairlead.evaluation import baselines  # noqa: PLC0415
    from fairlead.evaluation import evaluate as judge  # noqa: PLC0415
    from fairlead.evaluation.methods import column_of  # noqa: PLC0415

    for table in tables:
        columns = {column_of(candidate, table) for candidate in router.candidates} - {-1}
        if not columns:
            listed = ", ".join(f"`{candidate.name}`" for candidate in router.candidates)
            raise TableError(f"table `{table.name}` has none of the router's models ({listed}). Give another table.")
        judged = table.only([table.models[column] for column in sorted(columns)])
        saw = np.zeros(len(judged), dtype=np.bool_) if router.evidence is None else router.evidence.saw(judged.prompts)
        for prompts, wanted in (("unseen", ~saw), ("fitted_on", saw)):
            if wanted.any():
                yield prompts, judge([router, *baselines()], judged.rows(wanted))


def _judgement(prompts: str, evaluation: Evaluation) -> Judgement:
    same = ("table", "data_hash", "n_prompts", "n_questions", "n_splits", "n_prompts_left_out", "models_left_out")
    return Judgement(
        prompts=prompts,
        **{name: getattr(evaluation, name) for name in (*same, "references")},
        seed=evaluation.resampling.seed,
        n_boot=evaluation.resampling.n_boot,
        confidence=evaluation.resampling.confidence,
        methods=tuple(_method(method) for method in evaluation.methods),
        models=tuple(
            Model(model=fixed.model, score=_spread(fixed.score), cost_usd=_spread(fixed.cost_usd))
            for fixed in evaluation.fixed
        ),
    )


def _method(method: Figures) -> Method:
    spreads = {field.name for field in msgspec.structs.fields(Method) if field.type is Spread}
    written: dict[str, Any] = {name: getattr(method, name) for name in Method.__struct_fields__}
    written |= {name: _spread(written[name]) for name in spreads}
    return Method(**written)


def _spread(given: Interval) -> Spread:
    value, low, high = (None if math.isnan(end) else end for end in (given.value, given.low, given.high))
    return Spread(value=value, low=low, high=high)


PROMPTS = {
    "splits": "held-out prompts of each split",
    "unseen": "prompts that the router was not fitted on",
    "fitted_on": "prompts that the router WAS fitted on: no evidence of what it will do",
}


def _show(found: Sequence[tuple[str, Evaluation]], html: Path | None, console: Console) -> None:
    from fairlead.evaluation import wording  # noqa: PLC0415 - heavy, loaded when called

    for prompts, evaluation in found:
        console.print(_table(evaluation, f"{evaluation.table}: {PROMPTS[prompts]}"))
        console.print(
            f"{wording.basis(evaluation)}. {wording.left_out(evaluation, n_names=5)}\n", style="dim", markup=False
        )
    if html is not None:
        console.print(f"Plots: {html}", markup=False)


def _table(evaluation: Evaluation, title: str) -> Table:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - only people need it
    from rich.table import Table  # noqa: PLC0415

    from fairlead.evaluation import wording  # noqa: PLC0415 - heavy, loaded when called

    columns = {
        "score": ("score", wording.score),
        "- ref.": ("difference", wording.points),
        "USD/1000": ("cost_usd", wording.usd_per_1000),
        "% of ref.": ("cost_ratio", wording.percent),
        "- hull": ("gain", wording.points),
    }
    caption = "- ref.: score minus the reference's, - hull: minus the best fixed mix's at equal cost, both in points"
    table = Table(title=title, caption=caption, title_justify="left", caption_justify="left", box=SIMPLE_HEAD)
    table.add_column("method", min_width=10)
    table.add_column("n", justify="right")
    for column in columns:
        table.add_column(column, justify="right")
    for method in evaluation.methods:
        figures = [wording.interval(getattr(method, name), word) for name, word in columns.values()]
        table.add_row(f"{method.name} (a bound)" if method.bound else method.name, wording.count(method), *figures)
    return table
