"""Lines of JSON, and no secret in any of them."""

import json
import logging
import sys

import pytest
from msgspec import structs

from fairlead.errors import BadResponseError, ProviderTimeoutError, UnavailableError
from fairlead.events import Event
from fairlead.observers import Refused
from fairlead.observers.logs import Redaction, RequestLog, written

KEY = "a-key-that-no-pattern-knows"


def lines(capsys):
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_an_event_is_one_line_with_its_fields(capsys):
    with written("info", []):
        logging.getLogger("fairlead.x").warning(Event("host_gone", model="a\nb", after_s=1.5))
    (line,) = lines(capsys)
    assert line.pop("at").endswith("+00:00")
    assert line == {"level": "warning", "logger": "fairlead.x", "event": "host_gone", "model": "a\nb", "after_s": 1.5}


def test_of_an_exception_only_its_kind_is_written(capsys):
    with written("info", []):
        try:
            int("the prompt")
        except ValueError:
            logging.getLogger("fairlead").exception(Event("broke"))
    (line,) = lines(capsys)
    assert line["exception"] == "ValueError"
    assert "prompt" not in json.dumps(line)


def test_nothing_is_left_behind(capsys):
    with written("info", []):
        pass
    assert logging.getLogger("fairlead").handlers == []
    assert sys.stderr  # and what follows is as before
    assert logging.getLogger("fairlead").level == logging.NOTSET


@pytest.mark.parametrize(
    "secret",
    [
        KEY,
        "sk-proj-abcdefghijklmnop",
        "sk-ant-api03-abcdefghijklmnop",
        "AIzaSyA1234567890abcdef",
        "Bearer abcdef123456",
        "https://abcdef:word@host/x",
    ],
)
def test_secrets_are_blackened(secret):
    said = Redaction([KEY])(f'{{"a": "{secret}", "b": "say {secret} twice"}}')
    assert not any(word in said for word in (KEY, "abcdef", "word@", "AIza"))
    assert said.count("***") == 2


def test_a_key_is_found_as_json_spells_it(capsys):
    with written("info", ['quo"ted-key']):
        logging.getLogger("fairlead").warning(Event("x", key='quo"ted-key'))
    assert "ted-key" not in capsys.readouterr().err


def test_levels_tell_a_request_from_what_an_operator_should_see(seen, caplog):
    with caplog.at_level(logging.WARNING, "fairlead"):
        RequestLog().observe(seen())
        RequestLog().observe(Refused(path="/v1/messages", status_code=400, code="x"))
    assert [message.split()[0] for message in caplog.messages] == ["call_failed"]
    caplog.clear()
    with caplog.at_level(logging.INFO, "fairlead"):
        RequestLog().observe(seen())
    assert [message.split()[0] for message in caplog.messages] == ["call_failed", "request_served"]


@pytest.mark.parametrize(
    ("cause", "why"),
    [
        (UnavailableError("no connection (refused)", model="a/x"), "no connection (refused)"),
        (ProviderTimeoutError("no connection within 5 s", model="a/x"), "no connection within 5 s"),
        (UnavailableError("the provider answered 503: you said hello", model="a/x", status_code=503), None),
        (BadResponseError("the provider said: you said hello", model="a/x"), None),
    ],
)
def test_a_call_without_a_reply_is_logged_with_why_and_no_reply_is_quoted(cause, why, seen, capsys):
    record = seen(outcome=structs.replace(seen().outcome, causes=(cause,)))
    with written("warning", []):
        RequestLog().observe(record)
    (line,) = lines(capsys)
    assert line["why"] == why
    assert "hello" not in json.dumps(line)
