from dataclasses import replace

import pytest

from fairlead.evaluation.metrics import Resampling
from fairlead.evaluation.robustness import flip_rates
from fairlead.policies import Constant, Floor, HullGuard

FEW = Resampling(n_boot=50)


def by_change(found):
    return {flips.change: flips for flips in found}


def test_a_router_that_looks_at_one_word_flips_with_that_word(router, table):
    found = by_change(flip_rates(router, table, table, FEW, n_prompts=60))
    assert found["politeness"].flipped.low > 0.2  # the hard half no longer begins with its word
    assert found["politeness"].dearer.value == 0  # and sounds easy now
    assert found["suffix: noise"].flipped.value == 0
    assert found["options reordered"].n == 0
    assert found["lower case"].n == 60
    searched = found["prefix: searched against it"]
    assert searched.adversarial
    assert searched.flipped.low <= searched.flipped.value <= searched.flipped.high
    assert all(flips.dearer.value <= flips.flipped.value for flips in found.values() if flips.n)


def test_what_always_serves_one_candidate_never_flips(routed, table):
    found = flip_rates(routed(Constant(candidate="weak")), table, table, FEW, n_prompts=20)
    assert {flips.flipped.value for flips in found if flips.n} == {0.0}


def test_the_guard_does_not_hide_the_policy_behind_it(router, table):
    guard = HullGuard(policy=Floor(margin=0.1), allowed=False, fixed="strong")
    behind = flip_rates(replace(router, policy=guard), table, table, FEW, n_prompts=20)
    open_ = flip_rates(replace(router, policy=Floor(margin=0.1)), table, table, FEW, n_prompts=20)
    assert [flips.flipped.value for flips in behind] == pytest.approx(
        [flips.flipped.value for flips in open_], nan_ok=True
    )
