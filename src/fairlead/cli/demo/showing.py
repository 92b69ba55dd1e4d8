"""How the demo ends: estimate and truth side by side, in the terminal and on a page; every figure is simulated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairlead import wording
from fairlead.cli.output import table
from fairlead.cli.statement_shown import show_statement
from fairlead.pages import environment
from fairlead.plots import Point, scatter
from fairlead.proof import page as pages
from fairlead.statistics.hulls import hull

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from fairlead.cli.demo.explain import CandidateLine, Explained
    from fairlead.cli.demo.story import Ending
    from fairlead.cli.demo.truth import Standing
    from fairlead.statistics.bootstrap import Interval

NOTICE = (
    "Every figure is simulated: models, prices, answers and traffic are made up. "
    "Latencies are measured on this machine, with the simulated ones at a hundredth of their length."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A figure that the ledger estimates and the simulation knows."""

    name: str
    estimate: str
    truth: str
    inside: str
    """Whether the interval holds the truth: a 95 % interval misses one time in twenty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """Where to go from here."""

    words: str
    command: str


NEXT_STEPS = (
    NextStep(words="Route real traffic, with the keys in your environment", command="fairlead serve"),
    NextStep(words="Fit a router on outcomes of your own", command="fairlead fit TABLE --out routers/mine"),
    NextStep(words="State what your own ledger shows", command="fairlead report --html report.html"),
)
OTHER_POOL = {
    "saving": NextStep(words="See a pool of models where routing saves nothing", command="fairlead demo --losing"),
    "losing": NextStep(words="See a pool of models where routing saves", command="fairlead demo"),
}


def next_steps(ending: Ending) -> tuple[NextStep, ...]:
    """Returns where to go from this demo."""
    return (*NEXT_STEPS, OTHER_POOL[ending.plan.pool])


def compared(ending: Ending) -> list[Compared]:
    """Returns every estimate beside its truth."""
    saving, quality, truth = ending.statement.saving, ending.statement.quality, ending.truth
    money = [
        ("the reference's cost", saving.reference_usd if saving else None, float(truth.reference_usd), wording.usd),
        ("saving", saving.saving_usd if saving else None, float(truth.saving_usd), wording.usd),
        ("saving, share", saving.saving_share if saving else None, truth.saving_share, wording.percent),
    ]
    score = [
        ("the reference's mean score", quality.reference if quality else None, truth.reference_score, wording.score),
        ("quality difference", quality.difference if quality else None, truth.quality_difference, wording.points),
    ]
    return [_compared(*row) for row in money + score]


def _compared(name: str, estimate: Interval | None, truth: float, word: wording.Word) -> Compared:
    if estimate is None:
        return Compared(name=name, estimate="not enough evidence", truth=word(truth), inside="")
    slack = 1e-9 * abs(truth)  # where nothing is estimated both ends are the truth, up to rounding
    inside = estimate.low - slack <= truth <= estimate.high + slack
    return Compared(
        name=name, estimate=wording.interval(estimate, word), truth=word(truth), inside="yes" if inside else "no"
    )


def headline(ending: Ending) -> str:
    """Returns in a sentence whether routing saved anything, in truth."""
    truth = ending.truth
    share, points = wording.percent(abs(truth.saving_share)), wording.points(truth.quality_difference)
    if truth.saving_usd > 0:
        return f"In truth routing saved {share} here, at {points} of quality."
    if truth.saving_usd == 0:
        return (
            "In truth routing saved nothing here: it kept to the reference, as nothing cheaper was shown to be as good."
        )
    return f"In truth routing saved nothing here: it cost {share} more than the reference, at {points} of quality."


# On a page -----------------------------------------------------------------------------------------------------------


def page(ending: Ending) -> str:
    """Returns the report as one HTML page."""
    sections = [
        _section("Estimate and truth", "truth", headline(ending), compared(ending)),
        _section("What was there to be had", "frontier", frontier(ending.matched.standings())),
        _section("Three decisions, line by line", "decisions", ending.explained),
    ]
    return pages.page(
        ending.statement,
        title="Fairlead demo: what routing saved" if ending.plan.pool == "saving" else "Fairlead demo: a losing pool",
        notice=NOTICE,
        truth=pages.Truth(saving_share=ending.truth.saving_share, quality_difference=ending.truth.quality_difference),
        sections=sections,
        closing=[_section("Where to go next", "next_steps", next_steps(ending))],
    )


def _section(title: str, macro: str, *given: object) -> pages.Section:
    """Returns a section whose body is one of the macros of `sections.html`."""
    macros = environment("fairlead.cli.demo").get_template("sections.html").module
    return pages.Section(title=title, body=str(getattr(macros, macro)(*given)))


def frontier(standings: list[Standing]) -> str:
    """Returns the plot of quality over cost; the last of `standings` is the router."""
    *fixed, router = standings
    cost, score = np.array([m.cost_usd for m in fixed]), np.array([m.score for m in fixed])
    return scatter(
        [Point(name=s.name, x=1000 * s.cost_usd, y=s.score, accent=s is router) for s in standings],
        hull=[(1000 * float(cost[j]), float(score[j])) for j in hull(cost, score)],
        title="Quality over cost, on the tasks of the policy arm",
        description="Each model and the router by cost and mean score; dashed, the best mixes of two models.",
        x_label="USD per 1,000 tasks",
        y_label="mean score",
    )


# In the terminal -----------------------------------------------------------------------------------------------------


def show(ending: Ending, path: Path, console: Console) -> None:
    """Prints the end of the demo for people."""
    console.rule("Every figure is simulated")
    console.print(f"{NOTICE}\n", soft_wrap=True)
    show_statement(ending.statement, console)
    console.print(_truth_table(ending))
    console.print(f"{headline(ending)}\n", style="bold")
    for example in ending.explained:
        _show_example(example, console)
    console.print("Where to go next")
    for step in next_steps(ending):
        console.print(f"  {step.command:<40} {step.words}", soft_wrap=True)
    plan = ending.plan
    console.print(f"\n{plan.n_tasks:,} simulated tasks, seed {plan.seed}, {ending.elapsed_s:.0f} s; page: {path}")


def _truth_table(ending: Ending) -> object:
    rows = table("simulated", "estimate [95 %]", "truth", "inside")
    for row in compared(ending):
        rows.add_row(row.name, row.estimate, row.truth, row.inside)
    return rows


def _show_example(example: Explained, console: Console) -> None:
    console.print(f"{example.title}: {example.prompt!r}", soft_wrap=True)
    excluding = any(line.excluded_because for line in example.candidates)
    lines = table("candidate", "turn", "success", "tokens", "USD", *(["excluded because"] if excluding else []))
    for line in example.candidates:
        lines.add_row(*_cells(line), *([line.excluded_because or ""] if excluding else []))
    console.print(lines)
    console.print("\n".join(example.sentences) + "\n", soft_wrap=True)


def _cells(line: CandidateLine) -> tuple[str, ...]:
    return (
        line.candidate,
        "" if line.turn is None else str(line.turn),
        wording.score(line.p_success),
        wording.UNKNOWN if line.output_tokens is None else f"{line.output_tokens:,.0f}",
        wording.bare(wording.usd(line.cost_usd)),
    )
