"""References to the environment: strict, and never shown."""

import pytest

from fairlead.config import load
from fairlead.errors import ConfigError

CANARY = "sk-canary-4711"
HEAD = '[providers.host]\nbase_url = "http://127.0.0.1:1/v1"\n{}\n[models."host/x"]\n'


@pytest.fixture
def read(tmp_path):
    def read(text, **environ):
        path = tmp_path / "fairlead.toml"
        path.write_text(text)
        return load(path, environ)

    return read


def test_a_key_comes_by_reference_and_shows_nowhere(read):
    config = read(HEAD.format('api_key = "${MY_KEY}"'), MY_KEY=f"{CANARY}\n")
    assert config.keys["host"].reveal() == CANARY
    assert CANARY not in repr(config)
    assert "${MY_KEY}" in repr(config)


def test_another_key_is_no_other_configuration(read):
    text = HEAD.format('api_key = "${MY_KEY}"')
    assert read(text, MY_KEY="one").hash == read(text, MY_KEY="other").hash


def test_a_reference_may_be_part_of_a_text_and_be_escaped(read):
    text = HEAD.format('api_version = "$${A}"').replace("127.0.0.1:1", "${HOST}:${PORT}")
    provider = read(text, HOST="127.0.0.1", PORT="9").providers["host"]
    assert (provider.base_url, provider.api_version) == ("http://127.0.0.1:9/v1", "${A}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD.format('api_key = "${MY_KEY}"'), r"`providers\.host\.api_key` names `\$\{MY_KEY\}`, which is not set"),
        (HEAD.format('api_key = "${my-key}"'), "has a reference that is none; expected capitals"),
        (HEAD.format('api_key = "${OTHER"'), "has a reference that is none"),
        (HEAD.format(f'api_key = "{CANARY}"'), r"`providers\.host\.api_key` holds a key; expected a reference"),
        (HEAD.format("") + 'weights = "${OTHER}"', r"`models\.\"host/x\"\.weights` has a reference to the environment"),
        (HEAD.format("") + 'known_as = ["${OTHER}"]', r"known_as\[0\]` has a reference"),
        (
            HEAD.format("").replace("http://127.0.0.1:1/v1", "${OTHER}"),
            r'base_url` is "\$\{OTHER\}"; expected an address',
        ),
        (HEAD.format('dialect = "${OTHER}"'), r"dialect` is '\$\{OTHER\}'; expected one of"),
        (HEAD.format("responses = '${OTHER}'"), r'responses` is "\$\{OTHER\}"; expected true or false'),
        ("[ledger]\nurl = '${OTHER}'\n" + HEAD.format(""), "is no address of a database"),
        ("[server]\nport = '${OTHER}'\n" + HEAD.format(""), r'port` is "\$\{OTHER\}"; expected a whole number'),
    ],
)
def test_what_is_refused_names_the_place_and_never_the_value(read, text, message):
    with pytest.raises(ConfigError, match=message) as refused:
        read(text, OTHER=CANARY)
    assert CANARY not in str(refused.value)
