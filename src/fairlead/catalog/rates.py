"""Rates as the snapshots keep them: steps by the length of the input, the first from 0."""

from __future__ import annotations

from decimal import Decimal

from fairlead.money import Rate

Steps = tuple[tuple[int, Decimal], ...]
Rates = dict[str, Steps]
"""Rate -> (total input from which it counts, USD), the first from 0."""


def from_steps(rates: Rates) -> dict[str, Rate]:
    """Returns the rates."""
    return {name: Rate(base=steps[0][1], tiers=steps[1:]) for name, steps in rates.items()}


def to_steps(rate: Rate) -> Steps:
    """Returns a rate as it is kept."""
    return ((0, rate.base), *rate.tiers)
