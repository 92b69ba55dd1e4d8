"""How far a source of scores can be trusted: what it said where a person judged the same answer.

A score of at least `GOOD` says that the answer was good. Of the answers that people found good, a source finds a share
(its sensitivity); of those that they found bad, it finds a share (its specificity). Both carry Wilson's interval.

References:
    Wilson, Probable inference, the law of succession, and statistical inference, JASA 22, 1927.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.ledger.sources import kind_of, latest
from fairlead.statistics.proportions import wilson

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fairlead.ledger.base import Entry
    from fairlead.statistics.bootstrap import Interval

GOOD = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """One source, held against people."""

    source: str
    n_scores: int
    """Answers that it scored."""
    n_both: int
    """Of these, answers that a person scored as well."""
    true_good: int
    """Both found the answer good; so for the next three: the source, where the person found the other."""
    false_good: int
    true_bad: int
    false_bad: int
    mean_difference: float | None
    """Its score minus the person's, on average; `None` without an answer that both scored."""

    @property
    def sensitivity(self) -> Interval | None:
        """Of the answers that people found good, the share that it found good."""
        return wilson(self.true_good, self.true_good + self.false_bad)

    @property
    def specificity(self) -> Interval | None:
        """Of the answers that people found bad, the share that it found bad."""
        return wilson(self.true_bad, self.true_bad + self.false_good)


def reliabilities(entries: Iterable[Entry]) -> tuple[Reliability, ...]:
    """Returns every source but people themselves, by name."""
    pairs: dict[str, list[tuple[float, float | None]]] = defaultdict(list)
    for entry in entries:
        scores = latest(entry.feedback)
        human = next((row.score for row in scores if kind_of(row.source) == "human"), None)
        for row in scores:
            if kind_of(row.source) != "human":
                pairs[row.source].append((row.score, human))
    return tuple(_reliability(source, pairs[source]) for source in sorted(pairs))


def _reliability(source: str, pairs: list[tuple[float, float | None]]) -> Reliability:
    both = [(score, human) for score, human in pairs if human is not None]
    said = [(score >= GOOD, human >= GOOD) for score, human in both]
    return Reliability(
        source=source,
        n_scores=len(pairs),
        n_both=len(both),
        true_good=said.count((True, True)),
        false_good=said.count((True, False)),
        true_bad=said.count((False, False)),
        false_bad=said.count((False, True)),
        mean_difference=sum(score - human for score, human in both) / len(both) if both else None,
    )
