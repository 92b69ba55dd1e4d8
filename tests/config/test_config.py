"""The configuration: what is accepted, what is refused, and what the reader is told."""

from decimal import Decimal
from pathlib import Path

import pytest

from fairlead.config import Config, HostedProvider, RecordedProvider, SimulatedProvider, load
from fairlead.config.known import KNOWN_PROVIDERS
from fairlead.errors import ConfigError

LOCAL = """
[providers.local]
base_url = "http://127.0.0.1:8000/v1"
[models."local/qwen3-32b"]
"""


@pytest.fixture
def read(tmp_path):
    def read(text: str, **environ: str) -> Config:
        path = tmp_path / "fairlead.toml"
        path.write_text(text)
        return load(path, environ)

    return read


def test_keys_in_the_environment_are_enough():
    config = load(None, {"OPENAI_API_KEY": "sk-1", "GROQ_API_KEY": "gsk", "XAI_API_KEY": ""})
    assert list(config.providers) == ["openai", "groq"]
    assert config.keys["openai"].reveal() == "sk-1"
    assert "openai/gpt-6.1-sol" in config.models
    assert list(config.routes) == ["auto"]
    assert config.routes["auto"].reference is None


def test_no_key_at_all_names_every_variable_and_the_demo():
    with pytest.raises(ConfigError, match="fairlead demo") as caught:
        load(None, {})
    assert all(f"`{known.api_key_env}`" in str(caught.value) for known in KNOWN_PROVIDERS.values())


def test_every_documented_table_is_read(read):
    config = read(
        """
        schema_version = 1
        [server]
        port = 0
        [ledger]
        durability = "power"
        [limits]
        total_s = 30
        [providers.openai]
        [providers.table]
        dialect = "recorded"
        table = "tables/mine"
        [providers.sim]
        dialect = "simulated"
        seed = 7
        [models."openai/gpt-6.1-sol"]
        known_as = ["gpt-6.1-sol"]
        weights = "sol"
        settings = { reasoning_effort = "low" }
        price = { input_usd_per_mtok = 0.0028, output_usd_per_mtok = "10" }
        capabilities = { context_tokens = 128000, tools = true }
        [routes.auto]
        reference = "openai/gpt-6.1-sol"
        candidates = ["openai/gpt-6.1-sol"]
        router = "routers/mine"
        objective = "cost"
        quality_floor = { margin = 0.02, confidence = 0.9 }
        latency_p95_s = 8
        control_share = 0.02
        """,
        OPENAI_API_KEY="sk-1",
    )
    folder = Path(config.source).parent
    assert isinstance(config.providers["openai"], HostedProvider)
    assert config.providers["table"] == RecordedProvider(dialect="recorded", table=folder / "tables/mine")
    assert config.providers["sim"] == SimulatedProvider(dialect="simulated", seed=7)
    model = config.models["openai/gpt-6.1-sol"]
    assert model.price is not None
    assert model.price.input_usd_per_mtok == Decimal("0.0028")
    assert config.routes["auto"].router == folder / "routers/mine"
    assert config.ledger.path == folder / "fairlead.db"
    assert config.limits.total_s == 30.0


def test_a_known_provider_brings_address_dialect_and_models(read):
    config = read("[providers.anthropic]", ANTHROPIC_API_KEY="k")
    provider = config.providers["anthropic"]
    assert isinstance(provider, HostedProvider)
    assert (provider.dialect, provider.base_url) == ("anthropic", "https://api.anthropic.com/v1")
    assert set(config.models) == {f"anthropic/{name}" for name in KNOWN_PROVIDERS["anthropic"].models}


def test_listed_models_replace_the_default_ones(read):
    config = read('[providers.openai]\n[models."openai/gpt-6-luna"]', OPENAI_API_KEY="k")
    assert list(config.models) == ["openai/gpt-6-luna"]


def test_a_file_without_providers_takes_those_of_the_environment(read):
    assert list(read("[server]\nport = 9000", MISTRAL_API_KEY="k").providers) == ["mistral"]


def test_a_ledger_is_a_file_or_a_database_and_a_flag_wins(read):
    config = read('[ledger]\nurl = "postgresql://fairlead@db/fairlead"', OPENAI_API_KEY="k")
    assert config.ledger.place == "postgresql://fairlead@db/fairlead"
    assert config.overridden(ledger="other.db").ledger.place == "other.db"
    assert config.overridden(ledger="postgresql://other@db/x").ledger.place == "postgresql://other@db/x"


