"""Where a command finds the ledger."""

from __future__ import annotations

from typing import Annotated

import typer

from fairlead.config import LedgerConfig

LedgerOption = Annotated[str, typer.Option("--ledger", help="The ledger's file, or `postgresql://user@host/database`.")]
DEFAULT = LedgerConfig().place
