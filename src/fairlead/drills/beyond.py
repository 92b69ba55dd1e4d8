"""Beyond the sixteen: faults that users of gateways have met in the field, in the same form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.drills import checks
from fairlead.drills.scenarios import Scenario
from fairlead.drills.script import End, Send
from fairlead.drills.speech import LAST_CHUNK, SHAPES, Speech, chunked, http_head

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.drills.host import Call
    from fairlead.drills.script import Script

HTML_PAGE = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
BIG_BYTES = 10 * 1024 * 1024
OTHER_MODEL = "a-cheaper-model"


def _without_usage(speech: Speech, _call: Call) -> Script:
    if not speech.stream:
        body = msgspec.json.encode(_stripped(msgspec.json.decode(speech.body)))
        return (Send(http_head(200, len(body)) + body),)
    return (Send(speech.head() + chunked([_event_without_usage(event) for event in speech.events]) + LAST_CHUNK),)


def _event_without_usage(event: bytes) -> bytes:
    head, _, data = event.partition(b"data: ")
    if not data.startswith(b"{"):
        return event
    return head + b"data: " + msgspec.json.encode(_stripped(msgspec.json.decode(data))) + b"\n\n"


def _stripped(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _stripped(inner) for name, inner in value.items() if name != "usage"}
    return [_stripped(inner) for inner in value] if isinstance(value, list) else value


def _usage_twice(speech: Speech, _call: Call) -> Script:
    """Sends the event that carries the usage of the whole answer two times."""
    if not speech.stream or speech.dialect == "responses":  # a response has its usage in its one last event
        return speech.answer()
    carrying = max(i for i, event in enumerate(speech.events) if b'"usage":{' in event)
    events = [*speech.events[: carrying + 1], *speech.events[carrying:]]
    return (Send(speech.head() + chunked(events) + LAST_CHUNK),)


def _error_in_band(n_tokens: int) -> Callable[[Speech, Call], Script]:
    def script(speech: Speech, _call: Call) -> Script:
        shape = SHAPES[speech.dialect]
        if not speech.stream:
            body = shape.error(500, "The model fell over.", None, None)
            return (Send(http_head(200, len(body)) + body),)
        begun = speech.first(n_tokens) if n_tokens else b""
        error = chunked([shape.error_event(500, "The model fell over.", None)])
        return (Send(speech.head() + begun + error + LAST_CHUNK),)

    return script


def _page(_speech: Speech, _call: Call) -> Script:
    return (Send(http_head(200, len(HTML_PAGE), content_type="text/html") + HTML_PAGE),)


def _nothing(speech: Speech, _call: Call) -> Script:
    return (Send(speech.head() + LAST_CHUNK if speech.stream else http_head(200, 0)),)


def _elsewhere(_speech: Speech, _call: Call) -> Script:
    return (Send(http_head(302, 0, location="http://127.0.0.1:1/")),)


def _cut_within_a_character(speech: Speech, _call: Call) -> Script:
    if not speech.stream:
        cut = speech.body.replace(b"token59", "tok\N{LATIN SMALL LETTER E WITH ACUTE}".encode()[:-1])
        return (Send(http_head(200, len(cut)) + cut),)
    last = speech.events[len(speech.events) // 2].replace(b"token", b"tok\xc3")
    return (Send(speech.head() + speech.first(20) + chunked([last]) + LAST_CHUNK),)


def _byte_by_byte(speech: Speech, _call: Call) -> Script:
    if not speech.stream:
        return speech.answer()
    content = b"".join(speech.events)
    return (Send(speech.head() + chunked([bytes([byte]) for byte in content]) + LAST_CHUNK),)


def _one_big_event(speech: Speech, _call: Call) -> Script:
    if not speech.stream:
        return speech.answer()
    return (Send(speech.head() + chunked([b"data: " + b"x" * BIG_BYTES])), End("hang"))


def _closed_when_reused(speech: Speech, call: Call) -> Script:
    return (End("close"),) if call.attempt == 2 else speech.answer()


def _other_model(speech: Speech, _call: Call) -> Script:
    return Speech(dialect=speech.dialect, stream=speech.stream, model=OTHER_MODEL).answer()


def _never_called(_speech: Speech, _call: Call) -> Script:
    return (End("close"),)


BEYOND: tuple[Scenario, ...] = (
    Scenario(
        id="B01",
        fault="an answer without usage",
        conduct="passes it on; its cost is unknown, not zero",
        primary=_without_usage,
        checks=(checks.answered, checks.billed(None)),
    ),
    Scenario(
        id="B02",
        fault="the usage comes twice",
        conduct="bills it once",
        primary=_usage_twice,
        checks=(checks.answered, checks.billed_as("primary")),
    ),
    Scenario(
        id="B03",
        fault="an error with status 200, before the first token",
        conduct="fails over",
        primary=_error_in_band(0),
        checks=(checks.answered, checks.served_by("fallback")),
    ),
    Scenario(
        id="B04",
        fault="an error with status 200, after 20 tokens",
        conduct="the whole answer all the same, or a clear error",
        primary=_error_in_band(20),
        checks=(checks.answered_or_error,),
    ),
    Scenario(
        id="B05",
        fault="an HTML page with status 200",
        conduct="fails over",
        primary=_page,
        checks=(checks.answered, checks.served_by("fallback")),
    ),
    Scenario(
        id="B06",
        fault="status 200 and nothing",
        conduct="fails over",
        primary=_nothing,
        checks=(checks.answered, checks.served_by("fallback")),
    ),
    Scenario(
        id="B07",
        fault="a redirect to elsewhere",
        conduct="does not carry the key there, fails over",
        primary=_elsewhere,
        checks=(checks.answered, checks.served_by("fallback")),
    ),
    Scenario(
        id="B08",
        fault="cut within a character",
        conduct="the whole answer all the same, or a clear error",
        primary=_cut_within_a_character,
        checks=(checks.answered_or_error,),
    ),
    Scenario(
        id="B09",
        fault="each byte comes by itself",
        conduct="makes no difference",
        primary=_byte_by_byte,
        checks=(checks.answered, checks.served_by("primary")),
    ),
    Scenario(
        id="B10",
        fault="one event of 10 MB without an end",
        conduct="stops reading at a limit, fails over",
        primary=_one_big_event,
        checks=(checks.answered, checks.within(60)),
    ),
    Scenario(
        id="B11",
        fault="a kept connection is closed just as it is used again",
        conduct="asks again",
        primary=_closed_when_reused,
        n_requests=2,
        checks=(checks.answered,),
    ),
    Scenario(
        id="B12",
        fault="another model answers than was asked for",
        conduct="says so",
        primary=_other_model,
        checks=(checks.answered, checks.flags_served_as(OTHER_MODEL)),
    ),
    Scenario(
        id="B13",
        fault="the connection is refused",
        conduct="fails over",
        primary=_never_called,
        base_url="http://127.0.0.1:1/v1",
        checks=(checks.answered, checks.served_by("fallback")),
    ),
    Scenario(
        id="B14",
        fault="the name of the host is not known",
        conduct="fails over",
        primary=_never_called,
        base_url="http://no-such-host.invalid/v1",
        checks=(checks.answered, checks.served_by("fallback")),
    ),
    Scenario(
        id="B15",
        fault="what should be TLS is none",
        conduct="fails over",
        primary=_never_called,
        base_url="https://{host}/v1",
        checks=(checks.answered, checks.served_by("fallback")),
    ),
)
