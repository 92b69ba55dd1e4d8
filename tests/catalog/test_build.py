from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from fairlead import catalog
from fairlead.config import load
from fairlead.types import Usage

AT = datetime(2026, 11, 23, tzinfo=UTC)

FILE = """
[providers.openai]
[providers.local]
base_url = "http://127.0.0.1:8000/v1"
[providers.toy]
dialect = "simulated"

[models."openai/gpt-4o-mini"]
known_as = ["gpt-4o-mini-2024-07-18"]
settings = { reasoning_effort = "low" }
capabilities = { tools = false }
[models."openai/gpt-4o"]
price = { input_usd_per_mtok = "0.15", output_usd_per_mtok = "0.60", cache_read_usd_per_mtok = "0.075" }
[models."local/qwen/qwen3-32b"]
weights = "qwen3-32b"
[models."toy/strong"]
"""


@pytest.fixture
def candidates(tmp_path: Path):
    path = tmp_path / "fairlead.toml"
    path.write_text(FILE, encoding="utf-8")
    return {c.name: c for c in catalog.build(load(path, {"OPENAI_API_KEY": "x"}), AT)}


def test_candidates_are_the_configured_models_in_their_order(candidates):
    assert list(candidates) == ["openai/gpt-4o-mini", "openai/gpt-4o", "local/qwen/qwen3-32b", "toy/strong"]
    mini, local = candidates["openai/gpt-4o-mini"], candidates["local/qwen/qwen3-32b"]
    assert (mini.provider, mini.model, mini.weights) == ("openai", "gpt-4o-mini", "gpt-4o-mini")
    assert (mini.known_as, mini.settings) == (("gpt-4o-mini-2024-07-18",), (("reasoning_effort", "low"),))
    assert (local.provider, local.model, local.weights) == ("local", "qwen/qwen3-32b", "qwen3-32b")


def test_the_catalogue_fills_what_is_not_given(candidates):
    mini = candidates["openai/gpt-4o-mini"]
    assert mini.price.input.base == Decimal("0.15")
    assert "genai-prices" in mini.price.source
    assert (mini.capabilities.context_tokens, mini.capabilities.vision) == (128_000, True)


def test_what_is_given_wins(candidates):
    assert candidates["openai/gpt-4o-mini"].capabilities.tools is False
    price = candidates["openai/gpt-4o"].price
    assert price.source.endswith('fairlead.toml: models."openai/gpt-4o".price')
    usage = Usage(input_tokens=10**6, output_tokens=10**6, cache_read_tokens=10**6)
    assert price.cost_usd(usage) == Decimal("0.825")


def test_unknown_stays_unknown(candidates):
    for name in ("local/qwen/qwen3-32b", "toy/strong"):
        assert candidates[name].price is None
        assert candidates[name].capabilities.context_tokens is None


GOING_ON = """
[providers.local]
{settings}
[models."local/m"]
capabilities = {{ {capabilities} }}
"""
ADDRESS = 'base_url = "http://127.0.0.1:8000/v1"'


@pytest.mark.parametrize(
    ("settings", "capabilities", "expected"),
    [
        (ADDRESS, "", False),
        (ADDRESS, "prefill = true", True),
        (f'{ADDRESS}\nflavour = "vllm"', "", True),
        (f'{ADDRESS}\nflavour = "vllm"', "prefill = false", False),
        (f'{ADDRESS}\nflavour = "mistral"', "", True),
        (f'{ADDRESS}\nflavour = "deepseek"', "", False),
        ('base_url = "http://127.0.0.1:8000/beta"\nflavour = "deepseek"', "", True),
        (f'{ADDRESS}\ndialect = "anthropic"', "", False),
        (f'{ADDRESS}\ndialect = "anthropic"', "prefill = true", True),
        (f'{ADDRESS}\ndialect = "responses"', "prefill = true", False),
        (f'{ADDRESS}\ndialect = "gemini"', "prefill = true", False),
    ],
)
def test_who_is_known_to_go_on_with_a_broken_answer(tmp_path, settings, capabilities, expected):
    path = tmp_path / "fairlead.toml"
    path.write_text(GOING_ON.format(settings=settings, capabilities=capabilities), encoding="utf-8")
    (candidate,) = catalog.build(load(path, {}), AT)
    assert (candidate.goes_on is True) is expected
