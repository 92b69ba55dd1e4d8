import sys

import pytest

from fairlead import tokenizer
from fairlead.errors import MissingExtraError
from fairlead.tokenizer import count, estimated_usage
from fairlead.types import Media, Message, Request, Text, Tool, ToolCall, ToolResult


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("", 0),
        ("hello world", 2),
        ("tiktoken is great!", 6),
        ("antidisestablishmentarianism", 6),
        ("2 + 2 = 4", 7),
        ("お誕生日おめでとう", 8),
    ],
)
def test_it_counts_as_the_published_examples_do(text, n):
    # OpenAI Cookbook, "How to count tokens with tiktoken", has the last three for `o200k_base`
    assert count(text) == n


def test_what_looks_like_a_control_token_is_text():
    assert count("<|endoftext|>") > 1


def test_all_that_was_asked_and_said_is_counted():
    messages = (
        Message(role="user", parts=(Text(text="hello world"),)),
        Message(role="assistant", parts=(ToolCall(id="1", name="look", arguments='{"at": "hello world"}'),)),
        Message(role="tool", parts=(ToolResult(call_id="1", content="hello world"),)),
    )
    bare = estimated_usage(Request(messages=messages), "hello world")
    assert (bare.estimated, bare.output_tokens) == (True, 2)
    assert bare.input_tokens == 3 * 3 + 3 + 2 + count('look\n{"at": "hello world"}') + 2
    more = estimated_usage(Request(messages=messages, tools=(Tool(name="look"),), json_schema="{}"), "")
    assert more.input_tokens == bare.input_tokens + count("look\n\n{}") + count("{}")


def test_of_a_picture_nothing_is_guessed():
    picture = Media(kind="image", data="AAAA", media_type="image/png")
    assert estimated_usage(Request(messages=(Message(role="user", parts=(picture,)),)), "A cat.") is None


def test_ranks_that_were_altered_are_refused(monkeypatch):
    tokenizer._encoding.cache_clear()
    monkeypatch.setattr(tokenizer, "RANKS_SHA256", "0" * 64)
    with pytest.raises(Exception, match="were altered"):
        count("hello")
    tokenizer._encoding.cache_clear()


def test_without_the_extra_the_message_has_the_line_to_install_it(monkeypatch):
    tokenizer._encoding.cache_clear()
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    with pytest.raises(MissingExtraError, match=r"fairlead\[tokenizer\]"):
        count("hello")
    tokenizer._encoding.cache_clear()
