import numpy as np
import pytest

from fairlead.evaluation.perturbations import GADGETS, SAME_MEANING, around, searched_gadget

PROMPT = "Which of these Numbers is prime?\nA. eight\nB. nine\nC. eleven\nD. twelve"


def perturbed(name, prompt=PROMPT, seed=0):
    return SAME_MEANING[name](prompt, np.random.default_rng(seed))


@pytest.mark.parametrize("name", SAME_MEANING)
def test_every_change_is_drawn_from_its_seed(name):
    assert perturbed(name, seed=1) == perturbed(name, seed=1)
    assert perturbed(name, "") is not None


def test_the_words_stay():
    assert perturbed("lower case").split() == PROMPT.lower().split()
    assert perturbed("white space").split() == PROMPT.split()
    assert PROMPT in perturbed("politeness")


def test_typing_errors_exchange_neighbours_inside_a_word():
    long = " ".join(["prime"] * 1000)
    words = perturbed("typing errors", long).split()
    changed = [word for word in words if word != "prime"]
    assert 10 < len(changed) < 60
    assert all(sorted(word) == sorted("prime") and word[0] == "p" for word in changed)


def test_options_come_under_other_letters_and_all_stay():
    found = {perturbed("options reordered", seed=seed) for seed in range(20)}
    assert len(found) > 10
    for prompt in found:
        lines = prompt.splitlines()
        assert [line[:3] for line in lines[1:]] == ["A. ", "B. ", "C. ", "D. "]
        assert {line[3:] for line in lines[1:]} == {"eight", "nine", "eleven", "twelve"}


def test_a_prompt_without_options_stays_as_it_is():
    assert perturbed("options reordered", "Name a prime.") == "Name a prime."


@pytest.mark.parametrize("name", GADGETS)
def test_a_gadget_stands_around_the_prompt(name):
    assert PROMPT in GADGETS[name](PROMPT)
    assert GADGETS[name](PROMPT).startswith(PROMPT) == name.startswith("suffix")


@pytest.mark.parametrize("suffix", [False, True])
def test_the_search_finds_the_word_that_pulls(suffix):
    prompts = [f"plain words {i} and theorem {i}" for i in range(5)]

    def pull(asked):
        return np.array([prompt.count("theorem") for prompt in asked], dtype=np.float64)

    gadget = searched_gadget(pull, prompts, rng=np.random.default_rng(0), suffix=suffix, n_tries=200)
    assert gadget.count("theorem") >= 4
    assert around(gadget, "x", suffix=suffix) == (f"x {gadget}" if suffix else f"{gadget} x")
