"""Predictions in, a choice out."""

from fairlead.policies.constant import Constant
from fairlead.policies.floor import Floor
from fairlead.policies.guard import HullGuard
from fairlead.policies.order import Order
from fairlead.policies.threshold import Threshold
from fairlead.policies.utility import Utility

__all__ = ["POLICIES", "Constant", "Floor", "HullGuard", "Order", "Threshold", "Utility"]

POLICIES = {policy.__name__: policy for policy in (Constant, Order, Threshold, Utility, Floor, HullGuard)}
"""Name -> policy: what an artifact may name, and what the contract tests run."""
