"""Which plans are worth having: some dozens by the plainest rule, then those that add most to what is expected."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from fairlead.policies.cascades.expecting import planned
from fairlead.policies.cascades.telling import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.policies.cascades.material import Material, Pair
    from fairlead.types import FloatArray

MAX_PLANS = 24
"""Every plan costs time at every decision."""

_LEAST_GAIN = 2e-4
_PER_PRICE = 6


def _screened(material: Material, prices: Sequence[float]) -> list[Pair]:
    """Returns the plans that do best by the plainest rule: deliver what two agree on, else what the third says."""
    recorded = material.recorded
    score, cost_usd, n = recorded.score, recorded.cost_usd, len(recorded.score)
    assert recorded.answers is not None
    found: list[tuple[Pair, float, float]] = []
    for a, b in combinations(range(len(material.names)), 2):
        agreed = (recorded.answers[:, a] == recorded.answers[:, b]) & (recorded.answers[:, a] >= 0)
        kept = float((agreed * score[:, a]).mean()), float((cost_usd[:, a] + cost_usd[:, b]).mean())
        beyond = (~agreed).astype(np.float64)
        scores, costs = kept[0] + beyond @ score / n, kept[1] + beyond @ cost_usd / n
        found += [
            (((a, b), c), float(scores[c]), float(costs[c])) for c in range(len(material.names)) if c not in (a, b)
        ]
    pairs = _best_at(prices, found, _PER_PRICE)
    return list(dict.fromkeys([*pairs, *_screened_alone(material, prices)]))


def _screened_alone(material: Material, prices: Sequence[float]) -> list[Pair]:
    """Returns plans that ask one candidate first, among those that do well by themselves, and then a dearer one."""
    score, cost_usd = material.recorded.score.mean(axis=0), material.recorded.cost_usd.mean(axis=0)
    alone = [
        ((int(a),), int(b))
        for price in prices
        for a in np.argsort(price * cost_usd - score)[:3]
        for b in np.argsort(0.2 * price * cost_usd - score)[:3]
        if cost_usd[b] > cost_usd[a]
    ]
    return list(dict.fromkeys(alone))


def _best_at(prices: Sequence[float], found: Sequence[tuple[Pair, float, float]], n_best: int) -> list[Pair]:
    scores, costs = np.array([f[1] for f in found]), np.array([f[2] for f in found])
    best = [found[int(i)][0] for price in prices for i in np.argsort(price * costs - scores)[:n_best]]
    return list(dict.fromkeys(best))


def selected(material: Material, prices: FloatArray) -> list[Pair]:
    """Returns the plans that, one after another, add most to what is expected of the best action of every request."""
    if not material.can_compare or len(material.names) < 2:
        return []
    record = Record.of(material, _screened(material, prices.tolist()))
    chosen: list[int] = []
    for price in prices:
        knowledge = planned(record, float(price))
        utility = knowledge.utility(material.predictions)
        n_direct = len(knowledge.direct)
        reached = utility[:, [*range(n_direct), *(n_direct + i for i in chosen)]].max(axis=1)
        for _ in range(MAX_PLANS // len(prices) + 1):
            added = np.maximum(utility[:, n_direct:], reached[:, None]).mean(axis=0) - reached.mean()
            i = int(added.argmax())
            if added[i] < _LEAST_GAIN:
                break
            chosen.append(i)
            reached = np.maximum(reached, utility[:, n_direct + i])
    return [record.pairs[i] for i in dict.fromkeys(chosen)][:MAX_PLANS]
