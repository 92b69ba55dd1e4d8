"""`fairlead fit`: fit a router to outcome tables and save it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np
import typer

from fairlead import wording
from fairlead.cli.certification import (
    CalibrationShare,
    CertificationResult,
    Certify,
    Days,
    certificate_asked,
    certified,
)
from fairlead.cli.objective import CascadeOption, Confidence, LatencyP95, Margin, ObjectiveOption, UsdPerRequest, asked
from fairlead.cli.output import JsonOption, Result, emit, table, writing
from fairlead.cli.since import SinceOption, moment
from fairlead.features.kept import Kept
from fairlead.ledger.sources import Kind  # noqa: TC001 - msgspec reads the annotations
from fairlead.policies import HullGuard
from fairlead.proof.marks import Marks  # noqa: TC001 - msgspec reads the annotations
from fairlead.proof.sources import SAYERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from fairlead.learning.gathering import Gathered
    from fairlead.outcomes import Outcomes
    from fairlead.policies.base import Promise
    from fairlead.router import Router

app = typer.Typer()

Tables = Annotated[
    list[Path] | None, typer.Argument(help="Folders of outcome tables; several are joined by model name.")
]
FromLedger = Annotated[
    str | None,
    typer.Option("--ledger", help="Learn from this ledger's scored requests: a file, or `postgresql://...`."),
]
RouteOption = Annotated[str | None, typer.Option("--route", help="Of the ledger, only requests to this route.")]
RouterOut = Annotated[Path, typer.Option("--out", help="The folder to save the router in.")]
Reference = Annotated[str | None, typer.Option(help="The model used before. Default: the best one on these tables.")]
Prior = Annotated[
    bool,
    typer.Option(
        "--prior", help="Add what public tables taught of a prompt's demands; may help a little where prompts are few."
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of folds and resamples.", min=0)]
Models = Annotated[str | None, typer.Option(help="Only these models of the tables, separated by commas.")]


class ModelFit(msgspec.Struct, kw_only=True, frozen=True):
    """How well the success of one model was predicted, on prompts that the predictor had not seen."""

    model: str
    n: int
    """Prompts on which it was measured."""
    mean_score: float | None
    auc: float | None
    """Chance that a success is predicted above a failure; `null` where there is only one of the two."""
    brier: float | None
    """Mean squared distance of prediction and score; lower is better."""
    ece: float | None
    """Mean distance of predicted and measured success over ten bins; lower is better."""
    coverage: float | None
    """Share of ten bins whose measured success lies within the 90 % interval of the predicted one; 0.9 or more."""
    priced: bool
    """Whether its cost is known; a model without a price is not chosen for its cost."""


class Verdict(msgspec.Struct, kw_only=True, frozen=True):
    """What the hull guard says: may the policy serve, or does a fixed choice?"""

    allowed: bool
    gain: float | None
    """Mean score of routing minus that of the best fixed choice at the same cost; `null` where it was not judged."""
    lower: float | None
    """One-sided lower limit of `gain`."""
    confidence: float
    """Of `lower`."""
    n: int
    """Prompts on which all judged models were measured."""
    fixed: str
    """What serves where routing may not."""
    other: str | None
    """The second model of a mix."""
    share: float
    """Chance of `other`."""
    unjudged: tuple[str, ...]
    """Models that were not measured together with the others: routing does not choose them."""
    words: str
    """All of this in words."""


class GatheredResult(msgspec.Struct, kw_only=True, frozen=True):
    """What of a ledger was learned from."""

    reads: str
    """What a router reads of each request: `prompts`, or `features` where no words are kept."""
    n_requests: int
    """Served requests that were looked at."""
    n_scored: int
    n_unreadable: int
    """Scored requests that left nothing to learn from, or what is not understood today."""
    n_compared: int
    """Requests with the scores of two models or more."""
    kinds: dict[Kind, int]
    """Kind of source -> requests that it scores."""
    marks: dict[str, Marks]
    """Model -> how good its answers were."""


class FitResult(Result, kw_only=True, frozen=True):
    """What `fairlead fit` saved."""

    schema: str = "fairlead.fit/1"
    out: str | None
    """The folder of the router; `null` where a certificate was asked for and could not be issued."""
    router: str
    """Version of the router: a hash of what it does."""
    table: str
    """Name of the table, joined names where there were several."""
    data_hash: str
    """SHA-256 of the table's content."""
    seed: int
    n_prompts: int
    reference: str
    objective: str
    """What was asked for: `cost`, `quality`, `latency` or `order`."""
    policy: str
    """What pursues it, with what it learned."""
    models: tuple[ModelFit, ...]
    verdict: Verdict
    gathered: GatheredResult | None = None
    """`null` where it was fitted to tables."""
    lacks: tuple[str, ...] = ()
    """What was asked for and the tables cannot tell, in words: then it takes no part in any choice."""
    certification: CertificationResult | None = None
    """`null` where no certificate was asked for."""


