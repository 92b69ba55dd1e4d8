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
    first_seed: int
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
        cls,
        *,
        command: str,
        n_seeds: int,
        n_boot: int,
        n_jobs: int,
        took_s: float,
        lacking: tuple[str, ...],
        first_seed: int = 0,
    ) -> Provenance:
        """Returns it for this installation."""
        return cls(
            command=command,
            n_seeds=n_seeds,
            first_seed=first_seed,
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
        first, draws = self.first_seed, 4 * self.first_seed
        return (
            f"Fairlead {self.version}, Python {self.python}, NumPy {self.numpy}; splits have the seeds {first} to "
            f"{first + self.n_seeds - 1}, draws of few labels those from {draws} on; 95 % intervals by bootstrap over "
            f"questions, {self.n_boot:,} resamples, seed 0, the same for every method; {self.took_s / 60:.0f} minutes "
            f"of work on {self.n_jobs} processes.{lacking}"
        )
