"""The simulated models: what they can do, cost, write and take; no real model is meant."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from fairlead.outcomes import table_price
from fairlead.types import Capabilities

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.types import Price


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedModel:
    """One made-up model; it solves a task with probability logistic(skill - difficulty)."""

    name: str
    skill: float
    """On the scale of difficulty, where 0 is the average task."""
    input_usd_per_mtok: str
    output_usd_per_mtok: str
    verbosity: float = 1.0
    """Length of its answers, relative to what the task asks for."""
    ttft_s: float
    """Median time to the first token."""
    tokens_per_s: float
    """Median speed after it."""
    capabilities: Capabilities
    special: Mapping[str, float] = field(default_factory=dict)
    """Kind of task -> skill, where it differs from the general one."""

    @property
    def price(self) -> Price:
        """Its price row, marked estimated, source `simulated`."""
        return table_price(Decimal(self.input_usd_per_mtok), Decimal(self.output_usd_per_mtok), source="simulated")

    def skill_at(self, kind: str) -> float:
        """Returns the skill at this kind of task."""
        return self.special.get(kind, self.skill)


def _capabilities(context_tokens: int, *, vision: bool, tools: bool) -> Capabilities:
    return Capabilities(
        context_tokens=context_tokens,
        max_output_tokens=min(context_tokens, 16_384),
        tools=tools,
        vision=vision,
        audio=False,
        files=False,
        json_schema=tools,
    )


_LARGE = _capabilities(200_000, vision=True, tools=True)
_MIDDLE = _capabilities(64_000, vision=False, tools=True)
_SMALL = _capabilities(16_000, vision=False, tools=False)

_ALBATROSS = SimulatedModel(
    name="albatross",
    skill=1.8,
    input_usd_per_mtok="5",
    output_usd_per_mtok="25",
    ttft_s=0.9,
    tokens_per_s=55,
    capabilities=_LARGE,
)
"""Dear and strong: the reference of both pools."""

_SAVING = (
    _ALBATROSS,
    SimulatedModel(
        name="heron",
        skill=1.5,
        input_usd_per_mtok="3",
        output_usd_per_mtok="15",
        ttft_s=0.6,
        tokens_per_s=80,
        capabilities=_LARGE,
    ),
    SimulatedModel(
        name="kingfisher",
        skill=0.4,
        special={"code": 2.4, "arithmetic": 2.4},
        input_usd_per_mtok="0.8",
        output_usd_per_mtok="3.2",
        verbosity=1.2,
        ttft_s=0.5,
        tokens_per_s=110,
        capabilities=_MIDDLE,
    ),
    SimulatedModel(
        name="tern",
        skill=1.0,
        special={"translation": 2.2, "summary": 2.2, "extraction": 2.2},
        input_usd_per_mtok="0.4",
        output_usd_per_mtok="1.6",
        verbosity=0.9,
        ttft_s=0.4,
        tokens_per_s=140,
        capabilities=_MIDDLE,
    ),
    SimulatedModel(
        name="wren",
        skill=-0.3,
        special={"chat": 1.4},
        input_usd_per_mtok="0.1",
        output_usd_per_mtok="0.4",
        verbosity=0.7,
        ttft_s=0.2,
        tokens_per_s=220,
        capabilities=_SMALL,
    ),
)

# Cheap by the token, not by the task: the cheaper the model, the longer its answers, and the more often they are wrong.
_LOSING = (
    _ALBATROSS,
    SimulatedModel(
        name="gannet",
        skill=1.2,
        input_usd_per_mtok="4",
        output_usd_per_mtok="20",
        verbosity=1.35,
        ttft_s=0.8,
        tokens_per_s=70,
        capabilities=_LARGE,
    ),
    SimulatedModel(
        name="parrot",
        skill=0.5,
        input_usd_per_mtok="1.5",
        output_usd_per_mtok="6",
        verbosity=4.7,
        ttft_s=0.5,
        tokens_per_s=120,
        capabilities=_MIDDLE,
    ),
    SimulatedModel(
        name="jackdaw",
        skill=-0.4,
        input_usd_per_mtok="0.8",
        output_usd_per_mtok="3.2",
        verbosity=9.0,
        ttft_s=0.3,
        tokens_per_s=200,
        capabilities=_SMALL,
    ),
)

POOLS = {"saving": _SAVING, "losing": _LOSING}
"""`saving`: routing can save; `losing`: it cannot. Each from the strongest and dearest to the weakest and cheapest."""
