"""`fairlead import-litellm`: a configuration of LiteLLM's proxy as one of ours, with what could not be carried over."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from fairlead.cli.output import JsonOption, Result, emit, write_whole
from fairlead.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

app = typer.Typer()

FileArgument = Annotated[Path, typer.Argument(help="LiteLLM's `config.yaml`.")]
TomlOption = Annotated[
    Path | None, typer.Option("--out", help="Write the configuration to this file. Default: print it.")
]


class LeftResult(msgspec.Struct, kw_only=True, frozen=True):
    """Something that was not carried over."""

    place: str
    """In LiteLLM's file."""
    why: str


class ImportLitellmResult(Result, kw_only=True, frozen=True):
    """LiteLLM's configuration in our words."""

    schema: str = "fairlead.import.litellm/1"
    file: str
    toml: str
    """The configuration; keys are variables, never values."""
    written: str | None
    n_providers: int
    n_models: int
    n_routes: int
    left: tuple[LeftResult, ...]
    """What was not carried over, and why."""


@app.command("import-litellm")
def import_litellm(file: FileArgument, out: TomlOption = None, as_json: JsonOption = False) -> None:
    """Carries over models, groups, fallbacks, prices, limits and the names of keys; lists the rest."""
    from fairlead.config.from_litellm import from_litellm  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.config.toml_text import toml_text  # noqa: PLC0415

    found = from_litellm(_read(file))
    if not found.models:
        raise ConfigError(f"`{file}` has no model that can be carried over; expected `model_list`.")
    text = toml_text(found.tables())
    if out is not None:
        write_whole(out, text.encode())
    result = ImportLitellmResult(
        file=str(file),
        toml=text,
        written=None if out is None else str(out),
        n_providers=len(found.providers),
        n_models=len(found.models),
        n_routes=len(found.routes),
        left=tuple(LeftResult(place=each.place, why=each.why) for each in found.left),
    )
    emit(result, partial(_show, result), as_json=as_json)


def _read(file: Path) -> Mapping[str, Any]:
    try:
        import yaml  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingExtraError("pyyaml", "yaml") from None
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(
            f"cannot read `{file}`: {error.strerror}. Give the path of LiteLLM's `config.yaml`."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = "" if line is None else f", line {line + 1}"  # not its words, which may quote a key
        raise ConfigError(f"`{file}`{where} is not YAML; expected LiteLLM's `config.yaml`.") from None
    if not isinstance(document, dict):
        raise ConfigError(f"`{file}` is no configuration of LiteLLM; expected `model_list` and its settings.")
    return document


def _show(result: ImportLitellmResult, console: Console) -> None:
    if result.written is None:
        typer.echo(result.toml, nl=False)
    counts = f"{result.n_models} models of {result.n_providers} providers, {result.n_routes} routes"
    typer.echo(f"{counts}; {len(result.left)} settings were not carried over:", err=True)
    for each in result.left:
        typer.echo(f"  {each.place}: {each.why}", err=True)
    if result.written is not None:
        console.print(f"written to {result.written}; `fairlead check --config {result.written}` says what it runs")
