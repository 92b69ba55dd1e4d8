"""What a router is held against: fixed choices, the field's methods, and bounds on all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.evaluation.baselines.bandit import LinUcb
from fairlead.evaluation.baselines.blind import (
    BestPerSubset,
    BestSingle,
    CheapestModel,
    Cyclic,
    OracleFrontier,
    RandomMixes,
    RandomModel,
)
from fairlead.evaluation.baselines.fixed import baselines, best_model, cheapest_model
from fairlead.evaluation.baselines.pairs import FrugalGpt, RouteLlm
from fairlead.evaluation.baselines.plug_ins import AvengersPro, Carrot, Mirt, Mlp, NearestNeighbours, Ridge

if TYPE_CHECKING:
    from fairlead.evaluation.baselines.base import Contender

__all__ = ["CONTENDERS", "baselines", "best_model", "cheapest_model"]

CONTENDERS: tuple[Contender, ...] = (
    BestSingle(),
    CheapestModel(),
    RandomModel(),
    RandomMixes(),
    Cyclic(),
    NearestNeighbours(),
    Ridge(),
    Mlp(),
    RouteLlm(),
    Carrot(),
    AvengersPro(),
    Mirt(),
    FrugalGpt(),
    LinUcb(),
    OracleFrontier(),
    BestPerSubset(),
)
"""Every method of the benchmark but ours, bounds last."""
