"""The paths: guarded, with headers that let nothing else run, beside a gateway that answers as before."""

from __future__ import annotations

import hashlib

import pytest
from starlette.routing import Router
from starlette.testclient import TestClient

from fairlead.dashboard import app
from fairlead.dashboard.guard import Guard
from fairlead.dashboard.question import Live, Page
from fairlead.dashboard.reader import Busy
from tools.vendor_scripts import FILES


class Asked:
    """Stands for the child process, and keeps what it was asked."""

    def __init__(self):
        self.questions = []

    async def ask(self, question):
        self.questions.append(question)
        if question.query.get("period") == "long":
            raise Busy("The page took longer than 1 s.")
        return Page(body="<p>shown</p>")


@pytest.fixture
def asked(monkeypatch):
    monkeypatch.setattr(app, "live", lambda _: Live())
    return Asked()


@pytest.fixture
def client(asked):
    router = Router(app.routes(asked, Guard(is_admin=lambda key: key == "sesame"), None))
    return TestClient(router, headers={"authorization": "Bearer sesame"})


@pytest.mark.parametrize(
    "path", [*(path.replace("{id}", "dec_1") for path in app.PAGES), "/dashboard/static/fairlead.js"]
)
def test_every_path_is_guarded_and_says_what_may_run(client, path):
    shown = client.get(path)
    assert shown.status_code == 200
    assert shown.headers["content-security-policy"] == app.POLICY
    assert shown.headers["x-content-type-options"] == "nosniff"
    refused = client.get(path, headers={"authorization": ""})
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Basic")
    assert "shown" not in refused.text


def test_nothing_inline_and_nothing_from_elsewhere_may_run():
    assert "unsafe" not in app.POLICY
    assert "http" not in app.POLICY
    assert "default-src 'none'" in app.POLICY


def test_a_question_carries_the_query_bounded(client, asked):
    client.get("/dashboard/decisions", params={"reason": "x" * 500, **{f"f{i}": "1" for i in range(50)}})
    (question,) = asked.questions
    assert len(question.query["reason"]) == app.MAX_FIELD_CHARS
    assert len(question.query) == app.MAX_QUERY_FIELDS


def test_what_htmx_asks_for_is_a_fragment_unless_it_puts_a_page_back(client, asked):
    for headers in ({}, {"hx-request": "true"}, {"hx-request": "true", "hx-history-restore-request": "true"}):
        client.get("/dashboard/decisions", headers=headers)
    assert [question.fragment for question in asked.questions] == [False, True, False]


def test_a_busy_reader_is_said_so(client):
    shown = client.get("/?period=long")
    assert shown.status_code == 503
    assert "longer than" in shown.text


def test_a_file_is_fetched_once(client):
    first = client.get("/dashboard/static/htmx.min.js")
    again = client.get("/dashboard/static/htmx.min.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["app.py", "..%2Fapp.py", "%2e%2e%2fapp.py"])
def test_no_other_file_is_served(client, name):
    assert client.get(f"/dashboard/static/{name}").status_code == 404


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.path.name)
def test_scripts_of_others_are_what_was_vendored(file):
    assert hashlib.sha256(file.path.read_bytes()).hexdigest() == file.sha256
