"""Many decisions as columns, so that a million prompts are cheap; one of them is a `Decision`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from fairlead.answers import FORMS
from fairlead.errors import NoCandidateError
from fairlead.types import GRIDS, Decision, Predictions, Stage, Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fairlead.types import BoolArray, Context, FloatArray, IntArray, Prediction

MAX_STAGES = 4
"""A request that four candidates failed fails."""


NOT_THEN = "not_a_candidate_then"
"""Why a candidate cannot serve a request that was decided before it came: nothing was logged of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """What is logged of a request, and enough to decide it again."""

    predictions: tuple[Prediction, ...]
    excluded: Mapping[str, str]
    context: Context
    mix_draw: float
    answer_form: str | None = None
    fault: str | None = None
    """What broke inside the router then: it decides as it did with that broken."""


class _Listed(NamedTuple):
    """Columns of `Decisions`, as lists of n."""

    first: list[int]
    propensity: list[float]
    control: list[bool]
    eligible: list[list[bool]]
    order: list[list[int]]
    """Columns in which a plan goes on."""
    predictions: list[tuple[Prediction, ...]]


class Decisions(msgspec.Struct, frozen=True, kw_only=True, eq=False, dict=True):
    """n decisions over the m candidates of `predictions`."""

    predictions: Predictions
    eligible: BoolArray
    """(n, m)."""
    exclusions: tuple[Mapping[str, str], ...]
    """(n,) candidate name -> why it could not serve."""
    first: IntArray
    """(n,) column of the candidate that is called first, -1 where nobody can serve."""
    propensity: FloatArray
    """(n,) chance with which it was chosen, the draw of the control arm included."""
    reason: tuple[str, ...]
    control: BoolArray
    """(n,) the session's draw fell into the control arm."""
    fault: tuple[str | None, ...]
    """(n,) class name of what broke inside the router, where something did."""
    reference: int
    """Column of the reference, -1 where there is none."""
    policy: str
    router_version: str
    in_order: bool = False
    """Whether a plan goes on in the candidates' own order."""
    openings: Mapping[int, tuple[Stage, ...]] = msgspec.field(default_factory=dict)
    """Request -> the stages its plan opens with, where that is more than a call to the first candidate."""
    chances: FloatArray | None = None
    """(n, m) chance with which each candidate would have been first; `None` where only the first one had any."""
    mix_draw: FloatArray | None = None
    """(n,) what mixes were drawn with."""
    answer_form: IntArray | None = None
    """(n,) place in `answers.FORMS`, -1 where answers cannot be compared; `None` where nobody asked."""
    certificate: str | None = None
    """Id of the certificate that the router serves by."""

    def __len__(self) -> int:
        return len(self.first)

    def __iter__(self) -> Iterator[Decision]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, i: int) -> Decision:
        """Returns decision `i`, its plan drawn up.

        Raises:
            NoCandidateError: every candidate was excluded.
        """
        listed, names = self._listed, self.predictions.candidates
        if listed.first[i] < 0:
            raise NoCandidateError(self.exclusions[i])
        return Decision(
            plan=self._plan(i),
            propensity=listed.propensity[i],
            reason=self.reason[i],
            arm="control" if listed.control[i] else "policy",
            reference=names[self.reference] if self._reference_serves(i) else None,
            excluded=self.exclusions[i],
            predictions=listed.predictions[i],
            policy=self.policy,
            router_version=self.router_version,
            fault=self.fault[i],
            chances=self.chances_of(i),
            mix_draw=None if self.mix_draw is None else float(self.mix_draw[i]),
            answer_form=None if self.answer_form is None else _form(int(self.answer_form[i])),
            certificate=self.certificate,
        )

    def excluded(self, i: int) -> Mapping[str, str]:
        """Returns candidate name -> reason, for the candidates that could not serve request `i`."""
        return self.exclusions[i]

    def chances_of(self, i: int) -> dict[str, float]:
        """Returns candidate name -> chance with which it would have been called first, where it had one."""
        names, listed = self.predictions.candidates, self._listed
        if self.chances is None:
            return {names[listed.first[i]]: listed.propensity[i]}
        return {name: chance for name, chance in zip(names, self.chances[i].tolist(), strict=True) if chance > 0}

    def _plan(self, i: int) -> tuple[Stage, ...]:
        """Returns the opening, where there is one, and behind it one stage for each candidate that is left."""
        names = self.predictions.candidates
        opening = self.openings.get(i, ())
        called = {step.candidate for stage in opening for step in stage.steps}
        rest = (names[column] for column in self._order(i) if names[column] not in called)
        left = max(MAX_STAGES - len(opening), 0)
        return (*opening, *map(_alone, islice(rest, left)))[:MAX_STAGES]

    def _order(self, i: int) -> list[int]:
        """Returns the columns to call: the choice, the reference, then the rest by predicted success, unknown last."""
        listed = self._listed
        reference = [self.reference] if self._reference_serves(i) and not self.in_order else []
        order = dict.fromkeys([listed.first[i], *reference, *listed.order[i]])
        eligible = listed.eligible[i]
        return [column for column in order if eligible[column]]

    def _reference_serves(self, i: int) -> bool:
        return self.reference >= 0 and self._listed.eligible[i][self.reference]

    @cached_property
    def _listed(self) -> _Listed:
        """The columns as lists: numbers leave an array faster together than one by one."""
        by_success = (-self.predictions.p_success).argsort(axis=1, kind="stable").tolist()
        in_order = [*range(len(self.predictions.candidates))]
        return _Listed(
            first=self.first.tolist(),
            propensity=self.propensity.tolist(),
            control=self.control.tolist(),
            eligible=self.eligible.tolist(),
            order=[in_order] * len(self) if self.in_order else by_success,
            predictions=self.predictions.listed(),
        )

    @classmethod
    def joined(cls, parts: Sequence[Decisions]) -> Decisions:
        """Returns the decisions of all parts, which one router made, in order."""
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("eligible", "first", "propensity", "control", "mix_draw", "answer_form")
            if all(getattr(part, name) is not None for part in parts)
        }
        for name in ("exclusions", "reason", "fault"):
            columns[name] = tuple(chain.from_iterable(getattr(part, name) for part in parts))
        columns["chances"] = np.concatenate([_all_chances(part) for part in parts])
        starts = np.cumsum([0, *(len(part) for part in parts)]).tolist()
        return msgspec.structs.replace(
            parts[0],
            predictions=_stacked([part.predictions for part in parts]),
            in_order=any(part.in_order for part in parts),
            openings={
                start + i: s for start, part in zip(starts, parts, strict=False) for i, s in part.openings.items()
            },
            **columns,
        )


@lru_cache(maxsize=4096)
def _alone(candidate: str) -> Stage:
    """Returns the stage that calls this candidate and nobody else."""
    return Stage(steps=(Step(candidate=candidate),))


def _all_chances(part: Decisions) -> FloatArray:
    """Returns (n, m) the chance of each candidate, also where only the first one had any."""
    if part.chances is not None:
        return part.chances
    chances = np.zeros(part.eligible.shape)
    chances[np.arange(len(part)), part.first] = part.propensity
    return chances


def _form(place: int) -> str | None:
    return None if place < 0 else FORMS[place]


def stacked_rows(names: tuple[str, ...], rows: Sequence[Sequence[Prediction]]) -> Predictions:
    """Returns what single decisions logged as columns over `names`; NaN where nothing was logged."""
    known = [{prediction.candidate: prediction for prediction in row} for row in rows]
    grids = {
        grid: np.array(
            [[getattr(of.get(name), grid, None) for name in names] for of in known], dtype=np.float64
        ).reshape(len(rows), len(names))
        for grid in GRIDS
    }
    return Predictions(candidates=names, **grids)


def _stacked(parts: Sequence[Predictions]) -> Predictions:
    return Predictions(
        candidates=parts[0].candidates,
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in GRIDS},
    )
