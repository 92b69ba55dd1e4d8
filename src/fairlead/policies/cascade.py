"""Past what a prompt tells: ask cheap candidates first, and a dearer one where their answers do not convince."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, get_args

import msgspec
import numpy as np
from msgspec.structs import replace

from fairlead.errors import ConfigError
from fairlead.policies.base import Choices, Promise
from fairlead.policies.cascades.learning import Aim, learn, learn_at
from fairlead.policies.cascades.material import Material
from fairlead.policies.cascades.plans import Knowledge, Learned
from fairlead.policies.columns import chosen, latency_p95_s
from fairlead.policies.floor import check_margin
from fairlead.policies.realised import Realised
from fairlead.policies.single import SingleStep
from fairlead.types import Acceptance, Stage, Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.policies.base import Circumstances
    from fairlead.policies.cascades.plans import Plan
    from fairlead.policies.realised import Recorded
    from fairlead.types import BoolArray, IntArray, Predictions


class Cascade(SingleStep):
    """Decides, request by request, between calling a candidate directly and asking cheaper ones first.

    A cascade asks one or two cheap candidates, two at once, and delivers the answer that is most likely right if asking
    a dearer candidate would not add more than it costs; else it asks that one, and delivers the best of all answers.
    Expected quality minus cost over willingness to pay decides between all of this, every call counted. Only plans
    whose answers were compared on training prompts take part, and only where answers can be compared and time allows.

    Args:
        objective: `cost`: cheapest within the margin of the reference's mean score; `quality`: best score at no more
            than a mean cost; `utility`: best score minus cost over `willingness_to_pay_usd`.
        usd_per_request: for `quality`: that mean cost, USD; the reference's where not given.
        willingness_to_pay_usd: for `utility`: what a right answer instead of a wrong one is worth, USD.
        margin: for `cost`: how far the mean score may fall behind the reference's, in [0, 1]; 0 is parity.
        knows: what was learned from outcomes; without it the reference serves.

    Raises:
        ConfigError: an argument is out of range, or `utility` comes without a willingness to pay.

    References:
        Dekoninck et al., A Unified Approach to Routing and Cascading for LLMs, 2025, arXiv:2410.10347. Chen et al.,
        FrugalGPT, 2023, arXiv:2305.05176. Here answers are compared with one another, and no judge is called.

    Example:
        >>> Cascade(objective="quality")
        Cascade(objective='quality', margin=0.01)
    """

    def __init__(
        self,
        *,
        objective: Aim = "cost",
        usd_per_request: float | None = None,
        willingness_to_pay_usd: float | None = None,
        margin: float = 0.01,
        knows: Mapping[str, Any] | None = None,
    ) -> None:
        if objective not in get_args(Aim):
            raise ConfigError(f"`objective` is {objective!r}; expected one of `cost`, `quality`, `utility`.")
        if objective == "utility" and not (willingness_to_pay_usd or 0) > 0:
            raise ConfigError(f"`willingness_to_pay_usd` is {willingness_to_pay_usd}; expected a number above 0.")
        if usd_per_request is not None and not 0 < usd_per_request < math.inf:
            raise ConfigError(f"`usd_per_request` is {usd_per_request}; expected a mean cost in USD, above 0.")
        check_margin(margin)
        self.objective: Aim = objective
        self.usd_per_request = usd_per_request
        self.willingness_to_pay_usd = willingness_to_pay_usd
        self.margin = margin
        self.knows = knows

    @property
    def promise(self) -> Promise:
        """What it is held to: to gain over fixed choices of its cost, to keep the margin (`cost`) or the mean cost."""
        return Promise(margin=self.margin if self.objective == "cost" else None, usd_per_request=self.usd_per_request)

    @property
    def compares_answers(self) -> bool:
        """Whether it needs to know what form an answer takes."""
        return self.knows is not None

    def choose(self, predictions: Predictions, circumstances: Circumstances) -> Choices:
        """Returns the action with the highest expected utility; the reference where nothing is known of any."""
        knowledge = self._knowledge(predictions.candidates)
        if knowledge is None:
            wanted = np.full(len(circumstances.eligible), circumstances.reference, dtype=np.int64)
            return chosen([wanted], "no_evidence", circumstances)
        action = self._actions(knowledge, predictions, circumstances)
        first = np.append(knowledge.direct, [team.first[0] for _, team in knowledge.teams]).astype(np.int64)
        wanted = np.where(action >= 0, first[action], circumstances.reference)
        n_direct = len(knowledge.direct)
        reason = np.where(action < 0, "no_evidence", np.where(action < n_direct, "highest_utility", "cascade"))
        openings = _openings(knowledge, predictions, action - n_direct)
        return replace(chosen([wanted], reason.tolist(), circumstances), openings=openings)

    def realised(self, predictions: Predictions, circumstances: Circumstances, recorded: Recorded) -> Realised:
        """Returns what its plans came to, every call counted."""
        choices = self.choose(predictions, circumstances)
        direct = recorded.of(choices.first)
        knowledge = self._knowledge(predictions.candidates)
        if knowledge is None or not choices.openings:
            return direct
        score, cost_usd, latency_s = direct.score.copy(), direct.cost_usd.copy(), direct.latency_s.copy()
        action = self._actions(knowledge, predictions, circumstances) - len(knowledge.direct)
        for i, (plan, team) in enumerate(knowledge.teams):
            rows = np.flatnonzero(action == i)
            part = knowledge.realised(plan, team, predictions.rows(rows), recorded.rows(rows))
            score[rows], cost_usd[rows], latency_s[rows] = part.score, part.cost_usd, part.latency_s
        return Realised(score=score, cost_usd=cost_usd, latency_s=latency_s)

    def learned(self, predictions: Predictions, circumstances: Circumstances, recorded: Recorded) -> Self:
        """Returns the same policy with the plans, what their answers tell, and what quality may cost."""
        columns = np.flatnonzero(circumstances.eligible.any(axis=0))
        material = Material.of(predictions, recorded, columns, circumstances.reference)
        if material is None:
            return self._with(None)
        if self.objective == "utility":
            assert self.willingness_to_pay_usd is not None
            return self._with(msgspec.to_builtins(learn_at(material, 1.0 / self.willingness_to_pay_usd)))
        learned = learn(material, self.objective, margin=self.margin, usd_per_request=self.usd_per_request)
        return self._with(msgspec.to_builtins(learned))

    def renamed(self, names: Mapping[str, str]) -> Self:
        """Returns the same policy over candidates that carry other names: old name -> new name."""
        if self.knows is None:
            return self.clone()
        learned = msgspec.convert(self.knows, Learned)
        return self._with(msgspec.to_builtins(learned.renamed(names)))

    def __repr__(self) -> str:
        """Returns what was asked of it; what it learned is long, and stands in the saved router."""
        arguments = {name: value for name, value in self.params().items() if name != "knows" and value is not None}
        return f"Cascade({', '.join(f'{name}={value!r}' for name, value in arguments.items())})"

    def _with(self, knows: Mapping[str, Any] | None) -> Self:
        return type(self)(**self.params() | {"knows": knows})

    def _knowledge(self, names: tuple[str, ...]) -> Knowledge | None:
        """Returns what it knows of these candidates."""
        if self.knows is None:
            return None
        if names not in self._cache:
            self._cache.clear()
            self._cache[names] = Knowledge.of(msgspec.convert(self.knows, Learned), names)
        return self._cache[names]

    @cached_property
    def _cache(self) -> dict[tuple[str, ...], Knowledge]:
        return {}

    def _actions(self, knowledge: Knowledge, predictions: Predictions, circumstances: Circumstances) -> IntArray:
        """Returns (n,) the best action of each request, -1 where none is possible."""
        utility = knowledge.utility(predictions)
        possible = np.isfinite(utility) & _possible(knowledge, predictions, circumstances)
        worth = np.where(possible, knowledge.weighed(np.where(np.isfinite(utility), utility, 0.0)), -np.inf)
        return np.where(possible.any(axis=1), worth.argmax(axis=1), -1)


def _possible(knowledge: Knowledge, predictions: Predictions, circumstances: Circumstances) -> BoolArray:
    """Returns (n, n_actions): its candidates are eligible, the answers can be compared, and there is time."""
    eligible = circumstances.eligible
    forms = circumstances.answer_form
    comparable = np.zeros(len(eligible), dtype=np.bool_) if forms is None else knowledge.comparable[forms + 1]
    plans = comparable[:, None] & eligible[:, knowledge.members].all(axis=2)
    if not math.isinf(circumstances.limit_p95_s):
        plans &= _in_time(knowledge, predictions, circumstances)
    return np.concatenate([eligible[:, knowledge.direct], plans], axis=1)


def _in_time(knowledge: Knowledge, predictions: Predictions, circumstances: Circumstances) -> BoolArray:
    """Says (n, n_teams) where two calls one after the other keep the limit, each at its 95th percentile."""
    of_members = latency_p95_s(predictions, circumstances)[:, knowledge.members]
    return np.asarray(of_members[:, :, :2].max(axis=2) + of_members[:, :, 2] <= circumstances.limit_p95_s)


def _openings(knowledge: Knowledge, predictions: Predictions, number: IntArray) -> dict[int, tuple[Stage, ...]]:
    """Returns request -> both stages of its plan, where its plan `number` is one."""
    openings: dict[int, tuple[Stage, ...]] = {}
    for i in set(number.tolist()):
        if i >= 0:
            plan, team = knowledge.teams[i]
            rows = np.flatnonzero(number == i)
            asked = predictions.rows(rows)
            prices = knowledge.price(team, asked)
            weights = knowledge.weights(plan, team, asked)
            for row, (first, last), price in zip(rows.tolist(), weights, prices.tolist(), strict=True):
                openings[row] = _stages(plan, first, last, price)
    return openings


def _stages(plan: Plan, first: tuple[float, ...], last: tuple[float, ...], price: float) -> tuple[Stage, ...]:
    return (
        Stage(
            steps=tuple(Step(candidate=name) for name in plan.first),
            acceptance=Acceptance(rule="posterior", weights=first, cut=price),
        ),
        Stage(
            steps=(Step(candidate=plan.then),),
            acceptance=Acceptance(rule="posterior", weights=last, cut=1.0),
        ),
    )
