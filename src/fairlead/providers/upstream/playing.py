"""What a simulated host does with tools and schemas: it calls what is offered, and keeps to the form asked for.

A model of a simulated world only writes prose, of any length: the host cuts it where the call sets a limit. A client
that offers tools wants to see calls, so the host makes them: those tools that the prompt names, else the first, once;
with arguments that their schema allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.types import ToolCall

if TYPE_CHECKING:
    from fairlead.providers.upstream.reply import Asked, Offer, Reply, Schema

MAX_DEPTH = 8
"""A schema that goes deeper, such as one that names itself, gets nulls there."""
_PLAIN: Mapping[str, object] = {"string": "word", "integer": 1, "number": 1.5, "boolean": True, "null": None}


def played(asked: Asked, reply: Reply) -> Reply:
    """Returns the reply of a host that calls tools and keeps to schemas."""
    offer = asked.offer
    if names := _to_call(offer, asked.prompt):
        tools = offer.tools or {}
        calls = tuple(
            ToolCall(
                id=f"call_{asked.id[:8]}_{len(offer.called) + i}",
                name=name,
                arguments=msgspec.json.encode(instance({"type": "object", **tools[name]})).decode(),
            )
            for i, name in enumerate(names)
        )
        return replace(reply, text="", calls=calls, finish_reason="tool_calls")
    if offer.schema is not None:
        return replace(reply, text=msgspec.json.encode(instance(offer.schema)).decode())
    return _cut(reply, asked.max_output_tokens)


def _cut(reply: Reply, max_output_tokens: int | None) -> Reply:
    """Returns the first part of a reply that is longer than the call allows, and takes so much less time."""
    n_tokens = reply.usage.output_tokens
    if max_output_tokens is None or n_tokens <= max_output_tokens:
        return reply
    share = max_output_tokens / n_tokens
    return replace(
        reply,
        text=reply.text[: int(share * len(reply.text))],
        usage=msgspec.structs.replace(
            reply.usage,
            output_tokens=max_output_tokens,
            reasoning_tokens=min(reply.usage.reasoning_tokens, max_output_tokens),
        ),
        finish_reason="length",
        latency_s=reply.ttft_s + share * (reply.latency_s - reply.ttft_s),
    )


def _to_call(offer: Offer, prompt: str) -> list[str]:
    left = [name for name in offer.tools or () if name not in offer.called]
    if offer.choice == "none" or not left or (offer.called and offer.choice == "auto"):
        return []
    if offer.choice in left:
        return [offer.choice]
    named = [name for name in left if name in prompt] or left[:1]
    return named if offer.parallel else named[:1]


def instance(schema: Schema, root: Schema | None = None, depth: int = 0) -> object:
    """Returns a value that `schema` allows.

    Example:
        >>> instance({"type": "object", "properties": {"unit": {"enum": ["C", "F"]}, "days": {"type": "integer"}}})
        {'unit': 'C', 'days': 1}
    """
    root = schema if root is None else root
    if depth > MAX_DEPTH:
        return None
    if "$ref" in schema:
        return instance(_referred(root, schema["$ref"]), root, depth + 1)
    for choice in ("anyOf", "oneOf", "allOf"):
        if schema.get(choice):
            return instance(schema[choice][0], root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    return _of_type(schema, root, depth)


def _of_type(schema: Schema, root: Schema, depth: int) -> object:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        properties: Mapping[str, Schema] = schema.get("properties", {})
        return {name: instance(inner, root, depth + 1) for name, inner in properties.items()}
    if kind == "array":
        return [instance(schema["items"], root, depth + 1)] if "items" in schema else []
    return _PLAIN.get(kind)


def _referred(root: Schema, reference: str) -> Schema:
    found: Any = root
    for name in reference.removeprefix("#/").split("/"):
        found = found.get(name, {}) if isinstance(found, Mapping) else {}
    return found if isinstance(found, Mapping) else {}
