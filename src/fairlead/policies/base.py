"""The contract of policies: predictions in, an order of candidates out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, Self

import msgspec

from fairlead.estimator import Component

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.policies.realised import Realised, Recorded
    from fairlead.types import BoolArray, FloatArray, IntArray, Predictions, Stage


class Circumstances(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What a policy may know beside the predictions, for n requests over m candidates."""

    eligible: BoolArray
    """(n, m); every row has at least one eligible candidate."""
    reference: int
    """Column of the reference, -1 where none is among the candidates."""
    mix_draw: FloatArray
    """(n,) uniform in [0, 1), fixed for a session: what a mix of two candidates is drawn with."""
    host_latency_p95_s: FloatArray | None = None
    """(n, m) what the candidates' hosts were lately measured at, NaN where unknown; `None` where nothing was."""
    limit_p95_s: float = math.inf
    """What a whole plan may take, in 19 of 20 requests."""
    answer_form: IntArray | None = None
    """(n,) place in `answers.FORMS` of the form that an answer takes, -1 where answers cannot be compared; `None` where
    nobody asked."""
    now_s: FloatArray | None = None
    """(n,) Unix time of each request; `None` where time does not matter."""
    alarms: IntArray | None = None
    """(n,) how many alarms the monitor of the route's certificate had raised; `None` where there is none."""

    def rows(self, index: IntArray) -> Self:
        """Returns those of these requests, in this order."""
        hosts = self.host_latency_p95_s
        return msgspec.structs.replace(
            self,
            eligible=self.eligible[index],
            mix_draw=self.mix_draw[index],
            host_latency_p95_s=None if hosts is None else hosts[index],
            answer_form=None if self.answer_form is None else self.answer_form[index],
            now_s=None if self.now_s is None else self.now_s[index],
            alarms=None if self.alarms is None else self.alarms[index],
        )


class Choices(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What a policy chose for n requests."""

    first: IntArray
    """(n,) column of the candidate to call first; always eligible."""
    propensity: FloatArray
    """(n,) chance with which it was chosen, given predictions and circumstances."""
    reason: tuple[str, ...]
    """(n,) one word of `REASONS` each."""
    in_order: bool = False
    """Whether the others are tried in the candidates' own order, rather than the reference and then by success."""
    openings: Mapping[int, tuple[Stage, ...]] = msgspec.field(default_factory=dict)
    """Request -> the stages that its plan opens with, where that is more than one call to `first`."""
    chances: FloatArray | None = None
    """(n, m) chance with which each candidate would have been `first`; `None` where no other one had any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What the hull guard holds a policy to."""

    spends: Literal["cost_usd", "latency_s", "nothing"] = "cost_usd"
    """What buys quality: the axis on which fixed choices are compared. `nothing`: the score alone counts."""
    margin: float | None = None
    """How far the mean score may fall behind the reference's; `None` where nothing is promised of it."""
    confidence: float | None = None
    """With which that must be shown; `None` where keeping it on average will do."""
    usd_per_request: float | None = None
    """Mean cost that must not be shown to be exceeded; `None` where nothing is promised of it."""
    as_told: bool = False
    """It follows what it was told and no prediction: there is nothing to be shown, and it serves."""


class Policy(Component, Protocol):
    """Chooses, for each request, the candidate to call first; deterministic given its arguments.

    `SingleStep` has all but `choose` for a policy that calls one candidate and learns nothing from outcomes.
    """

    @property
    def promise(self) -> Promise:
        """What it is held to before it may serve."""
        ...

    @property
    def compares_answers(self) -> bool:
        """Whether it needs to know what form an answer takes: finding out costs time."""
        ...

    def choose(self, predictions: Predictions, circumstances: Circumstances) -> Choices:
        """Returns one choice a request; a candidate with unknown (NaN) predictions is never chosen for its quality."""
        ...

    def narrowed(self, predictions: Predictions, circumstances: Circumstances) -> Circumstances:
        """Returns the circumstances under its own hard limits, which hold for a fixed choice in its place as well."""
        ...

    def realised(self, predictions: Predictions, circumstances: Circumstances, recorded: Recorded) -> Realised:
        """Returns what its decisions came to, request by request, all calls of a plan together.

        What the hull guard weighs against fixed candidates: so it must be what serving would have come to, a later
        stage's cost on top of the first one's, on nothing but what serving knows.
        """
        ...

    def learned(self, predictions: Predictions, circumstances: Circumstances, recorded: Recorded) -> Self:
        """Returns the same policy with what it sets by itself (a multiplier, weights) learned from these requests.

        The predictions were made out of fold. What is learned stands in the constructor's arguments, so that it is
        described and saved with them; learning again starts from what the user set, not from what was learned. The
        guard learns on some requests and judges on others.
        """
        ...

    def renamed(self, names: Mapping[str, str]) -> Self:
        """Returns the same policy over candidates that carry other names: old name -> new name."""
        ...


REASONS = {
    "asked_for": "the caller named this model",
    "cache_hit": "the same was asked before by the same key, and that answer is given again",
    "constant": "the policy always serves this candidate",
    "in_order": "the first of the configured order that can serve",
    "cheapest_within_floor": "the cheapest candidate predicted to stay within the margin of the reference",
    "reference_within_floor": "no cheaper candidate is predicted to stay within the margin of the reference",
    "above_threshold": "the cheaper model's predicted success is above the threshold",
    "below_threshold": "the cheaper model's predicted success is below the threshold",
    "highest_utility": "predicted quality minus cost over willingness to pay is highest",
    "fastest_within_floor": "the fastest candidate predicted to stay within the margin of the reference",
    "best_buy": "predicted quality minus cost is highest at the price that keeps the mean cost to the budget",
    "cascade": "cheaper answers are asked for first, and a dearer one where they do not convince",
    "guard_fixed": "routing is not shown to beat this fixed candidate on the outcomes it was fitted on",
    "guard_mix": "routing is not shown to beat this mix of two candidates on the outcomes it was fitted on",
    "not_certified": "no policy could be certified to stay near the reference, which is served",
    "certificate_expired": "the certificate has expired: the reference is served until a new one is issued",
    "certificate_alarm": "outcomes speak against every policy of the certificate: the reference is served",
    "certificate_tightened": "outcomes spoke against a greedier policy: a safer one of the certificate is followed",
    "no_evidence": "no outcomes yet: the reference is served",
    "shadow": "a copy of a request that was answered, to learn how this candidate does",
    "judge": "this candidate scores answers of others",
    "probe": "`fairlead probe` measures its host",
    "control_arm": "this session is in the control arm: the reference is served",
    "reference_ineligible": "the chosen fixed candidate cannot serve this request: the next one in order does",
    "router_fault": "the router failed: the reference is served",
    "no_candidate": "every candidate was excluded: nobody is called",
}
"""Every reason a decision can carry, in words."""
