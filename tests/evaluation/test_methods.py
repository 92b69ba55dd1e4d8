"""A router as a method: what its decisions come to, plans of several calls included."""

import numpy as np
import pytest

from fairlead.evaluation.baselines.base import Exam
from fairlead.evaluation.methods import Routed
from fairlead.fitting import fit
from fairlead.policies import Cascade
from fairlead.policies.base import Circumstances
from fairlead.testing import make_outcomes


@pytest.fixture(scope="module")
def cascade():
    """A router whose cascade is learned and not guarded, and prompts that it has not seen."""
    train, test = make_outcomes(400, models=("strong", "weak", "weakest"), seed=1).split(0.7, 0)
    router = fit(train, reference="strong")
    policy = router.judged(Cascade(objective="utility", willingness_to_pay_usd=1.0)).policy
    return router.bind(router.candidates, reference="strong", policy=policy), test


def test_a_plan_of_several_calls_comes_to_what_serving_it_does(cascade):
    router, test = cascade
    chosen = Routed(router=router, name="it").choose(test, seed=0, spent_usd=np.nan)
    recorded = Exam(x=np.zeros((len(test), 1)), test=test).recorded
    circumstances = Circumstances(
        eligible=np.ones(test.score.shape, dtype=np.bool_),
        reference=0,
        mix_draw=np.zeros(len(test)),
        answer_form=recorded.answer_form,
    )
    expected = router.policy.realised(router.predict(test.requests), circumstances, recorded)
    np.testing.assert_allclose((chosen.share * test.score).sum(axis=1), expected.score)
    np.testing.assert_allclose((chosen.called * test.cost_usd).sum(axis=1), expected.cost_usd)
    assert chosen.called.sum(axis=1).max() > 1
    assert (chosen.share.sum(axis=1) == 1).all()
    alone = chosen.called.sum(axis=1) == 1
    assert np.isnan(chosen.p_success[~alone]).all()
    assert np.isfinite(chosen.p_success[alone]).all()
