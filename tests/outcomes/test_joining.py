"""Several tables as one."""

from decimal import Decimal

import numpy as np
import pytest

from fairlead.errors import TableError
from fairlead.outcomes import Outcomes, join, table_price


def table(name, models, score, prices=None):
    score = np.array(score, dtype=np.float64)
    n = len(score)
    return Outcomes(
        name=name,
        prompt_ids=tuple(str(i) for i in range(n)),
        prompts=tuple(f"{name} asks {i}" for i in range(n)),
        models=models,
        score=score,
        input_tokens=np.full(score.shape, 10.0),
        output_tokens=np.full(score.shape, 20.0),
        output_chars=np.full(score.shape, 80.0),
        tokens_estimated=np.full(score.shape, fill_value=True),
        answer=np.full(score.shape, None, dtype=np.object_),
        latency_s=np.full(score.shape, 0.5),
        prices=prices or {},
        benchmark=("b",) * n,
        subset=("s",) * n,
    )


def price(output):
    return table_price(Decimal(1), Decimal(output), source="list")


def test_models_of_one_name_share_a_column_and_the_rest_is_not_measured():
    joined = join([table("one", ("x", "y"), [[1, 0]]), table("two", ("z", "y"), [[0.5, 1], [0, 1]])])
    assert joined.models == ("x", "y", "z")
    assert joined.prompt_ids == ("one/0", "two/0", "two/1")
    np.testing.assert_array_equal(joined.score, [[1, 0, np.nan], [np.nan, 1, 0.5], [np.nan, 1, 0]])
    assert not joined.tokens_estimated[0, 2]
    np.testing.assert_array_equal(np.isnan(joined.latency_s), np.isnan(joined.score))
    assert joined.usage(1, 0) is None


def test_prices_come_along_so_that_the_bill_does():
    joined = join([table("one", ("x",), [[1]]), table("two", ("y",), [[1]], {"y": price(2)})])
    assert joined.bill(1, 1) == price(2).cost_usd(joined.usage(1, 1))
    assert joined.bill(0, 0) is None


def test_one_table_stays_as_it_is():
    one = table("one", ("x",), [[1]])
    assert join([one]) is one


def test_tables_that_cannot_be_told_apart_are_refused():
    with pytest.raises(TableError, match="two of the tables are named `one`"):
        join([table("one", ("x",), [[1]]), table("one", ("y",), [[1]])])


def test_two_prices_of_one_model_are_refused():
    first = table("one", ("x",), [[1]], {"x": price(2)})
    second = table("two", ("x",), [[1]], {"x": price(3)})
    with pytest.raises(TableError, match="table `two` prices `x` differently"):
        join([first, second])


def test_no_table_is_refused():
    with pytest.raises(TableError, match="no outcome table"):
        join([])
