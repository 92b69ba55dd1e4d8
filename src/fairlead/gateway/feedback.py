"""`POST /v1/feedback`: how good the answer of a decision was."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import msgspec

from fairlead.errors import MissingRowError, RequestError
from fairlead.gateway.body import send_json
from fairlead.ledger.base import Feedback
from fairlead.ledger.sources import KINDS, PATTERN

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from fairlead.gateway.state import Gateway


class Body(msgspec.Struct, forbid_unknown_fields=True):
    """A score for a decision that was made."""

    decision_id: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    """As in the header `x-fairlead-decision-id` of the reply."""
    score: Annotated[float, msgspec.Meta(ge=0, le=1)]
    """In [0, 1], higher is better."""
    source: Annotated[str, msgspec.Meta(pattern=PATTERN, description=f"one of {', '.join(KINDS)}, `:NAME`")] = "human"
    """Who says so: one of `sources.KINDS`, with a name behind a colon where there are several."""
    reference_score: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    """The same of the reference's answer to this request, where it is known."""


_BODY = msgspec.json.Decoder(Body)


class FeedbackEndpoint:
    """Keeps a score; answers when it is committed."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, as ASGI asks."""
        body = _decoded(await self._gateway.body(scope, receive))
        row = Feedback(
            decision_id=body.decision_id,
            at=datetime.now(UTC),
            score=body.score,
            source=body.source,
            reference_score=body.reference_score,
        )
        try:
            await self._gateway.ledger.feedback(row)
        except MissingRowError:
            raise _unknown(body.decision_id) from None
        self._gateway.watch.nudge()
        await send_json(send, b'{"status":"kept"}')


def _decoded(body: bytes) -> Body:
    try:
        return _BODY.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        shape = '`{"decision_id": ..., "score": a number in [0, 1], "source": ...}`'
        raise RequestError(f"The body is no feedback ({error}); expected {shape}.", code="invalid_body") from None


def _unknown(decision_id: str) -> RequestError:
    message = f"No decision `{decision_id}` was made here. Expected the `x-fairlead-decision-id` of a reply."
    return RequestError(message, status_code=404, param="decision_id", code="decision_not_found")
