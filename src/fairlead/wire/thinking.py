"""Whose thinking a conversation carries: a model can only use what its own family has signed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairlead.types import Candidate, Request

_FAMILY = re.compile(r"[a-z]+")


def is_foreign(request: Request, candidate: Candidate) -> bool:
    """Tells whether the signed thinking in a request is known to be of another family than the candidate's."""
    if not request.thinker:
        return False
    return family(request.thinker) != family(candidate.weights or candidate.model)


def family(weights: str) -> str:
    """Returns the first word of a model's name, without who publishes it.

    Example:
        >>> family("claude-opus-5-5"), family("moonshotai/Kimi-K3.1-Pro"), family("gpt-6-luna")
        ('claude', 'kimi', 'gpt')
    """
    found = _FAMILY.match(weights.rpartition("/")[2].lower())
    return found[0] if found else weights
