"""A judgement is made once, and never believed where anything that it depends on is different."""

from dataclasses import replace
from decimal import Decimal

import pytest

from fairlead.artifact import load, save
from fairlead.fitting import fit
from fairlead.judgements import FOLDER, MAX_KEPT, Judgements
from fairlead.policies import Thrifty
from fairlead.router import Router
from fairlead.testing import make_outcomes

POLICY = Thrifty(margin=0.05)


@pytest.fixture
def saved(tmp_path):
    save(fit(make_outcomes(60)), tmp_path / "mine")
    return tmp_path / "mine"


@pytest.fixture
def n_judged(monkeypatch):
    """Returns a list that grows with every judgement that is really made."""
    made, judged = [], Router.judged

    def counting(self, policy):
        made.append(policy)
        return judged(self, policy)

    monkeypatch.setattr(Router, "judged", counting)
    return made


def files(saved):
    return sorted((saved / FOLDER).glob("*.json"))


def test_it_is_made_once_and_read_the_second_time(saved, n_judged):
    first = Judgements(saved).judged(load(saved), POLICY)
    again = Judgements(saved).judged(load(saved), POLICY)
    assert len(n_judged) == 1
    assert again.description() == first.description()
    assert load(saved).judged(POLICY).description() == first.description()


@pytest.mark.parametrize("what", ["price", "reference", "policy"])
def test_what_it_depends_on_has_it_made_anew(saved, n_judged, what):
    Judgements(saved).judged(load(saved), POLICY)
    router, policy = load(saved), POLICY
    if what == "price":
        dear, *others = router.candidates
        doubled = replace(dear.price, input=replace(dear.price.input, base=dear.price.input.base * Decimal(2)))
        router = replace(router, candidates=(replace(dear, price=doubled), *others))
    elif what == "reference":
        router = replace(router, reference="weak")
    else:
        policy = Thrifty(margin=0.06)
    Judgements(saved).judged(router, policy)
    assert len(n_judged) == 2


@pytest.mark.parametrize("spoil", [lambda text: text[:40], lambda text: text.replace("true", "false"), lambda _: "{}"])
def test_one_that_was_cut_or_altered_is_not_believed(saved, n_judged, spoil):
    first = Judgements(saved).judged(load(saved), POLICY)
    (file,) = files(saved)
    spoiled = spoil(file.read_text())
    if spoiled == file.read_text():
        spoiled = file.read_text().replace("false", "true")
    file.write_text(spoiled)
    assert Judgements(saved).judged(load(saved), POLICY).description() == first.description()
    assert len(n_judged) == 2


def test_where_nothing_can_be_written_it_is_made_each_time_and_said(saved, n_judged, caplog):
    (saved / FOLDER).write_text("a file in the way")
    for _ in range(2):
        Judgements(saved).judged(load(saved), POLICY)
    assert len(n_judged) == 2
    assert "judgement_not_kept" in caplog.text


def test_a_new_router_in_the_same_place_starts_without_any(saved):
    Judgements(saved).judged(load(saved), POLICY)
    save(fit(make_outcomes(60, seed=1)), saved)
    assert files(saved) == []


def test_only_so_many_are_kept(saved):
    router, judgements = load(saved), Judgements(saved)
    for i in range(MAX_KEPT + 2):
        judgements.judged(router, Thrifty(margin=0.01 * (i + 1)))
    assert len(files(saved)) == MAX_KEPT
