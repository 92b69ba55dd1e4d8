"""Routes: who takes part, whom savings are measured against, whom the router has never seen."""

from datetime import UTC, datetime

import pytest

from fairlead.artifact import save
from fairlead.config import load
from fairlead.errors import ArtifactError, ConfigError, TableError
from fairlead.fitting import calibrated, fit
from fairlead.gateway.setup import prepare
from fairlead.policies import (
    Budget,
    Cascade,
    Certified,
    Floor,
    HullGuard,
    Latency,
    LatencyLimit,
    Order,
    Thrifty,
    Utility,
)
from fairlead.proof.certifying import Terms, certify
from fairlead.router import Router
from fairlead.testing import make_outcomes

POOL = """
[providers.host]
base_url = "http://127.0.0.1:1/v1"
[models."host/small"]
weights = "weak"
price = { input_usd_per_mtok = 1, output_usd_per_mtok = 4 }
[models."host/big"]
known_as = ["strong"]
price = { input_usd_per_mtok = 16, output_usd_per_mtok = 64 }
[models."host/new"]
"""


@pytest.fixture
def set_up(tmp_path):
    def set_up(text: str):
        path = tmp_path / "fairlead.toml"
        path.write_text(text)
        return prepare(load(path, {}))

    return set_up


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    path = tmp_path_factory.mktemp("routers") / "mine"
    save(fit(make_outcomes(40)), path)
    return path


def routes(setup):
    return {route.name: route for route in setup.routes}


def test_without_a_word_the_dearest_is_the_reference_and_said_to_be_assumed(set_up):
    bound = routes(set_up(POOL))
    assert set(bound) == {"auto", "auto:cost", "auto:quality"}
    assert (bound["auto"].router.reference, bound["auto"].assumed, bound["auto"].fitted) == ("host/big", True, None)
    assert set(bound["auto"].unseen) == {"host/small", "host/big", "host/new"}


def test_where_no_price_is_known_the_first_is_the_reference(set_up):
    text = '[providers.host]\nbase_url = "http://127.0.0.1:1/v1"\n[models."host/a"]\n[models."host/b"]\n'
    assert routes(set_up(text))["auto"].router.reference == "host/a"


def test_a_route_has_its_own_candidates_and_reference(set_up):
    text = POOL + '[routes.cheap]\ncandidates = ["host/new", "host/small"]\nreference = "host/small"\n'
    route = routes(set_up(text))["cheap"]
    assert [candidate.name for candidate in route.router.candidates] == ["host/new", "host/small"]
    assert (route.router.reference, route.assumed) == ("host/small", False)


def test_a_fitted_router_knows_candidates_by_weights_and_other_names(set_up, fitted):
    route = routes(set_up(POOL + f'[routes.auto]\nrouter = "{fitted}"\ncontrol_share = 0.1\n'))["auto"]
    assert route.unseen == ("host/new",)
    assert route.router.control_share == 0.1
    assert isinstance(route.router.policy, HullGuard)


def test_what_serves_does_not_hold_the_outcomes_that_it_was_judged_on(set_up, fitted):
    assert all(bound.router.evidence is None for bound in set_up(POOL + f'[routes.auto]\nrouter = "{fitted}"\n').routes)


def inner(setup, name="auto"):
    guard = routes(setup)[name].router.policy
    assert isinstance(guard, HullGuard)
    return guard.policy


def test_a_floor_of_ones_own_is_judged_anew(set_up, fitted):
    text = POOL + f'[routes.auto]\nrouter = "{fitted}"\nquality_floor = {{ margin = 0.2, confidence = 0.8 }}\n'
    policy = inner(set_up(text))
    assert isinstance(policy, Thrifty)
    assert (policy.margin, policy.confidence) == (0.2, 0.8)
    assert repr(inner(set_up(text), "auto:cost")) == repr(policy)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ('objective = "quality"', Utility(willingness_to_pay_usd=float("inf"))),
        ('objective = "latency"', Latency(margin=0.01)),
        ('objective = "latency"\nquality_floor = { margin = 0.2 }', Latency(margin=0.2)),
        ("cascade = true", Cascade(objective="cost", margin=0.01)),
        ("cascade = true\nquality_floor = { margin = 0.2 }", Cascade(objective="cost", margin=0.2)),
        ('cascade = true\nobjective = "quality"', Cascade(objective="quality")),
        ('objective = "order"', Order()),
        ('objective = "order"\nlatency_p95_s = 8', LatencyLimit(policy=Order(), latency_p95_s=8.0)),
        (
            'objective = "quality"\nlatency_p95_s = 8',
            LatencyLimit(policy=Utility(willingness_to_pay_usd=float("inf")), latency_p95_s=8.0),
        ),
    ],
)
def test_an_objective_is_pursued_by_its_policy_under_the_guard(set_up, fitted, settings, expected):
    setup = set_up(POOL + f'[routes.auto]\nrouter = "{fitted}"\n{settings}\n')
    assert repr(inner(setup)) == repr(expected)


