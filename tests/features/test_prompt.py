"""The default features, all parts together."""

import numpy as np
import pytest

from fairlead.features import PromptFeatures
from fairlead.testing import make_outcomes
from fairlead.types import Request

PROMPTS = list(make_outcomes(80).prompts)


@pytest.fixture(scope="module")
def features():
    return PromptFeatures().fit([Request.from_prompt(prompt) for prompt in PROMPTS])


def rows(features, prompts):
    return features.transform([Request.from_prompt(prompt) for prompt in prompts])


def test_the_parts_stand_side_by_side(features):
    requests = [Request.from_prompt(prompt) for prompt in PROMPTS[:5]]
    parts = [part.transform(requests) for part in (features.surface, features.ngrams, features.static)]
    np.testing.assert_allclose(features.transform(requests), np.hstack(parts), atol=1e-5)


def test_courtesy_moves_nothing(features):
    moved = rows(features, [f"Hi! Could you please {prompt}\n\nThanks a lot!" for prompt in PROMPTS])
    np.testing.assert_allclose(moved, rows(features, PROMPTS), atol=1e-9)


def test_white_space_moves_nothing(features):
    moved = rows(features, [f"\n{prompt.replace(' ', '  ')}\n\n" for prompt in PROMPTS])
    np.testing.assert_allclose(moved, rows(features, PROMPTS), atol=1e-9)


def test_case_moves_nothing(features):
    np.testing.assert_array_equal(rows(features, [prompt.upper() for prompt in PROMPTS]), rows(features, PROMPTS))
