"""The command line: one file per verb, loaded only when it is called."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from fairlead import __version__
from fairlead.cli.misuse import meant
from fairlead.errors import FairleadError, LedgerError, NoCandidateError, ProviderError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

VERBS = {
    "demo": "the whole thing on a simulated pool: no key, no network, under a minute",
    "serve": "the gateway; without a file: keys found in the environment, SQLite, port 8080",
    "check": "verify the configuration; print what would run and which candidates the router has never seen",
    "doctor": "what is wrong with this installation; `--faults`: does the gateway survive its providers' failures",
    "models": "candidates with capabilities, prices, measured latency: each with source and date",
    "probe": "measure the configured hosts by small calls, within a sum",
    "prices": "what models cost, and by whom that is said",
    "route": "decide without calling anyone: candidates, exclusions, predictions, plan, reason",
    "explain": "why a request went where it went, in words",
    "fit": "fit a router to outcome tables, or to a ledger's scored requests, and save it",
    "evaluate": "judge a router, or all methods, on outcome tables",
    "benchmark": "fit and judge every method on every table of a folder, and write the results",
    "onboard": "add a model with few labels",
    "promote": "let a router serve if the hull guard and the gates agree; or go back",
    "feedback": "keep scores of answers; tell how far to trust each source",
    "report": "the savings statement of a ledger",
    "keys": "make, list and revoke virtual keys with budgets and limits",
    "replay": "what another policy would have cost and lost on the ledger's own log",
    "import-litellm": "a configuration of LiteLLM's proxy as one of ours",
    "ledger": "verify a ledger and its bills; export it, erase from it",
}
"""Verb -> what it does. The verb `x-y` is the Typer app `fairlead.cli.x_y:app`; its only command is the verb itself."""


def build(verbs: Sequence[str]) -> typer.Typer:
    """Returns the application with these verbs loaded."""
    app = typer.Typer(name="fairlead", no_args_is_help=True, add_completion=False, rich_markup_mode=None)
    app.callback()(_about)
    for verb in verbs:
        _add(app, verb, importlib.import_module(f"fairlead.cli.{verb.replace('-', '_')}").app)
    return app


def _add(app: typer.Typer, verb: str, part: typer.Typer) -> None:
    commands = part.registered_commands
    if len(commands) == 1 and commands[0].callback is not None:
        app.command(name=verb, short_help=VERBS[verb])(commands[0].callback)
    else:
        app.add_typer(part, name=verb, help=VERBS[verb])


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fairlead {__version__}")
        raise typer.Exit


_VersionOption = Annotated[
    bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version and exit.")
]


def _about(version: _VersionOption = False) -> None:
    """Leads each AI task to the model that suits it, and proves what that saved."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs one command line and exits: 0 done, 1 the answer is no, 2 misuse."""
    # The threads of linear algebra fight one another on a shared machine, and our matrices are too small for them.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    given = list(sys.argv[1:] if arguments is None else arguments)
    named = next((word for word in given if not word.startswith("-")), None)
    # Loading a verb takes a moment, in which a user may press Ctrl-C: it runs under the same net as the verb.
    sys.exit(_exit_code(lambda: build([named] if named in VERBS else list(VERBS))(given, standalone_mode=True)))


def _exit_code(run: Callable[[], object]) -> int:
    try:
        run()
    except SystemExit as stopped:
        if isinstance(stopped.__context__, BrokenPipeError):  # Typer makes an exit with 1 of it
            return _reader_left()
        if (command := meant(stopped.__context__)) is not None:
            typer.echo(f"Did you mean `{command}`?", err=True)
        return stopped.code if isinstance(stopped.code, int) else 0
    except (LedgerError, NoCandidateError, ProviderError, OSError) as error:
        return _complain(error, code=1)
    except FairleadError as error:
        return _complain(error, code=2)
    except KeyboardInterrupt:
        return 130
    return 0


def _reader_left() -> int:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still buffered goes nowhere
    return 0


def _complain(error: Exception, *, code: int) -> int:
    typer.echo(f"error: {error}", err=True)
    return code
