"""How good is a router on a table: figures with intervals, honest baselines beside them."""

from fairlead.evaluation.baselines import baselines
from fairlead.evaluation.judging import Evaluation, evaluate

__all__ = ["Evaluation", "baselines", "evaluate"]
