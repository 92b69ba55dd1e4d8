"""Which of a route's routers serves: a folder of versions, and a pointer that moves in one step, and back.

    routers/auto/current -> 3f9c0b1e5a7d2468     what the configuration names, a link
    routers/auto/3f9c0b1e5a7d2468/               saved routers, by version
    routers/auto/history.jsonl                   every move, oldest first

A gateway that runs sees the link move, and takes the router up between two requests. Before the first move there is no
link, and the reference serves.
"""

from __future__ import annotations

import math
import os
import secrets
import shutil
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - msgspec reads the annotations
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from fairlead.artifact import load
from fairlead.config.learning import POINTER
from fairlead.errors import ArtifactError
from fairlead.policies import HullGuard
from fairlead.policies.judging import MIN_PROMPTS
from fairlead.statistics.sequences import mixture_radius
from fairlead.types import Request

if TYPE_CHECKING:
    from pathlib import Path

    from fairlead.router import Router

HISTORY = "history.jsonl"

PROBES = ("Hello.", "What is 12 x 13?", "Prove that the square root of two is irrational.", "")
"""What a router must decide without a fault before it serves."""


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """One move of the pointer."""

    at: datetime
    action: Literal["promoted", "rolled_back"]
    version: str | None
    """What serves from then on; `null` is the reference alone."""
    before: str | None
    """What served until then."""
    words: str
    """What was shown of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One condition on a router, and whether it meets it."""

    name: str
    """`reference`, `prices`, `decides`, `guard` or `any_time`."""
    passed: bool
    words: str


def gates(bound: Router, *, learned: Router) -> tuple[Gate, ...]:
    """Returns what must hold of a router before it serves.

    Args:
        bound: as it would serve: the route's candidates, reference and objective, judged at today's prices.
        learned: as it was saved.
    """
    return (
        _knows_the_reference(bound),
        _has_prices(bound),
        _decides(bound),
        _is_shown(bound, learned),
        _is_shown_at_any_time(bound, learned),
    )


def _knows_the_reference(bound: Router) -> Gate:
    reference = next((c for c in bound.candidates if c.name == bound.reference), None)
    names = set() if reference is None else {reference.name, reference.weights, *reference.known_as}
    known = not names.isdisjoint(bound.models)
    words = (
        f"`{bound.reference}` was measured" if known else f"the router has never seen the reference `{bound.reference}`"
    )
    return Gate(name="reference", passed=known, words=words)


def _has_prices(bound: Router) -> Gate:
    unpriced = [candidate.name for candidate in bound.candidates if not candidate.prices]
    words = (
        f"no price is known of {', '.join(f'`{name}`' for name in unpriced)}" if unpriced else "every price is known"
    )
    return Gate(name="prices", passed=not unpriced, words=words)


def _decides(bound: Router) -> Gate:
    faults = {decision.fault for decision in bound.decide([Request.from_prompt(prompt) for prompt in PROBES])} - {None}
    words = (
        f"it breaks with {', '.join(map(str, faults))}"
        if faults
        else f"it decides {len(PROBES)} probes without a fault"
    )
    return Gate(name="decides", passed=not faults, words=words)


def _is_shown(bound: Router, learned: Router) -> Gate:
    policy = bound.policy
    if bound.certificate is not None:
        return Gate(name="guard", passed=True, words="a certificate says how little it gives up")
    if not isinstance(policy, HullGuard) or learned.evidence is None:
        return Gate(name="guard", passed=False, words="it carries no outcomes that it could be judged by: fit it anew")
    if _stands_in(policy, bound):
        words = (
            f"{shown(policy)}; but `{policy.fixed}` alone is shown to keep the margin, and would serve every request"
        )
        return Gate(name="guard", passed=True, words=words)
    return Gate(name="guard", passed=policy.allowed, words=shown(policy))


def _stands_in(guard: HullGuard, bound: Router) -> bool:
    """Says whether a cheaper candidate, shown to keep the margin, would serve in the place of routing."""
    keeps = guard.promise.margin is not None and guard.gain is not None
    return not guard.allowed and keeps and guard.other is None and guard.fixed != bound.reference


def _is_shown_at_any_time(bound: Router, learned: Router) -> Gate:
    """Asks the guard's question as of somebody who looks at every new label, and promotes at the first good look.

    The guard's limit holds for one look. Of routers that gain nothing one in five passes it at one of twenty looks.
    """
    name, guard = "any_time", bound.policy
    if bound.certificate is not None or not isinstance(guard, HullGuard) or guard.gain is None or guard.lower is None:
        return Gate(name=name, passed=bound.certificate is not None, words="there is nothing that it could be asked of")
    if _stands_in(guard, bound):
        lower = _any_time_lower_of_fixed(guard, bound, learned)
    else:
        lower = any_time_lower(guard.gain, guard.lower, guard.n, guard.confidence)
    words = f"lower limit {lower:+.4f}, however often one looks"
    return Gate(name=name, passed=lower > 0, words=words if lower > 0 else f"{words}: gather more, and fit again")


