"""Never run: a type checker reads it, so that the public names keep the types that users rely on."""

from pathlib import Path
from typing import assert_type

import fairlead
from fairlead.evaluation import Evaluation

outcomes = fairlead.Outcomes.read("my_table/")
assert_type(outcomes, fairlead.Outcomes)
train, test = outcomes.split(0.7, seed=0)
assert_type(test, fairlead.Outcomes)

policies = (
    fairlead.Constant(candidate="a"),
    fairlead.Floor(reference="a", margin=0.01),
    fairlead.Threshold(strong="a", weak="b", cut=0.5),
    fairlead.Utility(willingness_to_pay_usd=0.1),
)
for policy in policies:
    router = fairlead.fit(train, policy, reference="a", seed=0)
    assert_type(router, fairlead.Router)

decision = router.route("What is a fairlead?")
assert_type(decision, fairlead.Decision)
assert_type(decision.model, str)
assert_type(decision.reason, str)
assert_type(decision.propensity, float)
assert_type(decision.predictions[0].p_success, float | None)
assert_type(decision.predictions[0].cost_usd, float | None)
assert_type(router.route(fairlead.Request.from_prompt("Hello"), fairlead.Context(seed=1)), fairlead.Decision)
assert_type(router.decide([fairlead.Request.from_prompt("Hello")])[0], fairlead.Decision)

assert_type(fairlead.evaluate([router, *fairlead.baselines(train)], test), Evaluation)

fairlead.save(router, Path("router"))
assert_type(fairlead.load("router"), fairlead.Router)

assert_type(fairlead.__version__, str)
assert issubclass(fairlead.FairleadError, Exception)

router.route(7)  # type: ignore[arg-type]
fairlead.fit("my_table/")  # type: ignore[arg-type]
