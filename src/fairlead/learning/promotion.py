"""Which of a route's routers serves: a folder of versions, and a pointer that moves in one step, and back.

    routers/auto/current -> 3f9c0b1e5a7d2468     what the configuration names, a link
    routers/auto/3f9c0b1e5a7d2468/               saved routers, by version
    routers/auto/history.jsonl                   every move, oldest first

A gateway that runs sees the link move, and takes the router up between two requests. Before the first move there is no
link, and the reference serves.
"""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - msgspec reads the annotations
from typing import TYPE_CHECKING, Literal

import msgspec

from fairlead.artifact import load
from fairlead.config.learning import POINTER
from fairlead.errors import ArtifactError
from fairlead.policies import HullGuard
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
    passed: bool
    words: str


def gates(bound: Router, *, learned: Router) -> tuple[Gate, ...]:
    """Returns what must hold of a router before it serves.

    Args:
        bound: as it would serve: the route's candidates, reference and objective, judged at today's prices.
        learned: as it was saved.
    """
    return (_knows_the_reference(bound), _has_prices(bound), _decides(bound), _is_shown(bound, learned))


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
    return Gate(name="guard", passed=policy.allowed, words=shown(policy))


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
