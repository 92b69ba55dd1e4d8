"""`fairlead fit --certify`: a part of the questions is held out, and says what may be served."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from fairlead.errors import ConfigError
from fairlead.policies.objectives import CONFIDENCE, MARGIN

if TYPE_CHECKING:
    from fairlead.outcomes import Outcomes
    from fairlead.proof.certifying import Certification, Terms
    from fairlead.router import Router

Certify = Annotated[
    bool,
    typer.Option(
        "--certify",
        help="Hold out a part of the questions, and serve the cheapest policy that they show to keep the margin. Where "
        "they show none, nothing is saved, and it is said about how many more it takes.",
    ),
]
CalibrationShare = Annotated[
    float, typer.Option(help="Share of the questions that --certify holds out, in (0, 1).", min=0.01, max=0.99)
]
Days = Annotated[int, typer.Option(help="Days until the certificate expires.", min=1, max=3650)]


class RungResult(msgspec.Struct, kw_only=True, frozen=True):
    """One policy that was put to the test for a certificate."""

    policy: str
    """With its parameters."""
    p_value: float
    """Of "it loses more than the margin"."""
    loss: float
    """Mean score of the reference minus its own, on the held-out questions."""
    cost_usd: float | None
    """Mean of a request; `null` where costs are not known."""


class CertificationResult(msgspec.Struct, kw_only=True, frozen=True):
    """What came of asking for a certificate."""

    certificate: str | None
    """Its id; `null` where none could be issued: then nothing is saved."""
    margin: float
    confidence: float
    n_questions: int
    """Held-out questions on which it was asked for."""
    questions_needed: int | None
    """About how many would certify the first policy that was refused; `null` where that is not known, or none was."""
    tested: tuple[RungResult, ...]
    """The safest first, up to the first that was refused."""
    serves: str | None
    """The policy that serves by it: the greediest certified one."""
    expires_at: str | None
    words: str
    """All of this in words."""


def certificate_asked(
    objective: str, *, cascade: bool, margin: float | None, confidence: float | None, days: int
) -> Terms:
    """Returns what the options ask a certificate to promise.

    Raises:
        ConfigError: no certificate says anything of such a policy.
    """
    from fairlead.proof.certifying import Terms  # noqa: PLC0415 - heavy, loaded when called

    if objective != "cost" or cascade:
        other = "--cascade" if cascade else f"--objective {objective}"
        raise ConfigError(f"`--certify` is for the objective cost without cascades. Leave out `{other}`.")
    confidence = CONFIDENCE if confidence is None else confidence
    return Terms(margin=MARGIN if margin is None else margin, confidence=confidence, days=days)


def certified(
    router: Router, held_out: Outcomes, terms: Terms, *, latency_p95_s: float | None
) -> tuple[Router, CertificationResult]:
    """Returns the router that serves by its certificate, or the reference, and what is shown of it."""
    from fairlead.fitting import calibrated  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.proof.certifying import certify  # noqa: PLC0415

    router = calibrated(router, held_out)
    certification = certify(router, terms, issued_at=datetime.now(UTC), latency_p95_s=latency_p95_s)
    return certification.router, _shown(certification, terms)


def _shown(certification: Certification, terms: Terms) -> CertificationResult:
    certificate = certification.certificate
    return CertificationResult(
        certificate=None if certificate is None else certificate.id,
        margin=terms.margin,
        confidence=terms.confidence,
        n_questions=certification.n_questions,
        questions_needed=certification.needed,
        tested=tuple(RungResult(**asdict(rung)) for rung in certification.tested),
        serves=None if certificate is None else certificate.serves.policy,
        expires_at=None if certificate is None else certificate.expires_at.isoformat(),
        words=certification.in_words(),
    )
