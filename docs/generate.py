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
from fairlead.config import learning, tables
from fairlead.config.base import Table
from fairlead.config.schema import NAME as CONFIG_SCHEMA
from fairlead.config.schema import config_schema
from fairlead.eligibility import EXCLUSIONS
from fairlead.gateway import openapi
from fairlead.gateway.decide import DecisionShown
from fairlead.ledger import export, schema
from fairlead.policies.base import REASONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from sqlalchemy import Table as LedgerTable

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
never stand in the file: `api_key_env` names the variable that holds one, or a text refers to it,
`${OPENAI_API_KEY}`, in `[providers]` and wherever else machines differ: `[server]`, `[ledger]`, `[observability]`,
`[prices]`. A variable that is not set is an error, and what it holds is never shown. [The JSON
Schema](schemas/fairlead.config.1.json) of the file, also by `fairlead check --schema`, lets editors complete and
check it. `fairlead check --config FILE` says what a
file would run, without running it. [fairlead.toml](../fairlead.toml) is a whole file as an example."""


def configuration_tables() -> list[Struct]:
    """Returns the struct of every TOML table, in the order of the code."""
    things = [*vars(tables).values(), *vars(learning).values()]
    found = [thing for thing in things if isinstance(thing, type) and Table in thing.__bases__]
    return sorted(dict.fromkeys(found), key=lambda table: table.__module__ == learning.__name__)


def _section(table: Struct) -> str:
    title, _, about = _about(table).partition(": ")
    return f"## {title}\n\n{about[:1].upper()}{about[1:]}\n\n{_settings(table)}"


def json_page() -> str:
    """Returns the shape of every JSON document that programs may read."""
    parts = [f"# JSON results\n\n{_JSON_INTRODUCTION}\n"]
    for name, document in documents().items():
        schema = f"[JSON Schema](schemas/{_file_name(name)})"
        parts.append(f"## `{name}`\n\n{_about(document)} {schema}\n\n{_shape(document)}")
        parts += [f"### {inner.__name__}\n\n{_about(inner)}\n\n{_shape(inner)}" for inner in _nested(document)]
    return "\n".join(parts).replace("`None`", "`null`")  # what is shared with the code speaks its language


_JSON_INTRODUCTION = """\
Every command but `serve` takes `--json` and then prints one JSON document on standard output. Everything else goes to
standard error: progress on a terminal, and where something fails one line of text, with exit code 1 (the answer is no)
or 2 (misuse); Ctrl-C ends a command with 130.

`schema` names the shape of a document and its version. Within a version fields may be added, and none is removed,
renamed or given another meaning. `null` is *unknown*, never zero. Money that was paid is a decimal number in a string,
exact to the last digit; money that is predicted is a number. Times are UTC, in ISO 8601; durations are seconds."""


def documents() -> dict[str, Struct]:
    """Returns schema name -> struct, for every command's result and every other JSON that programs may read."""
    for module in pkgutil.iter_modules(cli.__path__):
        importlib.import_module(f"fairlead.cli.{module.name}")
    structs: list[Struct] = [*_subclasses(Result), DecisionShown]
    named = {_schema_name(struct): struct for struct in structs} | {export.SCHEMA: export.EntryRow}
    return {name: named[name] for name in sorted(named)}


def _file_name(schema_name: str) -> str:
    return f"{schema_name.replace('/', '.')}.json"


def json_schema(document: Struct) -> str:
    """Returns the JSON Schema of a document."""
    return msgspec.json.format(msgspec.json.encode(msgspec.json.schema(document)), indent=2).decode()


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
        case shapes.StructType() | shapes.DataclassType():
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
    assert isinstance(info, shapes.StructType | shapes.DataclassType)
    return info.fields


def _about(struct: Struct) -> str:
    return inspect.getdoc(struct) or ""


def _settings(table: Struct) -> str:
    meanings = field_docs(table)
    rows = [
        (f"`{field.encode_name}`", _in_words(field.type), _default(field), meanings[field.name])
        for field in _fields(table)
    ]
    return _markdown_table(("setting", "type", "default", "meaning"), rows)


def _shape(struct: Struct) -> str:
    meanings = field_docs(struct)
    rows = [
        (f"`{field.encode_name}`", _in_words(field.type), meanings.get(field.name, ""))
        for field in _fields(struct)
        if field.name != "schema"
    ]
    return _markdown_table(("name", "type", "meaning"), rows)


def field_docs(struct: type) -> dict[str, str]:
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
    shapes.DateType: lambda _: "day",
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
    shapes.DataclassType: lambda kind: kind.cls.__name__,
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
    introduction = (schema.__doc__ or "").partition("\n\n")[2]
    return "\n".join([f"# Ledger\n\n{introduction}", *map(_ledger_table, schema.METADATA.sorted_tables)])


def _ledger_table(table: LedgerTable) -> str:
    rows = [
        (f"`{column.name}`", str(column.type).lower(), "yes" if column.nullable else "", column.comment or "")
        for column in table.columns
    ]
    columns = _markdown_table(("column", "type", "may be null", "meaning"), rows)
    return f"## `{table.name}`\n\n{table.comment}\n\n{columns}"


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
    for name, document in documents().items():
        yield REFERENCE / "schemas" / _file_name(name), f"{json_schema(document)}\n"
    yield (
        REFERENCE / "schemas" / CONFIG_SCHEMA,
        f"{msgspec.json.format(msgspec.json.encode(config_schema())).decode()}\n",
    )
    yield REFERENCE / "openapi.json", openapi.document().decode()


def main() -> None:
    """Writes the pages, or with `--check` exits with 1 where one is stale."""
    if "--check" in sys.argv[1:]:
        stale = [path.name for path in stale_pages()]
        sys.exit(f"stale: {', '.join(stale)}. Run `make docs`." if stale else 0)
    for path, text in _texts():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
