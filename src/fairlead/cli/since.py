"""`--since`: a moment, as people say it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

SinceOption = Annotated[
    str | None,
    typer.Option("--since", help="Only requests since then: an age such as `12h`, `30d` or `8w`, or a date (UTC)."),
]

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(text: str | None, now: datetime) -> datetime | None:
    """Returns the moment that `text` names; `None` for none.

    Raises:
        typer.BadParameter: it names none.
    """
    if text is None:
        return None
    try:
        if age := re.fullmatch(r"(\d{1,6})([mhdw])", text):
            return now - timedelta(**{_UNITS[age[2]]: int(age[1])})
        given = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"`--since` is `{text}`; expected an age such as `12h`, `30d` or `8w`, or a date such as `2026-11-01`."
        ) from None
    return given if given.tzinfo else given.replace(tzinfo=UTC)
