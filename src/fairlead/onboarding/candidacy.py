"""What few labels of a candidate show, which prompt to label next, and what that is worth.

The other models' answers tell what each prompt demands, so a label of the candidate tells something of its ability.
Ability is all that is unknown: from it follow the chances on every prompt, where the router would call the candidate,
and what having it is worth.

    value of the candidate      mean over prompts of max(0, its utility - the best other's)
    value of m more labels      how much that is expected to grow: with d the expected difference and s how far m labels
                                may move it, mean of s phi(d/s) - |d| Phi(-|d|/s)
    the next prompt             of the topic that has had the fewest labels for its size, the one whose answer is
                                expected to say most where it could change the router's choice

References:
    van der Linden, Elements of Adaptive Testing, 2010 (information). Frazier, Powell, Dayanik, A knowledge-gradient
    policy for sequential information collection, 2008 (value; many labels at once, since one alone may change nothing).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np

from fairlead.errors import TableError
from fairlead.evidence import rows_of, taken
from fairlead.predictors.clusters import Clusters
from fairlead.predictors.few_labels import easier_by, moved
from fairlead.predictors.item_response import ItemResponse
from fairlead.predictors.logistic_normal import Gaussians, flattening
from fairlead.predictors.nearness import squared_distances

if TYPE_CHECKING:
    from fairlead.outcomes import Outcomes
    from fairlead.router import Router
    from fairlead.types import BoolArray, FloatArray, IntArray

N_TOPICS = 4
"""Of two tables, with 30 labels: 16 leave the labels' worth too little say, 1 lets them gather in one place; see
design/coldstart.md."""
AHEAD = (1, 2, 3, 5, 10, 20, 30, 50, 100)
"""Numbers of further labels whose value is looked at."""
_TWO_SIDED_90 = 1.645
_LEAST_SD = 1e-3  # of a chance: keeps weights finite where ability is known


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the labels so far show; scores lie in [0, 1], and utilities are in the same unit."""

    n_labels: int
    score: float
    """Expected mean score on all prompts of the table."""
    low: float
    high: float
    """Of `score`, 90 %."""
    share: float
    """Share of the prompts on which the candidate is expected to be better than any other, its cost included."""
    gain: float
    """What having the candidate is expected to add to the mean utility of a request."""
    lower: float
    """Lower limit of the same, 95 %; below 0 where having it may do harm."""
    next_label: float
    """What one more label is expected to add to the mean utility of a request: the best average over labels ahead."""
    remaining: float
    """What all further labels together could add."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidacy:
    """A candidate before the prompts of a table."""

    model: ItemResponse
    """Fitted on the other models."""
    items: Gaussians
    """(n, k) what the prompts demand, as the other models' answers tell."""
    told: Gaussians
    """(n, k) the same as features tell, which is all that the router will see."""
    rival: FloatArray
    """(n,) the best utility expected of any other candidate."""
    cost: FloatArray
    """(n,) what a call of the candidate costs, in units of score; 0 where cost does not count."""
    topic: IntArray
    """(n,)."""
    shift: FloatArray
    """(n,) by how much the router finds a prompt easier than item response does, in logits; see `FewLabels`."""

    @classmethod
    def of(
        cls, router: Router, table: Outcomes, candidate: str, *, worth_usd: float | None = None, seed: int = 0
    ) -> Self:
        """Returns the candidacy of `candidate` for a place beside a router's candidates, its own cost left out.

        Args:
            router: fitted; its features and its expectations of the others are used.
            table: prompts with the others' outcomes; a column of the candidate is not looked at.
            candidate: its name.
            worth_usd: what a right answer is worth; without it cost does not count.
            seed: of folds and topics.

        Raises:
            TableError: the table has none of the router's models.
        """
        assert router.features is not None  # a router that knows nothing has no use for a candidate
        others = table.only([model for model in table.models if model != candidate])
        x = router.features.transform(table.requests)
        p_success, cost_usd = _seen(router, others)
        utility = p_success - (0.0 if worth_usd is None else cost_usd / worth_usd)
        return cls.among(x, others.score, p_success, utility, seed=seed)

    @classmethod
    def among(
        cls, x: FloatArray, y: FloatArray, p_success: FloatArray, utility: FloatArray | None = None, *, seed: int
    ) -> Self:
        """Returns the candidacy among other models.

        Args:
            x: (n, n_features).
            y: (n, m) the others' scores, NaN where not measured.
            p_success: (n, m) what the router expects of the others, NaN of those that it does not serve.
            utility: (n, m) the same, their cost included; `p_success` where not given.
            seed: of folds and topics.
        """
        model = ItemResponse(seed=seed).fit(x, y)
        centres = Clusters(n_clusters=N_TOPICS, strength=1.0, seed=seed).fit(x, y).centres_
        topic = squared_distances(x.astype(np.float32), centres, np.square(centres).sum(axis=1)).argmin(axis=1)
        return cls(
            model=model,
            items=model.items(x, y),
            told=model.items(x),
            rival=np.nan_to_num(np.fmax.reduce(p_success if utility is None else utility, axis=1)),
            cost=np.zeros(len(x)),
            topic=topic.astype(np.int64),
            shift=easier_by(p_success, model.predict_mean(x)),
        )

    def ability(self, labels: FloatArray) -> Gaussians:
        """Returns the posterior of the ability from labels (n,), NaN where there is none."""
        known = ~np.isnan(labels)
        return self.model.ability(self.items.at(known), labels[known])

    # Which prompts to label

    def proposed(self, labels: FloatArray, n: int, *, askable: BoolArray | None = None) -> IntArray:
        """Returns the next `n` prompts to label, the most useful first; fewer where no more are left.

        Each is chosen as if those before it had been labelled and had changed no expectation, so ask for few at a time
        and come back with the answers.

        Args:
            labels: (n,) so far, NaN where there is none.
            n: how many.
            askable: (n,) prompts that may be proposed; all where not given.
        """
        return self._ahead(labels, n, np.isnan(labels) & (True if askable is None else askable))[0]

    def _ahead(self, labels: FloatArray, n: int, free: BoolArray) -> tuple[IntArray, FloatArray]:
        """Returns the next prompts, and the covariance of the ability after 0, 1, ... of them."""
        ability = self.ability(labels)
        counts = np.bincount(self.topic[~np.isnan(labels)], minlength=self._topic_share.size).astype(np.float64)
        told = self.items.mean[:, :-1]
        information = self._information(ability)
        cov, chosen, covs = ability.cov[0], [], [ability.cov[0]]
        for _ in range(min(n, int(free.sum()))):
            gain = self._worth_of_each(Gaussians(mean=ability.mean, cov=cov[None]), told, information)
            i = self._best(np.where(free, gain, -np.inf), counts)
            chosen.append(i)
            free[i] = False
            counts[self.topic[i]] += 1
            cov = np.linalg.inv(np.linalg.inv(cov) + information[i] * np.outer(told[i], told[i]))
            covs.append(cov)
        return np.array(chosen, dtype=np.int64), np.stack(covs)

    def _information(self, ability: Gaussians) -> FloatArray:
        """Returns (n,) the Fisher information of each answer about the logit, blurred where the item is uncertain."""
        theta = ability.extended.mean[0]
        blur = flattening(np.einsum("nij,i,j->n", self.items.cov, theta, theta))
        p = self.model.chance(self.items, ability)
        return np.asarray(p * (1.0 - p) * blur**2)

    def _worth_of_each(self, ability: Gaussians, a: FloatArray, information: FloatArray) -> FloatArray:
        """Returns (n,) by how much each answer lowers the variance of utilities, most near the router's choices."""
        cov = ability.cov[0]
        expected = self._expected(ability)
        sd = expected.slope * np.sqrt(expected.variance) + _LEAST_SD
        weight = np.exp(-0.5 * np.square(expected.ahead / sd)) / sd * np.square(expected.slope)
        told = self.told.mean[:, :-1]
        matters = (told * weight[:, None]).T @ told / len(told)
        along = a @ cov
        lowered = np.einsum("ni,ij,nj->n", along, matters, along)
        return np.asarray(information * lowered / (1.0 + information * np.einsum("ni,ni->n", along, a)))

    def _best(self, gain: FloatArray, counts: FloatArray) -> int:
        """Returns the most useful prompt of the topic that lags most behind its share."""
        lag = self._topic_share * (counts.sum() + 1.0) - counts
        for topic in np.argsort(-lag, kind="stable"):
            within = np.where(self.topic == topic, gain, -np.inf)
            if np.isfinite(within).any():
                return int(within.argmax())
        return int(gain.argmax())

    @cached_property
    def _topic_share(self) -> FloatArray:
        return np.bincount(self.topic).astype(np.float64) / len(self.topic)

    # What the labels show

    def standing(self, labels: FloatArray) -> Standing:
        """Returns what labels (n,) show, and what more of them are worth."""
        ability = self.ability(labels)
        expected = self._expected(ability)
        better = np.where(expected.ahead > 0, 1.0, 0.0)
        towards = (better * expected.slope) @ self.told.mean[:, :-1] / len(better)
        gain = float((better * expected.ahead).mean())
        score, score_sd = self._score(ability)
        _, covs = self._ahead(labels, AHEAD[-1], np.isnan(labels))
        ahead = [(m, self._value(expected, covs[0] - covs[m])) for m in AHEAD if m < len(covs)]
        return Standing(
            n_labels=int((~np.isnan(labels)).sum()),
            score=score,
            low=max(score - _TWO_SIDED_90 * score_sd, 0.0),
            high=min(score + _TWO_SIDED_90 * score_sd, 1.0),
            share=float(better.mean()),
            gain=gain,
            lower=gain - _TWO_SIDED_90 * math.sqrt(float(towards @ ability.cov[0] @ towards)),
            next_label=max((value / m for m, value in ahead), default=0.0),
            remaining=self._value(expected, covs[0]),
        )

    def _score(self, ability: Gaussians) -> tuple[float, float]:
        """Returns the expected mean score over all prompts, and its standard deviation."""
        p = self.model.chance(self.items, ability)
        towards = (p * (1.0 - p)) @ self.items.mean[:, :-1] / len(p)
        return float(p.mean()), math.sqrt(float(towards @ ability.cov[0] @ towards))

    def _expected(self, ability: Gaussians) -> _Expected:
        theta, told = ability.extended.mean[0], self.told
        variance = np.einsum("ni,ij,nj->n", told.mean[:, :-1], ability.cov[0], told.mean[:, :-1])
        noise = np.einsum("nij,i,j->n", told.cov, theta, theta)
        p = moved(self.model.chance(told, ability), self.shift)
        slope = flattening(noise + variance) * p * (1.0 - p)
        return _Expected(ahead=p - self.cost - self.rival, slope=slope, variance=variance)

    def _value(self, expected: _Expected, learned: FloatArray) -> float:
        """Returns what knowing the ability better by the covariance `learned` is expected to add."""
        told = self.told.mean[:, :-1]
        moves = np.sqrt(np.maximum(np.einsum("ni,ij,nj->n", told, learned, told), 0.0))
        s = np.maximum(expected.slope * moves, 1e-12)
        z = np.abs(expected.ahead) / s
        density, beyond = np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi), _beyond(z)
        return float((s * (density - z * beyond)).mean())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Expected:
    """What is expected of the candidate on each prompt, as the router will see it; (n,) each."""

    ahead: FloatArray
    """Its utility minus the best other's."""
    slope: FloatArray
    """How its chance changes with its logit."""
    variance: FloatArray
    """Of the logit, as far as ability is not known."""


def _beyond(z: FloatArray) -> FloatArray:
    """Returns the chance that a standard normal exceeds `z`."""
    return np.array([0.5 * math.erfc(value / math.sqrt(2.0)) for value in z])


def _seen(router: Router, table: Outcomes) -> tuple[FloatArray, FloatArray]:
    """Returns (n, m) what the router expects of the table's models: chance of success, and USD; NaN where unknown.

    Out of fold, where the router was fitted on the prompt.
    """
    predictions = router.predict(table.requests)
    names = predictions.candidates
    if not set(names) & set(table.models):
        listed = ", ".join(f"`{name}`" for name in names)
        raise TableError(f"table `{table.name}` has none of the router's models ({listed}). Give another table.")
    at = np.array([names.index(model) if model in names else -1 for model in table.models])
    p_success = taken(predictions.p_success, at)
    if router.evidence is not None:
        models = router.evidence.models
        column = np.array([models.index(model) if model in models and model in names else -1 for model in table.models])
        row = rows_of(router.evidence, table)
        left_out = np.where((row >= 0)[:, None], taken(router.evidence.p_success, column)[row], np.nan)
        p_success = np.where(np.isnan(left_out), p_success, left_out)
    return p_success, taken(predictions.cost_usd, at)
