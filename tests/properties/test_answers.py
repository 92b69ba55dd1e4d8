from hypothesis import given
from hypothesis import strategies as st

from fairlead.answers import final_answer, question, spelled

PROMPTS = (
    "How many are left?",
    "Name the capital.",
    "Which?\nA. Iron\nB. Neon\nC. Lead",
    "assert f(1) == ??\ndef f(x): ...",
    "Write a function that adds.",
)
prompts = st.sampled_from(PROMPTS)
odd = st.sampled_from(
    ["\\boxed{", "}", "#### ", '"answer": ', "the answer is ", "```\n", "(B)", "1,000", "1/2", "{", "$"]
)
replies = st.lists(st.one_of(odd, st.text(max_size=20)), max_size=8).map("".join)


@given(prompts, replies, st.booleans())
def test_any_reply_has_one_answer_or_none(prompt, reply, json_asked):
    asked = question(prompt, json_asked=json_asked)
    answer = final_answer(reply, asked)
    assert answer is None or len(answer) <= 240
    assert answer == final_answer(reply, asked)


@given(prompts, replies)
def test_spaces_around_a_reply_change_nothing(prompt, reply):
    asked = question(prompt)
    assert final_answer(f"  \n{reply}   ", asked) == final_answer(reply, asked)


@given(st.integers(-(10**12), 10**12), st.integers(0, 6))
def test_equal_numbers_have_one_spelling(number, n_places):
    asked = question(PROMPTS[0])
    written = {
        str(number),
        f"{number:,}",
        f"${number}" if number >= 0 else f"-${-number}",
        f"{number}.{'0' * n_places}",
    }
    assert {spelled(text, asked) for text in written} == {str(number)}


@given(st.fractions(max_denominator=10**6), st.integers(1, 50))
def test_a_fraction_is_spelled_alike_however_it_is_expanded(value, factor):
    asked = question(PROMPTS[0])
    p, q = value.numerator * factor, value.denominator * factor
    assert spelled(f"{p}/{q}", asked) == spelled(f"{value.numerator}/{value.denominator}", asked)


@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9))
def test_different_numbers_have_different_spellings(one, other):
    asked = question(PROMPTS[0])
    assert (spelled(str(one), asked) == spelled(str(other), asked)) == (one == other)


@given(prompts, st.one_of(st.integers().map(str), st.sampled_from(["Neon", "B", "The Hague", "[1, 2]", "x^2 + 1"])))
def test_a_spelling_is_spelled_as_itself(prompt, text):
    asked = question(prompt)
    once = spelled(text, asked)
    assert once is None or spelled(once, asked) == once


@given(prompts, st.sampled_from(["Neon", "B", "18", "x^2"]), st.text(alphabet="abc ,\n", max_size=40))
def test_a_boxed_answer_is_read_whatever_comes_before(prompt, answer, before):
    asked = question(prompt)
    if asked.form != "code":
        assert final_answer(f"{before} \\boxed{{{answer}}}", asked) == spelled(answer, asked)
