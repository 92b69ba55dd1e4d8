"""Which words of a request are read."""

import numpy as np
import pytest

from fairlead.features import PromptFeatures
from fairlead.features.conversation import SYSTEM_CHARS, is_bare
from fairlead.features.reading import N_SEGMENTS, SEGMENT_CHARS, SHORT_CHARS, merged, read
from fairlead.testing import make_outcomes
from fairlead.types import Message, Request, Text, ToolCall, ToolResult

TASK = "Refactor the parser so that it accepts comments."


def said(role, text):
    return Message(role=role, parts=(Text(text=text),))


def conversation(*turns):
    return read(Request(messages=tuple(said(role, text) for role, text in turns)))


def words_of(prompt):
    (segment,) = read(Request.from_prompt(prompt)).distinct
    return [word.decode() for word in segment]


def test_words_have_no_case_no_accents_and_no_punctuation():
    assert words_of("Don't “Ship” 2÷Tea — now!") == ["don", "t", "ship", "2", "tea", "now"]
    assert words_of("ÉLÈVE über naïve") == ["eleve", "uber", "naive"]
    assert words_of("Задача 数学 x") == ["задача", "数", "学", "x"]
    assert words_of("snake_case") == ["snake_case"]


@pytest.mark.parametrize("bare", ["yes", "continue", "2", "ok go on", "Yes, please.", "好的", "", "b)"])
def test_a_bare_reply_inherits_the_task(bare):
    reading = conversation(
        ("user", TASK), ("assistant", "Shall I?"), ("user", bare), ("assistant", "?"), ("user", bare)
    )
    assert (reading.text, reading.inherited) == (TASK, bare != "")


def test_a_turn_that_asks_for_something_is_the_task():
    reading = conversation(("user", "Hello, what is a fairlead?"), ("assistant", "A fitting."), ("user", TASK))
    assert (reading.text, reading.inherited) == (TASK, False)
    assert not is_bare("Continue with the second chapter")


def test_a_first_word_that_is_bare_is_all_there_is():
    assert conversation(("user", "yes")).text == "yes"
    assert conversation(("user", "yes"), ("assistant", "?"), ("user", "go on")).text == "go on"


def test_results_of_tools_leave_the_task_as_it_is():
    alone = read(Request(messages=(said("user", TASK),)))
    loop = Request(
        messages=(
            said("user", TASK),
            Message(role="assistant", parts=(ToolCall(id="1", name="read", arguments="{}"),)),
            Message(role="tool", parts=(ToolResult(call_id="1", content="a long file " * 500),)),
            Message(role="user", parts=(ToolResult(call_id="2", content="another"),)),
        )
    )
    assert read(loop).text == alone.text
    assert not read(loop).inherited


def test_a_long_system_prompt_does_not_drown_the_task_and_a_short_one_is_part_of_it():
    agent = "You are a careful agent. " * 400
    assert len(agent) > SYSTEM_CHARS
    assert conversation(("system", agent), ("user", TASK)).text == TASK
    assert conversation(("system", "Translate to French."), ("user", "A cat")).text == "Translate to French.\nA cat"
    assert conversation(("system", agent)).n_chars >= len(agent)  # nothing else is there to read


def test_asides_of_coding_agents_are_not_read():
    aside = "<system-reminder>The todo list is empty.</system-reminder>"
    assert conversation(("user", aside), ("user", f"{aside}\n{TASK}")).text == TASK


def test_a_short_text_is_one_segment_and_a_long_one_is_bounded():
    assert len(read(Request.from_prompt("a " * (SHORT_CHARS // 2))).distinct) == 1
    assert len(read(Request.from_prompt("a " * (SHORT_CHARS // 2 + 1))).distinct) == 3
    long = read(Request.from_prompt("head " + "middle " * 100_000 + "tail"))
    assert len(long.distinct) == N_SEGMENTS
    assert len(long.text) == N_SEGMENTS * SEGMENT_CHARS
    assert long.n_chars == 700_009
    assert (long.distinct[0][0], long.distinct[-1][-1]) == (b"head", b"tail")


def test_every_word_of_a_text_that_is_not_very_long_is_in_a_segment():
    for n in (SHORT_CHARS + 1, 3 * SEGMENT_CHARS, 3 * SEGMENT_CHARS + 1, N_SEGMENTS * SEGMENT_CHARS):
        text = "".join(f"{i:05d} " for i in range(n // 6))
        met = {word for segment in read(Request.from_prompt(text)).distinct for word in segment}
        assert len(met & {b"%05d" % i for i in range(n // 6)}) >= n // 6 - 2 * N_SEGMENTS  # some are cut


def test_one_segment_alone_moves_the_middle_by_a_bounded_amount():
    short, long = read(Request.from_prompt("short")), read(Request.from_prompt("a " * SHORT_CHARS))
    assert len(long.distinct) == 5
    rows = np.array([[7.0], [1.0], [2.0], [3.0], [4.0], [1e9], [8.0]])
    assert merged([short, long, short], rows).tolist() == [[7.0], [3.0], [8.0]]


def test_a_prefix_does_not_decide_over_a_long_prompt():
    prompts = make_outcomes(60).prompts
    features = PromptFeatures().fit([Request.from_prompt(prompt) for prompt in prompts])
    body, gadget = " ".join(prompts[:30])[:5_000], "zebra quantum unfold theorem " * 20
    plain, attacked, other = features.ngrams.transform([Request.from_prompt(t) for t in (body, gadget + body, gadget)])
    assert np.linalg.norm(attacked - plain) < 0.5 * np.linalg.norm(other - plain)
