"""`fairlead onboard`: a new candidate from few labels, chosen so that each says most."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from fairlead.cli.output import JsonOption, OutOption, Result, emit, write_whole, writing
from fairlead.errors import ConfigError, TableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from fairlead.onboarding import Label, Onboarding
    from fairlead.outcomes import Outcomes
    from fairlead.router import Router
    from fairlead.types import Price

app = typer.Typer()

CandidateArgument = Annotated[str, typer.Argument(help="The new model.")]
RouterOption = Annotated[Path, typer.Option("--router", help="The router that it is to join.")]
TableOption = Annotated[Path, typer.Option("--table", help="The outcome table that the router was fitted on.")]
LabelsOption = Annotated[
    Path | None,
    typer.Option("--labels", help="The file that labels travel in. Default: `onboard-CANDIDATE.jsonl`."),
]
NumberOption = Annotated[int, typer.Option("--n", help="How many prompts to propose next.", min=0, max=1000)]
SaveOption = Annotated[
    Path | None, typer.Option("--save", help="The folder to save the router in, with the candidate as far as labelled.")
]
PriceOption = Annotated[
    str | None,
    typer.Option("--price", help="USD per million tokens, `INPUT,OUTPUT`. Default: `prices.csv` of the table."),
]
WorthOption = Annotated[
    float | None, typer.Option("--worth-usd", help="What a right answer is worth. Default: cost does not count.")
]
EnoughOption = Annotated[
    float, typer.Option("--enough", help="Labels are enough when all further ones could add less score than this.")
]
ReplayOption = Annotated[
    bool, typer.Option("--replay", help="Take the labels from the table's own outcomes of the candidate.")
]


class Expected(msgspec.Struct, kw_only=True, frozen=True):
    """A mean score, and the range it lies in with 90 % confidence."""

    value: float
    low: float
    high: float


class OnboardResult(Result, kw_only=True, frozen=True):
    """Where a candidate stands after its labels, what the next one is worth, and what was saved."""

    schema: str = "fairlead.onboard/1"
    candidate: str
    table: str
    router: str
    """Version of the router that it is to join."""
    labels: str | None
    """The file of the labels and of the next prompts; `null` in a replay."""
    n_labels: int
    n_proposed: int
    """Prompts in the file that wait for a score."""
    score: Expected
    """Its mean score on all prompts of the table."""
    actual: float | None
    """In a replay: its mean score as measured."""
    share: float
    """Share of the prompts on which it is expected to be better than any other candidate."""
    gain: float
    """What having it is expected to add to the mean utility of a request: score, minus cost over worth."""
    lower: float
    """Lower limit of `gain`, 95 %."""
    next_label: float
    """What one more label is expected to add to the same."""
    next_label_usd: float | None
    """The same for each request, in USD; `null` where no worth was given."""
    remaining: float
    """What all further labels together could add."""
    remaining_usd: float | None
    enough: bool
    """Whether that is less than was asked for."""
    saved: str | None = None
    """The folder of the new router."""
    new_router: str | None = None
    """Its version."""
    serves: str | None = None
    """Who serves there, in words."""
    calls: float | None = None
    """Share of the table's prompts for which it calls the candidate first."""


@app.command()
def onboard(  # noqa: PLR0913, PLR0917 - the options of a command
    candidate: CandidateArgument,
    router: RouterOption,
    table: TableOption,
    labels: LabelsOption = None,
    n: NumberOption = 30,
    save: SaveOption = None,
    price: PriceOption = None,
    worth_usd: WorthOption = None,
    enough: EnoughOption = 0.001,
    replay: ReplayOption = False,
    as_json: JsonOption = False,
    out: OutOption = None,
) -> None:
    """Proposes prompts to label for a new candidate, takes the labels back, and adds it to a router.

    The first call writes the prompts to a file. Have the candidate answer them, fill in `score`, and call again.
    """
    from fairlead.artifact import load, refuse_foreign  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.onboarding import Onboarding  # noqa: PLC0415
    from fairlead.outcomes import Outcomes  # noqa: PLC0415

    if worth_usd is not None and not worth_usd > 0:
        raise ConfigError(f"`--worth-usd` is {worth_usd}; expected a sum above 0, such as 0.05.")
    if save is not None:
        refuse_foreign(save)  # now, and not after minutes of fitting
    outcomes = Outcomes.read(table)
    _refuse_known(candidate, outcomes, replay=replay)
    onboarding = Onboarding(
        router=_learned(load(router), router),
        table=outcomes,
        candidate=candidate,
        price=_price(price, candidate, table),
        worth_usd=worth_usd,
    )
    file = None if replay else labels or Path(f"onboard-{candidate.replace('/', '-')}.jsonl")
    given = onboarding.replay(n) if file is None else _given(file)
    questions = () if file is None else onboarding.propose(given, n)
    if file is not None:
        _write(file, [*given, *questions])
    result = _result(onboarding, given, enough=enough, file=file, n_proposed=len(questions))
    if save is not None and given:
        result = _saved(onboarding, given, result, save)
    emit(result, partial(_show, result, save), as_json=as_json, out=out)


# What is given -------------------------------------------------------------------------------------------------------


def _learned(router: Router, path: Path) -> Router:
    if router.features is None:
        raise ConfigError(f"`{path}` has learned nothing that a candidate could be compared with. Fit a router first.")
    return router


