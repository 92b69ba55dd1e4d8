"""What a request is about, in numbers."""

import numpy as np
import pytest

from fairlead.features import Ngrams
from fairlead.features.ngrams import BUCKET_BITS, _hashes
from fairlead.types import Request

SHIPS = [f"The ship number {i} sails along the coast with cargo of tea and silk" for i in range(30)]
PROOFS = [f"Prove that the integer {i} divides the polynomial sum of squares" for i in range(30)]


def requests(prompts):
    return [Request.from_prompt(prompt) for prompt in prompts]


def test_hashes_are_the_same_on_every_machine():
    assert _hashes(b"a fairlead").tolist()[:4] == [293912779, 3550894541, 2374367531, 4032461902]


def test_an_ngram_is_a_word_a_pair_or_four_bytes():
    assert len(_hashes(b"a fairlead")) == 2 + 1 + 7
    assert len(_hashes(b"")) == 0
    assert len(_hashes(b"x")) == 1


def test_hashes_fill_the_buckets_evenly():
    data = " ".join(f"word{i}" for i in range(20_000)).encode()
    counts = np.bincount(np.unique(_hashes(data)) >> np.uint32(32 - BUCKET_BITS), minlength=1 << BUCKET_BITS)
    assert counts.var() / counts.mean() == pytest.approx(1.0, abs=0.1)


def test_prompts_on_one_subject_are_near_and_others_far():
    x = Ngrams(n_components=8).fit(requests(SHIPS + PROOFS)).transform(requests(SHIPS[:2] + PROOFS[:1]))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    assert x[0] @ x[1] > 0.9
    assert x[0] @ x[2] < 0.3


def test_columns_have_the_size_of_standardised_ones():
    x = Ngrams(n_components=8).fit(requests(SHIPS + PROOFS)).transform(requests(SHIPS + PROOFS))
    assert np.square(x).mean() == pytest.approx(1.0, abs=0.05)


def test_there_are_no_more_columns_than_the_prompts_can_tell():
    assert Ngrams(n_components=128).fit(requests(SHIPS[:5])).transform(requests(SHIPS)).shape[1] <= 5


def test_the_projection_learns_from_a_bounded_number_of_prompts():
    few = Ngrams(n_components=4, max_prompts=10).fit(requests(SHIPS + PROOFS))
    chosen = [(SHIPS + PROOFS)[int(i)] for i in np.linspace(0, 59, 10)]
    np.testing.assert_array_equal(few.idf_, Ngrams(n_components=4).fit(requests(chosen)).idf_)


def test_case_and_words_unknown_in_training_do_not_matter():
    features = Ngrams(n_components=4).fit(requests(SHIPS + PROOFS))
    shouted, said = features.transform(requests([SHIPS[0].upper(), SHIPS[0]]))
    np.testing.assert_array_equal(shouted, said)
    assert not features.transform(requests(["zyx"])).any()
