"""What another policy would have cost and scored on the requests of a log."""

from fairlead.proof.off_policy.estimators import ESTIMATORS, Estimate, estimate
from fairlead.proof.off_policy.overlap import Overlap, overlap
from fairlead.proof.off_policy.sample import Sample
from fairlead.proof.off_policy.sequence import Sequence, sequence

__all__ = ["ESTIMATORS", "Estimate", "Overlap", "Sample", "Sequence", "estimate", "overlap", "sequence"]
