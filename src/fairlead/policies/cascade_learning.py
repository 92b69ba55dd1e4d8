"""How a cascade learns: which plans are worth having, what their answers tell, and what quality may cost.

    outcomes -screen-> some dozens of plans -fit-> what their answers tell -select-> a few -cross-validate-> what to pay

Everything is learned from predictions that were made out of fold. Shared coefficients are fitted over all plans at once
and each plan's own record only bends them, since the best of many plans on few prompts is mostly luck.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Literal, Self

import msgspec
import numpy as np

from fairlead.policies.cascade_plans import Came, Knowledge, Learned, Plan, Team, Voter, Weighed
from fairlead.predictors.posterior import N_GROUPS, Posterior, best_answer
from fairlead.statistics.logistic import fit_logistic, fit_offsets, log_odds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.policies.realised import Recorded
    from fairlead.types import BoolArray, FloatArray, IntArray, Predictions

Aim = Literal["cost", "quality", "utility"]

STRENGTH = 30.0
"""Prompts at which a plan's own record begins to outweigh that of all plans."""

MAX_PLANS = 24
"""Every plan costs time at every decision."""

MIN_PROMPTS = 100
"""With answers to compare; below that there are no plans."""

N_FOLDS = 3

PRICES = np.geomspace(0.005, 0.5, 16)
"""Points of quality, over the mean cost of a call to the reference: what that much money must buy."""

_SELECTED_AT = np.array([1, 4, 7, 10, 12])  # prices at which plans are looked for
_SPARED = 0.99  # of what may be spent: what a mean on other prompts may exceed is left as a margin
_SURE = 0.25  # standard errors by which a comparison must be passed: the best of many is picked after looking
_LEAST_GAIN = 2e-4
_BEYOND_PRIOR = (0.0, 0.5, 0.5, 0.5)
_SCORE_PRIOR = (0.0, *(0.8 / 3,) * 6)  # as good as its voters, a little less sure
_PER_PRICE = 6


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """Training requests over the candidates that may serve, all of them measured."""

    names: tuple[str, ...]
    predictions: Predictions
    recorded: Recorded
    reference: int

    @classmethod
    def of(cls, predictions: Predictions, recorded: Recorded, columns: IntArray, reference: int) -> Self | None:
        """Returns the requests on which all of `columns` are known; `None` where there are none."""
        grids = (recorded.score, recorded.cost_usd, predictions.p_success, predictions.cost_usd)
        known = np.all([np.isfinite(grid[:, columns]).all(axis=1) for grid in grids], axis=0)
        if not known.any() or reference not in columns:
            return None
        return cls(
            names=tuple(predictions.candidates[column] for column in columns),
            predictions=predictions.columns(columns).rows(np.flatnonzero(known)),
            recorded=recorded.columns(columns).rows(np.flatnonzero(known)),
            reference=int(np.searchsorted(columns, reference)),
        )

    def rows(self, index: IntArray | BoolArray) -> Self:
        """Returns some of the requests."""
        at = np.arange(len(self.recorded.score))[index]
        return replace(self, predictions=self.predictions.rows(at), recorded=self.recorded.rows(at))

    @property
    def can_compare(self) -> bool:
        """Says whether there are enough answers to learn from."""
        answers = self.recorded.answers
        return answers is not None and int(((answers >= 0).sum(axis=1) > 1).sum()) >= MIN_PROMPTS

    @property
    def unit_usd(self) -> float:
        """Mean cost of a call to the reference."""
        return float(self.recorded.cost_usd[:, self.reference].mean())


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
    plans = _selected(material, prices[_SELECTED_AT])
    ways = _tried(material, plans, prices)
    way = _best(ways, aim, margin=margin if aim == "cost" else 0.0, limit_usd=limit_usd)
    if way is None:
        return _reference_alone(material)
    return _fitted(material, plans if way.cascade else [], way.price).learned


def learn_at(material: Material, price: float) -> Learned:
    """Returns what a cascade learns where cost has this price: quality that a USD must buy."""
    return _fitted(material, _selected(material, np.array([price])), price).learned


