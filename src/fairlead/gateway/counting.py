"""`POST /v1/messages/count_tokens`: by the host where it can count, else estimated; nothing is kept, nothing costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from fairlead.eligibility import input_tokens_with_margin
from fairlead.errors import ProviderError
from fairlead.gateway.body import passed_on, send_json
from fairlead.gateway.keys import caller_of
from fairlead.types import Media
from fairlead.wire import anthropic_messages

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from fairlead.gateway.state import Gateway
    from fairlead.types import Request

TOKENS_PER_MEDIUM = 1600
"""Assumed of an image or a page: about the most that Anthropic bills for an image."""


class CountTokens:
    """Counts for the model that is named; for a route, for the one that it serves where nothing is known."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, as ASGI asks."""
        request = anthropic_messages.decode_prompt(await self._gateway.body(scope, receive))
        request = structs.replace(request, headers=passed_on(scope, anthropic_messages.PASSED_ON))
        self._gateway.routes.check(request.model, caller_of(scope))
        counted = await self._counted(request)
        n_tokens, headers = counted, []
        if counted is None:
            n_tokens, headers = estimated(request), [(b"x-fairlead-estimated", b"true")]
        await send_json(send, msgspec.json.encode({"input_tokens": n_tokens}), headers=headers)

    async def _counted(self, request: Request) -> int | None:
        """Returns the host's own count, `None` where it has none."""
        gateway = self._gateway
        candidate = gateway.routes.trusted(request.model)
        try:
            return await gateway.executor.providers[candidate.provider].count(candidate, request, gateway.limits)
        except ProviderError:
            return None


def estimated(request: Request) -> int:
    """Returns about how many tokens the input has, rather too many than too few."""
    n_media = sum(isinstance(part, Media) for message in request.messages for part in message.parts)
    return input_tokens_with_margin(request) + n_media * TOKENS_PER_MEDIUM
