"""Who may look at the dashboard."""

from __future__ import annotations

import base64

import pytest

from fairlead.dashboard.guard import Guard, same


def scope(client="127.0.0.1", host="localhost:8080", **headers):
    named = {"host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return {"client": (client, 1234), "headers": [(name.encode(), value.encode()) for name, value in named.items()]}


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (scope(), "yes"),
        (scope(client="::1", host="[::1]:8080"), "yes"),
        (scope(host="127.0.0.1"), "yes"),
        (scope(client="10.0.0.7"), "no"),
        (scope(host="evil.example:8080"), "no"),  # a page that points its own name at this machine
        (scope(host=""), "no"),
        (scope(x_forwarded_for="10.0.0.7"), "no"),  # a proxy on this machine
        (scope(forwarded="for=10.0.0.7"), "no"),
        (scope(client="not an address"), "no"),
        ({"client": None, "headers": []}, "no"),
    ],
)
def test_without_a_key_only_this_machine_may_look(asked, answer):
    assert Guard()(asked) == answer


def basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "answer"),
    [
        ("Bearer sesame", "yes"),
        (basic("anybody:sesame"), "yes"),
        (basic(":sesame"), "yes"),
        ("Bearer other", "who_are_you"),
        (basic("sesame"), "who_are_you"),
        ("Basic !!!", "who_are_you"),
        ("Bearer ", "who_are_you"),
        ("", "who_are_you"),
    ],
)
def test_with_a_key_it_is_asked_for_from_everywhere(authorization, answer):
    guard = Guard(is_admin=lambda given: same(given, "sesame"))
    for client in ("127.0.0.1", "10.0.0.7"):
        assert guard(scope(client=client, authorization=authorization)) == answer
