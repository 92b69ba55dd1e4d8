"""The verifier of JSON: does the answer keep to the schema that the request demanded, or to one of the route's own?"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairlead.errors import MissingExtraError

if TYPE_CHECKING:
    from fairlead.learning.verifiers.base import Answer, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonSchema:
    """1 where the answer is JSON that keeps to the schema, else 0; a fence around it is taken off.

    Args:
        schema: as JSON text; without one it is the request's, and a request without one is not judged.
    """

    schema: str | None = None

    def verify(self, task: Task, answer: Answer) -> float | None:
        """See `Verifier.verify`."""
        schema = self.schema or task.json_schema
        if schema is None:
            return None
        try:
            said = json.loads(unfenced(answer.text), parse_constant=_refuse)
        except (ValueError, RecursionError):
            return 0.0
        return float(_keeps_to(said, json.loads(schema)))


def unfenced(text: str) -> str:
    """Returns what stands in the only fence of a text, else the text."""
    text = text.strip()
    if text.startswith("```") and text.endswith("```") and text.count("```") == 2:
        return text[3:-3].partition("\n")[2]
    return text


def _keeps_to(said: Any, schema: Any) -> bool:
    try:
        import jsonschema  # noqa: PLC0415 - an extra
        from referencing import Registry  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("jsonschema", "verifiers") from error
    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    return bool(kind(schema, registry=Registry()).is_valid(said))  # an empty registry: nothing is fetched


def _refuse(constant: str) -> None:
    raise ValueError(constant)  # NaN and Infinity are no JSON
