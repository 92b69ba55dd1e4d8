"""`${NAME}` in the configuration: a value from the environment, which never shows itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fairlead.config.references import Referenced
from fairlead.config.refusals import below, listed
from fairlead.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

_REFERENCE = re.compile(r"\$(\$)?\{([^}]*)(\}?)")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
TABLES = ("server", "ledger", "observability", "prices", "providers")
"""Where references may stand: what differs between machines. Models and routes say the same everywhere."""


def with_environment(document: dict[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """Returns the document with every `${NAME}` replaced, where such may stand.

    Raises:
        ConfigError: see `resolved`; or a reference stands elsewhere.
    """
    for table in document.keys() - set(TABLES):
        _refuse(document[table], table)
    return {table: resolved(value, environ, table) if table in TABLES else value for table, value in document.items()}


def _refuse(value: Any, place: str) -> None:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        _refuse(part, below(place, key) if isinstance(key, str) else f"{place}[{key}]")
    if isinstance(value, str) and "${" in value:
        raise ConfigError(f"`{place}` has a reference to the environment; expected one only in {listed([*TABLES])}.")


def resolved(value: Any, environ: Mapping[str, str], place: str = "") -> Any:
    """Returns what TOML gave with every `${NAME}` in its texts replaced; `$${NAME}` stands for itself.

    Raises:
        ConfigError: a variable is not set, or a reference is none; names the place and the variable.
    """
    if isinstance(value, dict):
        return {key: resolved(part, environ, below(place, key)) for key, part in value.items()}
    if isinstance(value, list):
        return [resolved(part, environ, f"{place}[{i}]") for i, part in enumerate(value)]
    if not isinstance(value, str) or "${" not in value:
        return value
    given = [_looked_up(found, environ, place) for found in _REFERENCE.finditer(value) if not found[1]]
    return Referenced.of(_REFERENCE.sub(lambda found: _looked_up(found, environ, place), value), value, given)


def _looked_up(found: re.Match[str], environ: Mapping[str, str], place: str) -> str:
    escaped, name, closed = found.groups()
    if escaped:
        return found[0][1:]
    if not closed or not _VARIABLE.fullmatch(name):
        message = f"`{place}` has a reference that is none; expected capitals, as in `${{OPENAI_API_KEY}}`."
        raise ConfigError(f"{message} `$${{` stands for itself.")
    if not (value := environ.get(name, "").strip()):
        raise ConfigError(f"`{place}` names `${{{name}}}`, which is not set in the environment. Set `{name}`.")
    return value
