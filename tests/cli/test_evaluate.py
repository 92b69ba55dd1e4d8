import json
from functools import partial

import msgspec
import numpy as np
import pytest

from fairlead.artifact import save
from fairlead.cli.evaluate import EvaluateResult
from fairlead.fitting import fit
from fairlead.testing import make_outcomes
from tests import commands


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A table and a router that was fitted on forty of its sixty prompts."""
    folder = tmp_path_factory.mktemp("evaluate")
    table = make_outcomes(60, models=("strong", "weak"), seed=3)
    table.write(folder / "table")
    save(fit(table.rows(np.arange(40))), folder / "router")
    return folder


run = partial(commands.run, "evaluate")


def test_a_router_is_judged_apart_on_prompts_that_it_was_fitted_on(folder, capsys):
    assert run(folder / "table", "--router", folder / "router", "--json") == 0
    result = msgspec.json.decode(capsys.readouterr().out, type=EvaluateResult)
    assert result.schema == "fairlead.evaluate/1"
    assert result.router is not None
    assert [(part.prompts, part.n_prompts) for part in result.judgements] == [("unseen", 20), ("fitted_on", 40)]
    assert result.judgements[0].methods[0].name.startswith("router, guarded")


def test_without_a_router_all_methods_are_fitted_and_judged(folder, tmp_path, capsys):
    out, html = tmp_path / "found.json", tmp_path / "found.html"
    assert run(folder / "table", "--seeds", 1, "--out", out, "--html", html) == 0
    shown = capsys.readouterr().out
    assert "held-out prompts of each split" in shown
    assert "seed 0" in " ".join(shown.split())
    (part,) = msgspec.json.decode(out.read_bytes(), type=EvaluateResult).judgements
    assert (part.prompts, part.n_splits, part.references) == ("splits", 1, ("strong",))
    assert html.read_text().count("<svg") == 2


@pytest.mark.parametrize("fitted", [True, False])
def test_another_objective_can_be_judged(folder, capsys, fitted):
    source = ["--router", folder / "router"] if fitted else ["--seeds", 1]
    assert run(folder / "table", *source, "--objective", "order", "--json") == 0
    methods = json.loads(capsys.readouterr().out)["judgements"][0]["methods"]
    assert methods[0]["name"] == "router, guarded"
    assert methods[0]["calls"] == {"strong": 1.0}  # the first of the table


def test_an_objective_that_contradicts_itself_is_refused(folder, capsys):
    assert run(folder / "table", "--objective", "order", "--margin", 0.1) == 2
    assert "`--margin` says nothing under `--objective` `order`" in capsys.readouterr().err


def test_what_is_unknown_is_null_in_json(folder, capsys):
    run(folder / "table", "--router", folder / "router", "--json")
    methods = json.loads(capsys.readouterr().out)["judgements"][0]["methods"]
    random = next(method for method in methods if method["name"] == "random")
    assert random["brier"] == {"value": None, "low": None, "high": None}


def test_a_table_of_other_models_is_refused_by_name(folder, tmp_path, capsys):
    make_outcomes(10, models=("elsewhere",)).write(tmp_path / "other")
    assert run(tmp_path / "other", "--router", folder / "router") == 2
    assert "has none of the router's models (`strong`, `weak`)" in capsys.readouterr().err


def test_a_model_that_the_table_lacks_is_refused_by_name(folder, capsys):
    assert run(folder / "table", "--models", "strong,stronger") == 2
    assert "no model `stronger`" in capsys.readouterr().err
