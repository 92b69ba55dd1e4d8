import re

import genai_prices.data
import pytest

from fairlead.catalog import capabilities_of
from fairlead.catalog.capabilities import _table, every_model, known_of
from fairlead.config.known import KNOWN_PROVIDERS
from fairlead.types import Capabilities


@pytest.mark.parametrize("name", ["claude-haiku-4-5", "claude-haiku-4-5-20251001"])
def test_a_snapshot_can_do_what_its_model_can(name):
    assert capabilities_of("anthropic", name).max_output_tokens == 64_000


@pytest.mark.parametrize(
    ("provider", "model"),
    [("openai", "gpt-4o-unheard-of"), ("local", "gpt-4o"), ("openai", "")],
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


def test_hundreds_of_models_are_known_each_fact_with_its_source():
    assert len(every_model()) > 700
    for name in every_model():
        provider, _, model = name.partition("/")
        known = known_of(provider, model)
        assert provider in KNOWN_PROVIDERS
        assert known
        assert all(re.search(r"20\d\d-\d\d-\d\d$", fact.source) for fact in known.values()), name


def test_what_is_kept_by_hand_wins_over_what_was_gathered():
    known = known_of("openai", "gpt-6.1-sol")
    assert (known["tools"].value, known["reasoning"].value) == (False, True)
    assert known["tools"].source.endswith(f"checked {_table().checked}")
    assert known["reasoning"].source.startswith("litellm")


def test_a_flag_on_which_two_tables_contradict_each_other_is_unknown():
    assert "files" not in known_of("openai", "gpt-5")  # one says that it reads documents, one that it does not
    assert known_of("openai", "gpt-5")["efforts"].value == ("minimal", "low", "medium", "high")


@pytest.mark.parametrize(("name", "expected"), [("claude-haiku-4-5", True), ("claude-opus-5-5", False)])
def test_which_of_anthropics_models_go_on_from_a_beginning(name, expected):
    assert capabilities_of("anthropic", name).prefill is expected
