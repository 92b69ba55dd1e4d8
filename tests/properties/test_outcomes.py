"""Any split keeps repeated questions together and lies near the fraction; any table survives writing and reading."""

import tempfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.outcomes import Outcomes, table_price
from fairlead.outcomes.questions import first_side, question_key
from fairlead.testing import make_outcomes

fractions = st.floats(0.01, 0.99)
seeds = st.integers(0, 2**32 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
rates = st.decimals(0, 1000, places=6)


@given(questions=st.lists(st.integers(0, 20), min_size=2, max_size=60), fraction=fractions, seed=seeds)
def test_split_keeps_questions_together_near_the_fraction(questions, fraction, seed):
    prompts = [f"question {number}" + "!" * (i % 3) for i, number in enumerate(questions)]
    first = first_side(prompts, fraction, seed)
    keys = np.array([question_key(prompt) for prompt in prompts])
    assert set(keys[first]).isdisjoint(keys[~first])
    if len(set(questions)) > 1:
        assert first.any()
        assert not first.all()
        largest = max(questions.count(number) for number in questions)
        assert abs(first.sum() - fraction * len(prompts)) <= largest


@settings(deadline=None, max_examples=25)
@given(
    prompts=st.lists(texts, min_size=1, max_size=8),
    prices=st.lists(st.tuples(rates, rates), min_size=3, max_size=3),
    seed=seeds,
)
def test_written_table_is_read_back(prompts, prices, seed):
    outcomes = make_outcomes(len(prompts), seed=seed, missing=0.3)
    priced = {
        model: table_price(Decimal(given), Decimal(taken), source='a, "b"\nc')
        for model, (given, taken) in zip(outcomes.models, prices, strict=True)
    }
    outcomes = replace(outcomes, prompts=tuple(prompts), prices=priced)
    with tempfile.TemporaryDirectory() as folder:
        outcomes.write(Path(folder) / "table")
        back = Outcomes.read(Path(folder) / "table")
    assert back.data_hash == outcomes.only(back.models).data_hash
    assert back.prompts == outcomes.prompts
    assert [back.bill(i, 0) for i in range(len(back))] == [outcomes.bill(i, 0) for i in range(len(back))]
