"""Courtesies around a task."""

import pytest

from fairlead.features.courtesy import without_courtesy


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Hello! Could you please help me with this?\n\nWhat is 2+2?\n\nThank you very much!", "What is 2+2?"),
        ("Hi there, can you explain X? thanks", "explain X?"),
        ("PLEASE prove it.", "prove it."),
        ("Hey\nfix the bug. Cheers!", "fix the bug."),
        ("I need your help with the following: sort a list", "sort a list"),
    ],
)
def test_courtesies_are_taken_away(said, meant):
    assert without_courtesy(said) == meant


@pytest.mark.parametrize(
    "text", ["Hire me", "Say thanks to Bob", "How do I say thank you", "Help", "Hidden layers: what are they?", ""]
)
def test_words_that_ask_for_something_stay(text):
    assert without_courtesy(text) == text


@pytest.mark.parametrize("text", ["Thank you!", "please ", "Hello!"])
def test_a_text_of_nothing_else_stays_as_it_is(text):
    assert without_courtesy(text) == text
