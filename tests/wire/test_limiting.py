"""A limit that a budget sets is said in the dialect of the caller, and nothing else of the body changes."""

import msgspec
import pytest

from fairlead.types import Request
from fairlead.wire.limiting import own_fields


def sent(dialect, body, limit=None):
    request = Request(messages=(), dialect=dialect, body=body)
    if limit is not None:
        request = request.with_output_limit(limit)
    return msgspec.json.encode(own_fields(request))


@pytest.mark.parametrize(
    ("dialect", "name"),
    [("openai", "max_completion_tokens"), ("responses", "max_output_tokens"), ("anthropic", "max_tokens")],
)
@pytest.mark.parametrize("said", [b"", b'"%s":null,'])
def test_it_has_the_name_that_the_dialect_gives_it(dialect, name, said):
    body = b"{" + (said % name.encode() if said else b"") + b'"x":1.0}'
    assert msgspec.json.decode(sent(dialect, body, 7)) == {"x": 1.0, name: 7}
    assert b'"x":1.0' in sent(dialect, body, 7)


def test_without_one_nothing_is_added():
    assert sent("openai", b'{"x":1.0}') == b'{"x":1.0}'


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_the_callers_own_stays_under_the_name_that_it_gave_it(name):
    body = b'{"%s":9}' % name.encode()
    request = Request(messages=(), body=body, max_output_tokens=9)
    assert msgspec.json.encode(own_fields(request)) == body


def test_what_was_read_of_a_request_is_not_read_again_for_its_limit():
    request = Request(messages=(), body=b'{"x":1}')
    fields = request.fields
    assert request.with_output_limit(7).fields is fields
    assert request.max_output_tokens is None
