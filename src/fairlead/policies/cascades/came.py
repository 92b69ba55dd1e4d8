"""What plans came to on recorded requests: whose answer was delivered, its score, and what all calls cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.policies.cascades.material import Material
    from fairlead.policies.cascades.plans import Came, Knowledge, Team
    from fairlead.policies.realised import Recorded
    from fairlead.types import BoolArray, FloatArray, IntArray


def choice_came_to(knowledge: Knowledge, came: Sequence[Came], material: Material) -> tuple[FloatArray, FloatArray]:
    """Returns score and cost of what is chosen, (n,) each."""
    at = knowledge.weighed(knowledge.utility(material.predictions)).argmax(axis=1)
    score, cost_usd = actions_came_to(knowledge, came, material)
    row = np.arange(len(at))
    return score[row, at], cost_usd[row, at]


def plans_came_to(knowledge: Knowledge, material: Material) -> tuple[Came, ...]:
    """Returns, a plan, what its voters said on every request."""
    return tuple(
        knowledge.came_to(plan, team, material.predictions, material.recorded) for plan, team in knowledge.teams
    )


def actions_came_to(knowledge: Knowledge, came: Sequence[Came], material: Material) -> tuple[FloatArray, FloatArray]:
    """Returns (n, n_actions) score and cost of every action."""
    recorded = material.recorded
    score, cost_usd = [recorded.score[:, knowledge.direct]], [recorded.cost_usd[:, knowledge.direct]]
    for one, (_, team) in zip(came, knowledge.teams, strict=True):
        asked_on = one.asked_on(knowledge.price(team, material.predictions))
        score.append(score_of(one.voter(asked_on), team, recorded)[:, None])
        cost_usd.append(cost_of(asked_on, team, recorded)[:, None])
    return np.hstack(score), np.hstack(cost_usd)


def score_of(voter: IntArray, team: Team, recorded: Recorded) -> FloatArray:
    """Returns (n,) the score of the answer of the voter that is delivered; 0 where none is."""
    scores: FloatArray = recorded.score[np.arange(len(voter)), team.columns[voter]]
    return np.where(voter < 0, 0.0, scores)


def cost_of(asked_on: BoolArray, team: Team, recorded: Recorded) -> FloatArray:
    """Returns (n,) what all calls cost, the last one where it was asked for."""
    first = recorded.cost_usd[:, team.first].sum(axis=1)
    return np.asarray(first + np.where(asked_on, recorded.cost_usd[:, team.then], 0.0))