def test_a_mean_cost_is_a_budget_for_quality(set_up, fitted):
    text = POOL + f'[routes.auto]\nrouter = "{fitted}"\nobjective = "quality"\nusd_per_request = 0.002\n'
    for name in ("auto", "auto:quality"):
        policy = inner(set_up(text), name)
        assert isinstance(policy, Budget)
        assert policy.usd_per_request == 0.002
        assert policy.multiplier is not None  # judged, and so learned
    assert isinstance(inner(set_up(text), "auto:cost"), Thrifty)


def test_cost_without_a_floor_is_the_fitted_policy_within_the_limit(set_up, tmp_path):
    save(fit(make_outcomes(40), Floor(margin=0.3)), tmp_path / "mine")
    text = POOL + f'[routes.auto]\nrouter = "{tmp_path / "mine"}"\n'
    assert repr(inner(set_up(text))) == repr(Floor(margin=0.3))
    limited = LatencyLimit(policy=Floor(margin=0.3), latency_p95_s=8.0)
    assert repr(inner(set_up(text + "latency_p95_s = 8\n"))) == repr(limited)


def test_a_router_fitted_for_quality_does_not_stand_for_cost(set_up, tmp_path):
    save(fit(make_outcomes(40), Utility(willingness_to_pay_usd=float("inf"))), tmp_path / "mine")
    assert isinstance(inner(set_up(POOL + f'[routes.auto]\nrouter = "{tmp_path / "mine"}"\n'), "auto:cost"), Thrifty)


def test_a_router_that_was_saved_without_its_guard_serves_without_one(set_up, tmp_path):
    router = fit(make_outcomes(40))
    save(router.bind(router.candidates, reference="strong", policy=Floor(margin=0.3)), tmp_path / "mine")
    text = POOL + f'[routes.auto]\nrouter = "{tmp_path / "mine"}"\n'
    assert repr(routes(set_up(text))["auto"].router.policy) == repr(Floor(margin=0.3))
    assert isinstance(inner(set_up(text), "auto:quality"), Utility)


def test_what_was_judged_at_one_start_is_read_at_the_next(set_up, tmp_path, monkeypatch):
    save(fit(make_outcomes(40)), tmp_path / "mine")
    text = POOL + f'[routes.auto]\nrouter = "{tmp_path / "mine"}"\n'
    first = {name: route.router.version for name, route in routes(set_up(text)).items()}
    monkeypatch.setattr(Router, "judged", lambda *_: pytest.fail("judged again"))
    assert {name: route.router.version for name, route in routes(set_up(text)).items()} == first


def test_in_order_nothing_needs_to_be_fitted(set_up):
    text = POOL + '[routes.auto]\nobjective = "order"\ncandidates = ["host/new", "host/small", "host/big"]\n'
    decision = routes(set_up(text))["auto"].router.route("Which way is north?")
    assert [stage.steps[0].candidate for stage in decision.plan] == ["host/new", "host/small", "host/big"]
    assert routes(set_up(text))["auto:quality"].router.route("Which way is north?").reason == "no_evidence"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            'objective = "quality"\nquality_floor = { margin = 0.1 }',
            "`routes.auto.quality_floor` says nothing under `routes.auto.objective` `quality`; it belongs to `cost` or",
        ),
        ('objective = "order"\nquality_floor = { margin = 0.1 }', "`routes.auto.quality_floor` says nothing under"),
        (
            'objective = "latency"\nquality_floor = { margin = 0.1, confidence = 0.9 }',
            "`routes.auto.quality_floor.confidence` says nothing under `routes.auto.objective` `latency`",
        ),
        (
            'objective = "latency"\ncascade = true',
            "`routes.auto.cascade` says nothing under `routes.auto.objective` `latency`; it belongs to `cost` or",
        ),
        (
            "cascade = true\nquality_floor = { margin = 0.1, confidence = 0.9 }",
            "`routes.auto.quality_floor.confidence` says nothing beside `routes.auto.cascade`",
        ),
        ("usd_per_request = 0.1", "`routes.auto.usd_per_request` says nothing under `routes.auto.objective` `cost`"),
    ],
)
def test_settings_that_contradict_the_objective_are_refused(set_up, settings, message):
    with pytest.raises(ConfigError) as caught:
        set_up(POOL + "[routes.auto]\n" + settings)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            'reference = "host/bigg"',
            "`routes.auto.reference` is `host/bigg`, which is no configured model. Did you mean",
        ),
        ('candidates = ["host/small", "x"]', "`routes.auto.candidates[1]` is `x`, which is no configured model."),
        ("candidates = []", "`routes.auto.candidates` is empty"),
        ('candidates = ["host/small"]\nreference = "host/big"', "not among `routes.auto.candidates`. Add it there"),
    ],
)
def test_a_route_that_names_what_is_not_there_is_refused(set_up, settings, message):
    with pytest.raises(ConfigError) as caught:
        set_up(POOL + "[routes.auto]\n" + settings)
    assert message in str(caught.value)


