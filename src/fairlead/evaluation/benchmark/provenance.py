"""What a set of results rests on: the command, the versions, the machine's Python, the settings."""

from __future__ import annotations

import platform
from dataclasses import dataclass

import numpy as np

from fairlead.evaluation.benchmark.cells import code_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Enough to run it again."""

    command: str
    n_seeds: int
    n_boot: int
    n_jobs: int
    took_s: float
    """Of all cells, fits included: the work, not the time that passed."""
    lacking: tuple[str, ...] = ()
    """Known tables that were not there."""
    version: str = ""
    python: str = ""
    numpy: str = ""

    @classmethod
    def of(
        cls, *, command: str, n_seeds: int, n_boot: int, n_jobs: int, took_s: float, lacking: tuple[str, ...]
    ) -> Provenance:
        """Returns it for this installation."""
        return cls(
            command=command,
            n_seeds=n_seeds,
            n_boot=n_boot,
            n_jobs=n_jobs,
            took_s=took_s,
            lacking=lacking,
            version=code_version(),
            python=platform.python_version(),
            numpy=np.__version__,
        )

    @property
    def sentence(self) -> str:
        """In words."""
        lacking = f" Not there: {', '.join(self.lacking)}." if self.lacking else ""
        return (
            f"Fairlead {self.version}, Python {self.python}, NumPy {self.numpy}; splits and draws have the seeds 0 to "
            f"n - 1, {self.n_seeds} where nothing else is said; 95 % intervals by bootstrap over questions, "
            f"{self.n_boot:,} resamples, seed 0, the same for every method; {self.took_s / 60:.0f} minutes of work on "
            f"{self.n_jobs} processes.{lacking}"
        )
