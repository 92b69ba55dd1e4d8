"""Refusals by status, header and word."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from multidict import CIMultiDict

from fairlead.errors import (
    BadResponseError,
    CredentialsError,
    ProviderTimeoutError,
    RateLimitError,
    RefusedRequestError,
    UnavailableError,
)
from fairlead.providers.failures import refusal, retry_after_s

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def refused(status, body=b"", **headers):
    named = CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})
    return refusal("p/m", status, named, body, now=NOW, shown=str)


def test_the_field_at_fault_is_kept():
    said = b'{"error": {"message": "no", "param": "temperature", "code": "unsupported_value"}}'
    assert refused(400, said).param == "temperature"
    assert refused(400, b'{"error": {"message": "no", "param": 3}}').param is None


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (302, BadResponseError, False),
        (400, RefusedRequestError, False),
        (401, CredentialsError, False),
        (402, CredentialsError, False),
        (403, CredentialsError, False),
        (404, RefusedRequestError, False),
        (408, ProviderTimeoutError, False),
        (409, UnavailableError, True),
        (422, RefusedRequestError, False),
        (429, RateLimitError, True),
        (500, UnavailableError, True),
        (503, UnavailableError, True),
        (529, UnavailableError, True),
    ],
)
def test_statuses(status, kind, retryable):
    error = refused(status)
    assert type(error) is kind
    assert error.retryable is retryable
    assert (error.status_code, error.model, error.billed) == (status, "p/m", False)


def test_the_providers_words_code_and_id_are_kept():
    body = b'{"error": {"message": "Too long.", "code": "context_length_exceeded"}}'
    error = refused(400, body, X_Request_Id="req_1")
    assert str(error) == "the provider answered 400: Too long."
    assert (error.code, error.request_id) == ("context_length_exceeded", "req_1")


def test_an_empty_purse_is_not_retried():
    assert not refused(429, b'{"error": {"message": "Pay.", "code": "insufficient_quota"}}').retryable


def test_the_provider_may_say_itself_whether_to_retry():
    assert refused(503, X_Should_Retry="false").retryable is False
    assert refused(400, X_Should_Retry="true").retryable is True


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"Retry-After": "2"}, 2.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After": "2", "retry-after-ms": "1500"}, 1.5),
        ({"Retry-After": "Mon, 23 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"Retry-After": "Mon, 23 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "nan"}, None),
    ],
)
def test_retry_after_in_all_its_forms(headers, expected):
    assert retry_after_s(CIMultiDict(headers), NOW) == expected


def test_geminis_delay_in_the_body_counts_where_no_header_does():
    body = b'{"error": {"message": "m", "details": [{"retryDelay": "3s"}]}}'
    assert refused(429, body).retry_after_s == 3.0
    assert refused(429, body, Retry_After="1").retry_after_s == 1.0
