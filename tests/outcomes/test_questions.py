"""Prompts that ask the same question are found, so that a split keeps them together."""

import numpy as np
import pytest

from fairlead.outcomes.questions import first_side, question_key, stem_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is  2+2?", "what is 2 2"),
        ("Which gas is noble?\nA. Iron\nB. Neon", "Which gas is noble?\nA. Gold\nB. Argon\nC. Air"),
        ("Which gas is noble?\n(A) Iron\n(B) Neon", "Which gas is noble?\nA) Neon\nB) Iron"),
        ("  A star:\nA: small\nB: big", "A star"),
    ],
)
def test_same_question(one, other):
    assert question_key(one) == question_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Sum up: A. Smith went home.", "Sum up: B. Jones went home."),
        ("Plan A. first\nThen rest", "Plan A. first\nThen work"),
        ("Plan:\nA. first\nthen rest", "Plan:\nA. first\nthen work"),  # one marker is no choice
        ("A. Iron\nB. Neon", "A. Gold\nB. Argon"),  # options without a stem
        ("???", "!!!"),
        ("2+2 = ?", "2+3 = ?"),
    ],
)
def test_different_questions(one, other):
    assert question_key(one) != question_key(other)


def test_side_depends_on_the_questions_and_the_seed_alone():
    prompts = [f"question {i}" for i in range(200)]
    side = dict(zip(prompts, first_side(prompts, 0.7, seed=1), strict=True))
    backwards = prompts[::-1]
    assert dict(zip(backwards, first_side(backwards, 0.7, seed=1), strict=True)) == side
    assert not np.array_equal(first_side(prompts, 0.7, seed=2), first_side(prompts, 0.7, seed=1))


@pytest.mark.parametrize(
    ("prompt", "other"),
    [
        ("What is 2 + 2?", "what is 7+11"),
        ("Q: Which is a noble gas?\nA. Iron\nB. Neon", "Problem 3. Which is a noble gas?"),
        ("Question 2: Question about ships?", "about ships"),
    ],
)
def test_stems_are_equal_whatever_number_options_and_figures(prompt, other):
    assert stem_key(prompt) == stem_key(other)


def test_other_words_are_another_stem():
    assert stem_key("Tom has 5 apples") != stem_key("Tom has 5 pears")
