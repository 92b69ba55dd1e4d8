"""Onboarding from end to end: propose prompts, take labels, say what they show, add the candidate to the router."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fairlead.costs import Rates
from fairlead.errors import TableError
from fairlead.onboarding.adding import add
from fairlead.onboarding.candidacy import Candidacy
from fairlead.onboarding.labels import Label, labels_on
from fairlead.types import Candidate, estimated_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.onboarding.candidacy import Standing
    from fairlead.outcomes import Outcomes
    from fairlead.router import Router
    from fairlead.types import FloatArray, Price


@dataclass(frozen=True, kw_only=True, eq=False)
class Onboarding:
    """A candidate that is to join a router, before the prompts of the table that the router was fitted on.

    Example:
        >>> from fairlead.fitting import fit
        >>> from fairlead.testing import make_outcomes
        >>> table = make_outcomes(60)
        >>> onboarding = Onboarding(router=fit(table), table=table, candidate="new")
        >>> [label.score for label in onboarding.propose([], n=3)]
        [None, None, None]
    """

    router: Router
    table: Outcomes
    candidate: str
    price: Price | None = None
    """Of the candidate's tokens; without one its cost is unknown, and it is not chosen for it."""
    worth_usd: float | None = None
    """What a right answer is worth; without it cost does not count in what labels are worth."""
    seed: int = 0

    def propose(self, labels: Sequence[Label], n: int) -> tuple[Label, ...]:
        """Returns the next `n` prompts to label, the most useful first, as labels without a score."""
        chosen = self._candidacy(labels).proposed(self._scores(labels), n)
        return tuple(self._question(i) for i in chosen.tolist())

    def standing(self, labels: Sequence[Label]) -> Standing:
        """Returns where the candidate stands after these labels."""
        return self._candidacy(labels).standing(self._scores(labels))

    def add(self, labels: Sequence[Label]) -> Router:
        """Returns the router with the candidate; see `adding.add`."""
        return add(self.router, self._others, self.candidate, labels, price=self.price)

    def replay(self, n: int) -> tuple[Label, ...]:
        """Returns `n` labels from the table's own outcomes of the candidate, each chosen after those before it.

        Raises:
            TableError: the table has no outcomes of the candidate.
        """
        if self.candidate not in self.table.column_of:
            raise TableError(f"table `{self.table.name}` has no outcomes of `{self.candidate}` to replay.")
        column = self.table.column_of[self.candidate]
        truth, tokens = self.table.score[:, column], self.table.output_tokens[:, column]
        scores, labels = np.full(len(truth), np.nan), list[Label]()
        for _ in range(n):
            chosen = self._candidacy(labels).proposed(scores, 1, askable=~np.isnan(truth))
            for i in chosen.tolist():
                scores[i] = truth[i]
                known = None if np.isnan(tokens[i]) else int(tokens[i])
                label = self._question(i)
                labels.append(Label(prompt_id=label.prompt_id, score=float(truth[i]), output_tokens=known))
        return tuple(labels)

    def _scores(self, labels: Sequence[Label]) -> FloatArray:
        return labels_on(self.table, labels)

    def _question(self, i: int) -> Label:
        return Label(prompt_id=self.table.prompt_ids[i], prompt=self.table.prompts[i])

    @cached_property
    def _others(self) -> Outcomes:
        return self.table.only([model for model in self.table.models if model != self.candidate])

    @cached_property
    def _blank(self) -> Candidacy:
        return Candidacy.of(self.router, self._others, self.candidate, worth_usd=self.worth_usd, seed=self.seed)

    def _candidacy(self, labels: Sequence[Label]) -> Candidacy:
        if self.worth_usd is None or self.price is None:
            return self._blank
        return replace(self._blank, cost=self._cost_usd(labels) / self.worth_usd)

    def _cost_usd(self, labels: Sequence[Label]) -> FloatArray:
        """Returns (n,) what a call is expected to cost: as long an answer as the others give, in the labels' ratio."""
        expected = np.nanmean(self.router.predict(self.table.requests).output_tokens, axis=1)
        seen = labels_on(self.table, labels, "output_tokens")
        known = ~np.isnan(seen) & ~np.isnan(expected)
        ratio = float(seen[known].sum() / expected[known].sum()) if known.any() else 1.0
        asked = np.array([[estimated_tokens(len(prompt))] for prompt in self.table.prompts], dtype=np.float64)
        rates = Rates.of([Candidate(name=self.candidate, price=self.price)])
        return np.nan_to_num(rates.cost_usd(asked, ratio * expected[:, None])[:, 0])
