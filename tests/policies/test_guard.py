from dataclasses import replace

import numpy as np
import pytest

from fairlead.policies import Constant, Floor, HullGuard, Order, Utility
from fairlead.policies.base import Circumstances, Promise
from fairlead.policies.columns import chosen
from fairlead.policies.judging import MIN_PROMPTS, judge
from fairlead.policies.realised import Recorded
from fairlead.policies.single import SingleStep
from fairlead.types import Predictions

NAMES = ("strong", "middle", "weak")
COST_USD = np.array([1.0, 0.3, 0.05])


def predicted(p_success):
    shape = p_success.shape
    return Predictions(
        candidates=NAMES[: shape[1]],
        p_success=p_success,
        p_success_sd=np.zeros(shape),
        output_tokens=np.zeros(shape),
        latency_p95_s=np.zeros(shape),
        cost_usd=np.tile(COST_USD[: shape[1]], (shape[0], 1)),
    )


def table(n, *, signal, seed=0):
    """Half the prompts are hard for all but the strong model; predictions know which to the degree `signal`."""
    rng = np.random.default_rng(seed)
    hard = rng.random(n) < 0.5
    p_true = np.where(hard[:, None], [0.9, 0.5, 0.3], [0.95, 0.93, 0.92])
    score = (rng.random(p_true.shape) < p_true) * 1.0
    p_success = signal * p_true + (1 - signal) * p_true.mean(axis=0)
    return predicted(p_success), Recorded(score=score, cost_usd=np.tile(COST_USD, (n, 1)))


def circumstances(n, *, eligible=(True, True, True), mix_draw=None):
    draws = np.linspace(0, 1, n, endpoint=False) if mix_draw is None else mix_draw
    return Circumstances(eligible=np.tile(np.array(eligible), (n, 1)), reference=0, mix_draw=draws)


class Memorising(SingleStep):
    """Keeps who was best on each request that it saw, by the request's draw; of others it knows nothing."""

    def __init__(self, *, best=()):
        self.best = dict(best)

    @property
    def seen(self):
        return len(self.best)

    def learned(self, _predictions, circumstances, recorded):
        return type(self)(best=zip(circumstances.mix_draw, recorded.score.argmax(axis=1), strict=True))

    def choose(self, _predictions, circumstances):
        wanted = np.array([self.best.get(draw, circumstances.reference) for draw in circumstances.mix_draw])
        return chosen([wanted], np.full(len(wanted), "constant"), circumstances)


def test_a_policy_with_signal_is_allowed_and_chooses_for_itself():
    predictions, recorded = table(1000, signal=1.0)
    policy = Utility(willingness_to_pay_usd=4.0)
    guard = judge(policy, predictions, recorded, "strong", seed=0)
    assert guard.allowed
    assert 0 < guard.lower < guard.gain
    assert guard.n == 1000
    chosen = guard.choose(predictions, circumstances(1000))
    assert chosen.reason == policy.choose(predictions, circumstances(1000)).reason


def test_a_policy_without_signal_gives_way_to_the_hull_at_its_own_cost():
    predictions, recorded = table(1000, signal=0.0)
    guard = judge(Utility(willingness_to_pay_usd=4.0), predictions, recorded, "strong", seed=0)
    assert not guard.allowed
    assert guard.gain <= 0
    assert set(guard.choose(predictions, circumstances(10)).reason) <= {"guard_fixed", "guard_mix"}


def test_the_same_seed_gives_the_same_verdict():
    predictions, recorded = table(200, signal=0.5)
    verdicts = {repr(judge(Floor(margin=0.02), predictions, recorded, "strong", seed=3)) for _ in range(2)}
    assert len(verdicts) == 1


def test_a_floor_without_signal_falls_back_to_what_keeps_the_floor():
    rng = np.random.default_rng(5)
    score = (rng.random((4000, 3)) < [0.80, 0.81, 0.40]) * 1.0
    guard = judge(
        Floor(margin=0.03),
        predicted(np.tile([0.8, 0.81, 0.9], (4000, 1))),
        Recorded(score=score, cost_usd=np.tile(COST_USD, (4000, 1))),
        "strong",
        seed=0,
    )
    assert not guard.allowed
    assert (guard.fixed, guard.other) != ("weak", None)
    served = {guard.fixed: 1 - guard.share, guard.other: guard.share}
    mean = dict(zip(NAMES, (0.80, 0.81, 0.40), strict=True))
    assert sum(share * mean[name] for name, share in served.items() if name) >= 0.77


