"""Does the model that answered bear the name of the one that was asked? Hosts serve others than they were asked for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairlead.types import Attempt, Candidate


def served_as(attempt: Attempt | None, candidate: Candidate | None) -> str | None:
    """Returns the name that the host gave its model, where that is none of the one that was asked for.

    Args:
        attempt: the one whose answer was delivered; `None` where there is none.
        candidate: whom it called.
    """
    if attempt is None or candidate is None or not attempt.model_served or attempt.model_served == attempt.model_asked:
        return None
    known = (attempt.model_asked, candidate.weights, *candidate.known_as)
    return None if any(same_model(name, attempt.model_served) for name in known) else attempt.model_served


def same_model(asked: str, served: str) -> bool:
    """Says whether two names may be of one model: hosts leave out the maker, and add a date or a variant.

    Example:
        >>> same_model("gpt-4o", "gpt-4o-2024-08-06"), same_model("meta/Llama-3-70B", "llama-3-70b")
        (True, True)
        >>> same_model("gpt-4", "gpt-4-turbo"), same_model("opus", "haiku")
        (False, False)
    """
    short, long = sorted((_bare(asked), _bare(served)), key=len)
    return bool(short) and long.startswith(short) and _VARIANT.fullmatch(long[len(short) :]) is not None


def _bare(name: str) -> str:
    return name.rpartition("/")[2].lower()


_VARIANT = re.compile(r"([-@:](\d[\d-]*|latest|preview|v\d+|free|nitro|fp8))*")
"""What may follow: dates, numbers of a revision, and words that hosts add to a name."""