# Which operating point ------------------------------------------------------------------------------------------------


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


def _tried(material: Material, plans: Sequence[_Pair], prices: FloatArray) -> list[_Way]:
    """Returns every price, with the plans and with direct calls alone."""
    n = len(material.recorded.score)
    fold = np.random.default_rng(0).permutation(n) % N_FOLDS
    both = (True, False) if plans else (False,)
    score, cost_usd = np.empty((2, len(both), len(prices), n))
    for held_out in range(N_FOLDS):
        inside = np.flatnonzero(fold == held_out)
        judged, others = material.rows(inside), material.rows(fold != held_out)
        for i, cascade in enumerate(both):
            record = _Record.of(others, plans if cascade else [])
            came = _came(record.knowledge, judged)
            for k, price in enumerate(prices):
                score[i, k, inside], cost_usd[i, k, inside] = _outcome(_weighed(record, float(price)), came, judged)
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
    blank = _blank(material, []).learned
    alone = (material.names[material.reference],)
    return msgspec.structs.replace(blank, direct=alone, actions=(Weighed(mean=0.0, slope=1.0),))


def _outcome(knowledge: Knowledge, came: Sequence[Came], material: Material) -> tuple[FloatArray, FloatArray]:
    """Returns score and cost of what is chosen, (n,) each."""
    at = knowledge.weighed(knowledge.utility(material.predictions)).argmax(axis=1)
    score, cost_usd = _actions(knowledge, came, material)
    row = np.arange(len(at))
    return score[row, at], cost_usd[row, at]


def _came(knowledge: Knowledge, material: Material) -> tuple[Came, ...]:
    return tuple(
        knowledge.came_to(plan, team, material.predictions, material.recorded) for plan, team in knowledge.teams
    )


def _actions(knowledge: Knowledge, came: Sequence[Came], material: Material) -> tuple[FloatArray, FloatArray]:
    """Returns (n, n_actions) score and cost of every action."""
    recorded = material.recorded
    score, cost_usd = [recorded.score[:, knowledge.direct]], [recorded.cost_usd[:, knowledge.direct]]
    for one, (_, team) in zip(came, knowledge.teams, strict=True):
        asked_on = one.asked_on(knowledge.price(team, material.predictions))
        score.append(_score_of(one.voter(asked_on), team, recorded)[:, None])
        cost_usd.append(_cost_of(asked_on, team, recorded)[:, None])
    return np.hstack(score), np.hstack(cost_usd)


def _score_of(voter: IntArray, team: Team, recorded: Recorded) -> FloatArray:
    scores: FloatArray = recorded.score[np.arange(len(voter)), team.columns[voter]]
    return np.where(voter < 0, 0.0, scores)


def _cost_of(asked_on: BoolArray, team: Team, recorded: Recorded) -> FloatArray:
    first = recorded.cost_usd[:, team.first].sum(axis=1)
    return np.asarray(first + np.where(asked_on, recorded.cost_usd[:, team.then], 0.0))


# Which plans ----------------------------------------------------------------------------------------------------------

_Pair = tuple[tuple[int, ...], int]
"""Columns of a plan: whom to ask first, and whom then."""


def _screened(material: Material, prices: Sequence[float]) -> list[_Pair]:
    """Returns the plans that do best by the plainest rule: deliver what two agree on, else what the third says."""
    recorded = material.recorded
    score, cost_usd, n = recorded.score, recorded.cost_usd, len(recorded.score)
    assert recorded.answers is not None
    found: list[tuple[_Pair, float, float]] = []
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


def _screened_alone(material: Material, prices: Sequence[float]) -> list[_Pair]:
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


def _best_at(prices: Sequence[float], found: Sequence[tuple[_Pair, float, float]], n_best: int) -> list[_Pair]:
    scores, costs = np.array([f[1] for f in found]), np.array([f[2] for f in found])
    best = [found[int(i)][0] for price in prices for i in np.argsort(price * costs - scores)[:n_best]]
    return list(dict.fromkeys(best))


