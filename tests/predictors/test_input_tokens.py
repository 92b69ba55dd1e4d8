"""What is billed for the input: a template and a tokenizer are learned, and an outlook without labels is kept."""

import numpy as np

from fairlead.predictors import InputTokens


def make_case(n=400, *, seed=0):
    """A model that counts as assumed, one behind a template, one with a wordy tokenizer, one never billed."""
    rng = np.random.default_rng(seed)
    assumed = rng.integers(20, 400, n).astype(float)
    y = np.column_stack([assumed, assumed + 80, 1.4 * assumed + 10, np.full(n, np.nan)])
    return assumed, np.round(y + rng.normal(scale=2, size=y.shape))


def test_template_and_tokenizer_are_learned():
    predicted = InputTokens().fit(*make_case()).predict(np.array([40.0, 3000.0]))
    np.testing.assert_allclose(predicted[0, :3], [40, 120, 66], atol=8)
    np.testing.assert_allclose(predicted[1, :3], [3000, 3080, 4210], rtol=0.03)


def test_what_was_never_billed_is_as_assumed():
    assumed, y = make_case()
    np.testing.assert_array_equal(InputTokens().fit(assumed, y).predict(assumed)[:, 3], assumed)
    nothing = np.full_like(y, np.nan)
    np.testing.assert_array_equal(InputTokens().fit(assumed, nothing).predict(assumed)[:, 0], assumed)


def test_three_bills_are_believed_only_so_far():
    assumed, y = make_case()
    y[3:, 1:3] = np.nan
    predicted = InputTokens().fit(assumed, y).predict(np.array([200.0]))[0]
    assert 200 < predicted[1] < 270
    assert 200 < predicted[2] < 280


def test_tokens_are_never_negative():
    assumed = np.array([10.0, 100.0, 200.0])
    assert InputTokens().fit(assumed, 200.0 - assumed[:, None]).predict(np.array([5000.0])).min() >= 0
