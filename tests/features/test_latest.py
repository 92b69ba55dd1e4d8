"""The features read last: the same request is read once, another one never gets them."""

import copy
import gc
import pickle
import weakref

import numpy as np

from fairlead.features.latest import Latest
from fairlead.types import Request


class Counting:
    """Features that count how often they are asked."""

    def __init__(self):
        self.n = 0

    def transform(self, requests):
        self.n += 1
        return np.array([[len(request.prompt)] for request in requests], dtype=float)


def test_the_same_request_is_read_once_and_every_other_one_anew():
    features, latest = Counting(), Latest()
    first, second, equal = (Request.from_prompt(prompt) for prompt in ("one", "three", "one"))
    read = [latest.of(features, [request])[0, 0] for request in (first, first, second, second, first, equal)]
    assert read == [3, 3, 5, 5, 3, 3]
    assert features.n == 4


def test_requests_that_were_read_at_once_are_found_one_by_one():
    features, latest = Counting(), Latest()
    requests = [Request.from_prompt(prompt) for prompt in ("one", "three", "seventeen")]
    np.testing.assert_array_equal(latest.of(features, requests), [[3], [5], [9]])
    rows, i = latest.among(features, requests[2])
    assert (rows.x[i, 0], latest.of(features, requests[1:2])[0, 0], features.n) == (9, 5, 1)


def test_a_request_that_is_gone_lends_its_features_to_nobody_and_is_not_kept_alive():
    features, latest = Counting(), Latest()
    request = Request.from_prompt("one")
    latest.of(features, [request])
    gone = weakref.ref(request)
    del request
    gc.collect()
    assert gone() is None
    assert latest.of(features, [Request.from_prompt("three")])[0, 0] == 5


def test_copies_start_with_nothing():
    features, latest, request = Counting(), Latest(), Request.from_prompt("one")
    latest.of(features, [request])
    for copied in (copy.deepcopy(latest), pickle.loads(pickle.dumps(latest))):
        copied.of(features, [request])
    assert features.n == 3
