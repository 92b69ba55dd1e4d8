"""A chat client that does over HTTP what the `openai` package does, which only development installs.

POST JSON -> one JSON document, or server-sent events up to `[DONE]`; an `error` in either raises
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from fairlead.errors import ProviderError
from fairlead.wire.sse import Parser

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    import aiohttp

    from fairlead.providers.simulated import Task

N_CONNECTIONS = 16
TIMEOUT_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a client has when an answer is whole."""

    model: str
    """The model that served, as the body names it."""
    text: str
    decision_id: str


class _Message(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Message = msgspec.field(default_factory=_Message)
    delta: _Message = msgspec.field(default_factory=_Message)


class _Error(msgspec.Struct):
    message: str


class _Body(msgspec.Struct):
    """A completion or a chunk of one."""

    model: str = ""
    choices: tuple[_Choice, ...] = ()
    error: _Error | None = None


class _Decision(msgspec.Struct):
    plan: tuple[str, ...]


_BODY = msgspec.json.Decoder(_Body)


class ChatClient:
    """Asks a gateway at `base_url`."""

    def __init__(self, http: aiohttp.ClientSession, base_url: str) -> None:
        self._http = http
        self._base_url = base_url

    async def ask(self, task: Task, *, stream: bool) -> Answer:
        """Returns the whole answer to a task, streamed or not.

        Raises:
            ProviderError: the gateway answered with an error.
        """
        body = _body(task) | ({"stream": True, "stream_options": {"include_usage": True}} if stream else {})
        async with self._post("/chat/completions", body, {"x-fairlead-session": task.session_id}) as reply:
            decision_id = reply.headers["x-fairlead-decision-id"]
            parts = [part async for part in _chunks(reply)] if stream else [_checked(await reply.read())]
        choices = [choice for part in parts for choice in part.choices]
        text = "".join(choice.message.content or choice.delta.content or "" for choice in choices)
        return Answer(model=parts[0].model, text=text, decision_id=decision_id)

    async def plan(self, task: Task) -> tuple[str, ...]:
        """Returns whom the gateway would call for a task, in order; nobody is called."""
        async with self._post("/route", _body(task), {"x-fairlead-session": task.session_id}) as reply:
            return msgspec.json.decode(await reply.read(), type=_Decision).plan

    async def score(self, answer: Answer, score: float) -> None:
        """Tells the gateway how good an answer was."""
        feedback = {"decision_id": answer.decision_id, "score": score, "source": "verifier:simulation"}
        async with self._post("/feedback", feedback, {}):
            pass

    @asynccontextmanager
    async def _post(
        self, path: str, body: Mapping[str, object], headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        named = {"content-type": "application/json", "authorization": "Bearer none-needed", **headers}
        async with self._http.post(self._base_url + path, data=msgspec.json.encode(body), headers=named) as reply:
            if reply.status >= 400:
                _checked(await reply.read())
                raise ProviderError(f"the gateway answered {reply.status} without saying why", model="auto")
            yield reply


@asynccontextmanager
async def connected(base_url: str) -> AsyncIterator[ChatClient]:
    """Yields a client; its connections close at the end."""
    import aiohttp  # noqa: PLC0415 - heavy, loaded when called

    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(
        timeout=timeout, connector=aiohttp.TCPConnector(limit=N_CONNECTIONS), trust_env=False
    ) as http:
        yield ChatClient(http, base_url)


def _body(task: Task) -> dict[str, object]:
    return {
        "model": "auto",
        "messages": [{"role": "user", "content": task.prompt}],
        "metadata": {"prompt_id": task.prompt_id},
    }


async def _chunks(reply: aiohttp.ClientResponse) -> AsyncIterator[_Body]:
    parser = Parser()
    async for piece in reply.content.iter_any():
        for event in parser.feed(piece):
            if event.data == b"[DONE]":
                return
            yield _checked(event.data)
    raise ProviderError("the stream ended before `[DONE]`", model="auto", billed=True)


def _checked(data: bytes) -> _Body:
    body = _BODY.decode(data)
    if body.error is not None:
        raise ProviderError(body.error.message, model="auto")
    return body
