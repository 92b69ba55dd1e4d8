"""Three decisions, line by line: who could serve, what was expected of each, what was chosen, and why."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from fairlead import wording
from fairlead.eligibility import EXCLUSIONS
from fairlead.policies.base import REASONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fairlead.ledger.base import Entry
    from fairlead.providers.simulated import Task

KINDS: dict[str, Callable[[Entry], bool]] = {
    "cheaper": lambda entry: entry.arm == "policy" and entry.chosen != entry.reference,
    "reference": lambda entry: entry.arm == "policy" and entry.chosen == entry.reference,
    "control": lambda entry: entry.arm == "control",
}
"""What three decisions should show: one sent to a cheaper model, one kept at the reference, one of the control arm."""

TITLES = {
    "cheaper": "A task for a cheaper model",
    "reference": "A task for the reference",
    "control": "A task of the control arm",
}


class CandidateLine(msgspec.Struct, kw_only=True, frozen=True):
    """What a decision knew of one candidate; `null` is unknown."""

    candidate: str
    turn: int | None
    """Its place in the plan, from 1; `null` where it is not in it."""
    p_success: float | None
    output_tokens: float | None
    cost_usd: float | None
    excluded_because: str | None


class Explained(msgspec.Struct, kw_only=True, frozen=True):
    """One decision of the demo, and what came of it."""

    kind: str
    """`cheaper`, `reference` or `control`."""
    prompt: str
    prompt_id: str
    arm: str
    propensity: float
    reason: str
    chosen: str
    reference: str | None
    candidates: tuple[CandidateLine, ...]
    served: str | None
    cost_usd: str | None
    score: float | None

    @property
    def title(self) -> str:
        """What it is an example of."""
        return TITLES[self.kind]

    @property
    def sentences(self) -> list[str]:
        """The decision and its outcome in words."""
        cost = wording.usd(None if self.cost_usd is None else float(self.cost_usd))
        return [
            f"Chosen: {self.chosen}, as {REASONS[self.reason]}.",
            f"Chance of this choice: {self.propensity:g}, the draw of the control arm included.",
            f"Outcome: {self.served or 'nobody'} served, cost {cost}, score {wording.score(self.score)}.",
        ]


def examples(entries: Sequence[Entry]) -> list[tuple[str, Entry]]:
    """Returns three entries and their kinds: one of each, and where a kind does not occur another one."""
    of_kind = [(kind, entry) for kind, holds in KINDS.items() for entry in entries if holds(entry)]
    firsts = [next((found for found in of_kind if found[0] == kind), None) for kind in KINDS]
    chosen = [found for found in firsts if found is not None]
    others = (found for found in of_kind if found not in chosen)
    return sorted([*chosen, *islice(others, len(KINDS) - len(chosen))], key=lambda found: list(KINDS).index(found[0]))


def explained(kind: str, entry: Entry, task: Task, plan: Sequence[str]) -> Explained:
    """Returns a decision in lines.

    Args:
        kind: what it is an example of.
        entry: what the ledger kept of it.
        task: what was asked.
        plan: whom to call, in order.
    """
    return Explained(
        kind=kind,
        prompt=task.prompt,
        prompt_id=task.prompt_id,
        arm=entry.arm,
        propensity=entry.propensity,
        reason=entry.reason,
        chosen=entry.chosen,
        reference=entry.reference,
        candidates=tuple(
            CandidateLine(
                candidate=prediction.candidate,
                turn=plan.index(prediction.candidate) + 1 if prediction.candidate in plan else None,
                p_success=prediction.p_success,
                output_tokens=prediction.output_tokens,
                cost_usd=prediction.cost_usd,
                excluded_because=EXCLUSIONS.get(entry.excluded.get(prediction.candidate, "")),
            )
            for prediction in entry.predictions
        ),
        served=entry.served,
        cost_usd=None if entry.cost_usd is None else f"{entry.cost_usd:f}",
        score=entry.score,
    )
