import time

import pytest

from fairlead.answers import MAX_CHARS, final_answer, question, spelled

CHOICE = "Which is a noble gas?\nA. Iron\nB. Neon\nC. The sodium ion\nD. Chlorine"
HOW_MANY = "How many eggs are left in the 3 baskets?"
CAPITAL = "Name the capital of the Netherlands."
OUTPUT = "What does this give?\n[PYTHON]\ndef f(x):\n    return x\nassert f('a') == ??"
WRITE = "Write a function that adds two numbers."


def same(prompt, one, other):
    asked = question(prompt)
    a, b = final_answer(one, asked), final_answer(other, asked)
    return a is not None and a == b


@pytest.mark.parametrize(
    ("prompt", "form"),
    [
        (CHOICE, "option"),
        ("Pick one.\n(A) yes\n(B) no", "option"),
        ("A. Smith wrote to B. Jones.", "text"),
        ("A list:\nA. only one", "text"),
        (HOW_MANY, "number"),
        ("Find the value of x if 2x = 4.", "number"),
        (CAPITAL, "text"),
        (OUTPUT, "literal"),
        (WRITE, "code"),
    ],
)
def test_the_prompt_says_what_form_its_answer_takes(prompt, form):
    assert question(prompt).form == form


def test_a_demand_for_json_decides_the_form():
    assert question(HOW_MANY, json_asked=True).form == "json"


def test_options_are_those_that_count_up_from_a():
    assert question(CHOICE).options == {"A": "Iron", "B": "Neon", "C": "The sodium ion", "D": "Chlorine"}
    assert list(question("Eg:\nA. x\nB. y\nNow:\nA. one\nB. two\nC. three\nE. none").options) == ["A", "B", "C"]


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("B", "B"),
        ("b", "B"),
        ("(B)", "B"),
        ("**B.** Neon", "B"),
        ("B) Neon", "B"),
        ("Neon", "B"),
        ("neon.", "B"),
        ("Sodium ion", "C"),
        ("Iron is a metal, so the answer is (B).", "B"),
        ("The answer is: B", "B"),
        ("**Answer:** B", "B"),
        ("Final answer: $\\boxed{\\text{B}}$", "B"),
        ('{"reasoning": "A is iron", "answer": "B"}', "B"),
        ("Not (A), since iron is a metal. It must be (B)", "B"),
        ("The answer is A. No, wait: the answer is B.", "B"),
        ("A good question, which I leave open.", None),
        ("The answer is E.", None),
        ("The answer is unknown", None),
        ("I'm sorry, I cannot help. (B)", None),
        ("", None),
        ("   ", None),
    ],
)
def test_the_letter_of_a_choice(reply, letter):
    assert final_answer(reply, question(CHOICE)) == letter


@pytest.mark.parametrize(
    ("reply", "number"),
    [
        ("18", "18"),
        ("18.00", "18"),
        ("$18", "18"),
        ("18 dollars", "18"),
        ("1,234.50", "1234.5"),
        ("-5", "-5"),
        ("\u22125", "-5"),
        ("1/2", "0.5"),
        ("\\frac{1}{2}", "0.5"),
        ("\\dfrac{2}{6}", "1/3"),
        ("1 1/2", "1.5"),
        ("2.5e3", "2500"),
        ("x = 7", "7"),
        ("90^\\circ", "90"),
        ("So she has 16 - 7 = 9 of them.\n#### 18", "18"),
        ("First 3, then 4, so the answer is 12 eggs because 3 * 4 = 12.", "12"),
        ("There were 3 in each, and so 12 eggs are left.", "12"),
        ("\\boxed{\\frac{3}{4}}", "0.75"),
        ("Nobody knows how many.", None),
    ],
)
def test_numbers_in_one_spelling(reply, number):
    assert final_answer(reply, question(HOW_MANY)) == number


