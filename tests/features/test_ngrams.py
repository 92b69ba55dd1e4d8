"""What a request is about, in numbers."""

import numpy as np
import pytest

from fairlead.features import Ngrams
from fairlead.features.ngrams import BUCKET_BITS, grams
from fairlead.types import Request

SHIPS = [f"The ship number {i} sails along the coast with cargo of tea and silk" for i in range(30)]
PROOFS = [f"Prove that the integer {i} divides the polynomial sum of squares" for i in range(30)]


def requests(prompts):
    return [Request.from_prompt(prompt) for prompt in prompts]


def test_buckets_are_the_same_on_every_machine():
    assert grams(b"fairlead")[:4] == [16086, 16190, 349, 12642]


def test_an_ngram_is_a_word_or_four_bytes_of_it_with_the_spaces_around():
    assert len(grams(b"a")) == 1
    assert len(grams(b"of")) == 2  # `of`, ` of `
    assert len(grams(b"lead")) == 4  # `lead`, ` lea`, `lead`, `ead `
    assert len(set(grams(b"lead"))) == 4


def test_hashes_fill_the_buckets_evenly():
    letters = np.random.default_rng(0).choice(list(b"etaoinshrdlu"), (20_000, 8)).astype(np.uint8)
    words = {row.tobytes()[: 4 + i % 5] for i, row in enumerate(letters)}
    counts = np.bincount([grams(word)[0] for word in words], minlength=1 << BUCKET_BITS)
    assert counts.var() == pytest.approx(counts.mean(), rel=0.1)


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


def test_case_spaces_repetition_and_words_unlike_any_in_training_do_not_matter():
    features = Ngrams(n_components=4).fit(requests(SHIPS + PROOFS))
    said, shouted, spaced, twice = features.transform(
        requests([SHIPS[0], SHIPS[0].upper(), f"  {SHIPS[0].replace(' ', chr(10))}!", f"{SHIPS[0]} {SHIPS[0]}"])
    )
    for same in (shouted, spaced, twice):
        np.testing.assert_array_equal(same, said)
    assert not features.transform(requests(["zyx"])).any()


def test_a_misspelt_word_is_near_the_one_that_was_meant():
    features = Ngrams(n_components=8).fit(requests(SHIPS + PROOFS))
    meant, misspelt, other = features.transform(requests(["polynomial", "polynomail", "coast"]))
    assert meant @ misspelt > 0.7 * np.linalg.norm(meant) * np.linalg.norm(misspelt)
    assert meant @ other < 0.3 * np.linalg.norm(meant) * np.linalg.norm(other)


def test_fitting_again_forgets_the_rows_of_before():
    features = Ngrams(n_components=4).fit(requests(SHIPS))
    features.transform(requests(PROOFS))
    again = features.fit(requests(PROOFS)).transform(requests(PROOFS))
    np.testing.assert_array_equal(again, Ngrams(n_components=4).fit(requests(PROOFS)).transform(requests(PROOFS)))
