"""What to expect of a plan before anyone is asked, and how far to believe it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from fairlead.policies.cascades.came import actions_came_to, score_of
from fairlead.policies.cascades.material import STRENGTH
from fairlead.policies.cascades.plans import Knowledge, Weighed
from fairlead.policies.cascades.telling import SCORE_PRIOR, Record
from fairlead.statistics.logistic import fit_logistic, fit_offsets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.policies.cascades.material import Material, Pair
    from fairlead.policies.cascades.plans import Team
    from fairlead.types import BoolArray, FloatArray


def fitted(material: Material, pairs: Sequence[Pair], price: float) -> Knowledge:
    """Returns all that is learned of these plans, at this price of cost (quality per USD)."""
    return weighed(Record.of(material, pairs), price)


def planned(record: Record, price: float) -> Knowledge:
    """Returns what is expected of every plan before anyone is asked, at this price of cost (quality per USD)."""
    material, knowledge = record.material, record.knowledge
    priced = msgspec.structs.replace(knowledge.learned, willingness_to_pay_usd=1.0 / price)
    if not record.pairs:
        return Knowledge.of(priced, material.names)
    predictions, recorded = material.predictions, material.recorded
    x = [team.features(predictions) for _, team in knowledge.teams]
    asked_on, scores = [], []
    for came, (_, team) in zip(record.came, knowledge.teams, strict=True):
        asked_on.append(came.asked_on(price * predictions.cost_usd[:, team.then]))
        scores.append(score_of(came.voter(asked_on[-1]), team, recorded))
    score, score_offsets = _shared_line(x, scores, np.array(SCORE_PRIOR))
    asks, asks_offsets = _shared_line(x, [on.astype(np.float64) for on in asked_on], np.zeros(7))
    plans = tuple(
        msgspec.structs.replace(plan, score=s, asks_on=a, cost_ratio=_cost_ratio(on, team, material))
        for (plan, team), s, a, on in zip(knowledge.teams, score_offsets, asks_offsets, asked_on, strict=True)
    )
    learned = msgspec.structs.replace(priced, score=tuple(score.tolist()), asks_on=tuple(asks.tolist()), plans=plans)
    return Knowledge.of(learned, material.names)


def _shared_line(x: Sequence[FloatArray], y: Sequence[FloatArray], prior: FloatArray) -> tuple[FloatArray, list[float]]:
    """Returns coefficients shared by all plans, and what is added for each."""
    precision = np.array([0.5, *[5.0] * 6])
    beta = fit_logistic(
        np.concatenate(x), np.concatenate(y), prior=prior, precision=precision, weight=1.0 / max(len(x) / 4, 1.0)
    )
    one = np.zeros(len(x[0]), dtype=np.int64)
    return beta, [float(fit_offsets(xi @ beta, yi, one, 1, strength=STRENGTH)[0]) for xi, yi in zip(x, y, strict=True)]


def _cost_ratio(asked_on: BoolArray, team: Team, material: Material) -> float:
    """Returns real over predicted cost of the last calls that were made, shrunk to 1."""
    predicted, real = material.predictions.cost_usd[:, team.then], material.recorded.cost_usd[:, team.then]
    prior = 5 * predicted.mean()
    return float((real[asked_on].sum() + prior) / (predicted[asked_on].sum() + prior))


def weighed(record: Record, price: float) -> Knowledge:
    """Returns the same with how far predicted differences between actions are to be believed.

    The slope of the real on the predicted differences, of each action shrunk to that of all: picking the best of many
    noisy predictions favours those that erred upwards.
    """
    knowledge = planned(record, price)
    predicted = knowledge.utility(record.material.predictions)
    score, cost_usd = actions_came_to(knowledge, record.came, record.material)
    usual = int(predicted.mean(axis=0).argmax())
    difference = predicted - predicted[:, [usual]]
    real = score - price * cost_usd
    real = real - real[:, [usual]]
    mean = difference.mean(axis=0)
    slope = _slopes(difference - mean, real - real.mean(axis=0), usual)
    actions = tuple(Weighed(mean=float(m), slope=float(s)) for m, s in zip(mean, slope, strict=True))
    learned = msgspec.structs.replace(knowledge.learned, actions=actions, usual=usual)
    return Knowledge.of(learned, record.material.names)


def _slopes(predicted: FloatArray, real: FloatArray, usual: int) -> FloatArray:
    """Returns (n_actions,) slopes of centred differences, between 0 and a little over 1."""
    along, spread = (predicted * real).sum(axis=0), np.square(predicted).sum(axis=0)
    others = np.arange(len(spread)) != usual
    if not others.any():
        return np.ones(len(spread))
    pooled = float(np.clip(along[others].sum() / max(spread[others].sum(), 1e-12), 0.0, 1.0))
    strength = 0.3 * spread[others].mean()
    return np.asarray(np.clip((along + strength * pooled) / (spread + strength + 1e-12), 0.0, 1.2))
