"""Hosts that fail are left alone, as everybody can see; where nobody else is left they are asked all the same."""

from fairlead.providers.faults import Fault, FaultPlan, FaultShare

OFTEN = "[limits]\nbreaker_failures = 2\nretries = 0\n"


def down(*models):
    share = FaultShare(
        fault=Fault(kind="status", status_code=503), share=1.0, n_attempts=10**9, models=frozenset(models)
    )
    return FaultPlan(shares=(share,))


async def test_a_host_that_fails_again_and_again_is_left_alone(start):
    running = await start(OFTEN, faults=down("albatross"))
    for _ in range(3):
        assert (await running.post()).status == 200
    assert [len(entry.attempts) for entry in running.entries()] == [2, 2, 1]
    last = running.entries()[-1]
    assert (last.excluded, last.served) == ({"host/albatross": "breaker_open"}, "host/wren")
    async with running.http.get(running.url + "/health/hosts") as reply:
        assert await reply.json() == {"breakers": {"host/albatross": "open", "host/wren": "closed"}}


async def test_where_nobody_else_is_left_a_failing_host_is_asked_all_the_same(start):
    running = await start(OFTEN, faults=down("albatross", "wren"))
    replies = [await running.post() for _ in range(4)]
    assert [reply.status for reply in replies] == [503] * 4
    assert [len(entry.attempts) for entry in running.entries()] == [2] * 4
    assert all(reply.headers["x-should-retry"] == "false" for reply in replies)
