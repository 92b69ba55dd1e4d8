"""Routes: who takes part, whom savings are measured against, whom the router has never seen."""

import pytest

from fairlead.artifact import save
from fairlead.config import load
from fairlead.errors import ArtifactError, ConfigError, TableError
from fairlead.fitting import fit
from fairlead.gateway.setup import prepare
from fairlead.policies import Floor, HullGuard, Utility
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


def test_a_floor_of_ones_own_is_judged_anew(set_up, fitted):
    text = POOL + f'[routes.auto]\nrouter = "{fitted}"\nquality_floor = {{ margin = 0.2 }}\n'
    guard = routes(set_up(text))["auto"].router.policy
    assert isinstance(guard, HullGuard)
    assert isinstance(guard.policy, Floor)
    assert guard.policy.margin == 0.2


def test_quality_is_an_objective_under_the_same_guard(set_up, fitted):
    guard = routes(set_up(POOL + f'[routes.auto]\nrouter = "{fitted}"\n'))["auto:quality"].router.policy
    assert isinstance(guard, HullGuard)
    assert isinstance(guard.policy, Utility)


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
