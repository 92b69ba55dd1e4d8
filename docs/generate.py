"""Writes the reference pages from the code they describe; with `--check` only says which are stale.

Every page is a function that returns Markdown, listed in `PAGES`.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import pkgutil
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import msgspec.inspect as shapes
import typer

from fairlead import cli, errors
from fairlead.cli.main import VERBS, build
from fairlead.cli.output import Result
from fairlead.config import tables
from fairlead.eligibility import EXCLUSIONS
from fairlead.ledger.schema import METADATA
from fairlead.policies.base import REASONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    Struct = type[msgspec.Struct]

REFERENCE = Path(__file__).parent / "reference"
NOTE = "<!-- Written by docs/generate.py from the code: edits here are lost, `make docs` writes it anew. -->"
HELP_WIDTH = 100


# The command line ----------------------------------------------------------------------------------------------------


def cli_page() -> str:
    """Returns the help of every command, as the terminal prints it."""
    root = typer.main.get_command(build(list(VERBS)))
    assert isinstance(root, typer.core.TyperGroup)
    return "# Command line\n\n" + "\n".join(_help(root, "fairlead"))


def _help(command: typer.core.TyperCommand | typer.core.TyperGroup, path: str) -> Iterator[str]:
    context = command.context_class(command, info_name=path, terminal_width=HELP_WIDTH)
    level = "#" * min(3, 1 + len(path.split()))
    yield f"{level} `{path}`\n\n```\n{command.get_help(context)}\n```\n"
    for name, part in getattr(command, "commands", {}).items():
        yield from _help(part, f"{path} {name}")


# Structs: the configuration, and the result of every command ----------------------------------------------------------


def configuration_page() -> str:
    """Returns every table of the configuration file: each setting with its type, default and meaning."""
    return "\n".join([f"# Configuration\n\n{_CONFIGURATION_INTRODUCTION}\n", *map(_section, configuration_tables())])


_CONFIGURATION_INTRODUCTION = """\
One TOML file, given by `--config FILE`; none is needed where a provider's key is in the environment. The file may
start with `schema_version = 1`, the only version so far. A key that is not listed here is refused. Keys of providers
never stand in the file: `api_key_env` names the variable that holds one. `fairlead check --config FILE` says what a
file would run, without running it. [fairlead.toml](../fairlead.toml) is a whole file as an example."""


def configuration_tables() -> list[Struct]:
    """Returns the struct of every TOML table, in the order of the code."""
    return [thing for thing in vars(tables).values() if isinstance(thing, type) and tables.Table in thing.__bases__]


def _section(table: Struct) -> str:
    title, _, about = _about(table).partition(": ")
    return f"## {title}\n\n{about[:1].upper()}{about[1:]}\n\n{_rows(table)}"


def json_page() -> str:
    """Returns the shape of every command's `--json` result."""
    parts = [f"# JSON results\n\n{_JSON_INTRODUCTION}\n"]
    for result in results():
        parts.append(f"## `{_schema_name(result)}`\n\n{_about(result)}\n\n{_rows(result)}")
        parts += [f"### {inner.__name__}\n\n{_about(inner)}\n\n{_rows(inner)}" for inner in _nested(result)]
    return "\n".join(parts)


_JSON_INTRODUCTION = """\
Every command takes `--json` and then prints one JSON document on standard output; everything else goes to standard
error. `schema` names the shape and its version. Within a version fields may be added, and none is removed, renamed or
given another meaning. `null` is *unknown*, never zero. Money that was paid is a decimal number in a string, exact to
the last digit; money that is predicted is a number. Times are UTC, in ISO 8601; durations are seconds."""


def results() -> list[Struct]:
    """Returns the result struct of every command, by schema name."""
    for module in pkgutil.iter_modules(cli.__path__):
        importlib.import_module(f"fairlead.cli.{module.name}")
    return sorted(_subclasses(Result), key=_schema_name)


def _subclasses(struct: Struct) -> Iterator[Struct]:
    for subclass in struct.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def _schema_name(result: Struct) -> str:
    return str(next(field.default for field in _fields(result) if field.name == "schema"))


def _nested(struct: Struct) -> list[Struct]:
    """Returns the structs inside `struct`, each once, in the order they are met."""
    met: dict[Struct, None] = {}
    waiting = [struct]
    while waiting:
        new = [inner for field in _fields(waiting.pop(0)) for inner in _inner(field.type) if inner not in met]
        met.update(dict.fromkeys(new))
        waiting += new
    return list(met)


def _inner(kind: shapes.Type) -> Iterator[Struct]:
    """Yields the structs directly inside a type."""
    match kind:
        case shapes.StructType():
            yield kind.cls
        case shapes.DictType():
            yield from _inner(kind.value_type)
        case shapes.ListType() | shapes.VarTupleType():
            yield from _inner(kind.item_type)
        case shapes.UnionType():
            for option in kind.types:
                yield from _inner(option)


def _fields(struct: Struct) -> tuple[shapes.Field, ...]:
    info = shapes.type_info(struct)
    assert isinstance(info, shapes.StructType)
    return info.fields


def _about(struct: Struct) -> str:
    return inspect.getdoc(struct) or ""


