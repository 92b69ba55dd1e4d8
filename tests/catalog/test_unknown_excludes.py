"""What nobody knows of a model keeps it from requests that need it, unless the configuration says it."""

from datetime import UTC, datetime

import pytest

from fairlead import catalog
from fairlead.config import load
from fairlead.eligibility import exclusions
from fairlead.types import Context, Media, Message, Request, Text

AT = datetime(2026, 11, 25, tzinfo=UTC)
SEES = Request(messages=(Message(role="user", parts=(Text(text="What is this?"), Media(kind="image", url="x"))),))


@pytest.mark.parametrize(
    ("model", "capabilities", "expected"),
    [
        ("gpt-unheard-of", "", "vision_unknown"),
        ("gpt-unheard-of", "capabilities = { vision = true }", None),
        ("gpt-5", "", None),
        ("gpt-5", "capabilities = { vision = false }", "vision_unsupported"),
        ("gpt-3.5-turbo", "", "vision_unsupported"),
    ],
)
def test_an_unknown_capability_excludes_where_it_is_needed(tmp_path, model, capabilities, expected):
    path = tmp_path / "fairlead.toml"
    path.write_text(f'[providers.openai]\n[models."openai/{model}"]\n{capabilities}\n')
    candidates = catalog.build(load(path, {"OPENAI_API_KEY": "x"}), AT)
    assert exclusions(SEES, candidates, Context()).get(f"openai/{model}") == expected
    assert exclusions(Request.from_prompt("Hello"), candidates, Context()) == {}
