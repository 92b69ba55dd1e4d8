"""Fairlead leads each AI task to the model that suits it, and proves what that saved.

The names below are the public API. Each is loaded when it is first used, so that `import fairlead` is cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairlead.artifact import load, save
    from fairlead.errors import FairleadError
    from fairlead.evaluation.baselines import baselines
    from fairlead.evaluation.judging import evaluate
    from fairlead.fitting import fit
    from fairlead.outcomes import Outcomes
    from fairlead.policies import Constant, Floor, Threshold, Utility
    from fairlead.router import Router
    from fairlead.types import Context, Decision, Request

__version__ = "0.1.0"

__all__ = [
    "Constant",
    "Context",
    "Decision",
    "FairleadError",
    "Floor",
    "Outcomes",
    "Request",
    "Router",
    "Threshold",
    "Utility",
    "__version__",
    "baselines",
    "evaluate",
    "fit",
    "load",
    "save",
]

_HOMES = {
    "Constant": "policies",
    "Context": "types",
    "Decision": "types",
    "FairleadError": "errors",
    "Floor": "policies",
    "Outcomes": "outcomes",
    "Request": "types",
    "Router": "router",
    "Threshold": "policies",
    "Utility": "policies",
    "baselines": "evaluation.baselines",
    "evaluate": "evaluation.judging",
    "fit": "fitting",
    "load": "artifact",
    "save": "artifact",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        message = f"module `fairlead` has no attribute `{name}`"
        raise AttributeError(message)
    value: object = getattr(importlib.import_module(f"fairlead.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
