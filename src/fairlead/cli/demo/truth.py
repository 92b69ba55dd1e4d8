"""What only a simulation knows: what the reference would have cost and scored on the very same tasks."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.ledger.base import Entry
    from fairlead.outcomes import Outcomes
    from fairlead.providers.simulated import Task
    from fairlead.types import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """The figures that the statement estimates, exact."""

    reference_usd: Decimal
    """What the reference would have cost on all tasks."""
    saving_usd: Decimal
    saving_share: float
    policy_score: float
    """Mean score on the tasks of the policy arm."""
    reference_score: float
    """The reference's mean score on the same tasks."""

    @property
    def quality_difference(self) -> float:
        """Policy minus reference."""
        return self.policy_score - self.reference_score


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One model, or the policy, on the tasks of the policy arm."""

    name: str
    cost_usd: float
    """Mean cost a task."""
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """Ledger entries beside the rows of the truth that they belong to."""

    entries: tuple[Entry, ...]
    rows: tuple[int, ...]
    outcomes: Outcomes

    @classmethod
    def of(cls, entries: Sequence[Entry], tasks: Sequence[Task], outcomes: Outcomes) -> Matched:
        """Returns the entries of these tasks."""
        row = {task.prompt_id: i for i, task in enumerate(tasks)}
        known = tuple(entry for entry in entries if entry.prompt_id in row)
        return cls(entries=known, rows=tuple(row[str(entry.prompt_id)] for entry in known), outcomes=outcomes)

    def truth(self, reference: str) -> Truth:
        """Returns what the statement estimates; `reference` is a model of the outcomes."""
        column = self.outcomes.models.index(reference)
        reference_usd = sum((self._bill(row, column) for row in self.rows), Decimal(0))
        saving_usd = reference_usd - sum((entry.cost_usd or Decimal(0) for entry in self.entries), Decimal(0))
        policy, rows = self._policy_arm()
        return Truth(
            reference_usd=reference_usd,
            saving_usd=saving_usd,
            saving_share=float(saving_usd / reference_usd) if reference_usd else 0.0,
            policy_score=float(np.mean([entry.score or 0.0 for entry in policy])),
            reference_score=float(self.outcomes.score[rows, column].mean()),
        )

    def standings(self) -> list[Standing]:
        """Returns every model as if it had served the whole policy arm, then the policy that did."""
        policy, rows = self._policy_arm()
        cost: FloatArray = self.outcomes.cost_usd[rows].mean(axis=0)
        score: FloatArray = self.outcomes.score[rows].mean(axis=0)
        fixed = [
            Standing(name=model, cost_usd=float(cost[j]), score=float(score[j]))
            for j, model in enumerate(self.outcomes.models)
        ]
        paid = float(np.mean([float(entry.cost_usd or 0) for entry in policy]))
        return [
            *fixed,
            Standing(name="the router", cost_usd=paid, score=float(np.mean([e.score or 0 for e in policy]))),
        ]

    def _bill(self, row: int, column: int) -> Decimal:
        bill = self.outcomes.bill(row, column)
        assert bill is not None  # a simulated model has a price and a length for every task
        return bill

    def _policy_arm(self) -> tuple[list[Entry], list[int]]:
        pairs = [(e, row) for e, row in zip(self.entries, self.rows, strict=True) if e.arm == "policy"]
        return [entry for entry, _ in pairs], [row for _, row in pairs]
