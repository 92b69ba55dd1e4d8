"""Draws `docs/cost-quality.svg`, the plot of the README: `python docs/plot.py TABLE`.

Fits a router on 70 % of an outcome table and judges it, with the baselines, on the rest; seed 0.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fairlead import Outcomes, baselines, evaluate, fit
from fairlead.evaluation.report import frontier

PLOT = Path(__file__).parent / "cost-quality.svg"


def main() -> None:
    """Writes the plot, and prints the figures behind it."""
    if len(sys.argv) != 2:
        sys.exit("usage: python docs/plot.py TABLE")
    train, test = Outcomes.read(sys.argv[1]).split(0.7, seed=0)
    evaluation = evaluate([fit(train, seed=0), *baselines(train)], test)
    PLOT.write_text(frontier(evaluation) + "\n", encoding="utf-8")
    print(evaluation)


if __name__ == "__main__":
    main()
