"""What cascades reach on held-out prompts: cheapest at parity with the best model, best score at no more than its cost.

Plans and operating points are chosen on training prompts (70 %), figures are of the others, over five splits. The
rules of the method were settled while figures of the seeds 0 to 4 had been looked at; so the seeds here are others.
The reference is the best model of the training prompts. Beside each cascade stands the same objective over direct calls
alone: what the prompt tells without any answer. Reads the tables in the folder `FAIRLEAD_DATA`.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

from fairlead import Outcomes, fit
from fairlead.evaluation.trials import complete_rows, measured_models
from fairlead.evidence import answer_numbers
from fairlead.fitting import best_model
from fairlead.outcomes.questions import question_key
from fairlead.policies import Cascade, HullGuard
from fairlead.policies.base import Circumstances
from fairlead.policies.realised import Recorded
from fairlead.statistics.bootstrap import Interval, interval, resampled_means

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.policies.cascades.learning import Aim
    from fairlead.policies.realised import Realised
    from fairlead.router import Router

TABLES = (
    ("mmlu_pro", None),
    ("zeroeval", "gsm8k"),
    ("zeroeval", "math_level5"),
    ("zeroeval", "cruxeval_output"),
    ("zeroeval", "numersense_v2"),
    ("routellm", "gsm8k"),
)
"""Folder, and benchmark where only one of its parts is taken: those whose models' answers are known."""

SEEDS = range(5, 10)
OBJECTIVES: tuple[Aim, ...] = ("cost", "quality")


def main() -> None:
    """Judges every table named on the command line, or all, and prints one table."""
    if "FAIRLEAD_DATA" not in os.environ:
        sys.exit("`FAIRLEAD_DATA` is not set; expected the folder of the outcome tables.")
    shown = Table("table", "n", "objective", "calls", "score over reference", "cost of reference", "guard", "splits")
    console = Console(width=160)
    for folder, benchmark in TABLES:
        name = folder if benchmark is None else f"{folder}/{benchmark}"
        if len(sys.argv) > 1 and name not in sys.argv[1:]:
            continue
        trials = list(_trials(Path(os.environ["FAIRLEAD_DATA"], folder), benchmark))
        for objective in OBJECTIVES:
            for cascade in (True, False):
                shown.add_row(name, *_row([t for t in trials if (t.objective, t.cascade) == (objective, cascade)]))
    console.print(shown)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What one policy came to on the held-out prompts of one split."""

    objective: Aim
    cascade: bool
    questions: tuple[str, ...]
    came_to: Realised
    reference: Realised
    allowed: bool

    @property
    def columns(self) -> np.ndarray:
        """(n, 4) score and cost of the policy, then of the reference."""
        both = (self.came_to, self.reference)
        return np.column_stack([grid for one in both for grid in (one.score, one.cost_usd)])


def _trials(folder: Path, benchmark: str | None) -> Iterator[Trial]:
    table = Outcomes.read(folder)
    if benchmark is not None:
        table = table.rows([name == benchmark for name in table.benchmark])
    table = complete_rows(table.only(measured_models(table)))
    for seed in SEEDS:
        train, test = table.split(0.7, seed)
        router = fit(train, reference=best_model(train))
        for objective in OBJECTIVES:
            for cascade in (True, False):
                yield _trial(router, test, objective, cascade=cascade)


def _trial(router: Router, test: Outcomes, objective: Aim, *, cascade: bool) -> Trial:
    assert router.evidence is not None
    assert router.reference is not None
    evidence = (
        router.evidence if cascade else replace(router.evidence, answers=np.full_like(router.evidence.answers, -1))
    )
    columns = np.arange(len(router.candidates))
    guard = evidence.judge(
        Cascade(objective=objective, margin=0.0), router.candidates, columns, reference=router.reference
    )
    assert isinstance(guard, HullGuard)
    recorded = _recorded(test)
    reference = test.column_of[router.reference]
    circumstances = Circumstances(
        eligible=np.ones(test.score.shape, dtype=np.bool_),
        reference=reference,
        mix_draw=np.zeros(len(test)),
        answer_form=recorded.answer_form,
    )
    return Trial(
        objective=objective,
        cascade=cascade,
        questions=tuple(map(question_key, test.prompts)),
        came_to=guard.policy.realised(router.predict(test.requests), circumstances, recorded),
        reference=recorded.of(np.full(len(test), reference)),
        allowed=guard.allowed,
    )


def _recorded(test: Outcomes) -> Recorded:
    answers, form = answer_numbers(test)
    return Recorded(
        score=test.score,
        cost_usd=test.cost_usd,
        output_tokens=test.output_tokens,
        answers=answers,
        answer_form=form,
    )


def _row(trials: list[Trial]) -> tuple[str, ...]:
    first = trials[0]
    values = np.concatenate([trial.columns for trial in trials])
    labels = {key: k for k, key in enumerate(dict.fromkeys(q for trial in trials for q in trial.questions))}
    groups = np.array([labels[question] for trial in trials for question in trial.questions])
    means = np.vstack([values.mean(axis=0), resampled_means(values, groups=groups)])
    ahead, cost = means[:, 0] - means[:, 2], means[:, 1] / means[:, 3]
    splits = [trial.columns.mean(axis=0) for trial in trials]
    return (
        f"{len(values):,}",
        first.objective,
        "cascades" if first.cascade else "direct",
        _shown(interval(ahead[0], ahead[1:]), "+.4f"),
        _shown(interval(cost[0], cost[1:]), ".3f"),
        f"{sum(trial.allowed for trial in trials)} of {len(trials)}",
        " ".join(f"{m[0] - m[2]:+.3f}@{m[1] / m[3]:.2f}" for m in splits),
    )


def _shown(found: Interval, spec: str) -> str:
    return f"{found.value:{spec}} [{found.low:{spec}}, {found.high:{spec}}]"


if __name__ == "__main__":
    main()
