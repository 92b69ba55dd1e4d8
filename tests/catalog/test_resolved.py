"""What was worked out beforehand is what the library says, and spares its loading."""

import subprocess
import sys

import pytest

from fairlead.catalog import prices
from fairlead.catalog.prices import ask, find, tariff_of
from fairlead.catalog.resolved import book, resolved
from fairlead.config.known import KNOWN_PROVIDERS


@pytest.mark.parametrize("provider", KNOWN_PROVIDERS)
def test_every_model_has_the_price_and_the_window_that_the_library_gives(provider):
    base_url = KNOWN_PROVIDERS[provider].base_url
    names = [name.partition("/")[2] for name in book().models if name.startswith(f"{provider}/")]
    assert len(names) >= 5
    for name in names:
        kept, found = resolved(name, base_url), find(provider, name, base_url)
        assert tuple(each.term() for each in kept.terms) == ask(*found, {}), name
        assert kept.context_tokens == found[1].context_window


def test_what_changes_a_price_asks_the_library():
    base_url = KNOWN_PROVIDERS["openai"].base_url
    assert resolved("gpt-6.1-sol", base_url, {"reasoning_effort": "low"}) is not None
    assert resolved("gpt-6.1-sol", base_url, {"service_tier": "flex"}) is None
    plain, flex = (
        tariff_of("openai", "gpt-6.1-sol", base_url=base_url, settings=s) for s in ({}, {"service_tier": "flex"})
    )
    assert flex.terms[-1].price.input.base == plain.terms[-1].price.input.base / 2


@pytest.mark.parametrize(
    ("model", "base_url"), [("gpt-4o", "https://proxy/v1"), ("gpt-4o", None), ("gpt-unheard-of", None)]
)
def test_what_was_not_asked_is_not_answered(model, base_url):
    assert resolved(model, base_url) is None


def test_another_version_of_the_library_is_asked_itself(monkeypatch):
    monkeypatch.setattr("fairlead.catalog.resolved.version", lambda _library: "0.0.1")
    assert resolved("gpt-4o", KNOWN_PROVIDERS["openai"].base_url) is None
    assert prices.tariff_of("openai", "gpt-4o", base_url=KNOWN_PROVIDERS["openai"].base_url) is not None


def test_a_gateway_of_known_models_never_loads_the_library():
    script = """
import sys
from fairlead.config import load
from fairlead.gateway.setup import prepare
hosts = ("OPENAI", "ANTHROPIC", "GEMINI", "DEEPSEEK", "GROQ", "MISTRAL", "TOGETHER", "XAI", "OPENROUTER")
setup = prepare(load(None, {f"{host}_API_KEY": "x" for host in hosts}))
assert all(candidate.price for candidate in setup.candidates.values())
sys.exit("genai_prices" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
