"""What each rule says of answers, and of which it says nothing."""

import json

import pytest

from fairlead.learning.verifiers import VERIFIERS, Answer, Task
from fairlead.learning.verifiers.rules import Citation, Exact, Numeric, Refusal, Regex, Truncation
from fairlead.learning.verifiers.schema import JsonSchema

SCHEMA = json.dumps(
    {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
)
FAR = json.dumps({"$ref": "https://example.org/schema.json"})


def task(prompt="What is 6 x 7?", **more):
    return Task(prompt=prompt, **more)


@pytest.mark.parametrize(
    ("verifier", "asked", "text", "score"),
    [
        (JsonSchema(), task(json_schema=SCHEMA), '{"n": 3}', 1.0),
        (JsonSchema(), task(json_schema=SCHEMA), '```json\n{"n": 3}\n```', 1.0),
        (JsonSchema(), task(json_schema=SCHEMA), 'Here you are: {"n": 3}', 0.0),
        (JsonSchema(), task(json_schema=SCHEMA), '{"n": "3"}', 0.0),
        (JsonSchema(), task(json_schema=SCHEMA), '{"n": NaN}', 0.0),
        (JsonSchema(), task(json_schema=SCHEMA), "[" * 100_000, 0.0),
        (JsonSchema(), task(), '{"n": 3}', None),
        (JsonSchema(schema=SCHEMA), task(), '{"n": 3, "m": 1}', 0.0),
        (Regex(pattern=r"(?m)^SUMMARY:"), task(), "Text.\nSUMMARY: short", 1.0),
        (Regex(pattern=r"(?m)^SUMMARY:"), task(), "Text. SUMMARY: short", 0.0),
        (Exact(), task("How many?", expected="42"), "So it is 6 * 7 = 42.\n#### 42.0", 1.0),
        (Exact(), task("How many?", expected="42"), "#### 41", 0.0),
        (Exact(), task("Capital of France?", expected="Paris"), "Paris", 1.0),
        (Exact(), task("How many?"), "42", None),
        (Numeric(), task(expected="1,250"), "That makes 1250 in all.", 1.0),
        (Numeric(), task(expected="1,250"), "That makes 1251 in all.", 0.0),
        (Numeric(tolerance=0.01), task(expected="3.14159"), "about 3.1416", 1.0),
        (Numeric(tolerance=0.01), task(expected="-3.14159"), "about 3.1416", 0.0),
        (Numeric(), task(expected="many"), "7", None),
        (Numeric(), task(expected="7"), "many", 0.0),
        (Citation(), task("[1] A. [2] B. Who was first?"), "A was [1].", 1.0),
        (Citation(), task("[1] A. [2] B. Who was first?"), "A was [3].", 0.0),
        (Citation(at_least=2), task("[1] A. [2] B. Who was first?"), "A was [1], as [1] says.", 0.0),
        (Citation(), task("Who was first?"), "See https://example.org/a", 1.0),
        (Citation(), task("Who was first?"), "A was.", 0.0),
        (Refusal(), task(), "I'm sorry, but I can't help with that.", 0.0),
        (Refusal(), task(), "I\N{RIGHT SINGLE QUOTATION MARK}m unable to do this.", 0.0),
        (Refusal(), task(), "Es tut mir leid, das geht nicht.", 0.0),
        (Refusal(), task(), " \n", 0.0),
        (Refusal(), task(), "42. I can't think of a shorter proof.", 1.0),
        (Refusal(), task(), "I'm sorry to hear that. " + "Here is what helped others. " * 40, 1.0),
        (Truncation(), task(), "The end.", 1.0),
        (Truncation(), task(), "```python\nprint(1)", 0.0),
    ],
)
def test_what_a_rule_says(verifier, asked, text, score):
    assert verifier.verify(asked, Answer(text=text)) == score


@pytest.mark.parametrize("kind", [Refusal(), Truncation()])
def test_an_answer_that_was_filtered_out_is_none(kind):
    assert kind.verify(task(), Answer(text="Half of it", finish_reason="content_filter")) == 0.0


def test_what_stops_at_its_limit_is_cut():
    assert Truncation().verify(task(), Answer(text="It goes", finish_reason="length")) == 0.0


def test_a_schema_that_points_elsewhere_fetches_nothing(monkeypatch):
    monkeypatch.setattr("urllib.request.urlopen", lambda *_: pytest.fail("it asked the network"))
    with pytest.raises(Exception, match="example"):
        JsonSchema().verify(task(json_schema=FAR), Answer(text="{}"))


def test_every_kind_is_listed():
    assert set(VERIFIERS) == {
        *("json_schema", "regex", "exact", "numeric", "unit_test", "citation", "refusal", "truncation")
    }
