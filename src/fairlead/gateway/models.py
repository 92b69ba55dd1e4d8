"""`GET /v1/models`: every name that the asker may ask for, with what it can do and costs, in the asker's own shape."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from fairlead.errors import RequestError
from fairlead.gateway.body import header, send_json
from fairlead.gateway.keys import ANYBODY, caller_of
from fairlead.gateway.knowledge import MeasuredShown, PriceShown
from fairlead.types import Capabilities

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from starlette.types import Receive, Scope, Send

    from fairlead.catalog.capabilities import Fact
    from fairlead.catalog.quotes import Quote
    from fairlead.execution.hosts import Host
    from fairlead.gateway.keys import Caller
    from fairlead.gateway.knowledge import Knowledge
    from fairlead.gateway.routes import Routes
    from fairlead.types import Candidate

ABILITIES = tuple(field.name for field in fields(Capabilities) if not field.name.endswith("_tokens"))
"""What a model may be able to do: `tools`, `vision` and so on."""


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
    reasoning_efforts: tuple[str, ...] | None = None
    """Values that it takes for how hard to think."""
    regions: tuple[str, ...] | None = None
    """Where its calls are kept; `null` where nobody tells, so anywhere."""
    price: PriceShown | None = None
    """`null` for a route: it depends on who serves."""
    measured: MeasuredShown | None = None
    sources: dict[str, str] = {}
    """Fact -> who says so, and as of when."""


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
    """Answers with every name that the key may ask for; below the address of the list, with that one."""

    def __init__(self, routes: Routes, hosts: Callable[[], Mapping[str, Host]] = dict) -> None:
        self._routes = routes
        self._hosts = hosts

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Serves one request, as ASGI asks."""
        name = scope.get("path_params", {}).get("name")
        for_anthropic = header(scope, b"anthropic-version") is not None
        shown = {model.id: model for model in shown_models(self._routes, self._hosts(), caller_of(scope))}
        if name is None:
            listed = list(shown.values())
            answer: msgspec.Struct = _anthropic_list(listed) if for_anthropic else ModelList(data=listed)
        elif name not in shown:
            message = f"The model `{name}` does not exist, or not for this key. `GET /v1/models` lists what does."
            raise RequestError(message, status_code=404, param="model", code="model_not_found")
        else:
            answer = _anthropic(shown[name]) if for_anthropic else shown[name]
        await send_json(send, msgspec.json.encode(answer))


def shown_models(routes: Routes, hosts: Mapping[str, Host], caller: Caller = ANYBODY) -> Iterator[ModelShown]:
    """Yields every route, then every candidate, with what is known of each and was measured of its host.

    Of both those that the caller may ask for, and of a route what the candidates can do that may serve it.
    """
    for name, router in routes.routers.items():
        abilities = [c.capabilities for c in router.candidates if caller.may_get(c.name)]
        if not abilities or not caller.may_route(name):
            continue
        yield ModelShown(
            id=name,
            owned_by="fairlead",
            context_length=_longest(a.context_tokens for a in abilities),
            max_output_tokens=_longest(a.max_output_tokens for a in abilities),
            capabilities={ability: _any([getattr(a, ability) for a in abilities]) for ability in ABILITIES},
        )
    now = datetime.now(UTC)
    for candidate in routes.candidates.values():
        if caller.may_call(candidate.name):
            yield _candidate(candidate, routes.knowledge, MeasuredShown.of(hosts.get(candidate.name)), now)


def _candidate(
    candidate: Candidate, knowledge: Knowledge | None, measured: MeasuredShown | None, now: datetime
) -> ModelShown:
    facts = {} if knowledge is None else knowledge.facts(candidate.name)
    quote = None if knowledge is None else knowledge.quote(candidate.name)
    return known_model(candidate, facts, quote, measured, now)


def known_model(
    candidate: Candidate,
    facts: Mapping[str, Fact],
    quote: Quote | None,
    measured: MeasuredShown | None,
    now: datetime,
) -> ModelShown:
    """Returns what is shown of a candidate."""
    price = PriceShown.of(candidate, quote, now)
    said = {_SHOWN_AS.get(name, name): fact.source for name, fact in facts.items()}
    return ModelShown(
        id=candidate.name,
        owned_by=candidate.provider,
        context_length=candidate.capabilities.context_tokens,
        max_output_tokens=candidate.capabilities.max_output_tokens,
        capabilities={ability: getattr(candidate.capabilities, ability) for ability in ABILITIES},
        reasoning_efforts=_texts(facts.get("efforts")),
        regions=_texts(facts.get("regions")),
        price=price,
        measured=measured,
        sources=said if price is None else {**said, "price": price.source},
    )


_SHOWN_AS = {"context_tokens": "context_length", "efforts": "reasoning_efforts"}
"""Our name of a fact -> that of the field which shows it."""


def _texts(fact: Fact | None) -> tuple[str, ...] | None:
    return fact.value if fact is not None and isinstance(fact.value, tuple) else None


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
