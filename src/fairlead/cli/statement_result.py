"""The statement as commands answer it: the shape of its JSON, and its tables in the terminal."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads the annotations
from decimal import Decimal  # noqa: TC003
from typing import TYPE_CHECKING, Literal

import msgspec

from fairlead.ledger.sources import Kind  # noqa: TC001 - msgspec reads the annotations

if TYPE_CHECKING:
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
    own_usd: Decimal
    """Exact; what judges, shadows and probes of the whole period cost: nobody would have paid it for the reference."""
    reference_usd: IntervalResult
    saving_usd: IntervalResult
    """Reference minus `paid_usd` minus `own_usd`; negative where routing cost more."""
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


class SourceCountResult(msgspec.Struct, kw_only=True, frozen=True):
    """How many of the compared answers one kind of source scored."""

    kind: Kind
    n_policy: int
    n_control: int
    n_alone: int
    """Of both arms, those that the kind which counts did not score."""


class SourcesResult(msgspec.Struct, kw_only=True, frozen=True):
    """Whose scores a figure of quality rests on."""

    kind: Kind | None
    """The kind of source that counts; `null` where each answer's most trusted score does."""
    helper: Kind | None
    """The kind whose scores of the other answers count as well, as far as they follow (prediction-powered)."""
    too_few: tuple[Kind, ...]
    """More trusted kinds that scored something, in too few sessions."""
    unlike: Kind | None
    """The kind that does not help, as it finds the answers that both scored unlike its others."""
    counts: tuple[SourceCountResult, ...]
    """The most trusted kind first."""


class QualityResult(msgspec.Struct, kw_only=True, frozen=True):
    """Scored requests only: how good the answers were, and how good the reference's would have been on them."""

    n_policy: int
    """Scored answers of the policy arm; with a helper, those that either kind of source scored."""
    n_control: int
    n_control_sessions: int
    policy: float
    """Mean score of the policy arm; with a helper an estimate."""
    reference: IntervalResult
    """Mean score that the reference would have had on the policy arm's requests."""
    difference: IntervalResult
    """Policy minus reference."""
    said_by: SourcesResult
    """Whose scores these are."""


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
    """Answers that the kind of source which counts scored."""
    n_more: int
    """Answers that another kind scored alone; they count as far as it follows the first."""
    scored_by: Kind | None
    helped_by: Kind | None
    score: IntervalResult | None
    """Mean score of the answers it served."""
    latency_p50_s: float | None
    """Median over its successful calls."""


class StepResult(msgspec.Struct, kw_only=True, frozen=True):
    """What one thing adds to the naive saving."""

    name: str
    """`answer`, `prompt`, `cache`, `other`, `retries`, `same`, `own` or `not_priced`."""
    usd: IntervalResult


class GapResult(msgspec.Struct, kw_only=True, frozen=True):
    """The way from the naive saving to the estimated one, over the policy arm of the compared routes."""

    naive_saving_usd: Decimal
    steps: tuple[StepResult, ...]
    saving_usd: float
    """The estimate: the naive figure and all steps together."""


class RangeResult(msgspec.Struct, kw_only=True, frozen=True):
    """Two ends that hold a quantity which cannot be pinned down; 95 % where they rest on an estimate."""

    low: float
    high: float


class MisrouteResult(msgspec.Struct, kw_only=True, frozen=True):
    """How often the reference would have succeeded and the served answer failed, and what that cost."""

    n: int
    """Scored requests of the policy arm; the rate is a share of them."""
    n_elsewhere: int
    """Those of them that the policy sent to another model."""
    rate: RangeResult
    """Between these bounds; scores as fractions: the score that was lost."""
    n_paired: int
    """Requests of which both scores are known."""
    paired_rate: IntervalResult | None
    """Estimated from those."""
    paid_in_vain_usd: float
    """What the answers cost that failed, of those sent elsewhere; the misrouted ones are among them."""
    again_usd: RangeResult
    """What it would cost to ask the reference about the misrouted ones, at its mean cost on those sent elsewhere."""


