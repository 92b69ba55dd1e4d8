import genai_prices.data
import pytest

from fairlead.catalog import capabilities_of
from fairlead.catalog.capabilities import _table
from fairlead.config.known import KNOWN_PROVIDERS
from fairlead.types import Capabilities


@pytest.mark.parametrize("name", ["claude-haiku-4-5", "claude-haiku-4-5-20251001"])
def test_a_snapshot_can_do_what_its_model_can(name):
    assert capabilities_of("anthropic", name).max_output_tokens == 64_000


@pytest.mark.parametrize(
    ("provider", "model"),
    [("openai", "gpt-4o-audio-preview"), ("openai", "gpt-5-chat-latest"), ("local", "gpt-4o"), ("openai", "")],
)
def test_another_model_is_unknown(provider, model):
    assert capabilities_of(provider, model) == Capabilities()


def test_every_entry_is_of_a_provider_we_know_and_names_its_source():
    table = _table()
    assert table.checked.isoformat() >= "2026-11-23"
    for name, entry in table.models.items():
        assert name.partition("/")[0] in KNOWN_PROVIDERS
        assert entry.source.startswith("https://")
        assert entry.max_output_tokens is None or entry.max_output_tokens <= (entry.context_tokens or 10**9)


def test_context_windows_agree_with_the_price_snapshot_up_to_rounding():
    """A slip of a digit would let through what does not fit."""
    names = {"gemini": "google", "xai": "x-ai"}
    hosts = {host.id: host for host in genai_prices.data.providers}
    for name, entry in _table().models.items():
        provider, _, model = name.partition("/")
        info = hosts[names.get(provider, provider)].find_model(model)
        if entry.context_tokens and info and info.context_window:
            assert entry.context_tokens == pytest.approx(info.context_window, rel=0.05), name