@app.command()
def fit(  # noqa: PLR0913, PLR0917 - an argument an option
    out: RouterOut,
    tables: Tables = None,
    ledger: FromLedger = None,
    route: RouteOption = None,
    since: SinceOption = None,
    reference: Reference = None,
    objective: ObjectiveOption = "cost",
    margin: Margin = None,
    confidence: Confidence = None,
    usd_per_request: UsdPerRequest = None,
    latency_p95_s: LatencyP95 = None,
    cascade: CascadeOption = False,
    prior: Prior = False,
    seed: Seed = 0,
    models: Models = None,
    certify: Certify = False,
    calibration_share: CalibrationShare = 0.5,
    days: Days = 90,
    as_json: JsonOption = False,
) -> None:
    """Fits a router to outcome tables, or to a ledger's scored requests, says what it is worth, and saves it."""
    from fairlead.artifact import refuse_foreign, save  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.fitting import fit as fit_router  # noqa: PLC0415

    policy = asked(
        objective,
        margin=margin,
        confidence=confidence,
        usd_per_request=usd_per_request,
        latency_p95_s=latency_p95_s,
        cascade=cascade,
    )
    terms = None
    if certify:
        terms = certificate_asked(objective, cascade=cascade, margin=margin, confidence=confidence, days=days)
    refuse_foreign(out)  # now, and not after minutes of fitting
    table, gathered = _outcomes(tables or [], ledger, route, moment(since, datetime.now(UTC)))
    if models is not None:
        table = table.only([name.strip() for name in models.split(",")])
    train, held_out = (table, None) if terms is None else table.split(1 - calibration_share, seed)
    router = fit_router(
        train,
        policy,
        reference=reference or _logged_reference(gathered, train),
        features=None if train.kept is None else Kept(),
        prior="shipped" if prior else None,
        seed=seed,
    )
    lacks = _lacks(train, timed=objective == "latency" or latency_p95_s is not None, cascade=cascade)
    result = _result(router, train, gathered, tuple(lacks), out=out, seed=seed, objective=objective)
    if terms is not None and held_out is not None:
        router, certification = certified(router, held_out, terms, latency_p95_s=latency_p95_s)
        result = _certified(result, router, certification)
    if result.out is not None:
        with writing(out):
            save(router, out)
    emit(result, partial(_show, result), as_json=as_json)
    if result.out is None:
        raise typer.Exit(1)


def _outcomes(
    tables: list[Path], ledger: str | None, route: str | None, since: datetime | None
) -> tuple[Outcomes, Gathered | None]:
    """Returns what is learned from."""
    from fairlead.learning.gathering import gather  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.ledger.opening import reading  # noqa: PLC0415
    from fairlead.outcomes import Outcomes, join  # noqa: PLC0415

    if bool(tables) == (ledger is not None):
        raise typer.BadParameter("expected either folders of outcome tables or `--ledger`.")
    if ledger is None:
        return join([Outcomes.read(table) for table in tables]), None
    with reading(ledger) as opened:
        gathered = gather(opened, opened.entries(since), route=route)
    return gathered.table, gathered


def _logged_reference(gathered: Gathered | None, train: Outcomes) -> str | None:
    """Returns the reference of the ledger, where it was measured."""
    return gathered.reference if gathered is not None and gathered.reference in train.models else None


def _result(
    router: Router,
    train: Outcomes,
    gathered: Gathered | None,
    lacks: tuple[str, ...],
    *,
    out: Path,
    seed: int,
    objective: str,
) -> FitResult:
    assert router.evidence is not None  # what `fit` returns was fitted
    assert router.reference is not None
    guard = router.policy
    assert isinstance(guard, HullGuard)  # `fit` puts every policy under one
    return FitResult(
        out=str(out),
        router=router.version,
        table=train.name,
        data_hash=train.data_hash,
        seed=seed,
        n_prompts=len(train),
        reference=router.reference,
        objective=objective,
        policy=repr(guard.policy),
        models=tuple(
            ModelFit(priced=metrics.model in train.prices, **asdict(metrics)) for metrics in router.evidence.metrics()
        ),
        verdict=_verdict(guard),
        gathered=None if gathered is None else msgspec.convert(gathered, GatheredResult, from_attributes=True),
        lacks=lacks,
    )


