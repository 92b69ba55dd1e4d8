"""Draws `docs/cost-quality.svg`, the plot of the README: `python docs/plot.py FILE`.

The file is what `fairlead evaluate TABLE --out FILE` wrote, so the plot shows what the README's table says.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import numpy as np

from fairlead.cli.evaluate import EvaluateResult, Judgement, Method, Model, Spread
from fairlead.plots import Point, scatter
from fairlead.statistics.hulls import hull

PLOT = Path(__file__).parent / "cost-quality.svg"
SERVED = "router, guarded"
"""The method that `fairlead fit` would serve."""
OPERATING = "cost, "
"""How the names of the router's operating points begin."""


def main() -> None:
    """Writes the plot."""
    if len(sys.argv) != 2:
        sys.exit("usage: python docs/plot.py FILE (written by `fairlead evaluate TABLE --out FILE`)")
    found = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=EvaluateResult)
    PLOT.write_text(plot(found.judgements[0]) + "\n", encoding="utf-8")


def plot(judgement: Judgement) -> str:
    """Returns fixed models, their hull, and the router: served, and at other margins."""
    corners = _corners(judgement.models)
    lowest = min(y for _, y in map(_place, corners))
    models = [_point(model, model.model, quiet=model not in corners) for model in judgement.models]
    served = next(method for method in judgement.methods if method.name == SERVED)
    operating = [method for method in judgement.methods if method.name.startswith(OPERATING)]
    return scatter(
        [*(model for model in models if model.y >= lowest), _point(served, "Fairlead", accent=True)],
        title=f"{judgement.table}: mean score over cost, {judgement.n_prompts:,} held-out prompts",
        description="Fixed models that score no less than the cheapest corner of their hull, with 95 % intervals; "
        "dashed, what they and random mixes of two reach; a line through the router at other margins.",
        x_label="USD per 1,000 requests",
        y_label="mean score",
        hull=[_place(model) for model in corners],
        curve=sorted(_place(method) for method in operating),
    )


def _corners(models: tuple[Model, ...]) -> list[Model]:
    places = np.array([_place(model) for model in models])
    return [models[i] for i in hull(places[:, 0], places[:, 1])]


def _place(judged: Model | Method) -> tuple[float, float]:
    return 1000 * _known(judged.cost_usd.value), _known(judged.score.value)


def _point(judged: Model | Method, name: str, *, accent: bool = False, quiet: bool = False) -> Point:
    x, y = _place(judged)
    ends = None if quiet else _ends(judged.score)
    return Point(name=name, x=x, y=y, y_interval=ends, accent=accent, quiet=quiet)


def _ends(spread: Spread) -> tuple[float, float]:
    return _known(spread.low), _known(spread.high)


def _known(value: float | None) -> float:
    return float("nan") if value is None else value


if __name__ == "__main__":
    main()
