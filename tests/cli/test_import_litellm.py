"""`fairlead import-litellm`: the file, the list of what is lost, and bad input."""

import json

import pytest
from typer.testing import CliRunner

from fairlead.cli.import_litellm import app
from fairlead.config import load
from fairlead.errors import ConfigError

FILE = """
model_list:
  - model_name: small
    litellm_params: {model: gpt-4o-mini, api_key: os.environ/OPENAI_API_KEY, rpm: 5}
"""


@pytest.fixture
def run(tmp_path):
    def run(*words, text=FILE):
        (tmp_path / "config.yaml").write_text(text)
        return CliRunner().invoke(app, [str(tmp_path / "config.yaml"), *words])

    return run


def test_it_writes_a_file_that_runs_and_lists_what_is_lost(run, tmp_path):
    out = tmp_path / "fairlead.toml"
    result = run("--out", str(out))
    assert result.exit_code == 0
    assert "model_list[0].rpm: limits of a deployment are not kept" in result.stderr
    config = load(out, {"OPENAI_API_KEY": "x"})
    assert config.routes["small"].candidates == ("openai/gpt-4o-mini",)


def test_without_a_place_the_configuration_is_printed_alone(run):
    assert run().stdout.startswith("schema_version = 1\n")


def test_programs_get_both(run):
    found = json.loads(run("--json").stdout)
    assert (found["n_models"], found["n_routes"], found["written"]) == (1, 1, None)
    assert [each["place"] for each in found["left"]] == ["model_list[0].rpm"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [sk-secret", "line 1 is not YAML"),
        ("- 1", "is no configuration of LiteLLM"),
        ("model_list: []", "has no model that can be carried over"),
        ("!!python/object:os.system {}", "is not YAML"),
    ],
)
def test_bad_input_is_told_and_never_quoted(run, text, message):
    result = run(text=text)
    assert isinstance(result.exception, ConfigError)
    assert message in str(result.exception)
    assert "sk-secret" not in str(result.exception)
