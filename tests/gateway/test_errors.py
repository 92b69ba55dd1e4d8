"""Each error of ours as the caller sees it."""

import pytest

from fairlead.errors import (
    AllAttemptsFailedError,
    BadResponseError,
    CredentialsError,
    LedgerError,
    NoCandidateError,
    ProviderTimeoutError,
    RateLimitError,
    RefusedRequestError,
    RequestError,
    UnavailableError,
)
from fairlead.gateway.errors import fault_of, retry_headers
from fairlead.wire.codec import Fault


def failed(*causes):
    return AllAttemptsFailedError(causes)


@pytest.mark.parametrize(
    ("error", "status_code", "code"),
    [
        (RequestError("x", status_code=422), 422, "invalid_request"),
        (NoCandidateError({"a": "output_limit", "b": "context_window"}), 400, "no_candidate"),
        (NoCandidateError({"a": "context_window", "b": "context_window"}), 400, "context_length_exceeded"),
        (NoCandidateError({"a": "breaker_open", "b": "not_allowed"}), 503, "no_candidate"),
        (LedgerError("disk full"), 503, "ledger_unavailable"),
        (failed(ProviderTimeoutError("x", model="m")), 504, "upstream_timeout"),
        (failed(UnavailableError("x", model="m")), 503, "upstream_unavailable"),
        (failed(RateLimitError("x", model="m", retry_after_s=2)), 429, "upstream_rate_limit"),
        (failed(CredentialsError("x", model="m", status_code=401)), 502, "upstream_credentials"),
        (failed(BadResponseError("x", model="m")), 502, "upstream_bad_response"),
        (failed(RefusedRequestError("x", model="m", status_code=422)), 422, "upstream_refused"),
        (failed(RefusedRequestError("x", model="m", status_code=400, code="too_long")), 400, "too_long"),
        (failed(RefusedRequestError("this dialect gives one answer a call", model="m")), 400, "upstream_refused"),
        (failed(UnavailableError("x", model="m"), RateLimitError("y", model="m")), 502, "all_attempts_failed"),
        (failed(RateLimitError("x", model="m"), RateLimitError("y", model="n")), 429, "upstream_rate_limit"),
        (ZeroDivisionError("secret"), 500, "internal_error"),
    ],
)
def test_each_error_has_its_status(error, status_code, code):
    fault = fault_of(error)
    assert (fault.status_code, fault.code) == (status_code, code)


def test_an_unforeseen_error_does_not_show_its_text():
    assert "secret" not in fault_of(ZeroDivisionError("secret")).message


def test_our_own_retries_are_not_multiplied_by_the_clients():
    fault = fault_of(failed(RateLimitError("x", model="m", retry_after_s=2)))
    told = [(b"retry-after", b"2"), (b"retry-after-ms", b"2000"), (b"x-should-retry", b"false")]
    assert retry_headers(fault) == told


@pytest.mark.parametrize(
    ("wait_s", "seconds", "ms"), [(0.0, b"0", b"0"), (0.0004, b"1", b"1"), (19.947, b"20", b"19947")]
)
def test_a_wait_is_told_in_whole_seconds_as_http_has_it(wait_s, seconds, ms):
    fault = Fault(status_code=429, message="x", code="x", retry_after_s=wait_s)
    assert retry_headers(fault) == [(b"retry-after", seconds), (b"retry-after-ms", ms)]


def test_the_field_that_a_provider_finds_fault_with_is_told():
    refused = RefusedRequestError("x", model="m", status_code=400, code="unsupported_value")
    refused.param = "temperature"
    assert fault_of(failed(refused)).param == "temperature"
