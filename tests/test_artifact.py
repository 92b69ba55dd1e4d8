"""A saved router decides bit for bit as before; what is not one is refused, with the reason."""

import hashlib
import json
import math
import shutil
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest

from fairlead import artifact
from fairlead.artifact import ARRAYS, CERTIFICATE, FORMAT, MANIFEST, load, save
from fairlead.errors import ArtifactError
from fairlead.estimator import Estimator
from fairlead.fitting import calibrated, fit
from fairlead.policies import Cascade, Certified, Floor, Utility
from fairlead.predictors import Calibrated, Clusters, Ensemble, Factorization, Lifted
from fairlead.proof.certifying import Terms, certify
from fairlead.router import Router
from fairlead.testing import make_outcomes
from fairlead.types import Candidate


@pytest.fixture(scope="module")
def router():
    return fit(make_outcomes(80, missing=0.1), seed=0)


@pytest.fixture(scope="module")
def pristine(router, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "router"
    save(router, folder)
    return folder


@pytest.fixture
def saved(pristine, tmp_path):
    return shutil.copytree(pristine, tmp_path / "router")


def edit(folder, **changes):
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | changes))


def test_it_decides_bit_for_bit_as_before(router, saved):
    loaded = load(saved)
    requests = make_outcomes(50, seed=9).requests
    assert list(loaded.decide(requests)) == list(router.decide(requests))
    assert loaded.version == router.version


def test_it_knows_what_it_knew(router, saved):
    loaded = load(saved)
    assert loaded.candidates == router.candidates
    assert loaded.evidence.metrics() == router.evidence.metrics()
    assert loaded.evidence.data_hash == router.evidence.data_hash
    rebound = {"reference": "middle", "control_share": 0.1}
    ours, theirs = loaded.bind(loaded.candidates[1:], **rebound), router.bind(router.candidates[1:], **rebound)
    assert ours.version == theirs.version  # the guard judges again, on the same evidence


def test_saving_what_was_loaded_changes_nothing(saved, tmp_path):
    save(load(saved), tmp_path / "again")
    assert (tmp_path / "again" / MANIFEST).read_bytes() == (saved / MANIFEST).read_bytes()


def test_an_unfitted_router_and_infinite_parameters_survive(tmp_path):
    policy = Utility(willingness_to_pay_usd=float("inf"))
    router = Router(candidates=(Candidate(name="a"), Candidate(name="b")), reference="a", policy=policy)
    save(router, tmp_path / "router")
    loaded = load(tmp_path / "router")
    assert loaded.policy.willingness_to_pay_usd == float("inf")
    assert (loaded.features, loaded.success, loaded.tokens, loaded.evidence) == (None, None, None, None)


@pytest.mark.parametrize("control_share", [0, 1, np.float64(0.25)])
def test_a_number_of_any_kind_survives(tmp_path, control_share):
    policy = Utility(willingness_to_pay_usd=np.float64(2.0))
    router = Router(candidates=(Candidate(name="a"),), reference="a", policy=policy, control_share=control_share)
    save(router, tmp_path / "router")
    loaded = load(tmp_path / "router")
    assert loaded.control_share == control_share
    assert loaded.policy.willingness_to_pay_usd == 2.0


def test_the_manifest_reads_without_us(saved):
    manifest = json.loads((saved / MANIFEST).read_text())
    assert manifest["format"] == FORMAT
    assert manifest["policy"]["class"] == "HullGuard"
    assert manifest["training"]["n_prompts"] == 80
    assert manifest["training"]["metrics"][0].keys() >= {"model", "n", "auc", "brier", "ece"}
    with np.load(saved / ARRAYS, allow_pickle=False) as arrays:
        assert any(name.startswith("success/") and name.endswith("coefficients_") for name in arrays.files)


def test_a_router_takes_the_place_of_an_older_one_whole(saved, router):
    changed = router.bind(router.candidates, reference="middle", policy=Floor())
    save(changed, saved)
    assert load(saved).version == changed.version
    assert sorted(path.name for path in saved.parent.iterdir()) == ["router"]


