"""The whole way of a candidate: questions out, labels in, a router that knows it."""

import json
from dataclasses import replace

import numpy as np
import pytest

from fairlead.artifact import load, save
from fairlead.errors import TableError
from fairlead.fitting import fit
from fairlead.onboarding import Label, Onboarding, read_labels, written
from fairlead.policies import Floor
from fairlead.testing import make_outcomes

MODELS = ("strong", "middle", "weak", "new")


@pytest.fixture(scope="module")
def table():
    return make_outcomes(240, models=MODELS, seed=3)


@pytest.fixture(scope="module")
def onboarding(table):
    others = table.only(MODELS[:3])
    router = fit(others, Floor(margin=0.05), reference="strong")
    return Onboarding(router=router, table=others, candidate="new", price=table.prices["new"])


@pytest.fixture(scope="module")
def labels(onboarding, table):
    return replace(onboarding, table=table).replay(24)


@pytest.fixture(scope="module")
def joined(onboarding, labels):
    return onboarding.add(labels)


def test_a_replay_asks_for_what_would_have_been_asked_and_answers_from_the_record(labels, onboarding, table):
    assert labels[0].prompt_id == onboarding.propose([], 1)[0].prompt_id
    assert labels[5].prompt_id == onboarding.propose(labels[:5], 1)[0].prompt_id
    truth = {prompt_id: table.score[i, 3] for prompt_id, i in table.row_of.items()}
    assert all(label.score == truth[label.prompt_id] for label in labels)


def test_without_labels_nothing_is_predicted_and_nothing_chosen(onboarding):
    router = onboarding.add([])
    predictions = router.predict(onboarding.table.requests)
    assert np.isnan(predictions.p_success[:, predictions.candidates.index("new")]).all()
    assert "new" not in {decision.model for decision in router.decide(onboarding.table.requests)}


def test_with_labels_it_is_predicted_and_the_others_are_as_before(onboarding, joined):
    before, after = (router.predict(onboarding.table.requests) for router in (onboarding.router, joined))
    assert np.isfinite(after.p_success[:, after.candidates.index("new")]).all()
    np.testing.assert_allclose(after.p_success[:, :3], before.p_success, atol=1e-9)


def test_policy_reference_and_seed_are_kept(onboarding, joined):
    assert repr(joined.policy.policy) == repr(onboarding.router.policy.policy)
    assert joined.reference == "strong"
    assert joined.policy.unjudged == ()


def test_models_of_the_table_that_the_router_does_not_know_stay_out(onboarding, labels):
    router = fit(onboarding.table.only(["strong", "weak"]), reference="strong")
    assert replace(onboarding, router=router).add(labels).models == ("strong", "weak", "new")


def test_a_saved_router_takes_the_next_candidate_without_losing_the_last(joined, onboarding, labels, tmp_path):
    save(joined, tmp_path / "router")
    again = replace(onboarding, router=load(tmp_path / "router"), candidate="newer")
    router = again.add(labels[:10])
    assert router.models == ("strong", "middle", "weak", "new", "newer")
    n_labels = (~np.isnan(router.evidence.score)).sum(axis=0)
    assert n_labels.tolist() == [240, 240, 240, 24, 10]


def test_where_answers_are_worth_little_the_cheapest_candidate_is_the_best(onboarding, labels):
    rich, poor = (replace(onboarding, worth_usd=worth).standing(labels) for worth in (100.0, 1e-6))
    assert rich.share < 0.5
    assert poor.share == 1.0


def test_a_table_without_the_router_s_models_is_refused(onboarding, labels):
    with pytest.raises(TableError, match="no model `strong`, which the router serves"):
        replace(
            onboarding, router=replace(onboarding.router, evidence=None), table=onboarding.table.only(["weak"])
        ).add(labels)


def test_a_table_that_shares_no_model_with_the_router_is_refused_before_a_prompt_is_proposed(onboarding):
    renamed = replace(onboarding.table, models=("host/strong", "host/middle", "host/weak"), prices={})
    with pytest.raises(TableError, match=r"none of the router's models \(`strong`, `middle`, `weak`\)"):
        replace(onboarding, table=renamed).propose([], n=3)


def test_a_replay_needs_a_record(onboarding):
    with pytest.raises(TableError, match="no outcomes of `new` to replay"):
        onboarding.replay(3)


def test_labels_travel_in_lines(tmp_path):
    labels = (Label(prompt_id="a", prompt="Why?\nThink.", score=0.5, output_tokens=7), Label(prompt_id="b"))
    (tmp_path / "labels.jsonl").write_bytes(written(labels))
    assert read_labels(tmp_path / "labels.jsonl") == labels
    assert [json.loads(line)["score"] for line in written(labels).splitlines()] == [0.5, None]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"prompt_id": "a", "score": 2}', "line 2: Expected `float` <= 1"),
        ('{"score": 1}', "line 2: Object missing required field `prompt_id`"),
        ('{"prompt_id": "x", "score": 1}', "line 2: prompt 'x' occurs twice"),
        ('{"prompt_id": "a", "scores": 1}', "line 2: Object contains unknown field `scores`"),
        ("nonsense", "line 2: JSON is malformed"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, line, message):
    file = tmp_path / "labels.jsonl"
    file.write_text('{"prompt_id": "x", "score": 1}\n' + line + "\n")
    with pytest.raises(TableError, match=message):
        read_labels(file)


def test_a_label_of_an_unknown_prompt_is_refused(onboarding):
    with pytest.raises(TableError, match="no prompt 'elsewhere'"):
        onboarding.standing([Label(prompt_id="elsewhere", score=1.0)])
