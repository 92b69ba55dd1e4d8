"""Sessions: who names them, what they draw, when they are over."""

import stat
from datetime import UTC, datetime, timedelta

import pytest

from fairlead.control_arm import NOT_DRAWN
from fairlead.errors import ConfigError
from fairlead.gateway import sessions
from fairlead.gateway.secret import session_secret
from fairlead.gateway.sessions import IDLE, MAX_ID_CHARS, Sessions
from fairlead.types import Message, Request, Text

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def request(*turns: tuple[str, str], **more) -> Request:
    return Request(messages=tuple(Message(role=role, parts=(Text(text=text),)) for role, text in turns), **more)


def scope(**headers):
    return {"headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]}


def state(of=None, where=None, *, book=None, now=NOW):
    return (book or Sessions(b"secret")).state(of or request(("user", "Hello.")), where or scope(), now)


@pytest.mark.parametrize(
    ("of", "where", "rule", "name"),
    [
        (request(("user", "x"), prompt_cache_key="k"), scope(x_fairlead_session="mine"), "header", "mine"),
        (request(("user", "x"), prompt_cache_key="k"), scope(x_claude_code_session_id="c"), "client_header", "c"),
        (request(("user", "x"), prompt_cache_key="k"), scope(session_id="codex"), "client_header", "codex"),
        (request(("user", "x"), prompt_cache_key="k", metadata={"session_id": "m"}), scope(), "prompt_cache_key", "k"),
        (request(("user", "x"), metadata={"session_id": "m"}), scope(), "metadata", "m"),
        (
            request(("user", "x")),
            scope(x_claude_code_session_id="c", x_claude_code_agent_id="a1"),
            "client_header",
            "c/a1",
        ),
        (request(("user", "x"), previous_response_id="resp_1"), scope(), "previous_response_id", "resp_1"),
        (request(("user", "x"), user="user_0f_account_1e_session_2d-3c"), scope(), "metadata", "2d-3c"),
        (request(("user", "x"), user='{"device_id": "d", "session_id": "s9"}'), scope(), "metadata", "s9"),
    ],
)
def test_the_first_rule_that_applies_names_the_session(of, where, rule, name):
    named = state(of, where)
    assert (named.rule, named.id) == (rule, name)


def test_a_conversation_keeps_its_name_as_it_grows():
    start = request(("system", "Be brief."), ("user", "Hello."))
    later = request(("system", "Be brief."), ("user", "Hello."), ("assistant", "Hi."), ("user", "And now?"))
    assert state(start).rule == "content"
    assert state(start) == state(later)


@pytest.mark.parametrize(
    ("of", "where"),
    [
        (request(("system", "Be long."), ("user", "Hello.")), scope()),
        (request(("system", "Be brief."), ("user", "Good day.")), scope()),
        (request(("system", "Be brief."), ("user", "Hello.")), scope(authorization="Bearer other")),
        (request(("system", "Be brief."), ("user", "Hello.")), scope(x_api_key="other")),
    ],
)
def test_another_prompt_or_another_caller_is_another_session(of, where):
    assert state(of, where).id != state(request(("system", "Be brief."), ("user", "Hello."))).id


LONG = "".join(str(i) for i in range(10_000))


@pytest.mark.parametrize("other", [f"1{LONG[1:]}", LONG.replace("5000", "0000"), f"{LONG[:-1]}0", f"{LONG}0"])
def test_another_long_prompt_is_another_session_and_the_same_one_the_same(other):
    named = state(request(("system", LONG), ("user", "Hello."))).id
    assert named == state(request(("system", LONG), ("user", "Hello."), ("user", "And now?"))).id
    assert named != state(request(("system", other), ("user", "Hello."))).id


@pytest.mark.parametrize("user", ["someone", '{"session_id"', '{"session_id": 7}', "my session"])
def test_a_user_without_a_session_names_none(user):
    assert state(request(("user", "Hello."), user=user)).rule == "content"


def test_a_name_by_content_does_not_show_the_content_and_needs_the_secret():
    named = state(request(("user", "my diagnosis")))
    assert "diagnosis" not in named.id
    assert named.id != state(request(("user", "my diagnosis")), book=Sessions(b"other")).id


def test_an_id_without_end_is_kept_as_its_fingerprint():
    named = state(where=scope(x_fairlead_session="x" * (MAX_ID_CHARS + 1)))
    assert (named.rule, len(named.id)) == ("header", 32)


def test_draws_belong_to_the_session_and_spread_over_the_unit_interval():
    book = Sessions(b"secret")
    drawn = [state(where=scope(x_fairlead_session=f"s{i}"), book=book) for i in range(2000)]
    again = state(where=scope(x_fairlead_session="s0"), book=Sessions(b"secret"), now=NOW + timedelta(days=9))
    assert (again.control_draw, again.mix_draw) == (drawn[0].control_draw, drawn[0].mix_draw)
    assert 0.17 < sum(each.control_draw < 0.2 for each in drawn) / 2000 < 0.23
    assert sum(each.control_draw < 0.2 and each.mix_draw < 0.5 for each in drawn) / 2000 == pytest.approx(0.1, abs=0.02)


def test_an_answer_names_the_session_it_belongs_to():
    book = Sessions(b"secret")
    first = state(book=book)
    book.answered(first, "resp_1")
    later = state(request(("user", "And now?"), previous_response_id="resp_1"), book=book)
    assert (later.id, later.control_draw, later.mix_draw) == (first.id, first.control_draw, first.mix_draw)


def test_the_oldest_answers_are_forgotten_first(monkeypatch):
    monkeypatch.setattr(sessions, "MAX_SESSIONS", 2)
    book = Sessions(b"secret")
    first = state(book=book)
    for name in ("a", "b", "c"):
        book.answered(first, name)
    named = [state(request(("user", "x"), previous_response_id=name), book=book).id for name in ("a", "c")]
    assert named == ["a", first.id]


def test_a_session_remembers_who_answered_until_it_is_idle():
    book = Sessions(b"secret")
    first = state(book=book)
    book.served(first, "host/wren")
    assert first.last_candidate is None
    assert state(book=book, now=NOW + IDLE).last_candidate == "host/wren"
    assert state(book=book, now=NOW + 2 * IDLE).last_candidate == "host/wren"
    assert state(book=book, now=NOW + 3 * IDLE + timedelta(seconds=1)).last_candidate is None


def test_the_session_silent_for_longest_is_forgotten_first(monkeypatch):
    monkeypatch.setattr(sessions, "MAX_SESSIONS", 2)
    book = Sessions(b"secret")
    for name in ("a", "b", "a", "c"):
        book.served(state(where=scope(x_fairlead_session=name), book=book), "host/wren")
    remembered = {n: state(where=scope(x_fairlead_session=n), book=book).last_candidate for n in ("a", "b")}
    assert remembered == {"a": "host/wren", "b": None}


def test_the_secret_is_made_once_and_is_its_owners_alone(tmp_path):
    path = tmp_path / "ledger.db.secret"
    secret = session_secret(path)
    assert len(secret) == 32
    assert session_secret(path) == secret
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["ledger.db.secret"]


@pytest.mark.parametrize("content", ["", "abcd", "not hexadecimal"])
def test_a_spoilt_secret_is_refused_without_showing_it(tmp_path, content):
    path = tmp_path / "ledger.db.secret"
    path.write_text(content)
    with pytest.raises(ConfigError, match=r"ledger\.db\.secret"):
        session_secret(path)


def test_a_secret_that_cannot_be_kept_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="Make its folder writable"):
        session_secret(tmp_path / "none" / "ledger.db.secret")


