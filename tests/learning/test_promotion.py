"""A router serves once it is shown to be worth it, in one step, and what served before can serve again."""

import itertools
import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import numpy as np
import pytest

from fairlead.artifact import load, save
from fairlead.config import load as read
from fairlead.errors import ArtifactError
from fairlead.fitting import fit
from fairlead.gateway.noticing import files_of, look
from fairlead.gateway.setup import prepare
from fairlead.learning.promotion import Shelf, gates
from fairlead.policies import HullGuard, Thrifty
from fairlead.testing import make_outcomes
from tests import commands

NOW = datetime(2026, 11, 2, tzinfo=UTC)
MODELS = "".join(
    f'[models."host/{name}"]\nknown_as = ["{name}"]\n'
    f"price = {{ input_usd_per_mtok = {rate}, output_usd_per_mtok = {4 * rate} }}\n"
    for name, rate in (("strong", 4), ("middle", 1), ("weak", 0.25))
)
CONFIG = f"""
[providers.host]
base_url = "http://127.0.0.1:9/v1"
{MODELS}
[routes.auto]
reference = "host/strong"
router = "routers/auto/current"
"""


@pytest.fixture(scope="module")
def routers(tmp_path_factory):
    """Two routers that the gates allow, one that only a single look shows, and one that has too little to show."""
    folder = tmp_path_factory.mktemp("routers")
    for name, n, seed in (("good", 300, 3), ("better", 400, 2), ("hasty", 400, 3), ("thin", 12, 3)):
        save(fit(make_outcomes(n, seed=seed), Thrifty(margin=0.05), reference="strong"), folder / name)
    return folder


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "fairlead.toml"
    path.write_text(CONFIG)
    return path


run = partial(commands.run, "promote")


def served(config):
    bound = prepare(read(config, {})).routes[0]
    return bound.router, bound.fitted


def test_until_the_first_promotion_the_reference_serves(config):
    router, fitted = served(config)
    assert (router.route("Hello.").model, fitted) == ("host/strong", None)