def test_a_floor_that_broke_its_floor_is_not_allowed_however_far_above_the_hull():
    """Cheap answers can be worth their price and still be too far below the reference."""
    rng = np.random.default_rng(6)
    hard = rng.random(2000) < 0.5
    p_true = np.where(hard[:, None], [0.95, 0.6, 0.0], [0.95, 0.9, 0.85])
    score = (rng.random(p_true.shape) < p_true) * 1.0
    too_hopeful = predicted(np.where(hard[:, None], [0.95, 0.95, 0.0], [0.95, 0.95, 0.95]))
    recorded = Recorded(score=score, cost_usd=np.tile(COST_USD, (2000, 1)))
    guard = judge(Floor(margin=0.01), too_hopeful, recorded, "strong", seed=0)
    assert guard.lower > 0
    assert not guard.allowed


def test_too_few_prompts_show_nothing():
    predictions, recorded = table(MIN_PROMPTS - 1, signal=1.0)
    guard = judge(Utility(willingness_to_pay_usd=4.0), predictions, recorded, "strong", seed=0)
    assert (guard.allowed, guard.fixed, guard.gain, guard.n) == (False, "strong", None, 0)


@pytest.mark.parametrize(("n_departures", "allowed"), [(9, False), (10, True)])
def test_a_few_lucky_departures_show_nothing(n_departures, allowed):
    """All of them gain: however few they are, no resample of them loses."""
    score = np.tile([1.0, 0.0, 0.0], (500, 1))
    score[:20] = [0.0, 1.0, 0.0]
    p_success = np.tile([0.9, 0.1, 0.1], (500, 1))
    p_success[:n_departures] = [0.1, 0.9, 0.1]
    recorded = Recorded(score=score, cost_usd=np.tile(COST_USD, (500, 1)))
    guard = judge(Utility(willingness_to_pay_usd=100.0), predicted(p_success), recorded, "strong", seed=0)
    assert guard.lower > 0
    assert guard.allowed == allowed


def test_one_question_asked_many_times_is_one_piece_of_evidence():
    predictions, recorded = table(1000, signal=1.0)
    one_question = np.zeros(1000, dtype=np.int64)
    policy = Utility(willingness_to_pay_usd=4.0)
    assert not judge(policy, predictions, recorded, "strong", seed=0, groups=one_question).allowed


def without_costs(recorded):
    return replace(recorded, cost_usd=np.full_like(recorded.cost_usd, np.nan))


def test_without_known_costs_nothing_is_saved_and_the_best_fixed_candidate_is_the_mark():
    predictions, recorded = table(2000, signal=1.0)
    guard = judge(Floor(), predictions, without_costs(recorded), "strong", seed=0)
    assert (guard.allowed, guard.fixed, guard.other) == (False, "strong", None)
    assert guard.n == 2000


def specialists(n, *, signal, seed=0):
    """Each of two candidates is good at half of the prompts; of the costs nothing is known."""
    rng = np.random.default_rng(seed)
    first_half = rng.random(n) < 0.5
    p_true = np.where(first_half[:, None], [0.9, 0.6, 0.5], [0.6, 0.9, 0.5])
    score = (rng.random(p_true.shape) < p_true) * 1.0
    unknown = np.full_like(score, np.nan)
    p_success = signal * p_true + (1 - signal) * p_true.mean(axis=0)
    return replace(predicted(p_success), cost_usd=unknown), Recorded(score=score, cost_usd=unknown)


def test_quality_alone_can_be_shown_where_no_cost_is_known():
    guard = judge(Utility(willingness_to_pay_usd=np.inf), *specialists(1000, signal=1.0), "strong", seed=0)
    assert guard.allowed
    assert 0.08 < guard.gain < 0.2
    assert guard.lower > 0.05


def test_quality_alone_is_not_shown_without_signal():
    guard = judge(Utility(willingness_to_pay_usd=np.inf), *specialists(1000, signal=0.0), "strong", seed=0)
    assert not guard.allowed
    assert guard.fixed in {"strong", "middle"}
    assert guard.other is None