# Opting out -----------------------------------------------------------------------------------------------------------

OUT = scope(x_fairlead_session="s", x_fairlead_opt_out="1")
IN = scope(x_fairlead_session="s")


def test_who_opts_out_is_drawn_for_nothing():
    assert state(where=OUT).opted_out
    assert state(where=OUT).control_draw == NOT_DRAWN
    assert state(where=OUT).mix_draw == state(where=IN).mix_draw  # what the policy itself mixes is no experiment


@pytest.mark.parametrize("value", ["", "0", "false", "maybe"])
def test_only_a_clear_word_opts_out(value):
    assert not state(where=scope(x_fairlead_session="s", x_fairlead_opt_out=value)).opted_out


def test_nobody_steps_out_and_in_until_the_draw_pleases():
    book = Sessions(b"secret")
    drawn = state(where=IN, book=book).control_draw
    assert state(where=OUT, book=book).control_draw == NOT_DRAWN
    assert state(where=IN, book=book, now=NOW + IDLE).opted_out
    over = state(where=IN, book=book, now=NOW + 3 * IDLE)
    assert (over.opted_out, over.control_draw) == (False, drawn)  # what it gets back is the draw that it had


def test_nothing_that_a_caller_can_change_moves_the_draw_of_a_session():
    drawn = state(where=IN).control_draw
    others = [
        state(request(("user", "Other words.")), IN),
        state(request(("system", "Be brief."), ("user", "Hello."), model="auto:cost", temperature=0.3), IN),
        state(where=IN, now=NOW + timedelta(days=400)),
        state(where=scope(authorization="Bearer another", user_agent="x", x_fairlead_session="s")),
        state(where=scope(x_fairlead_session="s", session_id="t", x_fairlead_control="0")),
    ]
    assert {other.control_draw for other in others} == {drawn}
