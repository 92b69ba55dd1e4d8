"""Prints rows of the README's results: `python docs/results.py FILE...`.

A file is what `fairlead evaluate TABLE --out FILE` wrote; its table is named as in the README's command.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from fairlead.cli.evaluate import EvaluateResult, Judgement, Method, Spread

QUESTIONS = {
    "zeroeval": "Does routing beat fixed models on ZeroEval?",
    "mmlu_pro": "On MMLU-Pro?",
    "routellm": "On RouteLLM's GPT-4 and Mixtral?",
}
SERVED = "router, guarded"
"""The method that `fairlead fit` would serve."""


def main() -> None:
    """Prints one row a table."""
    if len(sys.argv) < 2:
        sys.exit("usage: python docs/results.py FILE... (written by `fairlead evaluate TABLE --out FILE`)")
    for path in sys.argv[1:]:
        for judgement in msgspec.json.decode(Path(path).read_bytes(), type=EvaluateResult).judgements:
            print(row(judgement))


def row(judgement: Judgement) -> str:
    """Returns the row of one table."""
    served = next(method for method in judgement.methods if method.name == SERVED)
    question = QUESTIONS.get(judgement.table, f"On {judgement.table}?")
    found = finding(served, judgement.n_questions)
    return f"| {question} | {found} | `fairlead evaluate $FAIRLEAD_DATA/{judgement.table}` |"


def finding(served: Method, n_questions: int) -> str:
    """Returns what was found, in words: the answer, then the figures that it rests on."""
    gain = interval(served.gain, "+.1f")
    difference, cost = interval(served.difference, "+.1f"), interval(served.cost_ratio, ".1f")
    return (
        f"{answer(served.gain)}: {gain} points against the best mix of fixed models at its cost; against the best"
        f" single one {difference} points at {cost} % of the cost; n = {served.n:,} ({n_questions:,} questions)"
    )


def answer(gain: Spread) -> str:
    """Returns yes or no only where the whole interval of the gain lies on one side of zero."""
    if gain.low is None or gain.high is None:
        return "Not known"
    if gain.low > 0:
        return "**Yes**"
    return "**No**" if gain.high < 0 else "**Not shown**"


def interval(given: Spread, spec: str) -> str:
    """Returns a share in points of a hundred, with its interval."""
    if given.value is None or given.low is None or given.high is None:
        return "unknown"
    value, low, high = (
        format(100 * end, spec).replace("-", "\N{MINUS SIGN}") for end in (given.value, given.low, given.high)
    )
    return f"{value} [{low}, {high}]"


if __name__ == "__main__":
    main()
