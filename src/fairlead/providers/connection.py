"""One HTTP/1.1 connection to a host: a request goes out at once, its reply is read as it arrives, again and again."""

from __future__ import annotations

import asyncio
import select
from typing import TYPE_CHECKING, cast

import httptools

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_HEAD_BYTES = 64 * 1024
"""A longer head of a reply is none."""
HIGH_WATER_BYTES = 256 * 1024
"""Bytes of a reply that may wait for a slow reader; then no more is read from the socket until they are taken."""
DRAIN_S = 1.0
"""How long the end of a reply may take whose content was taken, so that its connection can be used again."""
_NO_BODY = {204, 304}


class BrokenOffError(Exception):
    """The connection ended before the reply did."""


class NotHttpError(Exception):
    """What arrived is no HTTP reply, or one that was not asked for."""


class Connection(asyncio.Protocol):
    """A connection that carries one exchange after another.

    A reader calls `ask`, awaits `head`, then `piece` until it is empty, and calls `release`. The loop calls the methods
    of `asyncio.Protocol`, the parser those that begin with `on_`.

    Args:
        on_free: is given the connection whenever it can be used again.
        on_lost: is given the connection when it is closed.
    """

    def __init__(self, on_free: Callable[[Connection], object], on_lost: Callable[[Connection], object]) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        """By name in lower case; repeated ones joined by a comma."""
        self.free_since_s = 0.0
        self._on_free = on_free
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._pieces: list[bytes] = []
        self.on_body = self._pieces.append  # a host may send dozens of chunks at once; looked up by the parser
        self._parser = httptools.HttpResponseParser(self)
        self._n_waiting = 0  # bytes that came with `_pieces`
        self._n_head = 0  # bytes that came before the head was whole
        self._head_done = False
        self._complete = True  # nothing more will come of the reply, or nothing was asked
        self._abandoned = False  # the reader has gone; only the end is waited for
        self._ends_with_connection = False
        self._keep = True  # it may carry another exchange
        self._paused = False
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._heard_s = 0.0
        self._silence_s = 0.0
        self._timer: asyncio.TimerHandle | None = None  # outlives an exchange: most are over long before it is due
        self._due_s = 0.0

    # What a reader does

    def ask(self, request: bytes, *, silence_s: float) -> None:
        """Sends a request; a host that then says nothing for `silence_s` breaks the exchange."""
        self._complete = self._head_done = self._abandoned = self._ends_with_connection = False
        self.status = self._n_head = 0
        self.headers = {}
        self._heard_s, self._silence_s = self._loop.time(), silence_s
        self._watch(self._heard_s + silence_s)
        self._transport.write(request)

    async def head(self) -> None:
        """Returns when the head of the reply is there: `status` and `headers`.

        Raises:
            BrokenOffError, NotHttpError, OSError: there will be none; TimeoutError where the host fell silent.
        """
        while not self._head_done:
            await self._news()

    async def piece(self) -> bytes:
        """Returns all that has arrived of the body since the last time, at least a byte; nothing at its end.

        Raises:
            BrokenOffError, NotHttpError, OSError: the body breaks off; TimeoutError where the host fell silent.
        """
        while not self._pieces:
            if self._complete:
                return b""
            await self._news()
        piece = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._forget_pieces()
        return piece

    def release(self, *, drain: bool) -> None:
        """Ends the reader's part: the connection is used again where it can be, else closed, so that the host stops.

        Args:
            drain: the content was taken, and the end of the reply is worth a moment's wait.
        """
        self._abandoned = True
        self._forget_pieces()
        if self._complete:
            self._free()
        elif drain and self._head_done and self._error is None and not self._ends_with_connection:
            self._stop_timer()
            self._timer = self._loop.call_later(DRAIN_S, self.abort)
        else:
            self.abort()

    @property
    def at_end(self) -> bool:
        """Whether the body has come to its end, and all of it was taken."""
        return self._complete and not self._pieces

    @property
    def usable(self) -> bool:
        """Whether it can carry another exchange: the host has neither closed it nor said a word.

        The socket is asked, because the loop may not have told us yet of what has arrived there.
        """
        return self._keep and not self._transport.is_closing() and not (self._poll and self._poll.poll(0))

    def abort(self) -> None:
        """Closes at once."""
        self._keep = False
        self._stop_timer()
        self._transport.abort()

    # What the loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins."""
        self._transport = cast("asyncio.Transport", transport)
        self._poll = select.poll() if hasattr(select, "poll") else None  # there is none on Windows
        if self._poll is not None:
            self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """Reads on."""
        if self._complete:  # nobody asked
            self.abort()
            return
        self._heard_s = self._loop.time()
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._break(NotHttpError(str(error)))
            return
        if not self._head_done:
            self._n_head += len(data)
            if self._n_head > MAX_HEAD_BYTES:
                self._break(NotHttpError(f"the head of the reply is longer than {MAX_HEAD_BYTES} bytes"))
            return
        if self._abandoned:
            self._pieces.clear()
            return
        self._n_waiting += len(data)
        if self._n_waiting > HIGH_WATER_BYTES and not self._paused and not self._complete:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends: well where the end of the connection is that of the reply."""
        self._keep = False
        self._stop_timer()
        if not self._complete:
            if self._ends_with_connection and exc is None:
                self._complete = True
            elif self._error is None:
                self._error = exc or BrokenOffError("the host closed the connection")
            self._wake()
        self._on_lost(self)

    # What the parser tells

    def on_message_begin(self) -> None:
        """Refuses a reply to nothing, and with it all that the parser would read on.

        Raises:
            NotHttpError: for the parser, which reports it as its own.
        """
        if self._complete:
            message = "a reply that was not asked for"
            raise NotHttpError(message)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Takes a header."""
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text

    def on_headers_complete(self) -> None:
        """Ends the head, unless it only announces another one (1xx)."""
        status = self._parser.get_status_code()
        if self._complete or status < 200:
            return
        if (said := self.headers.get("content-encoding", "identity")) != "identity":
            self._break(NotHttpError(f"the body is encoded as `{said}`, which was not asked for"))
            return
        self.status, self._head_done = status, True
        sized = "content-length" in self.headers or "transfer-encoding" in self.headers
        self._ends_with_connection = not sized and status not in _NO_BODY

    def on_message_complete(self) -> None:
        """Ends the reply."""
        if not self._head_done:  # 1xx: the reply itself follows
            self.headers = {}
            return
        if self._complete:
            return
        self._complete = True
        self._keep = self._keep and self._parser.should_keep_alive()
        if self._abandoned:
            self._stop_timer()
            self._free()

    # Within

    async def _news(self) -> None:
        """Returns when something has happened, at once where the exchange is broken."""
        if self._error is not None:
            raise self._error
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _break(self, error: Exception) -> None:
        self._error = self._error or error
        self.abort()
        self._wake()

    def _free(self) -> None:
        if self._keep:
            self.free_since_s = self._loop.time()
            self._on_free(self)
        else:
            self._transport.close()

    def _forget_pieces(self) -> None:
        self._pieces.clear()
        self._n_waiting = 0
        if self._paused:
            self._paused = False
            self._heard_s = self._loop.time()  # the silence was the reader's
            self._transport.resume_reading()

    def _watch(self, due_s: float) -> None:
        """Has the silence looked at by then; the timer of an exchange before does, where it is earlier."""
        if self._timer is None or self._due_s > due_s:
            self._stop_timer()
            self._due_s = due_s
            self._timer = self._loop.call_at(due_s, self._check_silence)

    def _check_silence(self) -> None:
        self._timer, now_s = None, self._loop.time()
        if self._complete:
            return
        if self._paused:
            self._heard_s = now_s
        if self._heard_s + self._silence_s > now_s:
            self._watch(self._heard_s + self._silence_s)
        else:
            self._break(TimeoutError(f"nothing for {self._silence_s:g} s"))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
