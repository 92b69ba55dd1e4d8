"""Who pays for a call: asked before each one, so that retries, hedges and later stages are paid for as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from decimal import Decimal

    from fairlead.types import Request


class Purse(Protocol):
    """The budgets of one request; the calls of its first stage are paid for with its intent."""

    async def pays(self, candidate: str) -> bool:
        """Sets aside what one more call of a candidate may cost; false where that is not there."""
        ...

    def told(self, candidate: str, request: Request) -> Request:
        """Returns the request as a candidate is sent it: with the output limit that was paid for."""
        ...

    def room_beside(self, candidate: str, begun: str) -> int | None:
        """Returns the tokens of output that the sum for one call pays for, where its input is longer by these words.

        `None` where money is not limited; 0 or less where it pays for none.
        """
        ...

    def reserved_usd(self, candidate: str) -> Decimal | None:
        """Returns what is set aside for one call of a candidate."""
        ...

    def output_limit(self, candidate: str) -> int | None:
        """Returns the tokens of output that this pays for, where the caller set no limit."""
        ...
