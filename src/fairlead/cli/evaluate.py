"""`fairlead evaluate`: judge a fitted router, or all methods, on outcome tables."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from fairlead.cli.objective import Confidence, LatencyP95, Margin, ObjectiveAsked, UsdPerRequest, asked
from fairlead.cli.output import JsonOption, OutOption, Result, emit, told, write_whole
from fairlead.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console
    from rich.table import Table

    from fairlead.evaluation import Evaluation
    from fairlead.outcomes import Outcomes
    from fairlead.policies.base import Policy
    from fairlead.router import Router

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
    gain_lower: float | None
    """One-sided lower limit of the gain, with the confidence of the intervals."""
    regret: Spread
    """The oracle's mean score minus its own."""
    misroute: Spread
    """Share of the prompts on which the reference succeeds and the served answer fails (a score below 0.5)."""
    misroute_cost_usd: Spread
    """What asking the reference again on those prompts would add to the mean cost of a request."""
    brier: Spread
    """Mean squared error of the score that it predicted for its choice."""
    calibration_error: Spread
    """Expected calibration error of the same over ten bins; chance alone makes it positive."""
    calibration_excess: Spread
    """Calibration error minus its mean under perfect calibration."""
    calibration_limit: float | None
    """The calibration error that perfect predictions stay below in 95 cases of 100."""
    auc: Spread
    """Chance that it predicted more for a success than for a failure."""
    calls: dict[str, float]
    """Model -> calls a prompt."""


class FitCell(msgspec.Struct, kw_only=True, frozen=True):
    """One model on one kind of task."""

    kind: str
    """The table's own benchmark and subset; no router sees it."""
    model: str
    n: int
    """Prompts of that kind."""
    score: Spread
    cost_usd: Spread


class Flips(msgspec.Struct, kw_only=True, frozen=True):
    """What one change of the wording does to the choices of the router's policy, without its guard."""

    change: str
    adversarial: bool
    """A text put around the prompt, rather than another spelling of the same request."""
    n: int
    """Prompts that the change alters at all."""
    flipped: Spread
    """Share of them whose choice changed."""
    dearer: Spread
    """Share of them whose choice changed to a candidate that costs more on average."""


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
    fit_table: tuple[FitCell, ...]
    """Each model on each kind of task, over the prompts of the table on which nothing is missing."""
    flips: tuple[Flips, ...]
    """Of the router of the first split, or of the one that was given."""


class EvaluateResult(Result, kw_only=True, frozen=True):
    """What `fairlead evaluate` found."""

    schema: str = "fairlead.evaluate/1"
    router: str | None
    """Version of the router that was judged; `null` where methods were fitted here."""
    judgements: tuple[Judgement, ...]


@app.command()
def evaluate(  # noqa: PLR0913, PLR0917 - an argument an option
    tables: Tables,
    router: RouterFolder = None,
    seeds: Seeds = 5,
    models: Models = None,
    objective: ObjectiveAsked = None,
    margin: Margin = None,
    confidence: Confidence = None,
    usd_per_request: UsdPerRequest = None,
    latency_p95_s: LatencyP95 = None,
    as_json: JsonOption = False,
    out: OutOption = None,
    html: HtmlOption = None,
) -> None:
    """Judges a router, or all methods, on outcome tables: one table of figures each, an interval on every figure."""
    from fairlead.artifact import load  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.evaluation.report import page  # noqa: PLC0415

    settings = {
        "margin": margin,
        "confidence": confidence,
        "usd_per_request": usd_per_request,
        "latency_p95_s": latency_p95_s,
    }
    given = objective is not None or any(value is not None for value in settings.values())
    policy = asked(objective or "cost", **settings, cascade=False) if given else None
    read = _read(tables, models)
    fitted = None if router is None else _pursuing(policy, load(router))
    found = list(_splits(read, seeds, policy) if fitted is None else _parts(fitted, read))
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


def _pursuing(policy: Policy | None, router: Router) -> Router:
    """Returns the router with another policy, judged on the outcomes it was fitted on; as it is without one."""
    return router if policy is None else replace(router, policy=router.judged(policy))


def _splits(tables: Sequence[Outcomes], seeds: int, policy: Policy | None) -> Iterator[tuple[str, Evaluation]]:
    from rich.console import Console  # noqa: PLC0415 - only people need it
    from rich.progress import track  # noqa: PLC0415

    from fairlead.evaluation.robustness import N_PROMPTS  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.evaluation.splits import evaluate_splits  # noqa: PLC0415

    terminal = Console(stderr=True)
    for table in tables:
        about = f"fitting and judging on {table.name}"
        watched = track(range(seeds), description=about, console=terminal, disable=not sys.stderr.isatty())
        yield "splits", evaluate_splits(table, policy=policy, seeds=watched, n_perturbed=N_PROMPTS)


