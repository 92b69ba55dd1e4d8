"""The published schema says what the reader takes, and refuses what the reader refuses."""

import tomllib
from pathlib import Path

import jsonschema
import pytest

from fairlead.config.schema import config_schema

EXAMPLE = Path(__file__).parents[2] / "docs" / "fairlead.toml"
HOST = '[providers.host]\nbase_url = "http://127.0.0.1:1/v1"\n[models."host/x"]\n'


@pytest.fixture(scope="module")
def validator():
    schema = config_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize(
    "text",
    [
        EXAMPLE.read_text(encoding="utf-8"),
        HOST,
        "[providers.openai]",
        "[providers.sim]\ndialect = 'simulated'\n",
        '[providers.host]\nbase_url = "${BASE}"\napi_key = "${KEY}"\n',
        HOST
        + 'price = { input_usd_per_mtok = 1, output_usd_per_mtok = 2, terms = [{ hours = "01:00-02:00", factor = 2}]}',
    ],
)
def test_what_the_reader_takes_is_valid(validator, text):
    assert [error.message for error in validator.iter_errors(tomllib.loads(text))] == []


@pytest.mark.parametrize(
    "text",
    [
        "[servers]",
        "[server]\nport = 70000",
        "[server]\nportt = 1",
        "[providers.host]",
        "[providers.host]\nbase_url = 'ftp://x'",
        "[models.x]",
        '[routes.auto]\nobjective = "best"',
        "[limits]\nretries = '${N}'",
    ],
)
def test_what_the_reader_refuses_is_not(validator, text):
    assert list(validator.iter_errors(tomllib.loads(text)))
