"""Virtual keys over HTTP: who is let in, for what, how much, and what each dialect is told."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import anthropic
import openai
import pytest

from fairlead.config import Secret
from fairlead.errors import LedgerError, RequestError
from fairlead.gateway.keys import MAX_CHECKS, Door, is_loopback
from fairlead.ledger.budget import Budget, KeyTerms
from fairlead.ledger.keys import Key, new_key
from tests.gateway.conftest import ASK
from tests.gateway.test_chat import always

ADMIN = "an-admin-key-of-some-length"


def made(running, *, team=None, expires_at=None, **terms):
    """Returns a new key of the running gateway, as a client holds it."""
    secret, key = new_key("test", KeyTerms(**terms), datetime.now(UTC), team=team, expires_at=expires_at)
    running.gateway.ledger.keys.add(key)
    running.gateway.door.refresh_s = 0.0
    return secret


def bearing(key):
    return {"authorization": f"Bearer {key}"}


async def test_without_any_key_whoever_asks_is_served(running):
    assert (await running.post(headers=bearing("sk-anything"))).status == 200
    assert running.entry().key_id is None


async def test_with_a_key_nobody_else_is_served_and_the_rows_name_it(running):
    key = made(running, team="search")
    assert (await running.post()).status == 401
    assert (await running.post(headers=bearing("sk-anything"))).status == 401
    assert (await running.post(headers=bearing(key[:-1] + "x"))).status == 401
    assert running.entries() == []
    assert (await running.post(headers=bearing(key))).status == 200
    entry = running.entry()
    assert (entry.key_id, entry.team) == (key.split("-")[2], "search")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", "/v1/chat/completions"),
        ("post", "/v1/responses"),
        ("post", "/v1/messages"),
        ("post", "/v1/messages/count_tokens"),
        ("post", "/v1/embeddings"),
        ("post", "/v1/route"),
        ("post", "/v1/feedback"),
        ("get", "/v1/models"),
        ("get", "/v1/models/auto"),
    ],
)
async def test_every_path_of_the_api_needs_the_key(running, method, path):
    made(running)
    async with running.http.request(method, running.url + path, json=ASK) as reply:
        assert reply.status == 401
        assert (await reply.json())["error"]["type"] == "authentication_error"
    async with running.http.get(running.url + "/health/live") as reply:
        assert reply.status == 200


async def test_the_official_clients_understand_every_refusal(running):
    key = made(running, routes=("auto",), requests_per_minute=1)
    async with openai.AsyncOpenAI(base_url=running.url + "/v1", api_key=key, max_retries=0) as client:
        reply = await client.chat.completions.with_raw_response.create(**ASK)
        assert reply.headers["x-ratelimit-limit-requests"] == "1"
        assert reply.headers["x-ratelimit-remaining-requests"] == "0"
        assert reply.headers["x-ratelimit-reset-requests"] == "1m0s"
        with pytest.raises(openai.PermissionDeniedError, match="may ask for routes alone"):
            await client.chat.completions.create(**ASK | {"model": "host/wren"})
        with pytest.raises(openai.RateLimitError) as refused:
            await client.chat.completions.create(**ASK)
        assert 50 < float(refused.value.response.headers["retry-after"]) <= 60
        assert refused.value.code == "rate_limit_exceeded"
    async with openai.AsyncOpenAI(base_url=running.url + "/v1", api_key="sk-no", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError):
            await client.models.list()
    async with anthropic.AsyncAnthropic(base_url=running.url, api_key=key, max_retries=0) as client:
        with pytest.raises(anthropic.RateLimitError) as refused:
            await client.messages.create(**ASK, max_tokens=64)
        assert refused.value.response.headers["anthropic-ratelimit-requests-remaining"] == "0"
        assert refused.value.response.headers["anthropic-ratelimit-requests-reset"].endswith("Z")


async def test_a_key_is_served_by_its_models_alone(running):
    key = made(running, models=("host/wr*",))
    assert (await running.post(headers=bearing(key))).status == 200
    entry = running.entry()
    assert (entry.served, entry.excluded) == ("host/wren", {"host/albatross": "not_allowed"})
    assert (await running.post(json=ASK | {"model": "host/wren"}, headers=bearing(key))).status == 200
    refused = await running.post(json=ASK | {"model": "host/albatross"}, headers=bearing(key))
    assert (refused.status, refused.json["error"]["code"]) == (403, "model_not_allowed")


async def test_a_key_asks_for_its_routes_alone(start):
    running = await start("[routes.auto]\n[routes.other]\n")
    key = made(running, routes=("other",))
    assert (await running.post(json=ASK | {"model": "other"}, headers=bearing(key))).status == 200
    refused = await running.post("/v1/route", headers=bearing(key))
    assert (refused.status, refused.json["error"]["type"]) == (403, "permission_error")


async def listed(running, key, path="/v1/models"):
    async with running.http.get(running.url + path, headers=bearing(key)) as reply:
        return reply.status, await reply.json()


async def test_a_key_is_shown_the_names_that_it_may_ask_for(start):
    running = await start('[routes.auto]\n[routes.strong]\ncandidates = ["host/albatross"]\n')
    every = ["auto", "auto:cost", "auto:quality", "strong", "host/albatross", "host/wren"]
    for terms, names in (
        ({}, every),
        ({"models": ("host/wr*",)}, ["auto", "auto:cost", "auto:quality", "host/wren"]),
        ({"routes": ("strong",)}, ["strong"]),
        ({"routes": ("strong",), "models": ("host/albatross",)}, ["strong", "host/albatross"]),
    ):
        key = made(running, **terms)
        _, found = await listed(running, key)
        assert [model["id"] for model in found["data"]] == names
        for name in every:
            status, _ = await listed(running, key, f"/v1/models/{name}")
            asked = await running.post(json=ASK | {"model": name}, headers=bearing(key))
            assert (status, asked.status) in ({(200, 200)} if name in names else {(404, 403), (404, 400)})


async def test_a_wrong_name_is_told_those_alone_that_the_key_may_ask_for(running):
    key = made(running, models=("host/wren",))
    refused = await running.post(json=ASK | {"model": "host/albatros"}, headers=bearing(key))
    assert (refused.status, refused.json["error"]["code"]) == (404, "model_not_found")
    assert "host/wren" in refused.json["error"]["message"]
    assert "host/albatross" not in refused.json["error"]["message"]


async def test_the_budgets_of_route_and_key_both_hold(start):
    running = await start('[routes.auto]\nbudget = { usd = "1" }\n')
    poor, rich = (made(running, budget=Budget(usd=Decimal(usd), per="day")) for usd in ("0.001", "5"))
    refused = await running.post(headers=bearing(poor))
    assert refused.status == 402
    assert "budget of key `" in refused.json["error"]["message"]
    served = await running.post(headers=bearing(rich))
    assert served.status == 200
    assert Decimal(served.headers["x-fairlead-budget-remaining-usd"]) < 1  # the tighter one is told


async def test_a_keys_budget_holds_for_a_model_that_is_named_as_well(running):
    key = made(running, budget=Budget(usd=Decimal("0.01"), per="day"))
    refused = await running.post(json=ASK | {"model": "host/albatross"}, headers=bearing(key))
    assert refused.status == 402


async def test_a_model_without_a_price_is_not_called_under_a_keys_budget(start):
    running = await start('[models."host/free"]\n')
    key = made(running, budget=Budget(usd=Decimal(5), per="day"))
    refused = await running.post(json=ASK | {"model": "host/free"}, headers=bearing(key))
    assert refused.status == 400
    assert "unpriced_under_budget" in refused.json["error"]["message"]
    assert running.entries() == []


async def test_so_many_requests_run_at_once_and_room_comes_back(start):
    running = await start(faults=always("silent"))
    key = made(running, parallel=1)
    held = asyncio.ensure_future(running.post(headers=bearing(key)))
    await running.until(running.entries)
    refused = await running.post(headers=bearing(key))
    assert (refused.status, refused.headers["retry-after"]) == (429, "1")
    held.cancel()
    await running.settled()
    await running.until(lambda: running.gateway.ledger.n_waiting == 0)
    freed = asyncio.ensure_future(running.post(headers=bearing(key)))
    await running.until(lambda: len(running.entries()) == 2)
    freed.cancel()


async def test_a_key_that_was_revoked_or_has_expired_opens_nothing(running):
    key = made(running)
    over = made(running, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert (await running.post(headers=bearing(key))).status == 200
    running.gateway.ledger.keys.revoke(key.split("-")[2], datetime.now(UTC))
    for gone, why in ((key, "is revoked"), (over, "is expired")):
        refused = await running.post(headers=bearing(gone))
        assert refused.status == 401
        assert why in refused.json["error"]["message"]
    assert (await running.post()).status == 401  # no key is left, and it is not open to all


async def test_a_session_is_its_keys_own(running):
    first, second = made(running), made(running)
    for key in (first, second):
        await running.post(headers=bearing(key) | {"x-fairlead-session": "s"})
    assert len({entry.session_id for entry in running.entries()}) == 2


async def test_the_admin_key_opens_everything_and_manages_alone(start, monkeypatch):
    running = await start()
    running.gateway.door.admin_key = Secret(ADMIN)
    assert (await running.post()).status == 401
    assert (await running.post(headers=bearing(ADMIN))).status == 200
    key = made(running)
    for path in ("/health/hosts", "/metrics"):
        for headers, status in (({}, 401), (bearing(key), 401), (bearing(ADMIN), 200)):
            async with running.http.get(running.url + path, headers=headers) as reply:
                assert reply.status == status


async def test_where_others_can_reach_us_no_key_means_no_service(running):
    running.gateway.door.closed = True
    assert (await running.post()).status == 401
    async with running.http.get(running.url + "/health/hosts") as reply:
        assert "none is configured" in (await reply.json())["error"]["message"]


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("::", False), ("gate.local", False)],
)
def test_what_others_can_reach_is_known(host, loopback):
    assert is_loopback(host) == loopback


# The door alone ------------------------------------------------------------------------------------------------------


class Store:
    """Keys in memory; counts how often they are read."""

    def __init__(self, *keys):
        self.keys = {key.id: key for key in keys}
        self.n_read = 0
        self.gone = False

    def any(self):
        return bool(self.keys)

    def get(self, key_id):
        if self.gone:
            raise LedgerError("the disk is gone")
        self.n_read += 1
        return self.keys.get(key_id)


def scope_of(key):
    return {"headers": [(b"authorization", f"Bearer {key}".encode())]}


@pytest.fixture
def checks(monkeypatch):
    """How often a slow hash was computed."""
    done, opens = [], Key.opens

    def counted(self, presented):
        done.append(presented)
        return opens(self, presented)

    monkeypatch.setattr(Key, "opens", counted)
    return done


@pytest.fixture
def one():
    return new_key("one", KeyTerms(), datetime.now(UTC))


async def test_the_slow_hash_is_computed_once_and_the_row_read_when_it_is_stale(one, checks):
    secret, key = one
    now = [0.0]
    store = Store(key)
    door = Door(store=store, candidates=(), refresh_s=5.0, timer=lambda: now[0])
    for now[0] in (0.0, 1.0, 4.9, 5.1, 6.0):
        assert (await door.caller(scope_of(secret))).key_id == key.id
    assert (len(checks), store.n_read) == (1, 2)


async def test_many_that_bring_one_key_at_once_are_let_in_by_one_check(one, checks):
    secret, key = one
    door = Door(store=Store(key), candidates=(), timer=lambda: 0.0)
    asking = [asyncio.ensure_future(door.caller(scope_of(secret))) for _ in range(2 * MAX_CHECKS)]
    while not checks:  # noqa: ASYNC110 - a thread computes
        await asyncio.sleep(0)
    asking.pop(0).cancel()  # the first leaves; the others do not
    callers = await asyncio.gather(*asking)
    assert {caller.key_id for caller in callers} == {key.id}
    assert len(checks) == 1


async def test_a_wrong_key_is_checked_once_in_a_while(one, checks):
    secret, key = one
    door = Door(store=Store(key), candidates=(), timer=lambda: 0.0)
    for _ in range(3):
        with pytest.raises(RequestError, match="not one of this gateway's"):
            await door.caller(scope_of(secret[:-1] + ("0" if secret[-1] != "0" else "1")))
    assert len(checks) == 1


async def test_whoever_guesses_meets_a_limit(one, checks):
    secret, key = one
    door = Door(store=Store(key), candidates=(), timer=lambda: 0.0)
    await door.caller(scope_of(secret))
    guesses = [f"{secret[:-4]}{n:04x}" for n in range(MAX_CHECKS + 8)]
    answers = await asyncio.gather(*(door.caller(scope_of(g)) for g in guesses), return_exceptions=True)
    assert sum(error.status_code == 429 for error in answers if isinstance(error, RequestError)) >= 8
    assert len(checks) <= 1 + MAX_CHECKS


@pytest.mark.parametrize("stale_is_better", [True, False])
async def test_while_the_ledger_is_gone_a_known_key_goes_on_where_rows_are_spooled(one, stale_is_better):
    secret, key = one
    now = [0.0]
    store = Store(key)
    door = Door(store=store, candidates=(), stale_is_better=stale_is_better, timer=lambda: now[0])
    await door.caller(scope_of(secret))
    now[0], store.gone = 60.0, True
    if stale_is_better:
        assert (await door.caller(scope_of(secret))).key_id == key.id
    else:
        with pytest.raises(LedgerError):
            await door.caller(scope_of(secret))


async def test_a_new_configuration_knows_the_keys_and_stays_as_closed_as_it_was(one, checks):
    secret, key = one
    settings = {"store": Store(key), "admin_key": None, "refresh_s": 5.0, "stale_is_better": False}
    before = Door.following(None, candidates=("a/b",), **settings)
    before.closed = True
    assert (await before.caller(scope_of(secret))).key_id == key.id
    after = Door.following(before, candidates=("c/d",), **{**settings, "store": Store(key)})
    assert (await after.caller(scope_of(secret))).key_id == key.id
    assert len(checks) == 1
    assert await Door.following(after, candidates=(), **{**settings, "store": Store()}).needs_key()
