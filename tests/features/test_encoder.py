"""What a request means, by an encoder: here one that is made up."""

import sys

import numpy as np
import onnxruntime
import pytest

from fairlead import load, save
from fairlead.convert import graph
from fairlead.errors import ArtifactError, MissingExtraError
from fairlead.features import Encoder, PromptFeatures
from fairlead.features.encoder import MAX_TOKENS, _runtime
from fairlead.features.reading import N_SEGMENTS, SHORT_CHARS
from fairlead.fitting import fit
from fairlead.testing import make_outcomes
from fairlead.types import Request
from tests.tiny_encoder import N_HEADS, WIDTH, WORDS, tiny_weights, write_tiny_encoder
from tools.distil_static import forward


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny_encoder(tmp_path_factory.mktemp("encoder"))


def requests(*prompts):
    return [Request.from_prompt(prompt) for prompt in prompts]


def tokens(folder, text):
    return [WORDS[i] for i in _runtime(str(folder)).ids(text)]


def test_the_graph_computes_what_bert_does():
    session = onnxruntime.InferenceSession(graph(tiny_weights(), n_heads=N_HEADS).SerializeToString())
    for length in (1, 2, 9):
        ids = np.arange(length)[None] % len(WORDS)
        (found,) = session.run(None, {"ids": ids})
        expected = forward(tiny_weights(), ids, n_heads=N_HEADS)
        np.testing.assert_allclose(found, expected / np.linalg.norm(expected), atol=1e-4)


def test_rounding_the_weights_changes_little(folder):
    exact = forward(tiny_weights(), np.array([_runtime(str(folder)).ids("The ship sails.")]), n_heads=N_HEADS)[0]
    rounded = _runtime(str(folder)).embedded("The ship sails.")
    assert exact @ rounded > 0.98 * np.linalg.norm(exact)


def test_text_is_cut_into_tokens_as_bert_does(folder):
    assert tokens(folder, "The SHIP sails, sailing?") == [
        *("[CLS]", "the", "ship", "sail", "##s", "[UNK]", "sail", "##ing", "?", "[SEP]")
    ]
    assert tokens(folder, "数数 thé") == ["[CLS]", "数", "数", "the", "[SEP]"]
    assert tokens(folder, "") == ["[CLS]", "[SEP]"]


def test_a_long_text_is_read_at_head_and_tail(folder):
    long = tokens(folder, "the " * 200 + "ship " * 200)
    assert len(long) == MAX_TOKENS
    assert (long[1], long[-2]) == ("the", "ship")
    text = "the ship sails. " * SHORT_CHARS
    assert Encoder(directory=str(folder)).fit_transform(requests(text, "a")).shape == (2, WIDTH)
    assert _runtime(str(folder)).embedded.cache_info().currsize >= N_SEGMENTS


def test_its_columns_stand_last_and_come_back_with_the_router(folder, tmp_path):
    features = PromptFeatures(encoder=Encoder(directory=str(folder)))
    table = make_outcomes(40)
    router = fit(table, features=features)
    x = router.features.transform(table.requests)
    assert x.shape[1] == fit(table).features.transform(table.requests).shape[1] + WIDTH
    save(router, tmp_path / "router")
    restored = load(tmp_path / "router")
    np.testing.assert_array_equal(restored.features.transform(table.requests), x)


def test_another_encoder_in_its_place_is_refused(folder, tmp_path):
    write_tiny_encoder(tmp_path)
    features = Encoder(directory=str(tmp_path)).fit(requests("the ship", "a sail"))
    state = features.state()
    with pytest.raises(ArtifactError, match="another encoder"):
        Encoder(directory=str(folder)).restore(state | {"encoder_": state["encoder_"] + 1})


def test_a_folder_without_an_encoder_is_refused_with_what_makes_one(tmp_path):
    with pytest.raises(ArtifactError, match=r"python -m fairlead\.convert FOLDER"):
        Encoder(directory=str(tmp_path)).fit(requests("x"))


def test_without_the_extra_the_install_line_is_given(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    for name in ("encoder.onnx", "vocab.txt"):
        tmp_path.joinpath(name).write_bytes(folder.joinpath(name).read_bytes())
    with pytest.raises(MissingExtraError, match=r"pip install 'fairlead\[encoder\]'"):
        Encoder(directory=str(tmp_path)).fit(requests("x"))
