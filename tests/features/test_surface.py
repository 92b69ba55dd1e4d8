"""What is seen of a request without reading it."""

import numpy as np

from fairlead.features import Surface
from fairlead.features.excerpt import HEAD_CHARS, TAIL_CHARS, excerpt
from fairlead.features.surface import LIMIT_SD, NAMES, _raw
from fairlead.types import Media, Message, Request, Text, Tool


def seen(prompt, **fields):
    message = Message(role="user", parts=(Text(text=prompt),))
    return dict(zip(NAMES, _raw([Request(messages=(message,), **fields)])[0], strict=True))


def test_kinds_of_characters_are_counted_and_shared():
    row = seen("Ab1? 12")
    assert row["share_digit"] == 3 / 7
    assert row["log_digit"] == np.log1p(3)
    assert row["share_upper"] == 1 / 7
    assert row["log_numbers"] == np.log1p(2)
    assert row["longest_number"] == 2
    assert seen("数学")["share_non_ascii"] == 1.0


def test_marks_of_choices_code_and_maths_are_found():
    assert seen("Which?\nA. one\nB. two")["log_mark_option"] == np.log1p(1)
    assert seen("def f():\n  return 1")["log_mark_code"] == np.log1p(2)
    assert seen("Prove that $\\frac12 < 1$")["log_mark_formula"] == np.log1p(1)
    assert seen("PROVE it")["log_mark_proof"] == np.log1p(1)
    assert seen("Hello")["log_mark_code"] == 0


def test_the_shape_of_the_request_is_seen():
    plain, rich = seen("x"), seen("x", tools=(Tool(name="search"),), json_schema="{}")
    assert (plain["log_tools"], rich["log_tools"]) == (0, np.log1p(1))
    assert (plain["has_schema"], rich["has_schema"]) == (0, 1)
    turns = Request(
        messages=(
            Message(role="system", parts=(Text(text="Be brief."),)),
            Message(role="user", parts=(Text(text="What is this?"), Media(kind="image", url="https://x"))),
        )
    )
    row = dict(zip(NAMES, _raw([turns])[0], strict=True))
    assert row["has_system"] == 1
    assert row["log_media"] == np.log1p(1)
    assert row["log_turns"] == np.log1p(2)
    assert row["ends_with_question"] == 1


def test_training_requests_are_standardised_and_odd_ones_bounded():
    requests = [Request.from_prompt("word " * n + "?" * (n % 3)) for n in range(1, 60)]
    features = Surface().fit(requests)
    x = features.transform(requests)
    varied = x.std(axis=0) > 0
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=0.15)
    assert (x.std(axis=0)[varied] > 0.7).all()
    assert np.abs(features.transform([Request.from_prompt("?" * 5000)])).max() == LIMIT_SD


def test_a_very_long_prompt_is_read_at_both_ends_only():
    long = "h" * HEAD_CHARS + "m" * 1_000_000 + "t" * TAIL_CHARS
    assert excerpt(long) == "h" * HEAD_CHARS + "t" * TAIL_CHARS
    assert excerpt("short") == "short"
    assert seen(long)["log_all_chars"] == np.log1p(len(long))