def _parts(router: Router, tables: Sequence[Outcomes]) -> Iterator[tuple[str, Evaluation]]:
    """Yields each table's prompts that the router was not fitted on, then those that it was."""
    import numpy as np  # noqa: PLC0415 - heavy, loaded when called

    from fairlead.evaluation import baselines  # noqa: PLC0415
    from fairlead.evaluation import evaluate as judge  # noqa: PLC0415
    from fairlead.evaluation.methods import column_of  # noqa: PLC0415
    from fairlead.evaluation.robustness import flip_rates  # noqa: PLC0415

    for table in tables:
        columns = {column_of(candidate, table) for candidate in router.candidates} - {-1}
        if not columns:
            listed = ", ".join(f"`{candidate.name}`" for candidate in router.candidates)
            raise TableError(f"table `{table.name}` has none of the router's models ({listed}). Give another table.")
        judged = table.only([table.models[column] for column in sorted(columns)])
        saw = np.zeros(len(judged), dtype=np.bool_) if router.evidence is None else router.evidence.saw(judged.prompts)
        for prompts, wanted in (("unseen", ~saw), ("fitted_on", saw)):
            if wanted.any():
                part = judged.rows(wanted)
                found = judge([router, *baselines()], part)
                yield prompts, replace(found, flips=flip_rates(router, part, part, found.resampling))


def _judgement(prompts: str, evaluation: Evaluation) -> Judgement:
    same = ("table", "data_hash", "n_prompts", "n_questions", "n_splits", "n_prompts_left_out", "models_left_out")
    return Judgement(
        prompts=prompts,
        **{name: getattr(evaluation, name) for name in (*same, "references")},
        seed=evaluation.resampling.seed,
        n_boot=evaluation.resampling.n_boot,
        confidence=evaluation.resampling.confidence,
        methods=told(evaluation.methods, Method),
        models=told(evaluation.fixed, Model),
        fit_table=told(evaluation.fit_table, FitCell),
        flips=told(evaluation.flips, Flips),
    )


PROMPTS = {
    "splits": "held-out prompts of each split",
    "unseen": "prompts that the router was not fitted on",
    "fitted_on": "prompts that the router WAS fitted on: no evidence of what it will do",
}


def _show(found: Sequence[tuple[str, Evaluation]], html: Path | None, console: Console) -> None:
    from fairlead.evaluation import shown  # noqa: PLC0415 - heavy, loaded when called

    for prompts, evaluation in found:
        console.print(_table(evaluation, f"{evaluation.table}: {PROMPTS[prompts]}"))
        console.print(f"{shown.basis(evaluation)}. {shown.left_out(evaluation, n_names=5)}", style="dim")
        if evaluation.flips:
            console.print(f"{shown.steadiness(evaluation)}", style="dim")
        console.print()
    if html is not None:
        console.print(f"Plots: {html}")


def _table(evaluation: Evaluation, title: str) -> Table:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - only people need it
    from rich.table import Table  # noqa: PLC0415

    from fairlead import wording  # noqa: PLC0415 - only people need it
    from fairlead.evaluation import shown  # noqa: PLC0415

    columns = {
        "score": ("score", wording.score),
        "- ref.": ("difference", wording.points),
        "USD/1000": ("cost_usd", wording.usd_per_1000),
        "% of ref.": ("cost_ratio", wording.whole_percent),
        "- hull": ("gain", wording.points),
        "misroutes %": ("misroute", wording.percent),
    }
    caption = (
        "- ref.: score minus the reference's, - hull: minus the best fixed mix's at equal cost, both in points; "
        "misroutes: prompts on which the reference succeeds and the served answer fails"
    )
    table = Table(title=title, caption=caption, title_justify="left", caption_justify="left", box=SIMPLE_HEAD)
    table.add_column("method", min_width=10)
    table.add_column("n", justify="right")
    for column in columns:
        table.add_column(column, justify="right")
    for method in evaluation.methods:
        figures = [wording.bare_interval(getattr(method, name), word) for name, word in columns.values()]
        table.add_row(f"{method.name} (a bound)" if method.bound else method.name, shown.count(method), *figures)
    return table