def _refuse_known(candidate: str, table: Outcomes, *, replay: bool) -> None:
    if candidate in table.column_of and not replay:
        raise TableError(
            f"table `{table.name}` has outcomes of `{candidate}` already, and `fairlead fit` learns from them."
            " Add `--replay` to see what few of them would have told."
        )


def _price(given: str | None, candidate: str, table: Path) -> Price | None:
    from fairlead.outcomes import read_prices, table_price  # noqa: PLC0415 - heavy, loaded when called

    if given is None:
        return read_prices(table).get(candidate)
    try:
        rates = [Decimal(part) for part in given.split(",")]
    except InvalidOperation:
        rates = []
    if len(rates) != 2 or not all(rate.is_finite() and rate >= 0 for rate in rates):
        raise ConfigError(f"`--price` is {given!r}; expected two prices, such as `0.15,0.60`.")
    return table_price(rates[0], rates[1], source="--price")


def _given(file: Path) -> tuple[Label, ...]:
    """Returns the labels of the file, without the questions still open."""
    from fairlead.onboarding import read_labels  # noqa: PLC0415 - heavy, loaded when called

    return tuple(label for label in read_labels(file) if label.score is not None) if file.exists() else ()


def _write(file: Path, labels: Sequence[Label]) -> None:
    from fairlead.onboarding import written  # noqa: PLC0415 - heavy, loaded when called

    write_whole(file, written(labels))


# What is found -------------------------------------------------------------------------------------------------------


def _result(
    onboarding: Onboarding, labels: Sequence[Label], *, enough: float, file: Path | None, n_proposed: int
) -> OnboardResult:
    standing, worth_usd = onboarding.standing(labels), onboarding.worth_usd
    return OnboardResult(
        candidate=onboarding.candidate,
        table=onboarding.table.name,
        router=onboarding.router.version,
        labels=None if file is None else str(file),
        n_labels=standing.n_labels,
        n_proposed=n_proposed,
        score=Expected(value=standing.score, low=standing.low, high=standing.high),
        actual=_actual(onboarding),
        share=standing.share,
        gain=standing.gain,
        lower=standing.lower,
        next_label=standing.next_label,
        next_label_usd=None if worth_usd is None else standing.next_label * worth_usd,
        remaining=standing.remaining,
        remaining_usd=None if worth_usd is None else standing.remaining * worth_usd,
        enough=standing.remaining < enough,
    )


def _actual(onboarding: Onboarding) -> float | None:
    """Returns the measured mean of a replay."""
    table = onboarding.table
    if onboarding.candidate not in table.column_of:
        return None
    score = table.score[:, table.column_of[onboarding.candidate]]
    return float(score[score == score].mean())  # noqa: PLR0124 - where it is a number


def _saved(onboarding: Onboarding, labels: Sequence[Label], result: OnboardResult, folder: Path) -> OnboardResult:
    from fairlead.artifact import save  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.policies import Certified, HullGuard  # noqa: PLC0415

    router = onboarding.add(labels)
    with writing(folder):
        save(router, folder)
    chosen = [decision.model for decision in router.decide(onboarding.table.requests)]
    assert isinstance(router.policy, HullGuard | Certified)  # `fit` puts every policy under one of them
    return msgspec.structs.replace(
        result,
        saved=str(folder),
        new_router=router.version,
        serves=router.policy.who_serves(),
        calls=chosen.count(onboarding.candidate) / len(chosen),
    )


# For people ----------------------------------------------------------------------------------------------------------


def _show(result: OnboardResult, save: Path | None, console: Console) -> None:
    lines = [*_standing(result), *_next_step(result), *_saving(result, save)]
    console.print("\n".join(lines), soft_wrap=True)


def _standing(result: OnboardResult) -> Iterator[str]:
    score = result.score
    actual = "" if result.actual is None else f"; measured: {result.actual:.3f}"
    yield f"{result.candidate} after {result.n_labels} labels on {result.table}:"
    yield f"  expected score {score.value:.3f}, between {score.low:.3f} and {score.high:.3f} (90 %){actual}."
    yield f"  Expected to be better than every other candidate on {result.share:.1%} of the prompts."
    yield f"  Having it is expected to add {_points(result.gain)} to a request (lower limit {_points(result.lower)})."
    yield f"  The next label is expected to add {_points(result.next_label)}{_usd(result.next_label_usd)}, all further"
    yield f"  ones together {_points(result.remaining)}{_usd(result.remaining_usd)}."


def _next_step(result: OnboardResult) -> Iterator[str]:
    if result.enough:
        yield "More labels can hardly change what the router does: enough."
    if result.labels is not None and result.n_proposed:
        yield f"{result.n_proposed} prompts to label are in {result.labels}: fill in `score`, and call this again."


def _saving(result: OnboardResult, save: Path | None) -> Iterator[str]:
    if result.saved is not None:
        yield f"Router {result.new_router} saved in {result.saved}: {result.serves}; it calls {result.candidate} first"
        yield f"for {result.calls:.1%} of these prompts."
    elif save is not None:
        yield "Nothing saved: without a label a candidate is never chosen for its quality."


def _points(score: float) -> str:
    return f"{100 * score:+.3f} points"


def _usd(value: float | None) -> str:
    return "" if value is None else f" (USD {value:.2g})"
