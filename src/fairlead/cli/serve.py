"""`fairlead serve`: the gateway."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from fairlead.cli.check import CheckResult, ConfigOption, checked, lines

if TYPE_CHECKING:
    from fairlead.gateway.setup import Setup

app = typer.Typer()

HostOption = Annotated[str | None, typer.Option("--host", help="Address to listen on. Default: the configuration's.")]
PortOption = Annotated[
    int | None, typer.Option("--port", help="Port; 0 picks a free one. Default: the configuration's.", min=0, max=65535)
]
LedgerOption = Annotated[
    str | None, typer.Option("--ledger", help="The ledger's file, or `postgresql://...`. Default: the configuration's.")
]


@app.command()
def serve(
    config: ConfigOption = None, host: HostOption = None, port: PortOption = None, ledger: LedgerOption = None
) -> None:
    """Serves until it is stopped; without a file: providers whose keys are in the environment, SQLite, port 8080.

    On SIGHUP, and when the file, a router or the second source of prices changed, the configuration is read anew.
    """
    from fairlead.dashboard.app import dashboard  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.gateway.server import run  # noqa: PLC0415

    def read() -> Setup:
        return checked(config, host=host, port=port, ledger=ledger)

    setup = read()
    run(setup, partial(_announce, setup), dashboard, again=read)


def _announce(setup: Setup, address: str, notice: str) -> None:
    typer.echo(f"fairlead listens on {address}; OpenAI clients take {address}/v1 as base URL")
    if notice:
        typer.echo(notice)
    for line in lines(CheckResult.of(setup)):
        typer.echo(line)
