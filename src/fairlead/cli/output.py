"""How every command answers: a typed result, as a table for people or as JSON for programs."""

from __future__ import annotations

import math
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console
    from rich.table import Table

JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")]
OutOption = Annotated[Path | None, typer.Option("--out", help="Write the JSON result to this file as well.")]

S = TypeVar("S", bound=msgspec.Struct)

PIPE_WIDTH = 160
"""Columns of a table that nobody's terminal bounds."""


class Result(msgspec.Struct, kw_only=True, frozen=True):
    """Base of every command's result; `schema` names the command and the version of its shape."""

    schema: str


def emit(result: msgspec.Struct, show: Callable[[Console], None], *, as_json: bool, out: Path | None = None) -> None:
    """Prints `result` as JSON or, through `show`, for people; with `out` the JSON also goes to that file, whole."""
    encoded = msgspec.json.format(msgspec.json.encode(result, enc_hook=_encode), indent=2) + b"\n"
    if out is not None:
        write_whole(out, encoded)
    if as_json:
        sys.stdout.buffer.write(encoded)
        sys.stdout.flush()
        return
    from rich.console import Console  # noqa: PLC0415 - only people need it

    # Names and texts of others are in what is shown: none of them is markup.
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    show(Console(highlight=False, markup=False, emoji=False, width=width))


def table(first: str, *others: str) -> Table:
    """Returns a plain table: names left, figures right; without headings everything is left."""
    from rich import box  # noqa: PLC0415 - only people need it
    from rich.table import Table  # noqa: PLC0415

    rows = Table(box=box.SIMPLE_HEAD, show_header=bool(first), pad_edge=False, collapse_padding=True)
    rows.add_column(first, no_wrap=True)
    for name in others:
        rows.add_column(name, justify="right" if first else "left", overflow="fold")
    return rows


def told(found: Sequence[object], kind: type[S]) -> tuple[S, ...]:
    """Returns records as the structs of a result that tell of them: fields by name, what is unknown (NaN) as `None`."""
    plain = _known(msgspec.to_builtins(found, str_keys=True))
    return tuple(msgspec.convert(one, kind) for one in plain)


def _known(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _known(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_known(inner) for inner in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file so that a reader sees the old content or the new one, never half of it."""
    partial = path.with_name(path.name + ".partial")
    with writing(path):
        try:
            partial.write_bytes(content)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Says in the error which result could not be written; the system names a partial file, or nothing."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(
            f"cannot write `{path}`: {reason}. Make room or choose another place, and run it again."
        ) from None


def _encode(value: Any) -> Any:
    message = f"cannot write {type(value).__name__} as JSON"
    raise NotImplementedError(message)
