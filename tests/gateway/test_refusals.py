"""What a host of each dialect refuses, as callers of each dialect are told."""

from __future__ import annotations

import pytest

from fairlead.providers.faults import Fault

ASKS = {
    "/v1/chat/completions": {"model": "auto", "messages": [{"role": "user", "content": "Hi"}]},
    "/v1/responses": {"model": "auto", "input": "Hi"},
    "/v1/messages": {"model": "auto", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]},
}
NO_RETRIES = "[limits]\nretries = 0\n"
KINDS = {429: "rate_limit_error", 400: "invalid_request_error"}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", ["openai", "responses", "anthropic", "gemini"])
@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="status", status_code=429, retry_after_s=7),
        Fault(kind="status", status_code=400, code="context_length_exceeded"),
    ],
    ids=lambda fault: str(fault.status_code),
)
async def test_a_refusal_keeps_its_status_and_its_words_in_the_callers_shape(start, dialect, fault, stream):
    running = await start(NO_RETRIES, dialect=dialect, faults=lambda *_: fault)
    for path, ask in ASKS.items():
        reply = await running.post(path, json=ask | {"stream": stream})
        assert reply.status == fault.status_code
        assert reply.headers["x-should-retry"] == "false"
        assert reply.headers.get("retry-after") == (None if fault.retry_after_s is None else "7")
        error = reply.json["error"]
        assert error["type"] == KINDS[fault.status_code]
        assert "a simulated fault" in error["message"]
        if path == "/v1/messages":  # this shape has no field for a code
            assert set(error) == {"type", "message"}
        else:
            assert fault.code is None or fault.code in error["code"] + error["message"]
