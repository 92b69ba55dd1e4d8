"""`fairlead fit` on tables on disk."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from fairlead import load
from fairlead.cli.fit import _cut, _shown
from fairlead.policies import Budget, Floor, HullGuard, Latency, Order
from fairlead.testing import make_outcomes
from tests import commands


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "tasks"
    make_outcomes(80, seed=2).write(path)
    return path


run = partial(commands.run, "fit")


def test_the_saved_router_is_the_one_that_is_described(table, tmp_path, capsys):
    assert run(table, "--out", tmp_path / "router", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    router = load(tmp_path / "router")
    assert said["schema"] == "fairlead.fit/1"
    assert said["router"] == router.version
    assert said["reference"] == router.reference == "strong"
    assert (said["table"], said["n_prompts"]) == ("tasks", 80)
    assert [model["model"] for model in said["models"]] == ["strong", "middle", "weak"]
    assert all(0 <= model["brier"] <= 1 and model["priced"] for model in said["models"])
    assert said["verdict"]["allowed"] == router.policy.allowed
    assert said["verdict"]["words"]


def test_people_get_the_measures_and_the_verdict(table, tmp_path, capsys):
    assert run(table, "--out", tmp_path / "router") == 0
    printed = capsys.readouterr().out
    assert "tasks: 80 prompts" in printed
    assert "middle" in printed
    assert "at the same cost" in printed
    assert f"saved in {tmp_path / 'router'}" in printed


@pytest.mark.parametrize(
    ("without", "words", "named"),
    [
        ("prices", (), "`prices.csv`"),
        ("latency_s", ("--objective", "latency"), "`latency_s`"),
        ("latency_s", ("--latency-p95-s", "3"), "`latency_s`"),
        ("answer", ("--cascade",), "`answer`"),
    ],
)
def test_what_was_asked_for_and_the_table_cannot_tell_is_said(tmp_path, capsys, without, words, named):
    whole = make_outcomes(80, seed=2)
    nothing = {
        "prices": {},
        "latency_s": np.full(whole.score.shape, np.nan),
        "answer": np.full(whole.score.shape, None, dtype=np.object_),
    }
    replace(whole, **{without: nothing[without]}).write(tmp_path / "tasks")
    assert run(tmp_path / "tasks", "--out", tmp_path / "router", *words) == 0
    assert named in capsys.readouterr().out
    assert run(tmp_path / "tasks", "--out", tmp_path / "router", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["lacks"]) == (without == "prices")


def test_reference_margin_and_models_are_taken(table, tmp_path, capsys):
    run(
        table, "--out", tmp_path / "r", "--reference", "middle", "--margin", "0.2", "--models", "weak, middle", "--json"
    )
    said = json.loads(capsys.readouterr().out)
    assert (said["reference"], said["objective"]) == ("middle", "cost")
    assert said["policy"].startswith("Thrifty(margin=0.2, ")
    assert [model["model"] for model in said["models"]] == ["weak", "middle"]
    assert load(tmp_path / "r").policy.policy.margin == 0.2


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--objective", "quality"], "Utility(willingness_to_pay_usd=inf, caution=0.0)"),
        (["--objective", "latency", "--margin", "0.1"], "Latency(reference=None, margin=0.1, caution=1.0)"),
        (["--objective", "order"], "Order()"),
        (["--confidence", "0.8"], "Thrifty(margin=0.01, confidence=0.8, "),
        (
            ["--objective", "quality", "--usd-per-request", "0.5"],
            "Budget(usd_per_request=0.5, caution=0.0, multiplier=",
        ),
        (["--objective", "order", "--latency-p95-s", "8"], "LatencyLimit(policy=Order(), latency_p95_s=8.0)"),
    ],
)
def test_an_objective_is_asked_for_in_the_words_of_the_configuration(table, tmp_path, capsys, options, expected):
    assert run(table, "--out", tmp_path / "r", "--json", *options) == 0
    assert json.loads(capsys.readouterr().out)["policy"].startswith(expected)
    assert repr(load(tmp_path / "r").policy.policy).startswith(expected)


def test_the_same_seed_gives_the_same_router(table, tmp_path, capsys):
    versions = []
    for name in ("a", "b"):
        run(table, "--out", tmp_path / name, "--seed", "3", "--json")
        versions.append(json.loads(capsys.readouterr().out)["router"])
    assert versions[0] == versions[1]


def test_several_tables_are_joined(table, tmp_path, capsys):
    make_outcomes(40, models=("strong", "other"), seed=4).write(tmp_path / "more")
    assert run(table, tmp_path / "more", "--out", tmp_path / "router", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["table"], said["n_prompts"]) == ("tasks+more", 120)
    measured = {model["model"]: model["n"] for model in said["models"]}
    assert measured == {"strong": 120, "middle": 80, "weak": 80, "other": 40}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--margin", "1.5"), "`--margin` is 1.5; expected a number in [0, 1)"),
        (("--objective", "quality", "--margin", "0.1"), "`--margin` says nothing under `--objective` `quality`"),
        (("--usd-per-request", "1"), "`--usd-per-request` says nothing under `--objective` `cost`"),
        (("--objective", "speed"), "'speed' is not one of 'cost', 'quality', 'latency', 'order'"),
        (("--confidence", "1.5"), "`confidence` is 1.5; expected a number in [0.5, 1)"),
        (("--reference", "gpt"), "no model `gpt`"),
        (("--models", "strong,gpt"), "no model `gpt`"),
    ],
)
def test_misuse_is_told_and_nothing_is_saved(table, tmp_path, capsys, options, message):
    assert run(table, "--out", tmp_path / "router", *options) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_no_router_is_refused_before_the_fit(table, capsys, monkeypatch):
    monkeypatch.setattr("fairlead.fitting.fit", lambda *_args, **_options: pytest.fail("fitted first"))
    assert run(table, "--out", table) == 2
    assert f"`{table}` exists and is no saved router" in capsys.readouterr().err


def guard(**shown):
    return HullGuard(policy=Floor(margin=0.02), **({"allowed": False, "fixed": "a"} | shown))


@pytest.mark.parametrize(
    ("judged", "shown", "served"),
    [
        (guard(), "Nothing could be judged", "`a` serves every request"),
        (guard(gain=0.01, lower=-0.01, n=90), "on this evidence one model is enough", "`a` serves every request"),
        (guard(gain=0.03, lower=0.01, n=90, allowed=True), "confidence 95%): shown to be better", "routing serves"),
        (
            guard(gain=0.03, lower=0.01, n=90),
            "but it does not keep within 0.02 of the reference",
            "`a` serves every request",
        ),
        (
            HullGuard(policy=Budget(usd_per_request=0.5), allowed=False, fixed="a", gain=0.03, lower=0.01, n=90),
            "but it does not keep within 0.5 USD a request",
            "`a` serves every request",
        ),
        (
            HullGuard(policy=Latency(), allowed=False, fixed="a", gain=0.0, lower=-0.01, n=90),
            "against the best fixed choice that is as fast",
            "`a` serves every request",
        ),
        (
            HullGuard(policy=Order(), allowed=True, fixed="a"),
            "follows no prediction, so there is nothing to be shown",
            "`Order()` serves as it was told",
        ),
        (guard(other="b", share=0.3), "Nothing", "`a` serves 70% of the sessions and `b` 30%"),
    ],
)
def test_the_verdict_says_what_was_shown_and_what_follows(judged, shown, served):
    assert shown in _shown(judged)
    assert judged.who_serves() == served


def test_a_long_list_of_names_is_cut_for_people():
    assert _cut(tuple("abc")) == "a, b, c"
    assert _cut(tuple("abcdefgh")) == "a, b, c, d, e and 3 more"


def test_the_prior_is_taken_when_asked_for(table, tmp_path):
    run(table, "--out", tmp_path / "r", "--prior")
    assert load(tmp_path / "r").features.demands is not None


# Certificates --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def large_table(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "many"
    make_outcomes(500, seed=1).write(path)
    return path


def test_a_certified_router_is_saved_with_its_certificate(large_table, tmp_path, capsys):
    options = ["--certify", "--calibration-share", "0.6", "--reference", "strong", "--margin", "0.1", "--days", "7"]
    assert run(large_table, "--out", tmp_path / "r", "--json", "--confidence", "0.9", *options) == 0
    said = json.loads(capsys.readouterr().out)
    router = load(tmp_path / "r")
    assert said["certification"]["certificate"] == router.certificate.id
    assert said["certification"]["serves"] == said["policy"] == router.certificate.serves.policy
    assert said["router"] == router.version
    assert router.certificate.life_days == 7


def test_where_nothing_is_certified_nothing_is_saved_and_it_says_how_many_more_it_takes(table, tmp_path, capsys):
    options = ["--certify", "--reference", "strong", "--margin", "0.05"]
    assert run(table, "--out", tmp_path / "r", *options) == 1
    printed = capsys.readouterr().out
    assert "Not certified" in printed
    assert "Nothing was saved" in printed
    assert not (tmp_path / "r").exists()


def test_a_certificate_is_not_for_every_objective(table, tmp_path, capsys):
    assert run(table, "--out", tmp_path / "r", "--certify", "--objective", "quality") == 2
    assert "`--objective quality`" in capsys.readouterr().err