def test_a_router_that_cannot_be_read_is_refused(set_up, tmp_path):
    with pytest.raises(ArtifactError):
        set_up(POOL + f'[routes.auto]\nrouter = "{tmp_path / "none"}"\n')


def test_a_table_that_cannot_be_read_is_refused(set_up, tmp_path):
    with pytest.raises(TableError):
        set_up(f'[providers.table]\ndialect = "recorded"\ntable = "{tmp_path / "none"}"\n')


def test_models_of_a_provider_inside_need_no_listing(set_up):
    setup = set_up('[providers.sim]\ndialect = "simulated"\n')
    assert "sim/wren" in setup.candidates
    assert all(candidate.price is not None for candidate in setup.candidates.values())


def test_a_listed_model_of_a_provider_inside_keeps_its_price_and_replaces_the_others(set_up):
    setup = set_up('[providers.sim]\ndialect = "simulated"\n[models."sim/wren"]\nknown_as = ["bird"]\n')
    assert list(setup.candidates) == ["sim/wren"]
    assert setup.candidates["sim/wren"].known_as == ("bird",)
    assert setup.candidates["sim/wren"].price is not None


def test_a_model_that_a_provider_inside_does_not_have_is_refused(set_up):
    with pytest.raises(ConfigError, match=r"is no model of `sim`\. Did you mean `wren`"):
        set_up('[providers.sim]\ndialect = "simulated"\n[models."sim/wrenn"]\n')


# Certificates --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certified(tmp_path_factory):
    path = tmp_path_factory.mktemp("routers") / "certified"
    train, held_out = make_outcomes(500, seed=1).split(0.4, seed=0)
    router = calibrated(fit(train, reference="strong"), held_out)
    issued_at = datetime(2026, 11, 20, tzinfo=UTC)
    save(certify(router, Terms(margin=0.2, confidence=0.9, days=30), issued_at=issued_at).router, path)
    return path


def test_a_router_that_was_certified_is_certified_anew_at_the_prices_it_serves_at(set_up, certified):
    text = POOL + f'[routes.auto]\nrouter = "{certified}"\nreference = "host/big"\n'
    bound = routes(set_up(text))
    certificate = bound["auto"].router.certificate
    assert isinstance(bound["auto"].router.policy, Certified)
    assert certificate.is_intact
    assert certificate.reference == "host/big"
    assert certificate.router == bound["auto"].router.version
    assert certificate.issued_at == datetime(2026, 11, 20, tzinfo=UTC)
    assert (certificate.margin, certificate.confidence, certificate.life_days) == (0.2, 0.9, 30)
    assert certificate.id in bound["auto"].certification
    assert bound["auto"].router.calibration is None
    assert bound["auto:quality"].router.certificate is None
    assert isinstance(bound["auto:quality"].router.policy, HullGuard)
    again = routes(set_up(text))["auto"]
    assert again.router.certificate == certificate
    assert again.certification == bound["auto"].certification


def test_a_route_may_ask_its_certificate_for_more(set_up, certified):
    floor = "quality_floor = { margin = 0.15, confidence = 0.8, certificate_days = 7, alarm_chance = 0.05 }"
    text = POOL + f'[routes.auto]\nrouter = "{certified}"\nreference = "host/big"\n{floor}\n'
    certificate = routes(set_up(text))["auto"].router.certificate
    assert (certificate.margin, certificate.confidence, certificate.alarm_chance) == (0.15, 0.8, 0.05)
    assert certificate.expires_at == datetime(2026, 11, 27, tzinfo=UTC)


def test_where_that_cannot_be_shown_the_reference_serves_and_it_is_said(set_up, certified):
    floor = "quality_floor = { margin = 0.0, confidence = 0.999 }"
    text = POOL + f'[routes.auto]\nrouter = "{certified}"\nreference = "host/big"\n{floor}\n'
    route = routes(set_up(text))["auto"]
    assert route.router.certificate is None
    assert "Not certified" in route.certification
    decision = route.router.route("Name three rivers.")
    assert (decision.model, decision.reason) == ("host/big", "not_certified")
