import pytest

from fairlead.errors import ConfigError
from fairlead.policies import Cascade, LatencyLimit
from fairlead.policies.objectives import policy_for


def test_cost_and_quality_may_be_pursued_by_a_cascade():
    assert repr(policy_for("cost", margin=0.02, cascade=True)) == "Cascade(objective='cost', margin=0.02)"
    spends = policy_for("quality", usd_per_request=0.01, cascade=True)
    assert isinstance(spends, Cascade)
    assert spends.promise.usd_per_request == 0.01
    assert isinstance(policy_for("cost", latency_p95_s=9.0, cascade=True), LatencyLimit)


def test_what_contradicts_a_cascade_is_refused():
    with pytest.raises(ConfigError, match="`--cascade` says nothing under `--objective` `latency`"):
        policy_for("latency", cascade=True, spelled={"cascade": "--cascade", "objective": "--objective"})
    with pytest.raises(ConfigError, match="`confidence` says nothing beside `cascade`"):
        policy_for("cost", confidence=0.9, cascade=True)
