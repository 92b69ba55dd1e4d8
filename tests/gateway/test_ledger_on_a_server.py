"""A gateway whose ledger is in PostgreSQL, and two of them over one."""

from fairlead.ledger.verify import verify


async def test_a_gateway_keeps_its_rows_on_a_server_beside_those_of_another(start, postgres):
    settings = f'[ledger]\nurl = "{postgres.ledger()}"\n'
    first, second = await start(settings), await start(settings)
    replies = [await running.post() for running in (first, second, first)]
    assert [reply.status for reply in replies] == [200, 200, 200]
    assert [entry.status for entry in first.entries()] == ["delivered"] * 3
    assert first.entries() == second.entries()
    found = verify(second.gateway.ledger)
    assert found.ok
    assert [end.seq for end in found.ends] == [8, 3]  # two prices, then three rows a request


async def health(running):
    async with running.http.get(running.url + "/health/ready") as reply:
        return reply.status, (await reply.json()).get("ledger")


async def test_a_gateway_that_spools_serves_while_the_server_is_gone_and_says_so(start, fragile):
    url = fragile.ledger()
    spooling = await start(f'[ledger]\nurl = "{url}"\non_failure = "spool"\n')
    assert await health(spooling) == (200, {"available": True, "spooled": 0, "rejected": 0})
    fragile.stop("fast")
    spooling.gateway.ledger._retry_s = 0.01
    assert (await spooling.post()).status == 200
    assert await health(spooling) == (200, {"available": False, "spooled": 2, "rejected": 0})
    fragile.start()
    await spooling.until(lambda: spooling.gateway.ledger.n_spooled == 0)
    assert [entry.status for entry in spooling.entries()] == ["delivered"]


async def test_a_gateway_that_refuses_calls_nobody_while_the_server_is_gone(start, fragile):
    refusing = await start(f'[ledger]\nurl = "{fragile.ledger()}"\n')
    fragile.stop("fast")
    assert (await refusing.post()).status == 503
    assert not refusing.upstream.attempts
    assert (await health(refusing))[0] == 503
    fragile.start()
    assert (await refusing.post()).status == 200
