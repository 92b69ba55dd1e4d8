"""The road from day 0, walked: a fresh install serves the reference, gathers scores, learns, is promoted, and saves."""

import asyncio
import json
from contextlib import AsyncExitStack

import aiohttp
import pytest

from fairlead.config import load
from fairlead.gateway.app import application
from fairlead.gateway.setup import opened, prepare
from fairlead.ledger.verify import verify
from fairlead.providers.upstream import serving
from fairlead.testing import make_outcomes
from tests.commands import run

CONFIG = """
[providers.host]
dialect = "recorded"
table = "table"
[routes.auto]
reference = "host/strong"
router = "routers/auto/current"
store_features = true
shadow = { share = 1, usd_per_day = "100" }
[[routes.auto.verifiers]]
kind = "regex"
name = "right"
pattern = '^right\\s*$'
"""
N, BATCH = 400, 40
N_BY_HAND = 60
"""Answers that people score as well, such that verifiers help them."""


async def served(config, prompts):
    """Sends every prompt through a gateway of its own; returns who answered, by decision, once all was looked at."""
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(opened(prepare(load(config, {}))))
        url = await stack.enter_async_context(serving(application(gateway)))
        http = await stack.enter_async_context(aiohttp.ClientSession())

        async def ask(prompt):
            body = {"model": "auto", "messages": [{"role": "user", "content": prompt}], "max_completion_tokens": 500}
            async with http.post(f"{url}/v1/chat/completions", json=body) as reply:
                assert reply.status == 200
                return reply.headers["x-fairlead-decision-id"], reply.headers["x-fairlead-model"]

        models = {}
        for start in range(0, len(prompts), BATCH):
            models |= await asyncio.gather(*map(ask, prompts[start : start + BATCH]))
            await gateway.aftermath.idle()
        assert gateway.aftermath.n_passed_over == 0
        assert verify(gateway.ledger).ok
        return models


def report(config, capsys):
    capsys.readouterr()
    assert run("report", "--ledger", config.parent / "fairlead.db", "--json") == 0
    return json.loads(capsys.readouterr().out)["road"]


def test_the_road_from_day_zero(tmp_path, capsys):
    table = make_outcomes(N, seed=2)  # a table on which the guard finds routing worth it; it does not on every one
    table.write(tmp_path / "table")
    config = tmp_path / "fairlead.toml"
    config.write_text(CONFIG)

    first, later = table.prompts, table.prompts[:BATCH]
    asked = asyncio.run(served(config, first))
    assert set(asked.values()) == {"host/strong"}
    road = report(config, capsys)
    assert road["stage"] in {"gathering", "ready"}
    assert road["n_compared"] == len(first)

    ledger = ("--ledger", tmp_path / "fairlead.db")
    rows = [f"{decision},{table.score[i, 0]:g}\n" for i, decision in enumerate(asked)][:N_BY_HAND]
    (tmp_path / "scores.csv").write_text("".join(["decision_id,score\n", *rows]))
    assert run("feedback", "import", tmp_path / "scores.csv", *ledger) == 0
    assert report(config, capsys)["n_compared"] == road["n_compared"]

    assert run("fit", *ledger, "--margin", "0.05", "--out", tmp_path / "trial", "--json") == 0
    fitted = json.loads(capsys.readouterr().out)
    assert fitted["gathered"]["n_compared"] == len(first)
    scores = {model["model"]: model["mean_score"] for model in fitted["models"]}
    for j, model in enumerate(table.models):  # what was learned from is what the table says
        assert scores[f"host/{model}"] == pytest.approx(table.score[:, j].mean())

    assert run("promote", tmp_path / "trial", "--config", config) == 0
    assert len(set(asyncio.run(served(config, later)).values())) > 1
    assert report(config, capsys)["stage"] == "saving"

    assert run("promote", "--back", "--config", config) == 0
    assert set(asyncio.run(served(config, later)).values()) == {"host/strong"}