def _any_time_lower_of_fixed(guard: HullGuard, bound: Router, learned: Router) -> float:
    """Returns by how much the fixed choice keeps the margin at least, at every n at once."""
    evidence = learned.evidence
    assert evidence is not None
    named = {candidate.name: {candidate.name, candidate.weights, *candidate.known_as} for candidate in bound.candidates}
    fixed, reference = (
        next(j for j, model in enumerate(evidence.models) if model in named[str(name)])
        for name in (guard.fixed, bound.reference)
    )
    difference = evidence.score[:, fixed] - evidence.score[:, reference]
    known = ~np.isnan(difference)
    _, question = np.unique(evidence.question[known], return_inverse=True)
    means = np.bincount(question, weights=difference[known]) / np.bincount(question)  # a question counts once
    kept = float(means.mean()) + float(guard.promise.margin or 0.0)
    single = kept - NormalDist().inv_cdf(guard.confidence) * float(means.std(ddof=1)) / math.sqrt(len(means))
    return any_time_lower(kept, single, len(means), guard.confidence)


def any_time_lower(gain: float, lower: float, n: int, confidence: float) -> float:
    """Returns the lower limit of a gain that holds at every n at once, from the one that holds at one.

    Args:
        gain: mean over `n` requests.
        lower: its one-sided limit for a single look, at this confidence.
        n: at least `MIN_PROMPTS`, which counts as the first look.
        confidence: of either limit.
    """
    standard_error = (gain - lower) / NormalDist().inv_cdf(confidence)
    radius = mixture_radius(np.array([float(n)]), alpha=2 * (1 - confidence), first_look=float(MIN_PROMPTS))
    return gain - standard_error * float(radius[0]) / math.sqrt(n)


def shown(guard: HullGuard) -> str:
    """Returns in words what a guard knows."""
    if guard.gain is None or guard.lower is None:
        return "too few requests have the answers of two models scored: nothing could be judged"
    measured = (
        f"on {guard.n:,} requests it scores {guard.gain:+.4f} against the best fixed choice at the same cost "
        f"(lower limit {guard.lower:+.4f}, confidence {guard.confidence:.0%})"
    )
    if guard.allowed:
        return f"{measured}: shown to be better"
    if guard.lower > 0:
        return f"{measured}, but its promise of quality is not shown to be kept"
    return f"{measured}: not shown to be better"


class Shelf:
    """The routers of one route.

    Args:
        pointer: the link that the configuration names.

    Raises:
        ArtifactError: something else than a link lies there.
    """

    def __init__(self, pointer: Path) -> None:
        if pointer.name != POINTER or (pointer.exists() and not pointer.is_symlink()):
            raise ArtifactError(
                f"`{pointer}` is no pointer that can be moved. Set `router` of the route to a path that ends in "
                f"`{POINTER}` and is not there yet, such as `routers/auto/{POINTER}`."
            )
        self.pointer = pointer
        self.folder = pointer.parent

    @property
    def current(self) -> str | None:
        """The version that serves; `None` where the reference does."""
        return self.pointer.readlink().name if self.pointer.is_symlink() else None

    def history(self) -> tuple[Move, ...]:
        """Returns every move, oldest first."""
        path = self.folder / HISTORY
        if not path.exists():
            return ()
        return tuple(msgspec.json.decode(line, type=Move) for line in path.read_bytes().splitlines() if line.strip())

    def promote(self, router: Path, *, now: datetime, words: str) -> Move:
        """Lets a saved router serve from now on.

        Raises:
            ArtifactError: it cannot be read, or not be kept.
        """
        version = load(router).version
        move = Move(at=now, action="promoted", version=version, before=self.current, words=words)
        try:
            self._keep(router, version)
            self._move(move)
        except OSError as error:
            raise ArtifactError(f"cannot promote to `{self.pointer}`: {error.strerror or error}.") from error
        return move

    def back(self, *, now: datetime) -> Move:
        """Lets serve again what served when the version that serves now was promoted: in the end the reference alone.

        Raises:
            ArtifactError: there is no way back, or what served is not there any more.
        """
        current = self.current
        promoted = (move for move in reversed(self.history()) if move.action == "promoted" and move.version == current)
        last = next(promoted, None)
        if last is None:
            raise ArtifactError(f"no router was promoted at `{self.pointer}`. There is nothing to go back from.")
        if last.before is not None:
            load(self.folder / last.before)  # whole, or it is refused
        move = Move(at=now, action="rolled_back", version=last.before, before=current, words=f"in place of {current}")
        try:
            self._move(move)
        except OSError as error:
            raise ArtifactError(f"cannot move `{self.pointer}`: {error.strerror or error}.") from error
        return move

    def _keep(self, router: Path, version: str) -> None:
        """Copies a router beside the others, whole or not at all."""
        kept = self.folder / version
        if kept.exists():
            load(kept)
            return
        partial = self.folder / f"{version}.{secrets.token_hex(4)}.partial"
        try:
            shutil.copytree(router, partial)
            partial.rename(kept)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _move(self, move: Move) -> None:
        """Writes the move down, then makes it: a reader sees the old router or the new one."""
        with (self.folder / HISTORY).open("ab") as file:
            file.write(msgspec.json.encode(move) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        if move.version is None:
            self.pointer.unlink()
            return
        fresh = self.folder / f"{POINTER}.{secrets.token_hex(4)}"
        fresh.symlink_to(move.version, target_is_directory=True)
        fresh.replace(self.pointer)
