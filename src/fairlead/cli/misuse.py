"""What somebody meant who gave a file without the option that it belongs to."""

from __future__ import annotations

import re
import shlex
from typing import Any

_EXTRA = re.compile(r"unexpected extra argument\(s\) \((.+)\)$")
_MEANT = {
    r".*\.toml": ("--policy", "--config"),
    r".*\.(db|sqlite|sqlite3)|postgresql://.*": ("--ledger",),
    r".*\.(parquet|jsonl)": ("--from",),
}
"""Form of an argument -> options that take such a one, the likeliest first."""


def meant(error: BaseException | None) -> str | None:
    """Returns the command that somebody meant to type; `None` where that is anybody's guess.

    Args:
        error: what Typer stopped at; it says of which command, and in words only what it did not expect.
    """
    context: Any = getattr(error, "ctx", None)
    extra = _EXTRA.search(getattr(error, "message", ""))
    if context is None or extra is None:
        return None
    known = {name for parameter in context.command.params for name in parameter.opts}
    options = (name for form, names in _MEANT.items() if re.fullmatch(form, extra[1]) for name in names)
    option = next((name for name in options if name in known), None)
    return None if option is None else f"{context.command_path} {option} {shlex.quote(extra[1])}"