def test_where_cost_does_not_count_the_mark_is_the_best_candidate_however_dear():
    """On the hull at its own cost, and far below the best candidate."""
    predictions, recorded = table(2000, signal=1.0)
    hopeful = replace(predictions, p_success=predictions.p_success + np.array([0.0, 0.6, 0.0]))
    judged = {
        worth: judge(Utility(willingness_to_pay_usd=worth), hopeful, recorded, "strong", seed=0)
        for worth in (1e6, np.inf)
    }
    assert judged[1e6].policy.choose(hopeful, circumstances(2000)).first.tolist() == [1] * 2000
    assert judged[1e6].gain == pytest.approx(0, abs=1e-9)
    assert judged[np.inf].gain < -0.1
    assert judged[np.inf].fixed == "strong"


@pytest.mark.parametrize("policy", [Order(), Constant(candidate="weak")], ids=repr)
@pytest.mark.parametrize("n", [5, 500])
def test_what_does_as_it_was_told_has_nothing_to_show(policy, n):
    predictions, recorded = table(n, signal=1.0)
    guard = judge(policy, predictions, recorded, "middle", seed=0)
    assert guard.allowed
    assert guard.choose(predictions, circumstances(n)).reason == policy.choose(predictions, circumstances(n)).reason


class Promising(Utility):
    """Promises more than it is worth to have."""

    promise = None

    def __init__(self, *, willingness_to_pay_usd=4.0, promise=None):
        super().__init__(willingness_to_pay_usd=willingness_to_pay_usd)
        self.promise = promise


@pytest.mark.parametrize(
    ("promise", "kept"),
    [
        (Promise(), True),
        (Promise(margin=0.03), True),
        (Promise(margin=0.03, confidence=0.5), True),
        (Promise(margin=0.03, confidence=0.999), False),
        (Promise(usd_per_request=0.5), True),
        (Promise(usd_per_request=0.4), False),
    ],
)
def test_a_promise_must_be_kept_as_surely_as_it_was_given(promise, kept):
    predictions, recorded = table(1000, signal=1.0)
    assert judge(Promising(promise=promise), predictions, recorded, "strong", seed=0).allowed == kept


def test_what_a_policy_learns_is_learned_from_other_requests_than_it_is_judged_on():
    """One that remembers its own requests would look perfect there."""
    guard = judge(Memorising(), *specialists(60, signal=0.0), "strong", seed=0)
    assert not guard.allowed
    assert guard.gain < 0.1
    assert guard.policy.seen == 60


def test_a_candidate_not_measured_with_the_others_is_not_chosen_on_their_evidence():
    predictions, recorded = table(1000, signal=1.0)
    recorded.score[:900, 1] = np.nan
    guard = judge(Utility(willingness_to_pay_usd=4.0), predictions, recorded, "strong", seed=0)
    assert guard.allowed
    assert guard.unjudged == ("middle",)
    assert 1 not in guard.choose(predictions, circumstances(1000)).first
    only_middle = circumstances(1000, eligible=(False, True, False))
    assert set(guard.choose(predictions, only_middle).first) == {1}


def test_a_mix_is_drawn_with_its_share_and_says_so():
    guard = HullGuard(policy=Floor(), allowed=False, fixed="weak", other="strong", share=0.25)
    predictions = predicted(np.full((100, 3), 0.5))
    choices = guard.choose(predictions, circumstances(100))
    assert np.bincount(choices.first).tolist() == [25, 0, 75]
    np.testing.assert_allclose(choices.propensity, np.where(choices.first == 0, 0.25, 0.75))
    assert set(choices.reason) == {"guard_mix"}


@pytest.mark.parametrize(
    ("eligible", "expected"), [((True, True, False), 0), ((False, True, True), 2), ((False, True, False), 1)]
)
def test_where_one_of_the_mix_cannot_serve_nothing_is_left_to_chance(eligible, expected):
    guard = HullGuard(policy=Floor(), allowed=False, fixed="weak", other="strong", share=0.25)
    choices = guard.choose(predicted(np.full((100, 3), 0.5)), circumstances(100, eligible=eligible))
    assert set(choices.first) == {expected}
    assert set(choices.propensity) == {1.0}
