"""What a request is about in general, by the table that ships."""

import hashlib
import re
from importlib.resources import files

import numpy as np
import pytest

from fairlead.errors import ArtifactError
from fairlead.features import PromptFeatures, Static
from fairlead.features.static import table
from fairlead.features.wordpiece import LONGEST_PIECE, pieces
from fairlead.types import Request

DATA = files("fairlead.features").joinpath("data")


def requests(*prompts):
    return [Request.from_prompt(prompt) for prompt in prompts]


def cosines(prompt, *others):
    rows = table().rows_of
    means = [rows(text.encode().split()).mean(axis=0) for text in (prompt, *others)]
    units = [mean / np.linalg.norm(mean) for mean in means]
    return [float(units[0] @ unit) for unit in units[1:]]


def cut(word):
    names = {place: name.decode() for name, place in table().place.items()}
    return [names[place] for place in pieces(word.encode(), table().place)]


def test_the_table_is_the_one_whose_hash_and_notice_ship():
    notice = DATA.joinpath("NOTICE.txt").read_text(encoding="utf-8")
    found = hashlib.sha256(DATA.joinpath("static.npz").read_bytes()).hexdigest()
    assert found in re.findall(r"\b[0-9a-f]{64}\b", notice)
    assert "Apache License, Version 2.0" in notice


def test_words_are_cut_into_the_longest_known_pieces():
    assert cut("ship") == ["ship"]
    assert cut("embeddings") == ["em", "##bed", "##ding", "##s"]
    assert cut("☃") == []
    assert cut("ship☃") == []
    assert max(map(len, table().place)) <= LONGEST_PIECE


def test_a_word_is_the_mean_of_its_pieces_and_an_unknown_one_is_nothing():
    rows = table().rows_of([b"ship", b"ships", "☃".encode(), b"embeddings"])
    unit, place = table().unit, table().place
    np.testing.assert_allclose(rows[0], table().rows[place[b"ship"]] * unit, rtol=1e-6)
    expected = np.mean([table().rows[place[p]] * unit for p in (b"em", b"##bed", b"##ding", b"##s")], axis=0)
    np.testing.assert_allclose(rows[3], expected, rtol=1e-5)
    assert not rows[2].any()


def test_what_means_alike_is_near():
    near, far = cosines("the doctor treated the patient", "a physician cured someone ill", "he repaired the car engine")
    assert near > far + 0.1
    near, far = cosines("integral of a polynomial", "derivative of a function", "recipe for tomato soup")
    assert near > far + 0.1


def test_no_table_word_of_the_text_means_the_middle_of_the_training_requests():
    features = Static().fit(requests("my cat sleeps", "income tax returns"))
    empty, unknown = features.transform(requests("", "☃ ☃"))
    np.testing.assert_array_equal(empty, unknown)


def test_columns_have_the_size_of_standardised_ones():
    prompts = requests("my cat sleeps", "a dog barks", "income tax returns", "prove the theorem")
    x = Static().fit_transform(prompts)
    assert np.square(x).mean() == pytest.approx(1.0)
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-6)


def test_a_router_fitted_with_another_table_is_refused():
    fitted = PromptFeatures().fit(requests("my cat sleeps", "a dog barks"))
    state = fitted.state()
    fitted.clone().restore(state)
    with pytest.raises(ArtifactError, match="Fit the router again"):
        fitted.clone().restore(state | {"static.table_": state["static.table_"] + 1})
