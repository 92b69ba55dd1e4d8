"""`fairlead models`: what is known, by whom it is said, and what a running gateway measured."""

import asyncio
import json
import threading
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from fairlead.cli.models import app
from fairlead.config import load
from fairlead.gateway.app import application
from fairlead.gateway.setup import opened, prepare
from fairlead.providers.upstream import serving

POOL = """
[providers.openai]
[providers.anthropic]
[models."openai/gpt-5"]
capabilities = { files = true }
[models."openai/gpt-unheard-of"]
[models."anthropic/claude-opus-5-5"]
settings = { inference_geo = "us" }
"""


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "x")
    path = tmp_path / "fairlead.toml"
    path.write_text(POOL)
    return path


def shown(*words):
    result = CliRunner().invoke(app, [*words, "--json"])
    assert result.exit_code == 0, result.output
    return {model["id"]: model for model in json.loads(result.stdout)["models"]}


def test_each_fact_says_who_tells_it(config):
    models = shown("--config", str(config))
    gpt = models["openai/gpt-5"]
    assert (gpt["context_length"], gpt["max_output_tokens"]) == (400_000, 128_000)
    assert gpt["reasoning_efforts"] == ["minimal", "low", "medium", "high"]
    assert gpt["capabilities"]["files"] is True
    assert gpt["sources"]["files"].endswith('models."openai/gpt-5".capabilities')
    assert gpt["sources"]["tools"].startswith("https://models.dev")
    assert gpt["price"]["verdict"] == "verified"
    assert gpt["sources"]["price"].startswith("genai-prices")
    assert models["anthropic/claude-opus-5-5"]["regions"] == ["us"]


def test_what_nobody_tells_is_unknown(config):
    unknown = shown("--config", str(config))["openai/gpt-unheard-of"]
    assert set(unknown["capabilities"].values()) == {None}
    assert (unknown["context_length"], unknown["price"], unknown["measured"], unknown["sources"]) == (
        None,
        None,
        None,
        {},
    )


def test_the_whole_catalogue_needs_no_key_and_is_large():
    models = shown("--all")
    assert len(models) > 1300
    assert sum(model["price"] is not None for model in models.values()) > 1200
    assert sum(model["capabilities"]["tools"] is not None for model in models.values()) > 600
    assert all(model["sources"] for model in models.values())


def test_people_see_a_table(config):
    result = CliRunner().invoke(app, ["--config", str(config)])
    assert "openai/gpt-5" in result.output
    assert "one source" in result.output or "verified" in result.output


def test_a_running_gateway_tells_what_it_measured(tmp_path):
    (tmp_path / "fairlead.toml").write_text("[providers.sim]\ndialect = 'simulated'\ntime_scale = 0\n")
    found, ready, done = {}, threading.Event(), threading.Event()

    async def serve():
        async with opened(prepare(load(tmp_path / "fairlead.toml", {}))) as gateway:
            gateway.executor.hosts["sim/heron"].measured_at = datetime(2026, 1, 2, tzinfo=UTC)
            for _ in range(25):
                gateway.executor.hosts["sim/heron"].latency_s.add(1.5)
            async with serving(application(gateway)) as url:
                found["url"] = url
                ready.set()
                await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(10)
        models = shown("--gateway", found["url"])
    finally:
        done.set()
        thread.join()
    measured = models["sim/heron"]["measured"]
    assert (measured["latency_p95_s"], measured["n_answers"], measured["at"]) == (1.5, 25, "2026-01-02T00:00:00Z")
    assert "auto" not in models


def test_what_is_no_gateway_is_told():
    result = CliRunner().invoke(app, ["--gateway", "http://127.0.0.1:1"])
    assert "does not answer as a gateway" in str(result.exception)
    assert "expected an address" in str(CliRunner().invoke(app, ["--gateway", "here"]).exception)
