"""The statement as commands answer it: the shape of its JSON, and its tables in the terminal."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads the annotations
from decimal import Decimal  # noqa: TC003
from typing import TYPE_CHECKING, Literal

import msgspec

from fairlead.cli.output import table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from fairlead.proof.statement import Statement


class IntervalResult(msgspec.Struct, kw_only=True, frozen=True):
    """An estimate with its 95 % interval; requests of one session count as related."""

    value: float
    low: float
    high: float


class ArmResult(msgspec.Struct, kw_only=True, frozen=True):
    """One arm as it happened."""

    n_requests: int
    n_sessions: int
    n_failed: int
    paid_usd: Decimal
    n_scored: int
    mean_score: float | None


class SavingResult(msgspec.Struct, kw_only=True, frozen=True):
    """Compared requests only: what they cost, and what the reference would have cost on them."""

    paid_usd: Decimal
    """Exact; both arms, retries included."""
    n_policy_sessions: int
    n_control_sessions: int
    """Sessions that the estimate rests on."""
    n_settled: int
    """Requests of sessions that are the same in both arms: they save nothing, exactly."""
    reference_usd: IntervalResult
    saving_usd: IntervalResult
    """Reference minus paid; negative where routing cost more."""
    saving_share: IntervalResult
    """The same, as a share of the reference's cost."""
    control_extra_usd: IntervalResult
    """What the control arm cost above what the policy would have cost on its requests."""


class NaiveResult(msgspec.Struct, kw_only=True, frozen=True):
    """The served tokens at the reference's price: the usual claim, and no counterfactual."""

    n_requests: int
    """Requests of the policy arm with known tokens and a known price of the reference."""
    paid_usd: Decimal
    reference_usd: Decimal
    saving_usd: Decimal


class QualityResult(msgspec.Struct, kw_only=True, frozen=True):
    """Scored requests only: how good the answers were, and how good the reference's would have been on them."""

    n_policy: int
    n_control: int
    n_control_sessions: int
    policy: float
    """Mean score of the policy arm."""
    reference: IntervalResult
    """Mean score that the reference would have had on the policy arm's requests."""
    difference: IntervalResult
    """Policy minus reference."""


class UnknownResult(msgspec.Struct, kw_only=True, frozen=True):
    """Requests whose cost is not known: in no sum, and never counted as zero."""

    n_requests: int
    by_status: dict[str, int]
    bound_usd: Decimal | None
    """The most that they can have cost together."""


class ModelResult(msgspec.Struct, kw_only=True, frozen=True):
    """One candidate over all requests."""

    model: str
    n_calls: int
    """Attempts, failed ones included."""
    n_served: int
    """Answers that were delivered."""
    share: float
    """Of all delivered answers."""
    cost_usd: Decimal
    """Exact, over the calls whose cost is known."""
    n_unknown_cost: int
    n_scored: int
    score: IntervalResult | None
    """Mean score of the answers it served."""
    latency_p50_s: float | None
    """Median over its successful calls."""


class StatementResult(msgspec.Struct, kw_only=True, frozen=True):
    """What can be claimed from a ledger, and from how much."""

    since: datetime | None
    """Time of the first request."""
    until: datetime | None
    """Time of the last one."""
    n_requests: int
    n_sessions: int
    references: tuple[str, ...]
    paid_usd: Decimal
    """Exact; all requests with a known cost, control arm and retries included."""
    unknown: UnknownResult
    policy: ArmResult
    control: ArmResult
    not_compared: dict[str, int]
    """Why requests take no part in the comparison -> how many."""
    verdict: Literal["saves", "costs_more", "same", "not_enough_evidence", "no_control_arm"]
    sessions_needed: int | None
    """About how many more sessions would tell; `null` where that is settled or cannot be said."""
    saving: SavingResult | None
    """`null` with too few sessions in either arm."""
    naive: NaiveResult
    quality: QualityResult | None
    """`null` with too few scored sessions in either arm."""
    models: tuple[ModelResult, ...]
    reasons: dict[str, int]
    """Why a candidate was chosen -> requests."""
    faults: dict[str, int]
    """Class of a fault inside the router -> requests."""
    statuses: dict[str, int]
    n_configurations: int
    """Above 1 the arms may mix periods with different control shares."""


def result_of(statement: Statement) -> StatementResult:
    """Returns the statement in the shape of its JSON."""
    return msgspec.convert(statement, StatementResult, from_attributes=True)


def show_statement(statement: Statement, console: Console) -> None:
    """Prints the statement for people."""
    from fairlead.proof import wording  # noqa: PLC0415 - only people need it
    from fairlead.proof.page import counts, figures  # noqa: PLC0415

    if not statement.n_requests:
        console.print("No requests: there is nothing to state yet. Send some through `fairlead serve`.", soft_wrap=True)
        return
    console.print(
        f"{wording.period(statement)}: {statement.n_requests:,} requests in {statement.n_sessions:,} sessions, "
        f"reference {', '.join(statement.references) or 'none'}\n",
        markup=False,
    )
    headline = table("", "", "")
    for figure in figures(statement):
        headline.add_row(figure.name, figure.value, figure.note)
    naive = statement.naive
    headline.add_row(
        "Naive saving, for comparison",
        wording.usd(naive.saving_usd),
        f"served tokens at the reference's price, {naive.n_requests} requests: no counterfactual",
    )
    console.print(headline)
    console.print(f"\n{wording.verdict(statement)}\n", style="bold", markup=False)
    console.print(_models(statement))
    console.print(_arms(statement))
    lines = [f"{count.n:>7,}  {count.key}: {count.words}" for count in counts(statement)]
    console.print("\n".join(["", *lines]), markup=False, soft_wrap=True)
    if statement.unknown.n_requests:
        bound = wording.usd(statement.unknown.bound_usd)
        console.print(f"{statement.unknown.n_requests:>7,}  of unknown cost, in no sum: together at most {bound}")


def _models(statement: Statement) -> Table:
    from fairlead.proof import wording  # noqa: PLC0415

    rows = table("model", "calls", "share", "paid, USD", "score [95 %]", "n", "p50")
    for row in statement.models:
        unknown = f" + {row.n_unknown_cost} unknown" if row.n_unknown_cost else ""
        rows.add_row(
            row.model,
            f"{row.n_calls:,}",
            wording.percent(row.share),
            wording.bare(wording.usd(row.cost_usd)) + unknown,
            wording.interval(row.score, wording.score),
            f"{row.n_scored:,}",
            wording.seconds(row.latency_p50_s),
        )
    return rows


def _arms(statement: Statement) -> Table:
    from fairlead.proof import wording  # noqa: PLC0415

    rows = table("arm", "requests", "sessions", "failed", "paid", "mean score", "n scored")
    for name, arm in (("policy", statement.policy), ("control", statement.control)):
        rows.add_row(
            name,
            f"{arm.n_requests:,}",
            f"{arm.n_sessions:,}",
            f"{arm.n_failed:,}",
            wording.usd(arm.paid_usd),
            wording.score(arm.mean_score),
            f"{arm.n_scored:,}",
        )
    return rows
