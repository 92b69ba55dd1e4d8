"""For tests, yours and ours: a small made-up outcome table and a clock that stands still."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from fairlead.outcomes import Outcomes, table_price
from fairlead.types import CHARS_PER_TOKEN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.types import BoolArray, FloatArray

_SUBJECTS = ("ships", "rivers", "prices", "stars", "bridges", "harvests", "letters", "maps")
_EASY = ("Name three", "List some", "What are")
_HARD = ("Prove a theorem about", "Derive a bound for", "Formalise the theory of")


def make_outcomes(
    n_prompts: int = 60,
    models: Sequence[str] = ("strong", "middle", "weak"),
    *,
    seed: int = 0,
    missing: float = 0.0,
    n_wrong_answers: int = 1,
) -> Outcomes:
    """Returns a made-up table in which later models are cheaper, and worse on the prompts whose words sound hard.

    Args:
        n_prompts: number of prompts, all different.
        models: from the strongest and dearest to the weakest; each costs a quarter of the one before.
        seed: the same arguments and seed give the same table.
        missing: share of the cells that were not measured; the first model is always measured.
        n_wrong_answers: how many wrong answers there are to a prompt; with one, all who are wrong agree.

    >>> make_outcomes(20).score.shape
    (20, 3)
    """
    rng = np.random.default_rng(seed)
    hard = rng.random(n_prompts) < 0.5
    prompts = tuple(_prompt(i, is_hard, rng) for i, is_hard in enumerate(hard))
    score = _score(hard, len(models), rng)
    score[:, 1:][rng.random(score[:, 1:].shape) < missing] = np.nan
    measured = ~np.isnan(score)
    output_chars = np.where(measured, rng.integers(20, 400, score.shape), np.nan)
    input_tokens = np.ceil(np.array([[len(prompt)] for prompt in prompts]) / CHARS_PER_TOKEN)
    answer = np.full(score.shape, None, dtype=np.object_)
    answer[score == 1], answer[score == 0] = "right", "wrong"
    if n_wrong_answers > 1:
        answer[score == 0] = [f"wrong {k}" for k in rng.integers(n_wrong_answers, size=int((score == 0).sum()))]
    return Outcomes(
        name="made-up",
        prompt_ids=tuple(f"p{i:05d}" for i in range(n_prompts)),
        prompts=prompts,
        models=tuple(models),
        score=score,
        input_tokens=np.where(measured, input_tokens, np.nan),
        output_tokens=np.ceil(output_chars / CHARS_PER_TOKEN),
        output_chars=output_chars,
        tokens_estimated=measured,
        answer=answer,
        latency_s=np.full(score.shape, np.nan),
        prices={
            model: table_price(Decimal(4) / 4**j, Decimal(16) / 4**j, source="made up")
            for j, model in enumerate(models)
        },
        benchmark=("made-up",) * n_prompts,
        subset=tuple("hard" if is_hard else "easy" for is_hard in hard),
    )


def _prompt(i: int, is_hard: bool, rng: np.random.Generator) -> str:  # noqa: FBT001 - a value, no option
    opening = rng.choice(_HARD if is_hard else _EASY)
    return f"{opening} {rng.choice(_SUBJECTS)} of region {i}, then of {rng.choice(_SUBJECTS)}."


def _score(hard: BoolArray, n_models: int, rng: np.random.Generator) -> FloatArray:
    weakness = np.arange(n_models) / max(n_models - 1, 1)
    p_success = np.where(hard[:, None], 0.9 - 0.6 * weakness, 0.95 - 0.05 * weakness)
    return np.asarray(rng.random(p_success.shape) < p_success, dtype=np.float64)


@dataclass
class FixedClock:
    """A clock that moves only when told to.

    >>> clock = FixedClock()
    >>> clock.advance(1.5)
    >>> clock.now().second, clock.monotonic()
    (1, 1.5)
    """

    start: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    elapsed_s: float = 0.0

    def now(self) -> datetime:
        """Returns the time of day."""
        return self.start + timedelta(seconds=self.elapsed_s)

    def monotonic(self) -> float:
        """Returns the seconds since it was made."""
        return self.elapsed_s

    def advance(self, seconds: float) -> None:
        """Moves on by `seconds`."""
        self.elapsed_s += seconds
