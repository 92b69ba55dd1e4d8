"""Virtual keys: made once, shown once, kept as a hash; and where they are kept.

sk-fl-ID-SECRET     ID finds the row, which holds scrypt(SECRET); the secret has 192 random bits
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from fairlead.errors import LedgerError, MissingRowError
from fairlead.ledger.accounts import Books
from fairlead.ledger.pen import ConnectionPen
from fairlead.ledger.schema import counters, holds, keys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal

    from sqlalchemy import Connection

    from fairlead.ledger.budget import KeyTerms, Kind

SCRYPT = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}
"""About 50 ms and 16 MiB a guess (RFC 7914; the parameters that it gives for interactive use)."""
_SHAPE = re.compile(r"sk-fl-([0-9a-f]{16})-([0-9a-f]{48})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A virtual key, as far as it is known: the key itself is nowhere."""

    id: str
    name: str
    team: str | None
    salt: str
    hash: str
    terms: KeyTerms
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def __repr__(self) -> str:
        return f"Key({self.id!r}, name={self.name!r}, team={self.team!r})"

    def opens(self, presented: str) -> bool:
        """Says whether this is the key that was presented; takes a while, on purpose."""
        return hmac.compare_digest(_hashed(presented, self.salt), self.hash)

    def ended(self, now: datetime) -> str | None:
        """Returns why it opens nothing any more: `revoked` or `expired`; `None` where it does."""
        if self.revoked_at is not None and self.revoked_at <= now:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else None


def new_key(
    name: str, terms: KeyTerms, now: datetime, *, team: str | None = None, expires_at: datetime | None = None
) -> tuple[str, Key]:
    """Returns a new key, to be shown once, and what is kept of it."""
    key_id, salt = secrets.token_hex(8), secrets.token_hex(16)
    presented = f"sk-fl-{key_id}-{secrets.token_hex(24)}"
    kept = Key(
        id=key_id,
        name=name,
        team=team,
        salt=salt,
        hash=_hashed(presented, salt),
        terms=terms,
        created_at=now,
        expires_at=expires_at,
    )
    return presented, kept


def key_id_of(presented: str) -> str | None:
    """Returns the id that a key names; `None` where it is none of ours.

    Example:
        >>> key_id_of("sk-fl-0123456789abcdef-" + 48 * "0"), key_id_of("sk-another")
        ('0123456789abcdef', None)
    """
    match = _SHAPE.fullmatch(presented)
    return None if match is None else match[1]


@dataclass(frozen=True, slots=True)
class Held:
    """USD that a request without a settlement holds of a budget."""

    request_id: str
    account: str
    usd: Decimal
    at: datetime


class KeyStore:
    """The keys of a ledger, beside its rows; every method waits for the database.

    Args:
        read: runs work in one transaction, and returns what it found.
        write: the same, and returns when it is committed; both raise LedgerError where the database cannot.
    """

    def __init__(
        self, read: Callable[[Callable[[Connection], Any]], Any], write: Callable[[Callable[[Connection], Any]], Any]
    ) -> None:
        self._read = read
        self._write = write

    def add(self, key: Key) -> None:
        """Keeps a new key."""
        row = {field.name: getattr(key, field.name) for field in fields(key)}
        self._write(lambda connection: connection.execute(insert(keys), row))

    def get(self, key_id: str) -> Key | None:
        """Returns the key with this id, `None` where there is none."""
        found = self._read(lambda c: c.execute(select(keys).where(keys.c.id == key_id)).mappings().first())
        return None if found is None else Key(**found)

    def all(self) -> list[Key]:
        """Returns every key, the oldest first."""
        query = select(keys).order_by(keys.c.created_at, keys.c.id)
        return self._read(lambda c: [Key(**row) for row in c.execute(query).mappings()])  # type: ignore[no-any-return]

    def any(self) -> bool:
        """Tells whether a key was ever made, revoked ones included."""
        return self._read(lambda c: c.scalar(select(keys.c.id).limit(1))) is not None

    def revoke(self, key_id: str, at: datetime) -> Key:
        """Ends a key; one that has been revoked stays as it is.

        Raises:
            MissingRowError: there is none with this id.
        """
        ending = update(keys).where(keys.c.id == key_id, keys.c.revoked_at.is_(None)).values(revoked_at=at)
        self._write(lambda connection: connection.execute(ending))
        if (key := self.get(key_id)) is None:
            raise MissingRowError(f"there is no key `{key_id}`. `fairlead keys list` shows those there are.")
        return key

    def used(self, accounts: Sequence[str]) -> Mapping[str, tuple[Decimal, Decimal]]:
        """Returns each of these accounts that ever counted something -> what was spent, what is held."""
        query = select(counters).where(counters.c.account.in_(accounts))
        found = self._read(lambda c: c.execute(query).mappings().all())
        return {row["account"]: (row["spent"], row["held"]) for row in found}

    def held(self) -> list[Held]:
        """Returns all money that requests without a settlement hold, the oldest first."""
        query = (
            select(holds.c.request_id, holds.c.account, holds.c.amount, holds.c.at)
            .where(holds.c.kind == "usd")
            .order_by(holds.c.request_id, holds.c.number)
        )
        return self._read(lambda c: [Held(*row) for row in c.execute(query)])  # type: ignore[no-any-return]

    def resolve(self, request_id: str, usd: Decimal | None) -> None:
        """Gives back what a request holds that will never be settled, and counts what it cost in its place.

        Args:
            request_id: of a request whose process died.
            usd: what it cost; `None` where nobody knows: then all that it holds counts.
        """
        used: Mapping[Kind, Decimal | None] = {"usd": usd, "tokens": None}
        self._write(lambda connection: Books(ConnectionPen(connection), {request_id: used.get}, []).close())


def _hashed(presented: str, salt: str) -> str:
    try:
        return hashlib.scrypt(presented.encode(), salt=bytes.fromhex(salt), **SCRYPT).hex()
    except ValueError as error:
        raise LedgerError(f"a key cannot be checked: {error}. Its row was changed by hand.") from None