def _lacks(train: Outcomes, *, timed: bool, cascade: bool) -> Iterator[str]:
    """Yields what the table does not hold and the user counts on: nothing can be shown of it."""
    if not train.prices:
        yield "No model of the table has a price, so no cost can be saved: name its models in `prices.csv`."
    if timed and np.isnan(train.latency_s).all():
        yield "The table has no `latency_s`, so no model is known to be fast enough: add the column."
    if cascade and not any(answer is not None for answer in train.answer.flat):
        yield "The table has no `answer`, so no two answers can be compared in a cascade: add the column."


def _certified(result: FitResult, router: Router, certification: CertificationResult) -> FitResult:
    """Returns the result with what came of the certificate; without one nothing is saved."""
    out, serves = (None, result.policy) if certification.certificate is None else (result.out, certification.serves)
    return msgspec.structs.replace(result, out=out, router=router.version, policy=serves, certification=certification)


def _verdict(guard: HullGuard) -> Verdict:
    return Verdict(
        allowed=guard.allowed,
        gain=guard.gain,
        lower=guard.lower,
        confidence=guard.confidence,
        n=guard.n,
        fixed=guard.fixed,
        other=guard.other,
        share=guard.share,
        unjudged=guard.unjudged,
        words=f"{_shown(guard)} So {guard.who_serves()}.",
    )


def _shown(guard: HullGuard) -> str:
    if guard.promise.as_told:
        return "It follows no prediction, so there is nothing to be shown."
    if guard.gain is None or guard.lower is None:
        return "Nothing could be judged: too few prompts have the reference measured."
    same = {"cost_usd": " at the same cost", "latency_s": " that is as fast", "nothing": ""}[guard.promise.spends]
    measured = (
        f"On {guard.n:,} prompts routing scores {guard.gain:+.4f} against the best fixed choice{same}"
        f" (lower limit {guard.lower:+.4f}, confidence {guard.confidence:.0%})"
    )
    if guard.allowed:
        return f"{measured}: shown to be better."
    if guard.lower > 0:
        return f"{measured}, but it does not keep {_promised(guard.promise)}."
    enough = "; on this evidence one model is enough" if guard.other is None else ""
    return f"{measured}: not shown to be better{enough}."


def _promised(promise: Promise) -> str:
    parts = []
    if promise.margin is not None:
        parts.append(f"within {promise.margin:g} of the reference")
    if promise.usd_per_request is not None:
        parts.append(f"within {promise.usd_per_request:g} USD a request")
    return " and ".join(parts)


SHOWN = 5
"""Names of a list that people see."""


# For people ----------------------------------------------------------------------------------------------------------


def _show(result: FitResult, console: Console) -> None:
    rows = table("model", "prompts", "mean score", "AUC", "Brier", "calibration error", "price")
    for model in result.models:
        numbers = (model.mean_score, model.auc, model.brier, model.ece)
        known = "known" if model.priced else "unknown"
        rows.add_row(model.model, f"{model.n:,}", *map(_number, numbers), known)
    console.print(f"{result.table}: {result.n_prompts:,} prompts, predicted out of fold")
    console.print(rows)
    lines = [] if result.gathered is None else [_gathered(result.gathered), *_marks(result.gathered)]
    lines += [*result.lacks, result.verdict.words]
    if unjudged := result.verdict.unjudged:
        lines.append(f"Not chosen, as too few prompts have them measured beside the others: {_cut(unjudged)}.")
    if result.certification is not None:
        lines.append(result.certification.words)
    if result.out is None:
        lines.append(f"Reference `{result.reference}`. Nothing was saved.")
    else:
        serves = f"Reference `{result.reference}`. Policy `{wording.brief(result.policy)}`."
        lines.append(f"{serves} Router {result.router} saved in {result.out}.")
    console.print("\n".join(lines), soft_wrap=True)


def _gathered(found: GatheredResult) -> str:
    by = ", ".join(f"{n:,} by {SAYERS[kind]}" for kind, n in found.kinds.items())
    unreadable = f"; {found.n_unreadable:,} scored requests left nothing to learn from" if found.n_unreadable else ""
    return (
        f"Of {found.n_requests:,} served requests {found.n_scored:,} have a score (each by one kind of source: {by}), "
        f"{found.n_compared:,} of them the scores of two models or more. The router reads {found.reads}{unreadable}."
    )


def _marks(found: GatheredResult) -> Iterator[str]:
    """Yields what two kinds of sources together say of a model's answers, where two do."""
    for model, marks in found.marks.items():
        if marks.scored_by is not None and marks.helped_by is not None:
            scores = wording.interval(marks.score, wording.score)
            said = f"{marks.n_scored:,} scores by {SAYERS[marks.scored_by]}"
            more = f"{marks.n_more:,} more by {SAYERS[marks.helped_by]}"
            yield f"`{model}`: mean score {scores}, by {said}, with {more} as far as they follow."


def _cut(names: tuple[str, ...]) -> str:
    """Returns the first names; `--json` has them all."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"