REFUSED = {
    "a password in the address": (
        '[ledger]\nurl = "postgresql://fairlead:secret$@db/fairlead"',
        "`ledger.url` holds a password; expected none in this file. Give it by `PGPASSWORD`",
    ),
    "an address of something else": (
        '[ledger]\nurl = "mysql://db/fairlead"',
        "`ledger.url` is no address of a database",
    ),
    "above its range": (
        LOCAL + "[routes.auto]\ncontrol_share = 1.7",
        "`routes.auto.control_share` is 1.7; expected a number in [0, 1).",
    ),
    "wrong kind": (
        LOCAL + '[server]\nport = "http"',
        '`server.port` is "http"; expected a whole number in [0, 65535].',
    ),
    "a truth value is no number": (LOCAL + "[server]\nport = true", "`server.port` is true; expected a whole number"),
    "not one of the words": (
        LOCAL + '[routes.auto]\nobjective = "speed"',
        '`routes.auto.objective` is "speed"; expected one of `cost`, `latency`, `order`, `quality`.',
    ),
    "an item of a list": (
        LOCAL + '[routes.auto]\ncandidates = ["local/qwen3-32b", 1]',
        "`routes.auto.candidates[1]` is 1; expected text",
    ),
    "a setting of later": (
        LOCAL + "[routes.auto]\nexplore = { share = 0.1 }",
        "`routes.auto.explore` is not a setting.",
    ),
    "a budget of nothing": (
        LOCAL + '[routes.auto]\nbudget = { usd = "0" }',
        "`routes.auto.budget.usd` is 0; expected more",
    ),
    "a slip of the pen": (
        LOCAL + "[routes.auto]\nquality_floor = { margn = 0.1 }",
        "`routes.auto.quality_floor.margn` is not a setting. Did you mean `margin`?",
    ),
    "an unknown table": (LOCAL + "[shadow]", "`shadow` is not a setting."),
    "a missing field": (
        '[providers.local]\n[models."local/x"]',
        "`providers.local.base_url` is missing; expected an address that starts with http:// or https://.",
    ),
    "a table that is none": ("providers = 3", "`providers` is 3; expected a table."),
    "no address": (
        '[providers.local]\nbase_url = "localhost:8000"',
        '`providers.local.base_url` is "localhost:8000"; expected an address',
    ),
    "an unknown dialect": ('[providers.a]\ndialect = "cohere"', "`providers.a.dialect` is 'cohere'; expected one of"),
    "a dialect that is a list": ("[providers.a]\ndialect = []", "`providers.a.dialect` is []; expected one of"),
    "a field of another dialect": (
        '[providers.a]\ndialect = "simulated"\ntable = "x"',
        "`providers.a.table` is not a setting.",
    ),
    "a provider without models": (
        '[providers.local]\nbase_url = "http://h/v1"',
        '`providers.local` has no models. Add `[models."local/NAME"]`',
    ),
    "a model without provider": ('[models."gpt-6"]', "`models.gpt-6` does not name a model; expected `PROVIDER/MODEL`"),
    "a model at an unknown provider": (
        LOCAL + '[models."loca/x"]',
        '`models."loca/x"` is at `loca`, which is no provider of this file. Did you mean `local`?',
    ),
    "a negative price": (
        LOCAL + "price = { input_usd_per_mtok = -1, output_usd_per_mtok = 1 }",
        '`models."local/qwen3-32b".price.input_usd_per_mtok` is -1; expected at least 0',
    ),
    "a price that is no number": (
        LOCAL + "price = { input_usd_per_mtok = nan, output_usd_per_mtok = 1 }",
        '`models."local/qwen3-32b".price.input_usd_per_mtok` is NaN',
    ),
    "half a price": (
        LOCAL + "price = { input_usd_per_mtok = 1 }",
        '`models."local/qwen3-32b".price.output_usd_per_mtok` is missing; expected an amount in USD.',
    ),
    "a setting that the request makes": (
        LOCAL + "settings = { stream = true }",
        '`models."local/qwen3-32b".settings.stream` cannot be set',
    ),
    "a route with a slash": (LOCAL + '[routes."a/b"]', '`routes."a/b"` is not a name'),
    "a newer layout": ("schema_version = 2", "`schema_version` is 2; expected `1`."),
    "no TOML": ("[server", "is not TOML:"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_names_place_value_and_expectation(read, text, message):
    with pytest.raises(ConfigError) as caught:
        read(text, OPENAI_API_KEY="k")
    assert message in str(caught.value)
    assert "$" not in str(caught.value)


def test_a_mark_at_the_beginning_of_the_file_is_passed_over(read):
    assert read("\ufeff[server]\nport = 9000", OPENAI_API_KEY="k").server.port == 9000


def test_a_missing_key_names_its_variable(read):
    with pytest.raises(ConfigError, match=r"`providers.openai.api_key_env` names `OPENAI_API_KEY`, which is not set"):
        read("[providers.openai]")


def test_a_key_is_taken_without_the_line_end_that_files_bring(read):
    assert read("[providers.openai]", OPENAI_API_KEY="sk-1\n").keys["openai"].reveal() == "sk-1"


@pytest.mark.parametrize("key", ["sk-1\nsk-2", "sk-\u2026", "sk-\0"])
def test_a_key_that_no_header_can_carry_is_refused_and_not_shown(read, key):
    with pytest.raises(ConfigError, match="`OPENAI_API_KEY` holds what no HTTP header can carry") as caught:
        read("[providers.openai]", OPENAI_API_KEY=key)
    assert "sk-" not in str(caught.value)


@pytest.mark.parametrize("key", ["sk-proj-1234", "gsk_abcdef"])
def test_a_key_in_place_of_its_variable_is_not_repeated(read, key):
    with pytest.raises(ConfigError, match="never the key itself") as caught:
        read(f'[providers.openai]\napi_key_env = "{key}"')
    assert key not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read `.*none.toml`"):
        load(tmp_path / "none.toml", {})


def test_keys_do_not_show_themselves():
    config = load(None, {"OPENAI_API_KEY": "sk-very-secret"})
    assert "sk-very-secret" not in repr(config)


def test_the_hash_follows_the_settings_and_not_the_keys(read):
    first = read(LOCAL)
    assert first.hash == read(LOCAL + "# a comment").hash
    assert first.hash != read(LOCAL + "[routes.auto]\ncontrol_share = 0.1").hash
    assert load(None, {"OPENAI_API_KEY": "a"}).hash == load(None, {"OPENAI_API_KEY": "b"}).hash
