"""The two ends of an exchange: a request's body, bounded; a reply of JSON, whole; a reader who takes nothing."""

from __future__ import annotations

from types import coroutine
from typing import TYPE_CHECKING

from fairlead.errors import RequestError
from fairlead.execution.waiting import TimeLimit

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterable, Mapping

    from starlette.types import Message, Receive, Scope, Send

Header = tuple[bytes, bytes]
BY_NAME = "fairlead.headers"
"""Where a scope keeps its headers by name, once somebody has asked for one."""


class ClientLeftError(Exception):
    """The caller closed the connection: there is nobody to answer."""


def header(scope: Scope, name: bytes) -> str | None:
    """Returns the first header of that lower-case name."""
    value = by_name(scope).get(name)
    return None if value is None else value.decode("latin-1")


def by_name(scope: Scope) -> Mapping[bytes, bytes]:
    """Returns the headers by lower-case name, of repeated ones the first."""
    found: dict[bytes, bytes] | None = scope.get(BY_NAME)
    if found is None:
        found = scope[BY_NAME] = dict(reversed(scope["headers"]))
    return found


def passed_on(scope: Scope, names: Collection[bytes]) -> tuple[tuple[str, str], ...]:
    """Returns the headers of these lower-case names, as text."""
    if not names:
        return ()
    return tuple((key.decode(), value.decode("latin-1")) for key, value in scope["headers"] if key in names)


async def read_body(scope: Scope, receive: Receive, *, max_bytes: int, patience_s: float) -> bytes:
    """Returns the whole body.

    Raises:
        RequestError: it is longer than `max_bytes` (413), nothing beyond which is kept, or not whole after
            `patience_s` (408).
        ClientLeftError: it will never be whole.
    """
    declared = header(scope, b"content-length") or ""
    if declared.isdigit() and int(declared) > max_bytes:
        raise _too_large(max_bytes)
    try:
        with TimeLimit(patience_s):
            return await _received(receive, max_bytes)
    except TimeoutError:
        message = f"The request body is not whole after {patience_s:g} s, the limit set by `limits.idle_s`."
        raise RequestError(message, status_code=408, code="request_timeout") from None


async def _received(receive: Receive, max_bytes: int) -> bytes:
    pieces, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeftError
        piece = message.get("body", b"")
        size += len(piece)
        if size > max_bytes:
            raise _too_large(max_bytes)
        pieces.append(piece)
        more = message.get("more_body", False)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def send_json(send: Send, body: bytes, *, status_code: int = 200, headers: Iterable[Header] = ()) -> None:
    """Sends one whole JSON reply."""
    length = str(len(body)).encode()
    fixed = [(b"content-type", b"application/json"), (b"content-length", length)]
    await send({"type": "http.response.start", "status": status_code, "headers": [*fixed, *headers]})
    await send({"type": "http.response.body", "body": body})


def patient(send: Send, patience_s: float) -> Send:
    """Returns a `send` for readers that may be slow but not stuck: who takes nothing for so long counts as gone.

    Most of what is sent need not wait for its reader, and then nothing is timed.
    """

    @coroutine
    def patient_send(message: Message) -> Generator[object, None, None]:
        sending = send(message).__await__()
        try:
            waited_for = next(sending)
        except StopIteration:  # it is sent
            return
        try:
            with TimeLimit(patience_s):
                yield waited_for
                yield from sending
        except TimeoutError:
            raise ClientLeftError from None
        finally:
            sending.close()

    return patient_send


def _too_large(max_bytes: int) -> RequestError:
    message = f"The request body is larger than {max_bytes} bytes, the limit set by `server.max_body_bytes`."
    return RequestError(message, status_code=413, code="request_too_large")
