"""Where a ledger lives: what each kind of database does its own way, and what is said where it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from fairlead.errors import LedgerError, MissingRowError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from fairlead.ledger.pen import Pen

R = TypeVar("R")

BAD_ROW = (SQLAlchemyError, ValueError, TypeError, ArithmeticError)
"""What a row raises that breaks a constraint, holds what the database cannot hold, or was tampered with."""
WRITE = "write to"


class NotAtOnceError(Exception):
    """Something would have to be waited for: another process, a slow disk, a server."""


class Database(Protocol):
    """Where a `SqlLedger` lives. Work runs in one transaction, which what it raises rolls back."""

    place: str
    """What messages call it."""

    def read(self, work: Callable[[Connection], R]) -> R:
        """Returns what `work` finds; what it sees does not move."""
        ...

    def write(self, work: Callable[[Connection], R]) -> R:
        """Returns what `work` returned, once it is committed."""
        ...

    def commit(self, work: Callable[[Pen], R]) -> R:
        """The same for the rows of requests; one at a time."""
        ...

    def commit_at_once(self, work: Callable[[Pen], R]) -> R:
        """The same, where nothing has to be waited for.

        Raises:
            NotAtOnceError: something has; nothing was done.
        """
        ...

    def unavailable(self, error: Exception) -> bool:
        """Tells whether the database is at fault, not what was written."""
        ...

    def remedy(self, cause: str) -> str:
        """Returns what to do about a failure, in words."""
        ...

    def close(self) -> None:
        """Lets go of every connection."""
        ...


def explained(database: Database, error: Exception, doing: str) -> LedgerError:
    """Returns a failure in words: place, cause, next step."""
    cause = str(getattr(error, "orig", None) or error)
    lost = " These rows were not kept." if doing == WRITE else ""
    if "foreign key" in cause.lower():
        return MissingRowError(f"the ledger `{database.place}` does not hold what this row speaks of. It was not kept.")
    remedy = database.remedy(cause)
    return LedgerError(f"cannot {doing} the ledger `{database.place}`: {cause}.{lost} {remedy}, then try again.")
