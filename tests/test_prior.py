"""What the shipped prior expects: shown, never the ground of a decision."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest

from fairlead.features.demands import prior_file
from fairlead.fitting import fit
from fairlead.outcomes import join
from fairlead.prior import expected, known_models, plain_name, stacked
from fairlead.testing import make_outcomes
from fairlead.types import Candidate, Request

EASY = Request.from_prompt("What is the capital of France?")
HARD = Request.from_prompt(
    "Let $f(x)=x^4-3x+1$. Find the sum of the squares of all complex roots of $f(f(x))=0$, in full."
)


def candidate(name, **more):
    return Candidate(name=name, **more)


def test_a_hard_prompt_is_expected_to_fail_more_often():
    easy, hard = (expected(request, [candidate("lab/unheard-of")])[0].p_success for request in (EASY, HARD))
    assert easy > hard + 0.1


def test_a_known_model_has_its_own_ability_whatever_host_serves_it():
    known = [candidate("host/Meta-Llama-3_1-8B-Instruct"), candidate("x", weights="llama-3.1-8b-instruct")]
    strong = candidate("openai/gpt-4o-2024-05-13")
    first, same, better = (prediction.p_success for prediction in expected(HARD, [*known, strong]))
    assert first == same
    assert better > first + 0.05


def test_an_unknown_model_is_average_and_less_certain():
    unknown, known = expected(EASY, [candidate("lab/unheard-of"), candidate("a", known_as=("gpt-4o-2024-05-13",))])
    assert unknown.p_success_sd > 2 * known.p_success_sd
    assert (unknown.output_tokens, unknown.cost_usd) == (None, None)


def test_models_are_known_in_one_spelling():
    assert "mixtral-8x7b-instruct-v0.1" in known_models()
    assert all(name == plain_name(name) for name in known_models())


def test_stacked_tables_put_models_of_one_name_in_one_column():
    a = make_outcomes(5, models=("lab/Big_1", "small"))
    b = make_outcomes(4, models=("Big.1@host", "other"), seed=1)
    requests, score, names = stacked([a, b])
    assert names == ("big.1", "small", "other")
    assert len(requests) == 9
    np.testing.assert_array_equal(score[:5, :2], a.score)
    np.testing.assert_array_equal(score[5:, [0, 2]], b.score)
    assert np.isnan(score[:5, 2]).all()


def test_the_file_holds_numbers_and_names_of_models_alone():
    arrays = prior_file()
    assert sum(array.nbytes for array in arrays.values()) < 2_000_000
    assert {array.dtype.kind for name, array in arrays.items() if name not in {"models", "fingerprint"}} <= set("fiu")
    assert all(re.fullmatch(r"[\w.:+-]{1,60}", name) for name in known_models())


def test_the_model_card_names_this_very_file():
    root = Path(__file__).parents[1]
    digest = hashlib.sha256((root / "src/fairlead/features/data/prior.npz").read_bytes()).hexdigest()
    assert digest in (root / "docs" / "prior.md").read_text(encoding="utf-8")


def test_a_fit_takes_the_prior_when_it_is_told_to():
    table = make_outcomes(60, seed=1)
    without, with_prior = fit(table), fit(table, prior="shipped")
    x, more = (router.features.transform(table.requests[:3]) for router in (without, with_prior))
    np.testing.assert_array_equal(x, more[:, : x.shape[1]])
    assert more.shape[1] > x.shape[1]
    assert without.version != with_prior.version


@pytest.mark.parametrize("name", ["openai/gpt", "GPT", "gpt@host", "other/lab/Gpt"])
def test_vendor_host_and_case_are_no_part_of_a_plain_name(name):
    assert plain_name(name) == "gpt"


def test_joined_tables_are_not_what_the_prior_stacks():
    """`join` keeps names as they are: two spellings of one model stay two columns there."""
    a, b = make_outcomes(5, models=("Big_1",)), make_outcomes(4, models=("big.1",), seed=1)
    assert len(join([a, type(b)(**{f: getattr(b, f) for f in b.__dataclass_fields__} | {"name": "b"})]).models) == 2
    assert len(stacked([a, b])[2]) == 1
