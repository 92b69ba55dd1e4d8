"""What a judge is asked, and what is taken from its reply."""

from types import SimpleNamespace

import numpy as np
import pytest

from fairlead.learning.judging import MAX_CHARS, hearing
from fairlead.types import Context, Request


def asked_of(seed=0, prompt="What is 6 x 7?", answers=(("dec_a", "42"), ("dec_b", "41"))):
    delivered = SimpleNamespace(request=Request.from_prompt(prompt), context=Context(seed=seed))
    return hearing(delivered, answers)


def test_a_judge_reads_the_task_and_the_answers_and_not_whose_they_are():
    found = asked_of()
    prompt = found.request.prompt
    assert "What is 6 x 7?" in prompt
    assert "dec_a" not in prompt
    letter = next(letter for letter, decision in found.letters.items() if decision == "dec_a")
    assert f"<answer_{letter}>\n42\n</answer_{letter}>" in prompt
    assert found.request.max_output_tokens is not None
    assert found.request.body  # so that its length bounds the bill


def test_each_answer_stands_first_as_often_as_the_other():
    first = [asked_of(seed).letters["A"] == "dec_a" for seed in range(2_000)]
    assert abs(np.mean(first) - 0.5) < 0.035
    assert asked_of(7).letters == asked_of(7).letters


def test_scores_go_back_to_the_decisions():
    found = asked_of()
    letter = {decision: letter for letter, decision in found.letters.items()}
    reply = f'Here: {{"{letter["dec_a"]}": 9, "{letter["dec_b"]}": 2.5}} as asked.'
    assert found.scores(reply) == {"dec_a": 0.9, "dec_b": 0.25}


@pytest.mark.parametrize(
    "reply", ["", "A is better", '{"A": 9}', '{"A": 9, "B": 11}', '{"A": 9, "B": "x"}', '{"A": -1, "B": 3}']
)
def test_a_reply_that_does_not_score_every_answer_scores_none(reply):
    assert asked_of().scores(reply) == {}


def test_what_is_too_long_is_not_judged():
    assert asked_of(prompt="x" * (MAX_CHARS + 1)) is None
    assert asked_of(answers=(("a", "x" * (MAX_CHARS + 1)), ("b", ""))) is None
