"""What the answers of a plan's voters tell, learned over all plans at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import msgspec
import numpy as np

from fairlead.policies.cascades.came import plans_came_to, score_of
from fairlead.policies.cascades.material import PRICES, STRENGTH
from fairlead.policies.cascades.plans import Knowledge, Learned, Plan, Voter, Weighed
from fairlead.predictors.posterior import N_GROUPS, Posterior, best_answer
from fairlead.statistics.logistic import fit_logistic, fit_offsets, log_odds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.policies.cascades.material import Material, Pair
    from fairlead.policies.cascades.plans import Came
    from fairlead.types import FloatArray, IntArray

SCORE_PRIOR = (0.0, *(0.8 / 3,) * 6)
"""A plan is as good as its voters, a little less sure."""

_BEYOND_PRIOR = (0.0, 0.5, 0.5, 0.5)


@dataclass(frozen=True, kw_only=True, eq=False)
class Record:
    """Plans on training requests: what was learned about their answers, whatever is paid, and what they came to."""

    material: Material
    pairs: tuple[Pair, ...]
    knowledge: Knowledge
    """Without planning."""
    came: tuple[Came, ...]

    @classmethod
    def of(cls, material: Material, pairs: Sequence[Pair]) -> Self:
        """Returns what the answers of these plans tell."""
        blank = blank_knowledge(material, pairs)
        if not pairs:
            return cls(material=material, pairs=(), knowledge=blank, came=())
        knowledge = _told(material, blank)
        return cls(material=material, pairs=tuple(pairs), knowledge=knowledge, came=plans_came_to(knowledge, material))


def blank_knowledge(material: Material, pairs: Sequence[Pair]) -> Knowledge:
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
        score=SCORE_PRIOR,
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
        ys.append(score_of(came.last_voter, team, recorded))
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
