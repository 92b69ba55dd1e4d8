"""Serving by a certificate: every row names it, scores raise alarms, and a restart forgets none of it."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from fairlead.artifact import save
from fairlead.certificate import Certificate
from fairlead.config import load
from fairlead.fitting import calibrated, fit
from fairlead.gateway.setup import opened, prepare
from fairlead.proof.certifying import Terms, certify
from fairlead.proof.monitor import kept
from fairlead.testing import make_outcomes
from tests.gateway.conftest import ASK

MODELS = ("host/albatross", "host/wren")
EASY = ASK | {"messages": [{"role": "user", "content": "Name three rivers of region 7, then of ships."}]}


def certified_router(issued_at):
    train, held_out = make_outcomes(500, MODELS, seed=1).split(0.4, seed=0)
    router = calibrated(fit(train, reference=MODELS[0]), held_out)
    terms = Terms(margin=0.15, confidence=0.9, days=30, alarm_chance=0.45)
    return certify(router, terms, issued_at=issued_at).router


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("routers") / "certified"
    save(certified_router(datetime.now(UTC) - timedelta(hours=1)), path)
    return path


def settings(folder, more=""):
    return f'[routes.auto]\nrouter = "{folder}"\nreference = "host/albatross"\n{more}\n'


async def ask(running, session, **more):
    answer = await running.post(json=EASY, headers={"x-fairlead-session": session})
    assert answer.status == 200
    return answer.headers["x-fairlead-decision-id"], answer.headers["x-fairlead-reason"]


async def judge(running, decision_id, score, reference_score):
    body = {"decision_id": decision_id, "score": score, "reference_score": reference_score}
    assert (await running.post("/v1/feedback", json=body)).status == 200


async def test_rows_name_the_certificate_and_the_ledger_holds_it(start, folder):
    running = await start(settings(folder))
    await ask(running, "one")
    (event,) = running.gateway.ledger.certificate_events()
    certificate = msgspec.json.decode(event.content, type=Certificate)
    assert event.kind == "issued"
    assert certificate.is_intact
    assert running.entry().certificate == event.certificate == certificate.id
    assert running.entry().chosen == "host/wren"


async def test_bad_scores_take_it_back_to_the_reference_and_every_view_says_so(start, folder):
    running = await start(settings(folder))
    for i in range(200):
        decision_id, reason = await ask(running, f"s{i}")
        if reason == "certificate_alarm":
            break
        await judge(running, decision_id, 0.0, 1.0)
        await running.gateway.watch.look()
    else:
        pytest.fail("no alarm")
    await running.gateway.watch.look()  # behind the one that the last score asked for, which may still be writing
    (standing,) = running.gateway.watch.standings()
    assert standing.serves == "the reference"
    assert running.entries()[-1].chosen == "host/albatross"
    alarms = [e for e in running.gateway.ledger.certificate_events() if e.kind == "alarm"]
    assert len(alarms) == standing.alarms == standing.n_rungs
    assert [found.standing for found in kept(running.gateway.ledger)] == [standing]
    async with running.http.get(running.url + "/metrics") as reply:
        assert f'fairlead_certificate_policies_left{{certificate="{standing.certificate}"}} 0' in await reply.text()


async def test_a_nudge_is_enough(start, folder):
    """Without one the gateway looks every half minute: the test would run into its time limit."""
    running = await start(settings(folder))
    decision_id, _ = await ask(running, "one")
    await judge(running, decision_id, 0.5, 1.0)
    await running.until(lambda: running.gateway.watch.standings()[0].observations == 1)


async def test_a_restart_and_a_second_process_know_what_the_first_has_seen(start, folder, tmp_path):
    running = await start(settings(folder))
    for i in range(8):
        decision_id, _ = await ask(running, f"s{i}")
        await judge(running, decision_id, 0.0, 1.0)
    await running.gateway.watch.look()
    async with opened(prepare(load(tmp_path / "fairlead.toml", {}))) as second:
        assert second.watch.standings() == running.gateway.watch.standings()
        assert second.watch.alarms("auto") == running.gateway.watch.alarms("auto") > 0


async def test_an_expired_certificate_serves_the_reference_and_says_why(start, tmp_path):
    save(certified_router(datetime.now(UTC) - timedelta(days=31)), tmp_path / "old")
    running = await start(settings(tmp_path / "old"))
    assert (await ask(running, "one"))[1] == "certificate_expired"
    assert running.entry().chosen == "host/albatross"


async def test_without_a_certificate_nothing_is_watched(running):
    assert list(running.gateway.watch.standings()) == []
    assert running.gateway.watch.alarms("auto") == 0
    assert running.gateway.ledger.certificate_events() == []
