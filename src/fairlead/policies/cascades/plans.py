"""What a cascade has learned, and what it expects of each of its plans.

A plan asks one or two candidates at once, and another one where their answers do not convince. Calling a candidate
directly is a plan as well, so one objective decides between all of them: expected quality minus cost over willingness
to pay, every call counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import msgspec
import numpy as np

from fairlead.answers import FORMS
from fairlead.policies.realised import Realised, Recorded
from fairlead.predictors.posterior import (
    N_GROUPS,
    Panel,
    Posterior,
    Verdict,
    Votes,
    Worth,
    best_answer,
    gain,
    length_of,
)
from fairlead.statistics.calibration import sigmoid
from fairlead.statistics.logistic import log_odds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fairlead.types import BoolArray, FloatArray, IntArray, Predictions


class Voter(msgspec.Struct, frozen=True, kw_only=True):
    """What a candidate's answers are held against."""

    base: float
    """Log odds of its mean score."""
    mean: float
    sd: float
    """Of the log of its tokens over the predicted ones."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to ask first, whom then, and how this plan differs from the others."""

    first: tuple[str, ...]
    """One candidate, or two at once."""
    then: str
    first_offsets: tuple[float, ...]
    all_offsets: tuple[float, ...]
    """Of each set of voters, see `Posterior`: of the first ones, and of all."""
    beyond: tuple[float, ...]
    """(N_GROUPS,) added to the log odds that the final answer is right, given the first ones."""
    score: float
    """Added to the log odds that the final answer is right, before anyone is asked."""
    asks_on: float
    """Added to the log odds that the first answers do not convince."""
    cost_ratio: float
    """Cost of the last call where it is made, over what is predicted of it on every request."""


class Weighed(msgspec.Struct, frozen=True, kw_only=True):
    """How far predicted differences between an action and the one that is best on average are to be believed."""

    mean: float
    """Of the predicted difference in utility."""
    slope: float
    """Of the real difference on the predicted one: what is left of it once the best of many was picked for it."""


