"""What a saved router's policies were judged to be at the prices they serve at, kept beside it.

Judging learns anew, out of fold; where answers are compared that takes seconds. The same router over the same
candidates, at the same prices, comes out the same: so it is judged once, and read at the next start.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import msgspec

from fairlead import __version__
from fairlead.artifact import Description, described_policy, restored_policy
from fairlead.certificate import Certificate  # noqa: TC001 - msgspec reads the hints of a struct
from fairlead.errors import FairleadError
from fairlead.events import Event
from fairlead.policies import Certified, HullGuard
from fairlead.proof.certifying import certify

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from fairlead.policies.base import Policy
    from fairlead.proof.certifying import Terms
    from fairlead.router import Router

FOLDER = "judged"
MAX_KEPT = 32
"""Judgements beside one router; the oldest go first."""

LOG = logging.getLogger("fairlead.judgements")


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One judgement."""

    policy: Description
    router: str
    """Version of the router that serves with it: what was altered is not believed."""
    certificate: Certificate | None = None
    words: str | None = None
    """What came of asking for a certificate; `None` where nobody did."""


class Judgements:
    """The judgements of one router.

    Args:
        folder: of the saved router; `None` where there is none, and nothing is kept.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = None if folder is None else folder / FOLDER

    def judged(self, router: Router, policy: Policy) -> Policy:
        """Returns what `Router.judged` does, from the last time where it was asked before."""
        if self._folder is None or router.evidence is None:
            return router.judged(policy)
        path = self._folder / f"{_key(router, policy)}.json"
        known = _read(path, router)
        if known is not None:
            return restored_policy(known.policy)
        guard = router.judged(policy)
        if isinstance(guard, HullGuard):
            self._keep(path, Kept(policy=described_policy(guard), router=replace(router, policy=guard).version))
        return guard

    def certified(
        self, router: Router, terms: Terms, *, issued_at: datetime, latency_p95_s: float | None
    ) -> tuple[Router, str]:
        """Returns what `certify` makes of the router, and that in words; from the last time where it was asked."""
        if self._folder is None or router.calibration is None:
            made = certify(router, terms, issued_at=issued_at, latency_p95_s=latency_p95_s)
            return made.router, made.in_words()
        asked = (asdict(terms), issued_at, latency_p95_s, router.calibration.data_hash)
        path = self._folder / f"{_key(router, Certified(), asked)}.json"
        known = _read(path, router)
        if known is None or known.words is None:
            made = certify(router, terms, issued_at=issued_at, latency_p95_s=latency_p95_s)
            known = Kept(
                policy=described_policy(made.router.policy),
                router=made.router.version,
                certificate=made.certificate,
                words=made.in_words(),
            )
            self._keep(path, known)
        served = replace(router, policy=restored_policy(known.policy), certificate=known.certificate)
        return served, str(known.words)

    def _keep(self, path: Path, kept: Kept) -> None:
        partial = path.with_suffix(".partial")
        try:
            path.parent.mkdir(exist_ok=True)
            partial.write_bytes(msgspec.json.encode(kept))
            partial.replace(path)
            for old in sorted(path.parent.glob("*.json"), key=lambda file: file.stat().st_mtime)[:-MAX_KEPT]:
                old.unlink()
        except OSError as error:
            LOG.warning(Event("judgement_not_kept", folder=str(path.parent), error=str(error)))


def _key(router: Router, policy: Policy, more: tuple[object, ...] = ()) -> str:
    """Returns a name for all that a judgement depends on; the outcomes are those of the folder it is kept in."""
    assert router.evidence is not None
    version = replace(router, policy=policy).version
    asked = (__version__, version, router.evidence.data_hash, router.evidence.seed, *more)
    return hashlib.sha256(msgspec.json.encode(asked)).hexdigest()[:24]


def _read(path: Path, router: Router) -> Kept | None:
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=Kept)
        policy = restored_policy(kept.policy)
    except FileNotFoundError:
        return None
    except (OSError, TypeError, ValueError, FairleadError, msgspec.DecodeError) as error:
        LOG.warning(Event("judgement_unreadable", file=str(path), error=str(error)))
        return None
    if kept.certificate is not None and not (kept.certificate.is_intact and kept.certificate.router == kept.router):
        return None
    return kept if replace(router, policy=policy).version == kept.router else None
