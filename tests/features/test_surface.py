"""What is seen of a request without understanding it."""

import numpy as np
import pytest

from fairlead.features import Surface
from fairlead.features.marks import LINES, WORDS, lines, words
from fairlead.features.reading import read
from fairlead.features.surface import LIMIT_SD, NAMES, raw
from fairlead.types import Media, Message, Request, Text, Tool


def row_of(request):
    return dict(zip(NAMES, raw([read(request)])[0], strict=True))


def seen(prompt, **fields):
    return row_of(Request(messages=(Message(role="user", parts=(Text(text=prompt),)),), **fields))


def test_kinds_of_characters_are_counted_and_shared():
    row = seen("Ab1? 12")
    assert row["share_digit"] == 3 / 6  # of what is printed: spaces do not count
    assert row["log_digit"] == np.log1p(3)
    assert row["log_numbers"] == np.log1p(2)
    assert row["log_longest_number"] == np.log1p(2)


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("数学の問題", "ideograph"),
        ("Задача", "cyrillic"),
        ("πρόβλημα", "greek"),
        ("مسألة", "right_to_left"),
        ("문제", "hangul"),
    ],
)
def test_scripts_are_told_apart(text, script):
    assert seen(text)[f"share_{script}"] == 1.0


def test_telling_words_are_found():
    row = seen("PROVE it, then explain which theorem: is it not correct?")
    assert row["log_proof"] == np.log1p(2)
    assert row["log_explanation"] == np.log1p(1)
    assert row["log_negation"] == np.log1p(1)
    assert row["ends_with_question"] == 1
    assert seen("Was ist das und wie ist es mit der Zeit")["log_german"] > 4 * seen("What is this")["log_german"]
    assert seen("reproven")["log_proof"] == 0


def test_words_are_counted_in_every_list_that_they_stand_in():
    counts = dict(zip(WORDS, words([b"why", b"json", b"of", b"unheard"]), strict=True))
    assert {name for name, count in counts.items() if count} == {"question", "explanation", "output", "english"}
    assert set(words([])) == {0}


def test_beginnings_of_lines_tell_options_lists_tables_and_code():
    def found(data):
        return {name: n for name, n in zip(LINES, lines(data), strict=True) if n}

    assert found(b"Which?\nA. one\nB. two\nJ) ten") == {"option": 3, "last_option": 10}
    assert found(b"Do:\n- one\n2. two\n* three") == {"bullet": 3}
    assert found(b"x\n| a | b |\n```\n  y\n```") == {"table_row": 1, "fence": 2, "indented": 1}
    assert found(b"A. no line before it\n-1 is a number\nCats") == {}


def test_the_shape_of_the_request_is_seen():
    plain, rich = seen("x"), seen("x", tools=(Tool(name="search"),), json_schema="{}", max_output_tokens=10)
    assert (plain["log_tools"], rich["log_tools"]) == (0, np.log1p(1))
    assert (plain["has_schema"], rich["has_schema"]) == (0, 1)
    assert (plain["log_max_output_tokens"], rich["log_max_output_tokens"]) == (0, np.log1p(10))
    row = row_of(
        Request(
            messages=(
                Message(role="system", parts=(Text(text="Be brief."),)),
                Message(role="user", parts=(Text(text="What is this?"), Media(kind="image", url="https://x"))),
            )
        )
    )
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
