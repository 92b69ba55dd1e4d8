"""What is said of an evaluation beside its figures: on what they rest, what is in none of them, who is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairlead.evaluation.judging import Evaluation
    from fairlead.evaluation.metrics import Figures


def count(method: Figures) -> str:
    """Returns on how many prompts a method was scored, and on how many it was not, or broke down."""
    unscored = f" + {method.n_unscored:,} not scored" if method.n_unscored else ""
    faults = f", {method.n_faults:,} router faults" if method.n_faults else ""
    return f"{method.n:,}{unscored}{faults}"


def calls(method: Figures, n: int = 3) -> str:
    """Returns the models that a method calls most, with their shares."""
    most = [f"{model} {share:.0%}" for model, share in list(method.calls.items())[:n]]
    more = [f"{len(method.calls) - n} more"] if len(method.calls) > n else []
    return ", ".join(most + more) or "nobody in the table"


def basis(evaluation: Evaluation) -> str:
    """Returns what the figures rest on: data, n, reference, seeds, and how intervals are made."""
    resampling = evaluation.resampling
    splits = f", {evaluation.n_splits} splits pooled" if evaluation.n_splits > 1 else ""
    return (
        f"{evaluation.n_prompts:,} prompts ({evaluation.n_questions:,} different questions) by "
        f"{len(evaluation.fixed)} models{splits}; reference {', '.join(evaluation.references)}; "
        f"{resampling.confidence:.0%} intervals by bootstrap over questions, {resampling.n_boot:,} resamples, "
        f"seed {resampling.seed}; data {evaluation.data_hash[:12]}"
    )


def left_out(evaluation: Evaluation, n_names: int = 100) -> str:
    """Returns what is in no figure, and why, naming so many models; empty where that is nothing."""
    parts = []
    if evaluation.n_prompts_left_out:
        parts.append(
            f"{evaluation.n_prompts_left_out:,} prompts on which a model was not measured or has no known cost"
        )
    if evaluation.models_left_out:
        n = len(evaluation.models_left_out)
        names = ", ".join(evaluation.models_left_out[:n_names]) + (", ..." if n > n_names else "")
        parts.append(f"{n} models without a price or measured on too few prompts ({names})")
    return f"Left out: {'; '.join(parts)}." if parts else ""


def steadiness(evaluation: Evaluation) -> str:
    """Returns how many of its choices the policy changes with the wording, at worst and by kind of change."""
    parts = []
    for kind, adversarial in (("the same request spelled otherwise", False), ("texts put around it", True)):
        rates = [flips.flipped.value for flips in evaluation.flips if flips.adversarial == adversarial and flips.n]
        if rates:
            parts.append(f"{kind}: {max(rates):.0%} at worst, {sum(rates) / len(rates):.0%} on average")
    return f"Choices that flip, without the guard: {'; '.join(parts)}."
