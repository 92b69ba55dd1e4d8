"""The statement as one self-contained HTML page: no script, nothing fetched, readable in light and dark."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from fairlead.plots import Row, bars, forest
from fairlead.policies.base import REASONS
from fairlead.proof import wording
from fairlead.proof.cases import NOT_COMPARED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fairlead.proof.statement import Statement
    from fairlead.statistics.bootstrap import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the page that the statement does not know of; `body` is HTML, escaped already."""

    title: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What an estimate can be laid beside where everything is known, as in a simulation; shares and scores."""

    saving_share: float
    quality_difference: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number to read first."""

    name: str
    value: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How often something happened, and what it means."""

    n: int
    key: str
    words: str


def page(
    statement: Statement,
    *,
    title: str,
    notice: str = "",
    truth: Truth | None = None,
    sections: Sequence[Section] = (),
    closing: Sequence[Section] = (),
) -> str:
    """Returns the page.

    Args:
        statement: what is stated.
        title: its heading.
        notice: one sentence that must not be missed, such as that figures are simulated.
        truth: what the estimates should have been, where that is known.
        sections: further parts, after the headline.
        closing: further parts, at the end.
    """
    plots = [*_saving_plot(statement, truth), *_quality_plot(statement, truth)]
    return (
        environment("fairlead.proof")
        .get_template("statement.html")
        .render(
            s=statement,
            title=title,
            notice=notice,
            period=wording.period(statement),
            verdict=wording.verdict(statement),
            figures=figures(statement),
            plots=plots,
            models_plot=_models_plot(statement),
            arms=[("policy", statement.policy), ("control", statement.control)],
            counts=list(counts(statement)),
            sections=sections,
            closing=closing,
        )
    )


@cache
def environment(package: str) -> Environment:
    """Returns the templates of a package, with figures in words as filters."""
    made = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = {"usd": wording.usd, "percent": wording.percent, "score": wording.score, "seconds": wording.seconds}
    made.filters.update(words)
    made.filters["interval"] = lambda given, kind: wording.interval(given, words[kind])
    return made


def figures(statement: Statement) -> list[Figure]:
    """Returns the four numbers to read first."""
    saving, quality = statement.saving, statement.quality
    reference = saving.reference_usd if saving else None
    return [
        Figure(name="Paid", value=wording.usd(statement.paid_usd), note="exact, control arm and retries included"),
        Figure(
            name="The reference would have cost",
            value=wording.usd(reference.value if reference else None),
            note=_ends(reference, wording.usd, "on the same requests") if reference else "not enough evidence yet",
        ),
        Figure(
            name="Saving",
            value=wording.usd(saving.saving_usd.value if saving else None),
            note=wording.interval(saving.saving_share, wording.percent) if saving else "not enough evidence yet",
        ),
        Figure(
            name="Quality against the reference",
            value=wording.points(quality.difference.value if quality else None),
            note=_ends(quality.difference, wording.points, f"n = {quality.n_policy:,} against {quality.n_control:,}")
            if quality
            else "not enough scores yet",
        ),
    ]


def counts(statement: Statement) -> Iterator[Count]:
    """Yields reasons, requests outside the comparison, faults and failures, each with its meaning."""
    for reason, n in sorted(statement.reasons.items(), key=lambda item: -item[1]):
        yield Count(n=n, key=reason, words=REASONS.get(reason, ""))
    for why, n in statement.not_compared.items():
        yield Count(n=n, key=why, words=f"not compared, as {NOT_COMPARED[why]}")
    for fault, n in statement.faults.items():
        yield Count(n=n, key=fault, words="a fault inside the router: the reference was served")
    for status, n in statement.statuses.items():
        if status != "delivered":
            yield Count(n=n, key=status, words="requests without a complete answer")


def _ends(interval: Interval, word: wording.Word, after: str) -> str:
    return f"{wording.ends(interval, word)}, {after}"


def _saving_plot(statement: Statement, truth: Truth | None) -> list[str]:
    if statement.saving is None:
        return []
    naive = _naive_share(statement)
    rows = [_row("saving", statement.saving.saving_share, wording.percent)]
    if truth is not None:
        rows.append(Row(name="the truth", value=100 * truth.saving_share, text=wording.percent(truth.saving_share)))
    rows.append(Row(name="naive re-pricing", value=None if naive is None else 100 * naive, text=wording.percent(naive)))
    description = "The saving as a share of the reference's cost, with its 95 % interval; beside it the naive figure."
    return [forest(rows, title="Saving", description=description, x_label="per cent of the reference's cost")]


def _naive_share(statement: Statement) -> float | None:
    """Returns the naive saving as a share of a naive cost of both arms, so that it can stand beside the estimate."""
    reference_usd = statement.naive.reference_usd + statement.control.paid_usd
    return float(statement.naive.saving_usd / reference_usd) if reference_usd else None


def _quality_plot(statement: Statement, truth: Truth | None) -> list[str]:
    if statement.quality is None:
        return []
    rows = [_row("quality", statement.quality.difference, wording.points)]
    if truth is not None:
        difference = truth.quality_difference
        rows.append(Row(name="the truth", value=100 * difference, text=wording.points(difference)))
    description = "Mean score of the policy minus that of the reference on the same requests, with its 95 % interval."
    plot = forest(rows, title="Quality against the reference", description=description, x_label="points of a hundred")
    return [plot]


def _row(name: str, interval: Interval, word: wording.Word) -> Row:
    ends = (100 * interval.low, 100 * interval.high)
    return Row(name=name, value=100 * interval.value, interval=ends, text=wording.interval(interval, word), accent=True)


def _models_plot(statement: Statement) -> str:
    if not statement.models:
        return ""
    rows = [
        Row(name=row.model, value=100 * row.share, text=wording.percent(row.share), accent=True)
        for row in statement.models
    ]
    description = "Share of the delivered answers that each model wrote."
    return bars(rows, title="Who answered", description=description, x_label="per cent of the answers")
