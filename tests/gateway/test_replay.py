"""What a running gateway decided comes out again from its ledger, to the last bit."""

from fairlead.proof.replay import replay_exactly
from fairlead.proof.what_if import what_if

ROUTES = """
[routes.auto]
reference = "host/albatross"
candidates = ["host/wren", "host/albatross"]
objective = "order"
control_share = 0.5
"""


async def test_every_decision_of_a_gateway_comes_out_again(start):
    running = await start(ROUTES)
    for n in range(12):
        for turn in range(2):
            ask = {"model": "auto", "messages": [{"role": "user", "content": f"Question {n}, turn {turn}"}]}
            headers = {"x-fairlead-session": f"s{n}"} if n % 3 else {}
            assert (await running.post(json=ask, headers=headers)).status == 200
    named = {"model": "host/wren", "messages": [{"role": "user", "content": "You."}]}
    assert (await running.post(json=named)).status == 200
    entries, routers = running.entries(), running.gateway.routes.routers
    found = replay_exactly(entries, routers)
    assert (found.n_same, found.n_different, found.not_replayed) == (24, 0, {"asked_for": 1})
    assert {entry.arm for entry in entries} == {"policy", "control"}
    told = what_if(entries, routers)
    assert (told.n_usable, told.not_usable) == (24, {"asked_for": 1})
