"""How a cascade learns: which plans are worth having, what their answers tell, and what quality may cost.

    outcomes -screen-> some dozens of plans -fit-> what their answers tell -select-> a few -cross-validate-> what to pay
             screening                        telling                       expecting      this file

Everything is learned from predictions that were made out of fold. Shared coefficients are fitted over all plans at once
and each plan's own record only bends them, since the best of many plans on few prompts is mostly luck.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from fairlead.policies.cascades.came import choice_came_to, plans_came_to
from fairlead.policies.cascades.expecting import fitted, weighed
from fairlead.policies.cascades.material import PRICES
from fairlead.policies.cascades.plans import Learned, Weighed
from fairlead.policies.cascades.screening import selected
from fairlead.policies.cascades.telling import Record, blank_knowledge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.policies.cascades.material import Material, Pair
    from fairlead.types import FloatArray

Aim = Literal["cost", "quality", "utility"]

N_FOLDS = 3

_SELECTED_AT = np.array([1, 4, 7, 10, 12])  # prices at which plans are looked for
_SPARED = 0.99  # of what may be spent: what a mean on other prompts may exceed is left as a margin
_SURE = 0.25  # standard errors by which a comparison must be passed: the best of many is picked after looking


def learn(material: Material, aim: Aim, *, margin: float, usd_per_request: float | None) -> Learned:
    """Returns what a cascade learns, at the price of cost that serves its aim; where none does, only the reference.

    Args:
        material: what to learn from.
        aim: `cost`: cheapest within the margin of the reference's mean score; `quality`: best score at no more than a
            mean cost.
        margin: how far the mean score may fall behind, for `cost`.
        usd_per_request: that mean cost, for `quality`; the reference's where not given.
    """
    prices = PRICES / material.unit_usd
    limit_usd = usd_per_request or material.unit_usd
    plans = selected(material, prices[_SELECTED_AT])
    ways = _tried(material, plans, prices)
    way = _best(ways, aim, margin=margin if aim == "cost" else 0.0, limit_usd=limit_usd)
    if way is None:
        return _reference_alone(material)
    return fitted(material, plans if way.cascade else [], way.price).learned


def learn_at(material: Material, price: float) -> Learned:
    """Returns what a cascade learns where cost has this price: quality that a USD must buy."""
    return fitted(material, selected(material, np.array([price])), price).learned


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """A way to decide, and what it came to on requests that it was not learned from."""

    cascade: bool
    """Plans of several calls take part."""
    price: float
    ahead: FloatArray
    """(n,) score, less the reference's."""
    cost_usd: FloatArray
    """(n,)."""

    @property
    def surely(self) -> float:
        """What the mean score is ahead by, less a part of its standard error."""
        return float(self.ahead.mean() - _SURE * self.ahead.std() / np.sqrt(len(self.ahead)))


def _tried(material: Material, plans: Sequence[Pair], prices: FloatArray) -> list[_Way]:
    """Returns every price, with the plans and with direct calls alone."""
    n = len(material.recorded.score)
    fold = np.random.default_rng(0).permutation(n) % N_FOLDS
    both = (True, False) if plans else (False,)
    score, cost_usd = np.empty((2, len(both), len(prices), n))
    for held_out in range(N_FOLDS):
        inside = np.flatnonzero(fold == held_out)
        judged, others = material.rows(inside), material.rows(fold != held_out)
        for i, cascade in enumerate(both):
            record = Record.of(others, plans if cascade else [])
            came = plans_came_to(record.knowledge, judged)
            for k, price in enumerate(prices):
                score[i, k, inside], cost_usd[i, k, inside] = choice_came_to(
                    weighed(record, float(price)), came, judged
                )
    ahead = score - material.recorded.score[:, material.reference]
    return [
        _Way(cascade=cascade, price=float(price), ahead=ahead[i, k], cost_usd=cost_usd[i, k])
        for i, cascade in enumerate(both)
        for k, price in enumerate(prices)
    ]


def _best(ways: Sequence[_Way], aim: Aim, *, margin: float, limit_usd: float) -> _Way | None:
    """Returns the way that serves the aim best, `None` where none is surely within the margin of the reference.

    For `quality` the best of direct calls and of cascades are found first; then a cascade must surely be better.
    """
    possible = [way for way in ways if way.cost_usd.mean() <= _SPARED * limit_usd and way.surely >= -margin]
    if aim == "cost":
        return min(possible, key=lambda way: way.cost_usd.mean(), default=None)
    direct = max((way for way in possible if not way.cascade), key=lambda way: way.ahead.mean(), default=None)
    cascade = max((way for way in possible if way.cascade), key=lambda way: way.ahead.mean(), default=None)
    if direct is None or cascade is None:
        return direct or cascade
    return cascade if replace(cascade, ahead=cascade.ahead - direct.ahead).surely >= 0 else direct


def _reference_alone(material: Material) -> Learned:
    blank = blank_knowledge(material, []).learned
    alone = (material.names[material.reference],)
    return msgspec.structs.replace(blank, direct=alone, actions=(Weighed(mean=0.0, slope=1.0),))
