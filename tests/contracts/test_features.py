"""What every feature extractor must do; a new one gets these checks by being listed in `FEATURES`."""

import copy
from functools import partial

import numpy as np
import pytest

from fairlead.errors import NotFittedError
from fairlead.features import FEATURES
from fairlead.testing import make_outcomes
from fairlead.types import Message, Request, Text, Tool
from tests.tiny_encoder import write_tiny_encoder

REQUESTS = list(make_outcomes(40).requests)
ODD = [
    Request.from_prompt(""),
    Request.from_prompt("\n\t "),
    Request.from_prompt("\ud800 lone surrogate, \x00 and 数学の問題 🚢"),
    Request.from_prompt("a" * 100_000),
    Request(messages=(), tools=(Tool(name="search"),)),
    Request(messages=(Message(role="user", parts=(Text(text="x"),)),) * 50, json_object=True),
]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return str(write_tiny_encoder(tmp_path_factory.mktemp("encoder")))


@pytest.fixture(params=FEATURES)
def features(request, encoder):
    arguments = {"directory": encoder} if request.param == "Encoder" else {}
    return partial(FEATURES[request.param], **arguments)


def test_each_row_depends_on_its_own_request_alone(features):
    fitted = features().fit(REQUESTS)
    together = fitted.transform(REQUESTS)
    one_by_one = np.vstack([fitted.transform([request]) for request in REQUESTS])
    np.testing.assert_allclose(together, one_by_one, atol=1e-5)


def test_any_request_gives_finite_numbers(features):
    x = features().fit(REQUESTS).transform(ODD)
    assert x.shape[0] == len(ODD)
    assert np.isfinite(x).all()


def test_fitting_on_odd_requests_or_on_one_gives_finite_numbers(features):
    assert np.isfinite(features().fit(ODD).transform(REQUESTS)).all()
    assert np.isfinite(features().fit(REQUESTS[:1]).transform(REQUESTS)).all()


def test_the_same_requests_give_the_same_numbers(features):
    first, second = features().fit(REQUESTS), features().fit(REQUESTS)
    np.testing.assert_array_equal(first.transform(REQUESTS), second.transform(REQUESTS))
    np.testing.assert_array_equal(first.transform(REQUESTS), features().fit_transform(REQUESTS))


def test_a_clone_is_equal_and_unfitted(features):
    fitted = features().fit(REQUESTS)
    clone = fitted.clone()
    assert repr(clone) == repr(fitted)
    with pytest.raises(NotFittedError, match="Call `fit` first"):
        clone.transform(REQUESTS)


def test_state_comes_back_through_arrays(features):
    fitted = features().fit(REQUESTS)
    assert all(isinstance(array, np.ndarray) for array in fitted.state().values())
    restored = fitted.clone().restore(fitted.state())
    np.testing.assert_array_equal(restored.transform(REQUESTS), fitted.transform(REQUESTS))


def test_requests_are_not_changed(features):
    before = copy.deepcopy(ODD)
    features().fit(ODD).transform(ODD)
    assert before == ODD


def test_no_request_gives_no_row(features):
    assert features().fit(REQUESTS).transform([]).shape[0] == 0