class IncludedResult(msgspec.Struct, kw_only=True, frozen=True):
    """What routing itself costs: parts of what was paid, exact."""

    router_usd: Decimal
    """Zero by construction: no model is called in order to decide."""
    judge_usd: Decimal
    n_judge: int
    shadow_usd: Decimal
    n_shadow: int
    probe_usd: Decimal
    n_probe: int
    control_usd: Decimal
    """What the control arm paid in all; what it paid above the policy is `saving.control_extra_usd`."""
    n_control: int
    retries_usd: Decimal
    """Calls whose answer was not delivered: failed, overtaken by another, or not good enough."""
    n_retries: int


class KindResult(msgspec.Struct, kw_only=True, frozen=True):
    """One model at one kind of task, over the answers that it delivered."""

    kind: str
    model: str
    n: int
    n_scored: int
    """Answers that the kind of source which counts scored."""
    n_more: int
    """Answers that another kind scored alone; they count as far as it follows the first."""
    scored_by: Kind | None
    helped_by: Kind | None
    score: IntervalResult | None
    """Mean score."""
    cost_usd: IntervalResult | None
    """Mean cost of the answer alone; `null` with fewer than two sessions whose cost is known."""
    latency_p50_s: float | None
    """Median of the delivered call."""


class ShareResult(msgspec.Struct, kw_only=True, frozen=True):
    """One route, or one team: what it paid, and what routing did for it."""

    name: str
    n_requests: int
    paid_usd: Decimal
    saving: SavingResult | None
    quality: QualityResult | None


class AlarmResult(msgspec.Struct, kw_only=True, frozen=True):
    """What a certificate's monitor saw when it no longer believed it."""

    number: int
    """From 1; each takes the policy one step back."""
    at: datetime
    """When the answer was scored that decided it."""
    raised_by: str
    """The certificate whose monitor raised it: another one, where both came from the same outcomes."""
    observations: int | None
    """Scored outcomes since it began, or since the alarm before."""
    mean_loss: float | None
    """What these lost against the reference, mean score."""
    serves: str
    """The policy that served from then on, or "the reference"."""


class PromiseResult(msgspec.Struct, kw_only=True, frozen=True):
    """One certificate that served in the period, as it stood at its last request."""

    certificate: str
    routes: tuple[str, ...]
    n_requests: int
    """That were decided under it."""
    state: Literal["holds", "stepped_back", "fell_back", "expired", "not_kept"]
    reference: str | None
    margin: float | None
    """Mean score that may be lost, in [0, 1)."""
    confidence: float | None
    n_questions: int | None
    issued_at: datetime | None
    expires_at: datetime | None
    serves: str | None
    """The policy that serves by it, or "the reference"."""
    alarms: tuple[AlarmResult, ...]


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
    verdict: Literal[
        "saves", "costs_more", "same", "not_enough_evidence", "heavy_tail", "no_control_arm", "nothing_compared"
    ]
    sessions_needed: int | None
    """About how many more sessions would tell; `null` where that is settled or cannot be said."""
    saving: SavingResult | None
    """`null` with too few sessions in either arm."""
    naive: NaiveResult
    quality: QualityResult | None
    """`null` with too few scored sessions in either arm."""
    gap: GapResult | None
    """From the naive saving to the estimated one."""
    misroute: MisrouteResult | None
    """`null` with too few scored sessions in either arm."""
    margin: float | None
    """The largest loss of quality that a policy of the period declared, in points of score."""
    bound: Literal["kept", "broken", "not_settled", "none_declared"]
    """What became of that margin."""
    certificates: tuple[PromiseResult, ...]
    """Those that served in the period."""
    included: IncludedResult
    models: tuple[ModelResult, ...]
    kinds: tuple[KindResult, ...]
    routes: tuple[ShareResult, ...]
    teams: tuple[ShareResult, ...]
    """Empty where no key belongs to a team."""
    reasons: dict[str, int]
    """Why a candidate was chosen -> requests."""
    faults: dict[str, int]
    """Class of a fault inside the router -> requests."""
    statuses: dict[str, int]
    n_configurations: int
    """Above 1 the arms may mix periods with different control shares."""
    rows_sha256: str
    """Over the hashes of all rows that it rests on: two statements of equal rows have it."""


def result_of(statement: Statement) -> StatementResult:
    """Returns the statement in the shape of its JSON."""
    return msgspec.convert(statement, StatementResult, from_attributes=True)
