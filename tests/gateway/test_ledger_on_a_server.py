"""A gateway whose ledger is in PostgreSQL, and two of them over one."""

from fairlead.ledger.verify import verify


async def test_a_gateway_keeps_its_rows_on_a_server_beside_those_of_another(start, postgres):
    settings = f'[ledger]\nurl = "{postgres.database()}"\n'
    first, second = await start(settings), await start(settings)
    replies = [await running.post() for running in (first, second, first)]
    assert [reply.status for reply in replies] == [200, 200, 200]
    assert [entry.status for entry in first.entries()] == ["delivered"] * 3
    assert first.entries() == second.entries()
    found = verify(second.gateway.ledger)
    assert found.ok
    assert [end.seq for end in found.ends] == [8, 3]  # two prices, then three rows a request