def _selected(material: Material, prices: FloatArray) -> list[_Pair]:
    """Returns the plans that, one after another, add most to what is expected of the best action of every request."""
    if not material.can_compare or len(material.names) < 2:
        return []
    record = _Record.of(material, _screened(material, prices.tolist()))
    chosen: list[int] = []
    for price in prices:
        knowledge = _planned(record, float(price))
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


# What their answers tell ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class _Record:
    """Plans on training requests: what was learned about their answers, whatever is paid, and what they came to."""

    material: Material
    pairs: tuple[_Pair, ...]
    knowledge: Knowledge
    """Without planning."""
    came: tuple[Came, ...]

    @classmethod
    def of(cls, material: Material, pairs: Sequence[_Pair]) -> Self:
        blank = _blank(material, pairs)
        if not pairs:
            return cls(material=material, pairs=(), knowledge=blank, came=())
        knowledge = _told(material, blank)
        return cls(material=material, pairs=tuple(pairs), knowledge=knowledge, came=_came(knowledge, material))


def _blank(material: Material, pairs: Sequence[_Pair]) -> Knowledge:
    """Returns teams and direct candidates about which nothing is known yet."""
    names = material.names
    plans = tuple(
        Plan(
            first=tuple(names[a] for a in first),
            then=names[then],
            first_offsets=(0.0,) * 2 ** len(first),
            all_offsets=(0.0,) * 2 ** (len(first) + 1),
            beyond=(0.0,) * N_GROUPS,
            score=0.0,
            asks_on=0.0,
            cost_ratio=1.0,
        )
        for first, then in pairs
    )
    direct = _direct(material)
    learned = Learned(
        willingness_to_pay_usd=1.0,
        forms=_forms(material),
        voters=_voters(material),
        theta=tuple(map(tuple, Posterior.unfitted().theta.tolist())),
        beyond=(_BEYOND_PRIOR,) * N_GROUPS,
        score=_SCORE_PRIOR,
        asks_on=(0.0,) * 7,
        plans=plans,
        direct=direct,
        actions=(Weighed(mean=0.0, slope=1.0),) * (len(direct) + len(plans)),
        usual=0,
    )
    return Knowledge.of(learned, names)


def _direct(material: Material) -> tuple[str, ...]:
    """Returns the candidates that are among the best two at some price of cost."""
    score, cost_usd = material.recorded.score.mean(axis=0), material.recorded.cost_usd.mean(axis=0)
    prices = [0.0, *(PRICES / material.unit_usd), 4 * PRICES[-1] / material.unit_usd]
    best = {int(j) for price in prices for j in np.argsort(price * cost_usd - score)[:2]}
    return tuple(material.names[j] for j in sorted(best | {material.reference}))


def _forms(material: Material) -> tuple[int, ...]:
    forms, answers = material.recorded.answer_form, material.recorded.answers
    if forms is None or answers is None:
        return ()
    mostly = (answers >= 0).mean(axis=1)
    counted = ((int(f), forms == f) for f in np.unique(forms) if f >= 0)
    return tuple(f for f, inside in counted if inside.sum() >= STRENGTH and mostly[inside].mean() > 0.5)


def _voters(material: Material) -> dict[str, Voter]:
    recorded, predictions = material.recorded, material.predictions
    tokens = np.full(recorded.score.shape, np.nan) if recorded.output_tokens is None else recorded.output_tokens
    longer = np.log1p(tokens) - np.log1p(predictions.output_tokens)
    base = log_odds(recorded.score.mean(axis=0))
    return {name: _voter(float(base[j]), longer[:, j]) for j, name in enumerate(material.names)}


def _voter(base: float, longer: FloatArray) -> Voter:
    known = longer[np.isfinite(longer)]
    if known.size < 2:
        return Voter(base=base, mean=0.0, sd=1.0)
    return Voter(base=base, mean=float(known.mean()), sd=max(float(known.std()), 1e-6))


