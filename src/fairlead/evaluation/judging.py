"""How good are routers on a table: one table of figures, baselines beside them, an interval on each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.evaluation.baselines import best_model
from fairlead.evaluation.fit_table import fit_table
from fairlead.evaluation.methods import Routed, column_of, label
from fairlead.evaluation.metrics import Figures, Fixed, Resampling, figures, fixed_models
from fairlead.evaluation.trials import complete_rows, measured_models, pool, run
from fairlead.router import Router

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.evaluation.fit_table import FitCell
    from fairlead.evaluation.methods import Method
    from fairlead.evaluation.robustness import Flips
    from fairlead.evaluation.trials import Trial
    from fairlead.outcomes import Outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What was judged on which data; printed, it is a table."""

    table: str
    data_hash: str
    n_prompts: int
    """Judged, over all splits: a prompt tested in two splits counts twice."""
    n_questions: int
    """Different ones among them: what the intervals are resampled over."""
    n_splits: int
    """1 where nothing was fitted here."""
    n_prompts_left_out: int
    """Prompts of the table without a score, or a cost, for one of the models."""
    models_left_out: tuple[str, ...]
    """Models of the table without a price, or measured on too few of the prompts."""
    references: tuple[str, ...]
    """What the differences are taken to; several where splits disagree about the best single model."""
    resampling: Resampling
    methods: tuple[Figures, ...]
    fixed: tuple[Fixed, ...]
    """Each model on its own: the points of the hull."""
    fit_table: tuple[FitCell, ...]
    """Each model on each kind of task, on all of its prompts that no model is missing on."""
    flips: tuple[Flips, ...] = ()
    """How steady the first router's choices are; empty where that was not asked for."""

    def __str__(self) -> str:
        heading = f"{'method':32}{'score':>24}{'USD a request':>15}{'of reference':>14}{'gain over hull':>27}"
        reference = ", ".join(self.references)
        about = f"{self.table}: {self.n_prompts} prompts, reference {reference}, seed {self.resampling.seed}"
        return "\n".join([about, heading, *(_line(method) for method in self.methods)])


def _line(method: Figures) -> str:
    score, gain = method.score, method.gain
    return (
        f"{method.name[:31]:32}{score.value:>8.4f} [{score.low:.4f}, {score.high:.4f}]"
        f"{method.cost_usd.value:>13.3g}{method.cost_ratio.value:>14.1%}"
        f"{gain.value:>+10.4f} [{gain.low:+.4f}, {gain.high:+.4f}]"
    )


def evaluate(routers: Sequence[Router | Method], test: Outcomes, *, seed: int = 0, n_boot: int = 1000) -> Evaluation:
    """Returns the figures of routers and baselines over the same prompts and models of a table.

    Models without a price are left out, then prompts and models until nothing is missing in between. The reference is
    that of the first router that has one, else the best single model in hindsight.

    Args:
        routers: what to judge; those that match a cost match that of the first.
        test: outcomes that none of them has learned from.
        seed: of mixes, draws and resamples.
        n_boot: number of resamples behind each interval.

    Raises:
        TableError: no prompt was measured.
    """
    wanted = _reference(routers, test)
    models = measured_models(test, keep=wanted)
    judged = complete_rows(test.only(models))
    reference = best_model(judged) if wanted is None else wanted
    trial = run(_named(routers), judged, reference=reference, seed=seed)
    return conclude([trial], test, references=[reference], resampling=Resampling(n_boot=n_boot, seed=seed))


def conclude(
    trials: Sequence[Trial], table: Outcomes, *, references: Sequence[str], resampling: Resampling
) -> Evaluation:
    """Returns the figures of trials over parts of one table, pooled."""
    trial = pool(trials)
    complete = complete_rows(table.only(trial.models))
    return Evaluation(
        table=table.name,
        data_hash=table.data_hash,
        n_prompts=len(trial.score),
        n_questions=len(set(trial.questions)),
        n_splits=len(trials),
        n_prompts_left_out=len(table) - len(complete),
        models_left_out=tuple(model for model in table.models if model not in trial.models),
        references=tuple(dict.fromkeys(references)),
        resampling=resampling,
        methods=tuple(figures(trial, name, resampling) for name in trial.chosen),
        fixed=fixed_models(trial, resampling),
        fit_table=fit_table(complete, resampling),
    )


def _reference(routers: Sequence[Router | Method], test: Outcomes) -> str | None:
    """Returns the table's name for the reference of the first router whose reference the table knows."""
    for router in routers:
        if not isinstance(router, Router):
            continue
        candidate = next((c for c in router.candidates if c.name == router.reference), None)
        if candidate is not None and (column := column_of(candidate, test)) >= 0:
            return test.models[column]
    return None


def _named(routers: Sequence[Router | Method]) -> list[Method]:
    """Returns all as methods, a number behind a name that occurred before."""
    methods: list[Method] = []
    for router in routers:
        if isinstance(router, Router):
            name = label(router.policy)
            n_before = sum(method.name.startswith(name) for method in methods)
            methods.append(Routed(router=router, name=f"{name} #{n_before + 1}" if n_before else name))
        else:
            methods.append(router)
    return methods
