"""A limit on waiting under any policy: only candidates predicted to answer in time are chosen from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from msgspec.structs import replace

from fairlead.errors import ConfigError
from fairlead.estimator import Estimator
from fairlead.policies.columns import latency_p95_s as expected_p95_s

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.policies.base import Choices, Circumstances, Policy, Promise
    from fairlead.policies.realised import Realised, Recorded
    from fairlead.types import Predictions


class LatencyLimit(Estimator):
    """Lets a policy choose among the candidates whose 95th percentile of latency is within a limit.

    The percentile is the larger of what is predicted for the request and what the host was lately measured at. One of
    which neither is known is left out, unless it is the reference: unknown is not fast, and the reference is trusted.
    Where nobody whose success is predicted is within the limit the reference stays, however slow: a late answer is
    better than a bad one. The fixed choice that a guard puts in the policy's place is under the same limit.

    Args:
        policy: what chooses among those that are left.
        latency_p95_s: within which 19 of 20 answers should be complete, seconds, above 0.

    Raises:
        ConfigError: the limit is not a number above 0.

    Example:
        >>> from fairlead.policies import Floor
        >>> LatencyLimit(policy=Floor(margin=0.02), latency_p95_s=8.0)
        LatencyLimit(policy=Floor(reference=None, margin=0.02, caution=1.0), latency_p95_s=8.0)
    """

    def __init__(self, *, policy: Policy, latency_p95_s: float) -> None:
        if not latency_p95_s > 0:
            message = f"`latency_p95_s` is {latency_p95_s}; expected a number of seconds above 0, such as 8."
            raise ConfigError(message)
        self.policy = policy
        self.latency_p95_s = latency_p95_s

    @property
    def promise(self) -> Promise:
        """What the policy is held to."""
        return self.policy.promise

    @property
    def compares_answers(self) -> bool:
        """Whether the policy does."""
        return self.policy.compares_answers

    def choose(self, predictions: Predictions, circumstances: Circumstances) -> Choices:
        """Returns what the policy chooses among those within the limit."""
        return self.policy.choose(predictions, self.narrowed(predictions, circumstances))

    def narrowed(self, predictions: Predictions, circumstances: Circumstances) -> Circumstances:
        """Returns the circumstances with those within the limit, and the reference where it is needed."""
        expected = expected_p95_s(predictions, circumstances)
        in_time = circumstances.eligible & (expected <= self.latency_p95_s)
        known = (in_time & np.isfinite(predictions.p_success)).any(axis=1, keepdims=True)
        reference = np.arange(expected.shape[1]) == circumstances.reference
        eligible = in_time | (circumstances.eligible & reference & (np.isnan(expected) | ~known))
        eligible = np.where(eligible.any(axis=1, keepdims=True), eligible, circumstances.eligible)
        limited = replace(
            circumstances, eligible=eligible, limit_p95_s=min(self.latency_p95_s, circumstances.limit_p95_s)
        )
        return self.policy.narrowed(predictions, limited)

    def realised(self, predictions: Predictions, circumstances: Circumstances, recorded: Recorded) -> Realised:
        """Returns what the policy's decisions came to under the limit."""
        return self.policy.realised(predictions, self.narrowed(predictions, circumstances), recorded)

    def learned(self, predictions: Predictions, circumstances: Circumstances, recorded: Recorded) -> Self:
        """Returns the policy with what it learned under the limit, below the same limit."""
        policy = self.policy.learned(predictions, self.narrowed(predictions, circumstances), recorded)
        return self if policy is self.policy else type(self)(policy=policy, latency_p95_s=self.latency_p95_s)

    def renamed(self, names: Mapping[str, str]) -> Self:
        """Returns the same over candidates that carry other names: old name -> new name."""
        return type(self)(policy=self.policy.renamed(names), latency_p95_s=self.latency_p95_s)
