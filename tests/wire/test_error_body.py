"""The words of a refusal, in each shape that providers give it."""

from __future__ import annotations

import msgspec
import pytest

from fairlead.errors import WireError
from fairlead.wire import error_body
from fairlead.wire.error_body import ErrorBody

GEMINI = b"""[{"error": {"code": 429, "message": "Too fast", "status": "RESOURCE_EXHAUSTED",
    "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "12.5s"}]}}]"""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            b'{"error": {"message": "Too long", "type": "invalid_request_error", "code": "context_length_exceeded"}}',
            ErrorBody(message="Too long", code="context_length_exceeded"),
        ),
        (
            b'{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "r"}',
            ErrorBody(message="Overloaded", code="overloaded_error"),
        ),
        (GEMINI, ErrorBody(message="Too fast", code="RESOURCE_EXHAUSTED", retry_after_s=12.5)),
        (b'{"error": "model not found"}', ErrorBody(message="model not found")),
        (b'{"object": "error", "message": "no such model", "code": 404}', ErrorBody(message="no such model")),
        (b'{"detail": "Not Found"}', ErrorBody(message="Not Found")),
        (b"<html>", None),
        (b"", None),
        (b"[]", None),
        (b'{"error": null}', None),
        (b"\xff", None),
        (b"[" * 100_000, None),
    ],
)
def test_shapes(body, expected):
    assert error_body.read(body) == expected


@pytest.mark.parametrize("error", [b'"\xff"', b'{"message": 1e999}', b"{}", b'""'])
def test_an_error_without_readable_words_is_an_error(error):
    with pytest.raises(WireError):
        error_body.check(msgspec.Raw(error))
