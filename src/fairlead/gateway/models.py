"""`GET /v1/models`: every name that a request may ask for, in OpenAI's shape, with context and price beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fairlead.errors import RequestError
from fairlead.gateway.body import send_json

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from starlette.types import Receive, Scope, Send

    from fairlead.gateway.routes import Routes
    from fairlead.types import Candidate


class PriceShown(msgspec.Struct, frozen=True, kw_only=True):
    """The base rates; tiers and caches come on top."""

    input_usd_per_mtok: str
    output_usd_per_mtok: str
    estimated: bool


class ModelShown(msgspec.Struct, frozen=True, kw_only=True):
    """One name; `null` is unknown."""

    id: str
    owned_by: str
    object: str = "model"
    created: int = 0
    """OpenAI's shape wants a time; nobody tells us when a model was made."""
    context_length: int | None = None
    """Of a route: the longest among its candidates."""
    max_output_tokens: int | None = None
    price: PriceShown | None = None
    """`null` for a route: it depends on who serves."""


class ModelList(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `GET /v1/models`."""

    data: list[ModelShown]
    object: str = "list"


class Models:
    """Answers with every name; below the address of the list, with that one."""

    def __init__(self, routes: Routes) -> None:
        self._shown = {model.id: model for model in _shown(routes)}
        self._list = msgspec.json.encode(ModelList(data=list(self._shown.values())))

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Serves one request, as ASGI asks."""
        name = scope.get("path_params", {}).get("name")
        await send_json(send, self._list if name is None else self._one(name))

    def _one(self, name: str) -> bytes:
        if name not in self._shown:
            message = f"The model `{name}` does not exist. `GET /v1/models` lists what does."
            raise RequestError(message, status_code=404, param="model", code="model_not_found")
        return msgspec.json.encode(self._shown[name])


def _shown(routes: Routes) -> Iterable[ModelShown]:
    for name, router in routes.routers.items():
        yield ModelShown(
            id=name,
            owned_by="fairlead",
            context_length=_longest(c.capabilities.context_tokens for c in router.candidates),
            max_output_tokens=_longest(c.capabilities.max_output_tokens for c in router.candidates),
        )
    for candidate in routes.candidates.values():
        yield _candidate(candidate)


def _candidate(candidate: Candidate) -> ModelShown:
    return ModelShown(
        id=candidate.name,
        owned_by=candidate.provider,
        context_length=candidate.capabilities.context_tokens,
        max_output_tokens=candidate.capabilities.max_output_tokens,
        price=None
        if candidate.price is None
        else PriceShown(
            input_usd_per_mtok=_plain(candidate.price.input.base),
            output_usd_per_mtok=_plain(candidate.price.output.base),
            estimated=candidate.price.estimated,
        ),
    )


def _longest(limits: Iterable[int | None]) -> int | None:
    return max((limit for limit in limits if limit is not None), default=None)


def _plain(rate: Decimal) -> str:
    return format(rate, "f")
