"""What was decided: a plan of stages of steps, and why."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - the ledger decodes these types: hints must resolve
from typing import Literal

import msgspec

from fairlead.types.predictions import Prediction  # noqa: TC001


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One planned call."""

    candidate: str


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """When an answer is good enough: `rule` names a pure function of the attempts; `not_failed` takes any answer."""

    rule: str = "not_failed"
    weights: tuple[float, ...] = ()
    cut: float = 0.0


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One or two parallel steps, and what it takes to stop here."""

    steps: tuple[Step, ...]
    acceptance: Acceptance = Acceptance()


Arm = Literal["policy", "control"]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """An ordered plan, the chance with which its first step was chosen, and why."""

    plan: tuple[Stage, ...]
    propensity: float
    reason: str
    arm: Arm = "policy"
    reference: str | None = None
    """The user's former choice: the baseline of every claim; `None` where it could not serve this request."""
    excluded: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Candidate name -> why it could not serve."""
    predictions: tuple[Prediction, ...] = ()
    policy: str = ""
    router_version: str = ""
    fault: str | None = None
    """What broke inside the router, where something did."""
    chances: Mapping[str, float] = msgspec.field(default_factory=dict)
    """Candidate -> chance with which it would have been called first, the draw of the control arm included: what an
    estimate for another policy needs. Candidates without a chance are left out."""
    mix_draw: float | None = None
    """Uniform in [0, 1): what a mix was drawn with; the session's, or the request's own."""
    answer_form: str | None = None
    """Form of the answer that the prompt asks for, where the policy compares answers and these can be compared."""
    certificate: str | None = None
    """Id of the certificate that the router served by, also where it had expired."""

    @property
    def model(self) -> str:
        """Name of the candidate that is called first."""
        return self.plan[0].steps[0].candidate