class Learned(msgspec.Struct, frozen=True, kw_only=True):
    """All that a cascade learns from outcomes, as plain numbers."""

    willingness_to_pay_usd: float
    forms: tuple[int, ...]
    """The forms of answer in which agreement was measured."""
    voters: dict[str, Voter]
    theta: tuple[tuple[float, ...], ...]
    """Of `Posterior`."""
    beyond: tuple[tuple[float, ...], ...]
    """(N_GROUPS, 4) for the log odds that the final answer is right: 1, those of the best first answer, the base of the
    last voter, and how far its predicted log odds lie above that."""
    score: tuple[float, ...]
    asks_on: tuple[float, ...]
    """(7,) the same before anyone is asked, and that the first answers do not convince: 1; the largest, the mean and
    the last of the voters' bases; and how far the same of their predicted log odds lie above that."""
    plans: tuple[Plan, ...]
    direct: tuple[str, ...]
    """Candidates that may answer alone."""
    actions: tuple[Weighed, ...]
    """Of the direct candidates, then of the plans."""
    usual: int
    """The action that is best on average."""

    def renamed(self, names: Mapping[str, str]) -> Learned:
        """Returns the same over candidates that carry other names: old name -> new name."""
        return msgspec.structs.replace(
            self,
            voters={names.get(name, name): voter for name, voter in self.voters.items()},
            plans=tuple(
                msgspec.structs.replace(
                    plan,
                    first=tuple(names.get(name, name) for name in plan.first),
                    then=names.get(plan.then, plan.then),
                )
                for plan in self.plans
            ),
            direct=tuple(names.get(name, name) for name in self.direct),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Team:
    """The voters of one plan, as columns and numbers."""

    first: IntArray
    then: int
    base: FloatArray
    mean: FloatArray
    sd: FloatArray
    """(v,) each, the last voter at the end."""
    worth_first: Worth
    worth_all: Worth
    """What agreement is worth among the first ones, and among all."""
    panel_first: Panel
    panel_all: Panel
    columns: IntArray
    """(v,) of the voters."""

    @classmethod
    def of(cls, plan: Plan, voters: Mapping[str, Voter], posterior: Posterior, names: Sequence[str]) -> Self | None:
        """Returns the team of a plan; `None` where one of its candidates is not there."""
        members = (*plan.first, plan.then)
        if any(name not in names for name in members):
            return None
        numbers = np.array([[voters[name].base, voters[name].mean, voters[name].sd] for name in members]).T
        columns = np.array([names.index(name) for name in members], dtype=np.int64)
        return cls(
            first=columns[:-1],
            then=int(columns[-1]),
            base=numbers[0],
            mean=numbers[1],
            sd=numbers[2],
            worth_first=posterior.worth(numbers[0, :-1], np.array(plan.first_offsets)),
            worth_all=posterior.worth(numbers[0], np.array(plan.all_offsets)),
            panel_first=_panel(numbers[:, :-1], posterior),
            panel_all=_panel(numbers, posterior),
            columns=columns,
        )

    def votes(self, predictions: Predictions, recorded: Recorded, *, first: bool = False) -> Votes:
        """Returns what its voters answered: all of them, or the first."""
        v = len(self.first) if first else len(self.first) + 1
        columns = self.columns[:v]
        assert recorded.answers is not None  # a plan was learned from answers
        tokens = np.full(recorded.score.shape, np.nan) if recorded.output_tokens is None else recorded.output_tokens
        expected = predictions.output_tokens[:, columns]
        return Votes(
            answer=np.where(np.isnan(recorded.score), -1, recorded.answers)[:, columns],
            base=self.base[:v],
            deviation=log_odds(predictions.p_success[:, columns]) - self.base[:v],
            length=length_of(tokens[:, columns], expected, self.mean[:v], self.sd[:v]),
        )

    def features(self, predictions: Predictions) -> FloatArray:
        """Returns (n, 7) what is known of its voters before they are asked; see `Learned.score`."""
        logits = log_odds(predictions.p_success[:, self.columns])
        base = np.tile(self.summary(self.base[None]), (len(logits), 1))
        return np.column_stack([np.ones(len(logits)), base, self.summary(logits) - base])

    @staticmethod
    def summary(logits: FloatArray) -> FloatArray:
        """Returns (n, 3) the largest, the mean and the last."""
        return np.column_stack([logits.max(axis=1), logits.mean(axis=1), logits[:, -1]])


def _own(learned: Learned, plan: Plan, team: Team) -> tuple[float, float, float]:
    """Returns all that does not depend on the request: of a plan's score, of its asking on, and its ratio of costs."""
    base = team.summary(team.base[None])[0]
    score, asks_on = (c[0] + float(base @ np.subtract(c[1:4], c[4:])) for c in (learned.score, learned.asks_on))
    return score + plan.score, asks_on + plan.asks_on, plan.cost_ratio


def _panel(numbers: FloatArray, posterior: Posterior) -> Panel:
    return Panel(base=numbers[0], mean=numbers[1], sd=numbers[2], bend=posterior.theta[:, 6:])


def beyond_of(shared: FloatArray, own: FloatArray, base: float, then: FloatArray) -> FloatArray:
    """Returns (n, N_GROUPS, 2) intercept and slope of `Verdict.beyond`.

    Args:
        shared: `Learned.beyond`.
        own: `Plan.beyond`.
        base: of the last voter.
        then: (n,) its predicted log odds.
    """
    beyond = np.empty((len(then), N_GROUPS, 2))
    beyond[:, :, 0] = shared[:, 0] + own + shared[:, 2] * base + shared[:, 3] * (then[:, None] - base)
    beyond[:, :, 1] = shared[:, 1]
    return beyond


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What a plan came to on n requests, (n,) each."""

    advantage: FloatArray
    """How much asking on is expected to add to the quality; infinite where nobody answered."""
    first_voter: IntArray
    last_voter: IntArray
    """Whose answer is delivered, without and with the last call."""

    def asked_on(self, price: FloatArray) -> BoolArray:
        """Says where the last call is made, given what it costs in quality."""
        return np.asarray(self.advantage > price)

    def voter(self, asked_on: BoolArray) -> IntArray:
        """Returns whose answer is delivered."""
        return np.where(asked_on, self.last_voter, self.first_voter)


@dataclass(frozen=True, kw_only=True, eq=False)
class Knowledge:
    """What was learned, as arrays, for the candidates that are there: what decides a request."""

    learned: Learned
    comparable: BoolArray
    """(1 + forms,) whether answers of a form were compared: first where they cannot be, then of each form."""
    beyond: FloatArray
    teams: tuple[tuple[Plan, Team], ...]
    direct: IntArray
    """Columns."""
    members: IntArray
    """(n_teams, 3) columns of every team; one that asks a single candidate first has it twice."""
    counted: FloatArray
    """(n_teams, 3) 0 for the repetition, else 1."""
    own: FloatArray
    """(n_teams, 3) what is added for each plan: to its score, to its asking on, and the ratio of its last cost."""
    mean: FloatArray
    slope: FloatArray
    """(n_actions,) of direct candidates and teams, in that order."""
    usual: int
    """Among these actions; -1 where its candidates are not there."""

    @classmethod
    def of(cls, learned: Learned, names: Sequence[str]) -> Self:
        """Returns what is left of it where these candidates are there."""
        posterior = Posterior(theta=np.array(learned.theta))
        teams = [(i, plan, Team.of(plan, learned.voters, posterior, names)) for i, plan in enumerate(learned.plans)]
        there = [(i, plan, team) for i, plan, team in teams if team is not None]
        direct = [(i, names.index(name)) for i, name in enumerate(learned.direct) if name in names]
        kept = [i for i, _ in direct] + [len(learned.direct) + i for i, _, _ in there]
        members = [[team.first[0], team.first[-1], team.then] for _, _, team in there]
        return cls(
            learned=learned,
            comparable=np.isin(np.arange(-1, len(FORMS)), learned.forms),
            beyond=np.array(learned.beyond),
            teams=tuple((plan, team) for _, plan, team in there),
            direct=np.array([column for _, column in direct], dtype=np.int64),
            members=np.array(members, dtype=np.int64).reshape(-1, 3),
            counted=np.array([[1.0, len(plan.first) - 1.0, 1.0] for _, plan, _ in there]).reshape(-1, 3),
            own=np.array([_own(learned, plan, team) for _, plan, team in there]).reshape(-1, 3),
            mean=np.array([learned.actions[i].mean for i in kept]),
            slope=np.array([learned.actions[i].slope for i in kept]),
            usual=kept.index(learned.usual) if learned.usual in kept else -1,
        )

    def utility(self, predictions: Predictions) -> FloatArray:
        """Returns (n, n_actions) expected quality minus cost over willingness to pay; NaN where unknown."""
        score, cost_usd = self._expected(predictions)
        score = np.concatenate([predictions.p_success[:, self.direct], score], axis=1)
        cost_usd = np.concatenate([predictions.cost_usd[:, self.direct], cost_usd], axis=1)
        return np.asarray(score - cost_usd / self.learned.willingness_to_pay_usd)

    def _expected(self, predictions: Predictions) -> tuple[FloatArray, FloatArray]:
        """Returns (n, n_teams) expected score and cost."""
        logits = log_odds(predictions.p_success)[:, self.members]
        x = (logits.max(axis=2), (logits * self.counted).sum(axis=2) / self.counted.sum(axis=1), logits[:, :, 2])
        score, asks_on = (
            sigmoid(own + c[4] * x[0] + c[5] * x[1] + c[6] * x[2])
            for c, own in zip((self.learned.score, self.learned.asks_on), self.own.T, strict=False)
        )
        cost_usd = predictions.cost_usd[:, self.members] * self.counted
        return score, cost_usd[:, :, 0] + cost_usd[:, :, 1] + asks_on * self.own[:, 2] * cost_usd[:, :, 2]

    def weighed(self, utility: FloatArray) -> FloatArray:
        """Returns by how much each action is expected to be better than the usual one, differences shrunk."""
        if self.usual < 0:
            return utility
        difference = utility - utility[:, [self.usual]]
        weighed = self.mean + self.slope * (difference - self.mean)
        weighed[:, self.usual] = difference[:, self.usual]
        return weighed

    def price(self, team: Team, predictions: Predictions) -> FloatArray:
        """Returns (n,) what the last call of a team costs, in quality."""
        return np.asarray(predictions.cost_usd[:, team.then] / self.learned.willingness_to_pay_usd)

    def came_to(self, plan: Plan, team: Team, predictions: Predictions, recorded: Recorded) -> Came:
        """Returns what a plan comes to on recorded answers."""
        first, last = team.votes(predictions, recorded, first=True), team.votes(predictions, recorded)
        before = best_answer(first, team.worth_first.table(first.deviation))
        after = best_answer(last, team.worth_all.table(last.deviation))
        then = log_odds(predictions.p_success[:, team.then])
        advantage = gain(before, beyond_of(self.beyond, np.array(plan.beyond), team.base[-1], then))
        return Came(
            advantage=np.where(before.voter < 0, np.inf, advantage),
            first_voter=before.voter,
            last_voter=np.where(after.voter < 0, len(team.first), after.voter),
        )

    def realised(self, plan: Plan, team: Team, predictions: Predictions, recorded: Recorded) -> Realised:
        """Returns what a plan comes to on recorded answers: of what was not measured there is no answer, nor a bill."""
        came = self.came_to(plan, team, predictions, recorded)
        asked_on = came.asked_on(self.price(team, predictions))
        outcome = recorded.columns(team.columns)
        latency_s = np.full_like(outcome.score, np.nan) if outcome.latency_s is None else outcome.latency_s
        asked = np.column_stack([np.ones((len(asked_on), len(team.first)), dtype=np.bool_), asked_on])
        row = np.arange(len(asked_on))
        return Realised(
            score=outcome.score[row, came.voter(asked_on)],
            cost_usd=np.where(asked, np.nan_to_num(outcome.cost_usd), 0.0).sum(axis=1),
            latency_s=latency_s[:, :-1].max(axis=1) + np.where(asked_on, latency_s[:, -1], 0.0),
        )

    def weights(
        self, plan: Plan, team: Team, predictions: Predictions
    ) -> list[tuple[tuple[float, ...], tuple[float, ...]]]:
        """Returns the weights of the rules of both stages, for each request; see `Verdict`."""
        logits = log_odds(predictions.p_success[:, team.columns])
        v = len(team.first)
        deviation, expected = logits - team.base, predictions.output_tokens[:, team.columns]
        first, last = team.worth_first.at(deviation[:, :v]), team.worth_all.at(deviation)
        beyond = beyond_of(self.beyond, np.array(plan.beyond), team.base[-1], logits[:, -1])
        return [
            (
                Verdict(panel=team.panel_first, expected=e[:v], worth=f, beyond=b).weights(),
                Verdict(panel=team.panel_all, expected=e, worth=w, beyond=_LAST).weights(),
            )
            for e, f, w, b in zip(expected, first, last, beyond, strict=True)
        ]


_LAST = np.empty((0, 2))
"""Beyond a last stage there is nothing."""
