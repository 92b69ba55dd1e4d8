"""What the shipped prior expects of candidates: shown beside a decision, never the ground of one.

Public outcome tables taught it what prompts demand and what some public models can do (`docs/prior.md`). A model that
it knows by name has that ability, any other the average one with a wide spread. Either way it says nothing that was
seen of the user's models at the user's tasks: no policy reads it, and the hull guard does not know it.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from fairlead.features import General
from fairlead.features.demands import prior_file, under
from fairlead.predictors import ItemResponse
from fairlead.types import Prediction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.outcomes import Outcomes
    from fairlead.types import Candidate, FloatArray, Request

_HOST = re.compile(r"@.*$")


def plain_name(model: str) -> str:
    """Returns the name of the weights, in one spelling: without vendor, host and case.

    >>> plain_name("mistralai/Mixtral-8x7B-Instruct-v0.1"), plain_name("Meta-Llama-3_1-8B-Instruct")
    ('mixtral-8x7b-instruct-v0.1', 'llama-3.1-8b-instruct')
    """
    name = _HOST.sub("", model.rpartition("/")[2]).lower().replace("_", ".")
    return name.removeprefix("meta-")


def stacked(tables: Sequence[Outcomes]) -> tuple[list[Request], FloatArray, tuple[str, ...]]:
    """Returns all prompts below one another, models of one plain name in one column."""
    names = tuple(dict.fromkeys(plain_name(model) for table in tables for model in table.models))
    blocks = []
    for table in tables:
        block = np.full((len(table), len(names)), np.nan)
        for j, model in enumerate(table.models):
            at = names.index(plain_name(model))
            block[:, at] = np.where(np.isnan(block[:, at]), table.score[:, j], block[:, at])
        blocks.append(block)
    return [request for table in tables for request in table.requests], np.vstack(blocks), names


def known_models() -> tuple[str, ...]:
    """Returns the plain names of the models that the prior knows."""
    return tuple(prior_file()["models"].tobytes().decode().split("\n"))


def expected(request: Request, candidates: Sequence[Candidate]) -> tuple[Prediction, ...]:
    """Returns what the prior expects of each candidate: chance and spread; tokens and cost it does not know."""
    features, items = _fitted()
    estimate = _of(items, candidates).predict(features.transform([request]))
    return tuple(
        Prediction(
            candidate=candidate.name, p_success=float(p), p_success_sd=float(sd), output_tokens=None, cost_usd=None
        )
        for candidate, p, sd in zip(candidates, estimate.mean[0], estimate.sd[0], strict=True)
    )


@cache
def _fitted() -> tuple[General, ItemResponse]:
    arrays = prior_file()
    return General().restore(under("features", arrays)), ItemResponse().restore(under("items", arrays))


def _of(items: ItemResponse, candidates: Sequence[Candidate]) -> ItemResponse:
    """Returns the predictor with one column a candidate."""
    column = {name: j for j, name in enumerate(known_models())}
    at = np.array([next((column[n] for n in _names(c) if n in column), -1) for c in candidates], dtype=np.int64)
    unknown, n_dims = at < 0, items.ability_.shape[1]
    state = items.state() | {
        "ability_": np.where(unknown[:, None], 0.0, items.ability_[at]),
        "ability_cov_": np.where(unknown[:, None, None], np.eye(n_dims), items.ability_cov_[at]),
        "n_labels_": np.ones(len(at), dtype=np.int64),
    }
    return items.clone().restore(state)


def _names(candidate: Candidate) -> tuple[str, ...]:
    return tuple(plain_name(name) for name in (candidate.name, candidate.weights, *candidate.known_as) if name)
