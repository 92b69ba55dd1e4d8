"""What is kept together or not at all, and what must be granted for that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fairlead.ledger.forms import Form, beside, fields
from fairlead.ledger.schema import holds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.ledger.budget import Claim
    from fairlead.ledger.forms import Kept


class Claimed(msgspec.Struct, frozen=True):
    """What a request claims of its limits."""

    request_id: str
    claims: Sequence[Claim]
    n_before: int = 0
    """How many claims it made before."""


class Change(msgspec.Struct, frozen=True):
    """What is kept together or not at all."""

    rows: Kept = ()
    claimed: Claimed | None = None
    """What must be granted for that."""

    def with_holds(self) -> Kept:
        """Returns its rows, and those of what it holds once that is granted: of requests nothing is given back."""
        if (claimed := self.claimed) is None:
            return self.rows
        numbered = enumerate(claimed.claims, claimed.n_before)
        held = [_hold((claimed.request_id, i, claim)) for i, claim in numbered if claim.limit.kind != "requests"]
        return (*self.rows, *[(holds, row) for row in held])


_hold = Form(
    holds,
    *beside(
        ("request_id", "number"),
        fields(
            *("account", "amount", "unit", "at", "until"),
            **{name: f"limit.{name}" for name in ("kind", "owner", "most", "per")},
        ),
    ),
)