def _told(material: Material, blank: Knowledge) -> Knowledge:
    """Returns what the answers tell: the posterior, and what asking on adds."""
    predictions, recorded = material.predictions, material.recorded
    sets = {
        tuple(columns): team.votes(predictions, recorded, first=first)
        for _, team in blank.teams
        for first, columns in ((True, team.first), (False, team.columns))
    }
    right = {columns: recorded.score[:, list(columns)] for columns in sets}
    posterior = Posterior.fit(list(sets.values()), list(right.values()))
    offsets = {
        columns: tuple(posterior.offsets(votes, right[columns], strength=STRENGTH).tolist())
        for columns, votes in sets.items()
    }
    plans = tuple(
        msgspec.structs.replace(
            plan, first_offsets=offsets[tuple(team.first)], all_offsets=offsets[tuple(team.columns)]
        )
        for plan, team in blank.teams
    )
    learned = msgspec.structs.replace(blank.learned, theta=tuple(map(tuple, posterior.theta.tolist())), plans=plans)
    return _with_gains(material, Knowledge.of(learned, material.names))


def _with_gains(material: Material, knowledge: Knowledge) -> Knowledge:
    """Returns the same with what asking on adds: the chance that the final answer is right, given the first ones."""
    predictions, recorded = material.predictions, material.recorded
    groups, xs, ys = [], [], []
    for plan, team in knowledge.teams:
        first = team.votes(predictions, recorded, first=True)
        before = best_answer(first, team.worth_first.table(first.deviation))
        came = knowledge.came_to(plan, team, predictions, recorded)
        then = log_odds(predictions.p_success[:, team.then])
        groups.append(before.group)
        base = np.full(len(then), team.base[-1])
        xs.append(np.column_stack([np.ones(len(then)), log_odds(before.p), base, then - base]))
        ys.append(_score_of(came.last_voter, team, recorded))
    shared = _shared(np.concatenate(groups), np.concatenate(xs), np.concatenate(ys), len(groups))
    plans = []
    for (plan, _), group, x, y in zip(knowledge.teams, groups, xs, ys, strict=True):
        own = fit_offsets((x * shared[group]).sum(axis=1), y, group, N_GROUPS, strength=STRENGTH)
        plans.append(msgspec.structs.replace(plan, beyond=tuple(own.tolist())))
    learned = msgspec.structs.replace(knowledge.learned, beyond=tuple(map(tuple, shared.tolist())), plans=tuple(plans))
    return Knowledge.of(learned, material.names)


def _shared(group: IntArray, x: FloatArray, y: FloatArray, n_plans: int) -> FloatArray:
    prior, precision = np.array(_BEYOND_PRIOR), np.array([0.5, 5.0, 5.0, 5.0])
    weight = 1.0 / max(n_plans / 4, 1.0)
    shared = np.tile(prior, (N_GROUPS, 1))
    for g in range(N_GROUPS):
        if (inside := group == g).any():
            shared[g] = fit_logistic(x[inside], y[inside], prior=prior, precision=precision, weight=weight)
    return shared


# What to expect of a plan, and whether to believe it ------------------------------------------------------------------


def _fitted(material: Material, pairs: Sequence[_Pair], price: float) -> Knowledge:
    return _weighed(_Record.of(material, pairs), price)


def _planned(record: _Record, price: float) -> Knowledge:
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
        scores.append(_score_of(came.voter(asked_on[-1]), team, recorded))
    score, score_offsets = _shared_line(x, scores, np.array(_SCORE_PRIOR))
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


def _weighed(record: _Record, price: float) -> Knowledge:
    """Returns the same with how far predicted differences between actions are to be believed.

    The slope of the real on the predicted differences, of each action shrunk to that of all: picking the best of many
    noisy predictions favours those that erred upwards.
    """
    knowledge = _planned(record, price)
    predicted = knowledge.utility(record.material.predictions)
    score, cost_usd = _actions(knowledge, record.came, record.material)
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