def _rows(struct: Struct) -> str:
    meanings = field_docs(struct)
    rows = [
        (f"`{field.encode_name}`", _in_words(field.type), _default(field), meanings.get(field.name, ""))
        for field in _fields(struct)
    ]
    return _markdown_table(("name", "type", "default", "meaning"), rows)


def field_docs(struct: Struct) -> dict[str, str]:
    """Returns field name -> the string that stands under it, those of base classes included."""
    docs: dict[str, str] = {}
    for base in reversed([base for base in struct.__mro__ if base.__module__.startswith("fairlead")]):
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0].body  # type: ignore[attr-defined]
        for field, below in itertools.pairwise(body):
            match field, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str() as text)):
                    docs[name] = " ".join(text.split())
    return docs


def _in_words(kind: shapes.Type) -> str:
    return _WORDS[type(kind)](kind)


def _alternatives(words: Iterable[str]) -> str:
    return " or ".join(words)


def _bounded(word: str) -> Callable[[shapes.Type], str]:
    signs = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}

    def in_words(kind: shapes.Type) -> str:
        bounds = [f"{sign} {bound}" for name, sign in signs.items() if (bound := getattr(kind, name)) is not None]
        return ", ".join([word, *bounds])

    return in_words


_WORDS: dict[type[shapes.Type], Callable[..., str]] = {
    shapes.AnyType: lambda _: "anything",
    shapes.BoolType: lambda _: "true or false",
    shapes.CustomType: lambda kind: {Path: "path"}[kind.cls],
    shapes.DateTimeType: lambda _: "time",
    shapes.DecimalType: lambda _: "decimal",
    shapes.DictType: lambda kind: f"names to {_in_words(kind.value_type)}",
    shapes.FloatType: _bounded("number"),
    shapes.IntType: _bounded("whole number"),
    shapes.ListType: lambda kind: f"list of {_in_words(kind.item_type)}",
    shapes.LiteralType: lambda kind: _alternatives(f"`{value}`" for value in kind.values),
    shapes.Metadata: lambda kind: _in_words(kind.type),
    shapes.NoneType: lambda _: "null",
    shapes.StrType: lambda _: "text",
    shapes.StructType: lambda kind: kind.cls.__name__,
    shapes.TupleType: lambda kind: f"list: {', '.join(map(_in_words, kind.item_types))}",
    shapes.UnionType: lambda kind: _alternatives(map(_in_words, kind.types)),
    shapes.VarTupleType: lambda kind: f"list of {_in_words(kind.item_type)}",
}


def _default(field: shapes.Field) -> str:
    value = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
    if value is msgspec.NODEFAULT:
        return "required"
    if value is None:
        return "none"
    if isinstance(value, msgspec.Struct):
        return "see its table"
    return f"`{msgspec.json.encode(value, enc_hook=str).decode()}`"


# The ledger ----------------------------------------------------------------------------------------------------------


def ledger_page() -> str:
    """Returns every table and column of the ledger."""
    parts = ["# Ledger\n\nThe tables of the ledger, as the migrations make them. Times are UTC; money is exact.\n"]
    for table in METADATA.sorted_tables:
        rows = [
            (f"`{column.name}`", str(column.type), "null" if column.nullable else "", column.comment or "")
            for column in table.columns
        ]
        columns = _markdown_table(("column", "type", "may be", "meaning"), rows)
        parts.append(f"## `{table.name}`\n\n{table.comment or ''}\n\n{columns}")
    return "\n".join(parts)


# Words: reasons and errors -------------------------------------------------------------------------------------------


def reasons_page() -> str:
    """Returns every reason of a decision, every reason of an exclusion and every error."""
    tree = textwrap.dedent((errors.__doc__ or "").split("\n\n")[1])
    return "\n".join(
        [
            "# Reasons and errors\n",
            f"## Why a candidate was chosen\n\n{_words(REASONS)}",
            f"## Why a candidate could not serve\n\n{_words(EXCLUSIONS)}",
            f"## Errors\n\n```\n{tree}\n```",
        ]
    )


def _words(meanings: Mapping[str, str]) -> str:
    return _markdown_table(("word", "meaning"), [(f"`{word}`", meaning) for word, meaning in meanings.items()])


# All pages -----------------------------------------------------------------------------------------------------------

PAGES = {
    "cli.md": cli_page,
    "configuration.md": configuration_page,
    "json.md": json_page,
    "ledger.md": ledger_page,
    "reasons.md": reasons_page,
}
"""File under `docs/reference/` -> what writes it."""


def _markdown_table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = [header, ["---"] * len(header), *escaped]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def stale_pages() -> list[Path]:
    """Returns the pages whose file differs from what the code says."""
    return [path for path, text in _texts() if not path.exists() or path.read_text(encoding="utf-8") != text]


def _texts() -> Iterator[tuple[Path, str]]:
    for name, page in PAGES.items():
        yield REFERENCE / name, f"{NOTE}\n\n{page().rstrip()}\n"


def main() -> None:
    """Writes the pages, or with `--check` exits with 1 where one is stale."""
    if "--check" in sys.argv[1:]:
        stale = [path.name for path in stale_pages()]
        sys.exit(f"stale: {', '.join(stale)}. Run `make docs`." if stale else 0)
    REFERENCE.mkdir(exist_ok=True)
    for path, text in _texts():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
