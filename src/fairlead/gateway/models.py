"""`GET /v1/models`: every name that a request may ask for, with what it can do and costs, in the asker's own shape."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import msgspec

from fairlead.errors import RequestError
from fairlead.gateway.body import header, send_json
from fairlead.types import Capabilities

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal

    from starlette.types import Receive, Scope, Send

    from fairlead.gateway.routes import Routes
    from fairlead.types import Candidate

ABILITIES = tuple(field.name for field in fields(Capabilities) if not field.name.endswith("_tokens"))
"""What a model may be able to do: `tools`, `vision` and so on."""


class PriceShown(msgspec.Struct, frozen=True, kw_only=True):
    """The base rates; tiers and caches come on top."""

    input_usd_per_mtok: str
    output_usd_per_mtok: str
    estimated: bool


class ModelShown(msgspec.Struct, frozen=True, kw_only=True):
    """One name in OpenAI's shape, and what else we know; `null` is unknown."""

    id: str
    owned_by: str
    object: str = "model"
    created: int = 0
    """OpenAI's shape wants a time; nobody tells us when a model was made."""
    context_length: int | None = None
    """Of a route: the longest among its candidates."""
    max_output_tokens: int | None = None
    capabilities: dict[str, bool | None]
    """Of a route: what any of its candidates can do."""
    price: PriceShown | None = None
    """`null` for a route: it depends on who serves."""


class ModelList(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `GET /v1/models`."""

    data: list[ModelShown]
    object: str = "list"


class AnthropicModel(msgspec.Struct, frozen=True, kw_only=True):
    """One name in Anthropic's shape."""

    id: str
    display_name: str
    type: str = "model"
    created_at: str = "1970-01-01T00:00:00Z"
    """Anthropic's shape wants a time, too."""
    max_input_tokens: int | None = None
    max_tokens: int | None = None


class AnthropicModelList(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to clients that send `anthropic-version`: one page."""

    data: list[AnthropicModel]
    first_id: str | None
    last_id: str | None
    has_more: bool = False


class Models:
    """Answers with every name; below the address of the list, with that one."""

    def __init__(self, routes: Routes) -> None:
        self._shown = {model.id: model for model in _shown(routes)}
        shown = list(self._shown.values())
        self._list = msgspec.json.encode(ModelList(data=shown))
        self._anthropic_list = msgspec.json.encode(_anthropic_list(shown))

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Serves one request, as ASGI asks."""
        name = scope.get("path_params", {}).get("name")
        for_anthropic = header(scope, b"anthropic-version") is not None
        if name is not None:
            shown = self._one(name)
            await send_json(send, msgspec.json.encode(_anthropic(shown) if for_anthropic else shown))
        else:
            await send_json(send, self._anthropic_list if for_anthropic else self._list)

    def _one(self, name: str) -> ModelShown:
        if name not in self._shown:
            message = f"The model `{name}` does not exist. `GET /v1/models` lists what does."
            raise RequestError(message, status_code=404, param="model", code="model_not_found")
        return self._shown[name]


def _shown(routes: Routes) -> Iterable[ModelShown]:
    for name, router in routes.routers.items():
        abilities = [c.capabilities for c in router.candidates]
        yield ModelShown(
            id=name,
            owned_by="fairlead",
            context_length=_longest(a.context_tokens for a in abilities),
            max_output_tokens=_longest(a.max_output_tokens for a in abilities),
            capabilities={ability: _any([getattr(a, ability) for a in abilities]) for ability in ABILITIES},
        )
    for candidate in routes.candidates.values():
        yield _candidate(candidate)


def _candidate(candidate: Candidate) -> ModelShown:
    price = candidate.price
    return ModelShown(
        id=candidate.name,
        owned_by=candidate.provider,
        context_length=candidate.capabilities.context_tokens,
        max_output_tokens=candidate.capabilities.max_output_tokens,
        capabilities={ability: getattr(candidate.capabilities, ability) for ability in ABILITIES},
        price=None
        if price is None
        else PriceShown(
            input_usd_per_mtok=_plain(price.input.base),
            output_usd_per_mtok=_plain(price.output.base),
            estimated=price.estimated,
        ),
    )


def _anthropic_list(shown: Sequence[ModelShown]) -> AnthropicModelList:
    ids = [model.id for model in shown]
    first, last = (ids[0], ids[-1]) if ids else (None, None)
    return AnthropicModelList(data=[_anthropic(model) for model in shown], first_id=first, last_id=last)


def _anthropic(shown: ModelShown) -> AnthropicModel:
    return AnthropicModel(
        id=shown.id,
        display_name=shown.id,
        max_input_tokens=shown.context_length,
        max_tokens=shown.max_output_tokens,
    )


def _longest(limits: Iterable[int | None]) -> int | None:
    return max((limit for limit in limits if limit is not None), default=None)


def _any(known: Sequence[bool | None]) -> bool | None:
    """Returns whether any can; unknown where none is known to, and one is not known."""
    if any(known):
        return True
    return None if None in known else False


def _plain(rate: Decimal) -> str:
    return format(rate, "f")
