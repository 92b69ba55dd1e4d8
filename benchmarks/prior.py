"""Does the shipped prior help on a table that was not in it? Leave one table out, with few labels and with many.

    python benchmarks/prior.py DATA [--seeds 5] [--out FILE]

For each table of the prior: the item side is fitted on the three others, without any prompt whose question stem occurs
in the table. On the table, the predictor of a default fit learns from k prompts measured with every model, with the
prior's columns beside its features and without them, and is judged on held-out prompts: Brier score, and the mean AUC
within a model. Beside it, the prior alone: how well its easiness ranks the prompts of a table it knows nothing of.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from fairlead.errors import NotEnoughPointsError
from fairlead.features import General, PromptFeatures
from fairlead.features.demands import WEIGHT
from fairlead.outcomes import Outcomes
from fairlead.outcomes.questions import stem_key
from fairlead.predictors import FewLabels, ItemResponse
from fairlead.predictors.composed import quick
from fairlead.prior import stacked
from fairlead.statistics.calibration import auc, brier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.types import FloatArray

TABLES = ("mmlu_pro", "zeroeval", "routellm", "llmrouter9")
LABELLED = (30, 100, 300, 1000)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One table and number of labelled prompts; means over the splits, and the difference's standard error."""

    table: str
    n_labelled: int
    brier_without: float
    brier_with: float
    brier_gain: float
    gain_se: float
    auc_without: float
    auc_with: float
    auc_prior_alone: float


def main() -> None:
    """Runs the benchmark and prints its table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    tables = [Outcomes.read(given.data / name) for name in TABLES]
    rows = []
    for table in tables:
        demands = demanded(table, [without(other, table) for other in tables if other is not table])
        for k in LABELLED:
            rows.append(judged(table, demands, k, given.seeds))
            print(rows[-1], flush=True)
    if given.out is not None:
        given.out.write_bytes(msgspec.json.format(msgspec.json.encode(rows), indent=2) + b"\n")


def without(other: Outcomes, table: Outcomes) -> Outcomes:
    """Returns the prompts of `other` whose stems do not occur in `table`."""
    stems = {stem_key(prompt) for prompt in table.prompts}
    return other.rows([i for i, prompt in enumerate(other.prompts) if stem_key(prompt) not in stems])


def judged(table: Outcomes, demands: FloatArray, k: int, n_seeds: int) -> Row:
    """Returns the figures of one table."""
    found = np.array([_trial(table, demands, k, seed) for seed in range(n_seeds)])
    mean, gain = found.mean(axis=0).tolist(), found[:, 0] - found[:, 1]
    return Row(
        table=table.name,
        n_labelled=k,
        brier_without=mean[0],
        brier_with=mean[1],
        brier_gain=float(gain.mean()),
        gain_se=float(gain.std(ddof=1) / np.sqrt(n_seeds)),
        auc_without=mean[2],
        auc_with=mean[3],
        auc_prior_alone=_mean_auc(np.repeat(demands[:, -1:], len(table.models), axis=1), table.score),
    )


def demanded(table: Outcomes, others: Sequence[Outcomes]) -> FloatArray:
    """Returns (n, k) what a prior made of the other tables says of this one's prompts."""
    requests, score, _ = stacked(others)
    general = General()
    items = ItemResponse().fit(general.fit_transform(requests), score)
    return items.items(general.transform(table.requests)).mean


def _trial(table: Outcomes, demands: FloatArray, k: int, seed: int) -> tuple[float, float, float, float]:
    train, test = table.split(0.7, seed)
    drawn = np.random.default_rng(seed).permutation(len(train))[:k]
    rows, rows_test = ([table.row_of[i] for i in ids] for ids in (np.array(train.prompt_ids)[drawn], test.prompt_ids))
    features = PromptFeatures()
    x, x_test = features.fit_transform([table.requests[i] for i in rows]), features.transform(test.requests)
    mean, scale = demands[rows].mean(axis=0), np.maximum(demands[rows].std(axis=0), 1e-6) / WEIGHT
    more, more_test = ((demands[at] - mean) / scale for at in (rows, rows_test))
    y = table.score[rows]
    plain = FewLabels(predictor=quick(seed)).fit(x, y).predict_mean(x_test)
    helped = FewLabels(predictor=quick(seed)).fit(np.hstack([x, more]), y).predict_mean(np.hstack([x_test, more_test]))
    scores = test.score
    briers = [brier(p.ravel(), scores.ravel()) for p in (plain, helped)]
    return briers[0], briers[1], _mean_auc(plain, scores), _mean_auc(helped, scores)


def _mean_auc(predicted: FloatArray, score: FloatArray) -> float:
    found = []
    for j in range(score.shape[1]):
        try:
            found.append(auc(predicted[:, j], score[:, j]))
        except NotEnoughPointsError:
            continue
    return float(np.mean(found))


if __name__ == "__main__":
    main()
