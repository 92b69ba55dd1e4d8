"""The gateway's benchmark still fits the gateway: its configuration is taken, and its page holds the bars."""

# ruff: noqa: PLC0415 - they can be imported only while their folder is on the path

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fairlead import fit
from fairlead.artifact import save
from fairlead.config import load
from fairlead.gateway.setup import prepare
from fairlead.testing import make_outcomes

FOLDER = Path(__file__).parents[2] / "benchmarks" / "gateway"


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """The benchmark's files import one another by their bare names."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(FOLDER))
    yield
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(FOLDER)):
            del sys.modules[name]


def test_our_own_configuration_is_taken_and_routes_over_eight_candidates(tmp_path):
    import peers

    save(fit(make_outcomes(60, peers.MODELS, seed=0), seed=0), tmp_path / "router")
    peers.fairlead(tmp_path, 9801)
    setup = prepare(load(tmp_path / "fairlead.toml", {"MOCK_KEY": "k"}))
    auto = next(route for route in setup.routes if route.name == "auto")
    assert len(auto.router.candidates) == 8
    assert auto.unseen == ()
    assert all(candidate.price is not None for candidate in auto.router.candidates)


def test_a_ratio_is_taken_within_each_round_and_a_figure_that_is_missing_is_no_zero():
    import load as loads
    import page
    import rounds

    def run(cpu_us):
        answers = loads.Answers(
            n=10, failed=0, seconds=1, per_s=10, p50_ms=2, p99_ms=3, ttft_p50_ms=1, ttft_p99_ms=2, why=""
        )
        return rounds.Run(answers=answers, cpu_us=cpu_us)

    runs = rounds.Runs()
    runs.found["json"]["Fairlead"] = [run(100), run(400), run(150)]
    runs.found["json"]["pass-through"] = [run(100), run(200), run(100)]
    assert runs.ratio(loads.JSON, "Fairlead", "pass-through", lambda r: r.cpu_us) == 1.5
    written = page.page(runs, None, [], {"Portkey": "no npm"}, settings="", command="run.py", taken_s=60)
    assert "| CPU, JSON, of the pass-through | 1.5 | <= 1.7 | <= 0.75 | bar |" in written
    assert "| CPU, JSON, of LiteLLM | not measured |" in written
    assert "Portkey could not be had: no npm" in written