def test_nothing_is_left_of_a_save_that_failed(router, tmp_path, monkeypatch):
    def full_disk(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(artifact, "_put", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save(router, tmp_path / "router")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_no_router_is_not_overwritten(router, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ArtifactError, match="exists and is no saved router"):
        save(router, tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_a_component_of_ones_own_is_refused_when_saved(tmp_path):
    class Mine(Estimator):
        pass

    with pytest.raises(ArtifactError, match="`Mine` cannot be saved; expected one of `Constant`"):
        save(Router(candidates=(Candidate(name="a"),), policy=Mine()), tmp_path / "router")


def test_missing(tmp_path, saved):
    with pytest.raises(ArtifactError, match=r"manifest.json` does not exist"):
        load(tmp_path / "nowhere")
    (saved / ARRAYS).unlink()
    with pytest.raises(ArtifactError, match=r"arrays.npz` does not exist"):
        load(saved)


@pytest.mark.parametrize("name", [MANIFEST, ARRAYS])
def test_cut_in_half(saved, name):
    content = (saved / name).read_bytes()
    (saved / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(ArtifactError, match="is cut or"):
        load(saved)


def test_one_bit_flipped(saved):
    content = bytearray((saved / ARRAYS).read_bytes())
    content[len(content) // 2] ^= 1
    (saved / ARRAYS).write_bytes(content)
    with pytest.raises(ArtifactError, match="checksum is not the manifest's"):
        load(saved)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kind": "fairlead ledger"}, "is of kind 'fairlead ledger'; expected a saved router"),
        ({"format": FORMAT + 1}, f"has format {FORMAT + 1}; this version reads format {FORMAT}. Upgrade"),
        ({"format": 1}, f"has format 1; this version reads format {FORMAT}. Fit and save the router again"),
        ({"policy": {"class": "Oracle", "params": {}}}, "unknown component `Oracle`"),
        ({"policy": {"class": "Floor", "params": {"depth": 3}}}, "does not describe a router"),
        ({"policy": {"class": "Floor", "params": {"margin": 7}}}, "`margin` is 7; expected a number in"),
        ({"reference": "weak"}, "was altered"),
        ({"models": ["strong"]}, "was altered"),
        ({"features": {"class": "Floor", "params": {}}}, "unknown component `Floor`"),
        ({"surprise": 1}, "unknown field `surprise`"),
        ({"candidates": "all"}, "does not describe a router"),
    ],
)
def test_not_ours_newer_or_altered(saved, changes, reason):
    edit(saved, **changes)
    with pytest.raises(ArtifactError, match=reason):
        load(saved)


def test_json_of_something_else(tmp_path):
    (tmp_path / MANIFEST).write_bytes(msgspec.json.encode(["not", "a", "manifest"]))
    with pytest.raises(ArtifactError, match="is no manifest"):
        load(tmp_path)
    (tmp_path / MANIFEST).write_text("{}")
    with pytest.raises(ArtifactError, match="expected a saved router"):
        load(tmp_path)


def test_a_pickle_among_the_arrays_is_never_loaded(saved):
    np.savez(saved / ARRAYS, payload=np.array([{"a": 1}], dtype=object))
    edit(saved, arrays_sha256=hashlib.sha256((saved / ARRAYS).read_bytes()).hexdigest())
    with pytest.raises(ArtifactError, match="does not hold arrays"):
        load(saved)


def test_an_ensemble_is_saved_with_its_members(router, tmp_path):
    table = make_outcomes(80)
    x = router.features.transform(table.requests)
    ensemble = Calibrated(predictor=Ensemble(members=(Lifted(predictor=Factorization()), Clusters(seed=3))))
    ensemble.fit(x, table.score)
    save(replace(router, success=ensemble), tmp_path / "router")
    loaded = load(tmp_path / "router").success
    assert repr(loaded) == repr(ensemble)
    np.testing.assert_array_equal(loaded.predict(x).sd, ensemble.predict(x).sd)


def test_a_cascade_is_saved_with_what_it_learned(tmp_path):
    train, test = make_outcomes(500, n_wrong_answers=6, seed=4).split(0.6, seed=0)
    router = fit(train, Cascade(objective="utility", willingness_to_pay_usd=0.05), seed=0)
    router = replace(router, policy=router.policy.policy)  # whatever the guard says of so small a table
    save(router, tmp_path / "router")
    loaded = load(tmp_path / "router")
    before, after = router.decide(test.requests), loaded.decide(test.requests)
    assert before.openings == after.openings
    assert before.openings
    assert before[min(before.openings)].plan == after[min(after.openings)].plan


# Certificates --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certified():
    train, held_out = make_outcomes(500, seed=1).split(0.4, seed=0)
    router = calibrated(fit(train, reference="strong"), held_out)
    terms = Terms(margin=0.1, confidence=0.9)
    return certify(router, terms, issued_at=datetime(2026, 11, 25, tzinfo=UTC)).router


def test_a_certificate_lies_beside_its_router_as_json_and_comes_back(certified, tmp_path):
    save(certified, tmp_path / "router")
    loaded = load(tmp_path / "router")
    assert loaded.certificate == certified.certificate
    assert loaded.calibration.data_hash == certified.calibration.data_hash
    assert json.loads((tmp_path / "router" / CERTIFICATE).read_text())["margin"] == 0.1
    requests = make_outcomes(20, seed=9).requests
    assert list(loaded.decide(requests)) == list(certified.decide(requests))


@pytest.mark.parametrize("change", [{"margin": 0.01}, {"expires_at": "2099-01-01T00:00:00Z"}, {"id": "crt_0"}])
def test_an_altered_certificate_is_refused(certified, tmp_path, change):
    save(certified, tmp_path / "router")
    path = tmp_path / "router" / CERTIFICATE
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ArtifactError, match="was altered"):
        load(tmp_path / "router")


def test_a_policy_of_a_ladder_to_whom_cost_does_not_count_comes_back(router, tmp_path):
    ladder = Certified(policies=[Utility(willingness_to_pay_usd=math.inf), Utility(willingness_to_pay_usd=1.0)])
    save(replace(router, policy=ladder), tmp_path / "router")
    assert load(tmp_path / "router").policy.description() == ladder.description()


def test_a_missing_certificate_is_refused(certified, tmp_path):
    save(certified, tmp_path / "router")
    (tmp_path / "router" / CERTIFICATE).unlink()
    with pytest.raises(ArtifactError, match="cannot be read"):
        load(tmp_path / "router")
