"""A certificate: what was shown of a router's policy before it served, from which outcomes, and for how long it holds.

    with confidence, the mean score that is lost against the reference is at most the margin

It speaks of questions like those it was shown on, of one policy, one set of candidates at their prices, and a span of
time. `proof/certifying.py` issues it, `policies/certified.py` serves by it, and its monitor watches whether it holds.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime  # noqa: TC003 - msgspec reads the annotations
from typing import Self

import msgspec

METHOD = "learn then test: fixed sequence, betting p-values"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One policy of the ladder, and what the calibration outcomes say of it."""

    policy: str
    """With its parameters."""
    p_value: float
    """Of "it loses more than the margin"."""
    loss: float
    """Mean score of the reference minus its own, over questions."""
    cost_usd: float | None
    """Mean of a request; `None` where costs are not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What was shown, and how to show it again."""

    margin: float
    """Mean score that may be lost against the reference, in [0, 1)."""
    confidence: float
    """That no more is lost, one-sided."""
    reference: str
    n_questions: int
    """Different questions, none of which anything was fitted on."""
    n_prompts: int
    table: str
    data_hash: str
    """SHA-256 of the calibration table."""
    router: str
    """Version of the router that serves by it."""
    rungs: tuple[Rung, ...]
    """Certified policies, the safest first; the last one serves. All of them hold at once."""
    refused: Rung | None
    """The next greedier policy, which was not shown to keep the margin; `None` where all were."""
    reference_cost_usd: float | None
    """Mean of a request."""
    seed: int
    """Of the order in which the questions were bet on."""
    issued_at: datetime
    """When the outcomes were looked at."""
    expires_at: datetime
    alarm_chance: float
    """That the monitor ever raises an alarm while a rung holds."""
    method: str = METHOD
    id: str = ""
    """Names the content: a hash of all that stands above."""

    def named(self) -> Self:
        """Returns the same under the id of its content."""
        digest = hashlib.sha256(msgspec.json.encode(replace(self, id=""), order="deterministic")).hexdigest()
        return replace(self, id=f"crt_{digest[:16]}")

    @property
    def is_intact(self) -> bool:
        """Says whether the id is that of the content."""
        return self.id == self.named().id

    @property
    def serves(self) -> Rung:
        """The greediest certified policy."""
        return self.rungs[-1]

    @property
    def saving(self) -> float | None:
        """Share of the reference's cost that it saves on the calibration questions; `None` where costs are unknown."""
        if not self.reference_cost_usd or self.serves.cost_usd is None:
            return None
        return 1 - self.serves.cost_usd / self.reference_cost_usd

    @property
    def life_days(self) -> int:
        """Whole days from issue to expiry, at least 1."""
        return max(1, (self.expires_at - self.issued_at).days)

    def in_words(self) -> str:
        """Returns what it promises, for people."""
        cost = "" if self.saving is None else f" at {1 - self.saving:.0%} of its cost"
        return (
            f"certificate {self.id}: at most {self.margin:g} of mean score below `{self.reference}`, confidence "
            f"{self.confidence:.0%}, shown on {self.n_questions:,} questions, on which it lost "
            f"{self.serves.loss:+.4f}{cost}; expires {self.expires_at:%Y-%m-%d}"
        )
