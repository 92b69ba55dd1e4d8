"""The statement as one self-contained HTML page: no script, nothing fetched, readable in light and dark."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from fairlead import wording
from fairlead.pages import environment
from fairlead.plots import Row, bars, forest
from fairlead.proof.shown import (
    arms,
    certificate_lines,
    counts,
    figures,
    included,
    mean_cost,
    misroute_lines,
    period,
    quality_lines,
    scored_by,
    steps,
    verdict,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Environment

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
    plots = [*saving_plot(statement, truth), *quality_plot(statement, truth)]
    return (
        templates("fairlead.proof")
        .get_template("statement.html")
        .render(
            s=statement,
            title=title,
            notice=notice,
            period=period(statement),
            verdict=verdict(statement),
            figures=figures(statement),
            plots=plots,
            models_plot=_models_plot(statement),
            arms=arms(statement),
            steps=list(steps(statement)),
            quality=quality_lines(statement),
            misroute=misroute_lines(statement),
            certificates=certificate_lines(statement),
            included=list(included(statement)),
            shares=[("Route", statement.routes), ("Team", statement.teams)],
            counts=list(counts(statement)),
            sections=sections,
            closing=closing,
        )
    )


@cache
def templates(package: str) -> Environment:
    """Returns the templates of a package, which may show rows of a statement."""
    made = environment(package)
    made.filters |= {"scored_by": scored_by, "mean_cost": mean_cost}
    return made


def saving_plot(statement: Statement, truth: Truth | None = None) -> list[str]:
    """Returns the plot of the saving with its interval; none where nothing was compared."""
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


def quality_plot(statement: Statement, truth: Truth | None = None) -> list[str]:
    """Returns the plot of the quality difference with its interval; none where nothing was compared."""
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
