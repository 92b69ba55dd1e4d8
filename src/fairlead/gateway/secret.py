"""The secret of an installation: what sessions are named and drawn with."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from fairlead.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

N_BYTES = 32


def session_secret(path: Path) -> bytes:
    """Returns the secret kept in the file at `path`, made at first use and readable by its owner alone.

    Raises:
        ConfigError: the file does not hold a secret, or cannot be made.
    """
    try:
        if not path.exists():
            _make(path)
        secret = bytes.fromhex(path.read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot use `{path}`, the secret that sessions are drawn with: {error}. {_REMEDY}") from None
    if len(secret) != N_BYTES:
        raise ConfigError(f"`{path}` holds {len(secret)} bytes; expected a secret of {N_BYTES}. {_REMEDY}")
    return secret


_REMEDY = "Make its folder writable, or remove the file: then sessions are drawn anew."


def _make(path: Path) -> None:
    """Writes a new secret, whole or not at all; where another process was faster, its secret stays."""
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.partial")
    try:
        partial.touch(mode=0o600, exist_ok=False)
        partial.write_text(secrets.token_hex(N_BYTES), encoding="ascii")
        path.hardlink_to(partial)
    except FileExistsError:
        return
    finally:
        partial.unlink(missing_ok=True)