def test_what_the_guard_allows_is_promoted_and_served(config, routers, capsys):
    assert run(routers / "good", "--config", config, "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["moved"], result["before"]) == (True, None)
    assert [gate["passed"] for gate in result["gates"]] == [True] * 5
    assert result["version"] == load(routers / "good").version
    router, fitted = served(config)
    assert isinstance(router.policy, HullGuard)
    assert router.policy.allowed
    assert fitted == config.parent / "routers/auto/current"


def test_what_is_not_shown_is_not_promoted_and_it_says_why(config, routers, capsys):
    assert run(routers / "thin", "--config", config) == 1
    shown = capsys.readouterr().out
    assert "no   guard: too few requests have the answers of two models scored" in shown
    assert "not promoted: the reference goes on serving" in shown
    assert not (config.parent / "routers").exists()


def test_what_one_look_shows_is_not_enough_for_those_who_look_every_day(config, routers, capsys):
    assert run(routers / "hasty", "--config", config, "--json") == 1
    gates = {gate["name"]: gate["passed"] for gate in json.loads(capsys.readouterr().out)["gates"]}
    assert gates == {"reference": True, "prices": True, "decides": True, "guard": True, "any_time": False}


def test_where_routing_gains_nothing_a_cheaper_model_that_keeps_the_margin_may_serve(tmp_path, config, capsys):
    table = make_outcomes(400, seed=1)
    alike = table.score.copy()
    alike[:, 1:] = alike[:, :1]  # all are as good as the reference
    alike[:4, 1:] = 1 - alike[:4, 1:]  # but for a few
    save(fit(replace(table, score=alike), Thrifty(margin=0.05), reference="strong"), tmp_path / "alike")
    assert run(tmp_path / "alike", "--config", config) == 0
    assert "`host/weak` alone is shown to keep the margin" in capsys.readouterr().out
    assert served(config)[0].route("Hello.").model == "host/weak"


def test_a_reference_that_the_router_never_saw_is_no(config, routers, capsys):
    config.write_text(
        CONFIG.replace('reference = "host/strong"', 'reference = "host/other"') + '[models."host/other"]\n'
    )
    assert run(routers / "good", "--config", config) == 1
    shown = capsys.readouterr().out
    assert "no   reference: the router has never seen the reference `host/other`" in shown
    assert "no   prices: no price is known of `host/other`" in shown


def test_a_dry_run_moves_nothing(config, routers):
    assert run(routers / "good", "--config", config, "--dry-run") == 0
    assert not (config.parent / "routers").exists()


def test_the_way_back_and_forth_is_kept(config, routers, capsys):
    versions = [load(routers / name).version for name in ("good", "better")]
    for name in ("good", "better"):
        assert run(routers / name, "--config", config) == 0
    assert run("--back", "--config", config) == 0
    capsys.readouterr()
    assert served(config)[0].models == load(routers / "good").models
    assert run("--back", "--config", config) == 0
    assert served(config)[1] is None  # the reference alone
    assert run("--back", "--config", config) == 2  # there is nothing before that
    history = Shelf(config.parent / "routers/auto/current").history()
    assert [(move.action, move.version, move.before) for move in history[:3]] == [
        ("promoted", versions[0], None),
        ("promoted", versions[1], versions[0]),
        ("rolled_back", versions[0], versions[1]),
    ]


def test_a_reader_never_finds_half_a_router(routers, tmp_path):
    shelf = Shelf(tmp_path / "auto" / "current")
    shelf.folder.mkdir()
    shelf.promote(routers / "good", now=NOW, words="")
    old = load(shelf.pointer)
    held = shelf.pointer.resolve()
    shelf.promote(routers / "better", now=NOW, words="")
    assert load(held).version == old.version  # who followed the link before goes on with what it led to
    assert load(shelf.pointer).version != old.version
    assert sorted(path.name for path in shelf.folder.iterdir()) == sorted(
        ["current", "history.jsonl", old.version, load(shelf.pointer).version]
    )


def test_a_version_that_was_altered_is_not_gone_back_to(routers, tmp_path):
    shelf = Shelf(tmp_path / "current")
    for name in ("good", "better"):
        shelf.promote(routers / name, now=NOW, words="")
    first = shelf.history()[0].version
    content = bytearray((tmp_path / first / "arrays.npz").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / first / "arrays.npz").write_bytes(bytes(content))
    current = shelf.current
    with pytest.raises(ArtifactError):
        shelf.back(now=NOW)
    assert shelf.current == current


def test_a_move_that_breaks_off_leaves_what_served(routers, tmp_path, monkeypatch):
    shelf = Shelf(tmp_path / "current")
    shelf.promote(routers / "good", now=NOW, words="")
    served_before = shelf.current

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.symlink_to", full)
    with pytest.raises(ArtifactError, match="No space left"):
        shelf.promote(routers / "better", now=NOW, words="")
    assert shelf.current == served_before


def test_a_plain_folder_is_no_pointer(config, routers):
    shutil.copytree(routers / "good", config.parent / "routers" / "auto" / "current")
    assert run(routers / "better", "--config", config) == 2


def test_a_router_that_breaks_does_not_serve(routers):
    router = load(routers / "good")
    router.features.ngrams.components_ = np.zeros((1, 1))
    (broken,) = (gate for gate in gates(router, learned=router) if gate.name == "decides")
    assert not broken.passed


def test_a_gateway_that_runs_notices_each_move(config, routers):
    configured = read(config, {})
    looks = [look(files_of(configured))]
    for words in ([routers / "good"], [routers / "better"], ["--back"], ["--back"]):
        assert run(*words, "--config", config) == 0
        looks.append(look(files_of(configured)))
    assert all(before != after for before, after in itertools.pairwise(looks))
    assert looks[0] == looks[-1]  # there was no router, and there is none again