def test_a_unit_counts_unless_the_prompt_names_it():
    assert same(HOW_MANY, "12 eggs", "12")
    assert not same(HOW_MANY, "5 km", "5 miles")
    assert not same(HOW_MANY, "50%", "50")
    assert same("What percentage is it? Compute it.", "50%", "50 percent")
    assert same("What percentage is it? Compute it.", "50%", "50")


def test_a_number_of_absurd_size_is_no_trap():
    for text in ("1e999999999", "9" * 5000, "1/" + "3" * 5000, "." * 9999, "1," * 9999, "{" * 9999, "[" * 9999):
        started = time.perf_counter()
        for prompt in (HOW_MANY, CAPITAL, OUTPUT, CHOICE, WRITE):
            final_answer(text, question(prompt))
            final_answer("the answer is " + text, question(prompt))
            final_answer("\\boxed{" + text, question(prompt))
        final_answer(text, question(HOW_MANY, json_asked=True))
        assert time.perf_counter() - started < 2.0


def test_short_texts_agree_but_for_case_article_and_marks():
    assert same(CAPITAL, "The Hague.", "the  hague")
    assert same(CAPITAL, "The answer is Amsterdam.", '"Amsterdam"')
    assert not same(CAPITAL, "Amsterdam", "Rotterdam")
    assert final_answer("It depends.\nOn whom you ask.", question(CAPITAL)) is None
    assert final_answer("word " * MAX_CHARS, question(CAPITAL)) is None


def test_formulas_agree_but_for_spaces_and_style():
    assert same("Solve it.", "$7 + \\sqrt{11}$", "\\boxed{7+\\sqrt{11}}")
    assert same("Solve it.", "\\left(1, \\dfrac{x}{2}\\right)", "(1,\\frac{x}{2})")
    assert not same("Solve it.", "2x", "2X^2")


def test_of_a_literal_every_character_counts():
    assert same(OUTPUT, "[1,2]", "[1, 2]")
    assert same(OUTPUT, "'Abc'", '"Abc"')
    assert not same(OUTPUT, "'Abc'", "'abc'")
    assert not same(OUTPUT, "[1, -2]", "[1, 2]")
    assert same(OUTPUT, "{'b': 1, 'a': 2}", '{"b": 1, "a": 2}')


def test_json_agrees_whatever_the_order_of_its_fields():
    asked = question("Give me the point.", json_asked=True)
    one = final_answer('{"x": 1, "y": [2.0]}', asked)
    assert one == final_answer('```json\n{ "y": [2], "x": 1.0 }\n```', asked)
    assert one != final_answer('{"x": 1, "y": [3]}', asked)
    assert final_answer("{cut", asked) is None


def test_of_json_with_an_answer_only_that_is_compared():
    asked = question("Think, then answer.", json_asked=True)
    one = final_answer('{"reasoning": "long", "answer": "18.0"}', asked)
    assert one == final_answer('{"reasoning": "short", "answer": 18}', asked) == "18"


def test_code_is_the_only_block_its_blank_lines_and_trailing_spaces_aside():
    block = "```python\ndef add(a, b):\n\n    return a + b  \n```"
    assert same(WRITE, f"Here it is:\n{block}\nIt adds.", "```\ndef add(a, b):\n    return a + b\n```")
    assert not same(WRITE, block, "```\ndef add(a, b):\nreturn a + b\n```")
    assert final_answer(block + block, question(WRITE)) is None
    assert final_answer("no code at all", question(WRITE)) is None


def test_a_long_spelling_is_kept_as_its_hash():
    asked = question("Give me all of it.", json_asked=True)
    spelling = final_answer("[" + "1," * 999 + "1]", asked)
    assert len(spelling) < 40
    assert spelling != final_answer("[" + "1," * 999 + "2]", asked)


def test_an_answer_alone_and_at_the_end_of_a_reply_are_spelled_alike():
    asked = question(HOW_MANY)
    assert spelled("$1,800.00", asked) == final_answer("Adding up gives\n#### $1,800.00", asked) == "1800"
