"""Predictions in, a choice out."""

from fairlead.policies.budget import Budget
from fairlead.policies.cascade import Cascade
from fairlead.policies.certified import Certified
from fairlead.policies.constant import Constant
from fairlead.policies.floor import Floor, Latency
from fairlead.policies.guard import HullGuard
from fairlead.policies.latency_limit import LatencyLimit
from fairlead.policies.order import Order
from fairlead.policies.threshold import Threshold
from fairlead.policies.thrifty import Thrifty
from fairlead.policies.utility import Utility

__all__ = [
    "POLICIES",
    "Budget",
    "Cascade",
    "Certified",
    "Constant",
    "Floor",
    "HullGuard",
    "Latency",
    "LatencyLimit",
    "Order",
    "Threshold",
    "Thrifty",
    "Utility",
]

POLICIES = {
    policy.__name__: policy
    for policy in (
        Constant,
        Order,
        Threshold,
        Utility,
        Floor,
        Latency,
        Budget,
        Thrifty,
        Cascade,
        LatencyLimit,
        HullGuard,
        Certified,
    )
}
"""Name -> policy: what an artifact may name, and what the contract tests run."""
