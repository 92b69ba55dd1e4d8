"""From rows to a table: what was measured is a cell, what was not is none, and the two are never mixed up."""

import asyncio

import numpy as np
import pytest

from fairlead.artifact import load
from fairlead.errors import TableError
from fairlead.features.kept import Kept
from fairlead.fitting import fit
from fairlead.learning.gathering import gather
from fairlead.ledger.sqlite import SqliteLedger
from fairlead.testing import make_outcomes
from tests.commands import run
from tests.learning.conftest import Filling

TABLE = make_outcomes(60, missing=0.3)
WHOLE = make_outcomes(60)


def gathered(book, **options):
    return gather(book, book.entries(), **options)


@pytest.mark.parametrize("keep", ["features", "prompt"])
async def test_what_was_measured_comes_back_cell_by_cell(book, filling, keep):
    await (await filling(TABLE)).all(keep=(keep,))
    found = gathered(book)
    table = found.table.only(TABLE.models)
    np.testing.assert_array_equal(table.score, TABLE.score)
    known = ~np.isnan(TABLE.score)
    np.testing.assert_array_equal(table.output_tokens[known], TABLE.output_tokens[known])
    np.testing.assert_allclose(table.cost_usd[known], TABLE.cost_usd[known])
    assert np.isnan(table.latency_s[~known]).all()
    assert (found.reference, found.n_requests, found.n_scored) == (TABLE.models[0], 60, 60)
    assert found.n_compared == int((known.sum(axis=1) > 1).sum())
    assert dict(found.kinds) == {"verifier": 60}
    assert (found.reads, table.kept is None) == (("features", False) if keep == "features" else ("prompts", True))


async def test_a_router_learns_the_same_from_kept_features_as_from_the_words_behind_them(book, filling):
    await (await filling(TABLE)).all()
    table = gathered(book).table.only(TABLE.models)
    from_ledger = fit(table, reference="strong", features=Kept())
    from_words = fit(TABLE, reference="strong", features=Kept())
    fresh = make_outcomes(20, seed=5).requests
    theirs, ours = from_words.predict(fresh), from_ledger.predict(fresh)
    np.testing.assert_allclose(ours.p_success, theirs.p_success)
    np.testing.assert_allclose(ours.cost_usd, theirs.cost_usd)
    np.testing.assert_allclose(from_ledger.evidence.p_success, from_words.evidence.p_success)


async def test_nothing_is_learned_of_an_answer_that_nobody_scored(book, filling):
    rows = await filling(WHOLE)
    await rows.answer(0, 0, keep=("features",), score=False)
    parent = await rows.answer(1, 0, keep=("features",))
    await rows.answer(1, 2, parent=parent, score=False)
    table = gathered(book).table
    assert (table.models, len(table)) == (("strong",), 1)


async def test_answers_to_one_request_are_compared_by_one_kind_of_source(book, filling):
    rows = await filling(WHOLE)
    parent = await rows.answer(0, 0, keep=("features",), score=False)
    shadow = await rows.answer(0, 2, parent=parent, score=False)
    await rows.scored(parent, 0.9, "human")  # a person saw one of the two
    for decision, score in ((parent, 0.25), (shadow, 0.5)):
        await rows.scored(decision, score, "judge:a")
    found = gathered(book)
    assert dict(found.kinds) == {"judge": 1}
    assert dict(zip(found.table.models, found.table.score[0], strict=True)) == {"strong": 0.25, "weak": 0.5}


async def test_where_people_scored_few_answers_a_judge_helps_to_say_how_good_a_model_is(book, filling):
    rows = await filling(WHOLE)
    for i in range(len(WHOLE)):
        decision = await rows.answer(i, 0, keep=("features",), score=False)
        await rows.scored(decision, 0.2 + 0.5 * float(WHOLE.score[i, 0]), "judge:a")
        if i % 3 == 0:
            await rows.scored(decision, float(WHOLE.score[i, 0]), "human")
    found = gathered(book).marks["strong"]
    assert (found.scored_by, found.helped_by, found.n_scored, found.n_more) == ("human", "judge", 20, 40)
    assert found.score.low < WHOLE.score[:, 0].mean() < found.score.high
    assert found.score.value == pytest.approx(WHOLE.score[:, 0].mean(), abs=0.1)  # the judge alone: far below


async def test_an_answer_must_pass_every_verifier(book, filling):
    rows = await filling(WHOLE)
    parent = await rows.answer(0, 0, keep=("features",), score=False)
    for source, score in (("verifier:schema", 1.0), ("verifier:regex", 0.0), ("verifier:tests", 1.0)):
        await rows.scored(parent, score, source)
    assert gathered(book).table.score.tolist() == [[0.0]]
    assert next(book.entries()).score == 0.0


async def test_the_score_of_the_reference_may_come_with_feedback(book, filling):
    rows = await filling(WHOLE)
    parent = await rows.answer(0, 2, keep=("features",), score=False)
    await rows.scored(parent, 0.25, "human", reference_score=0.75)
    table = gathered(book).table
    assert dict(zip(table.models, table.score[0], strict=True)) == {"strong": 0.75, "weak": 0.25}


async def test_one_route_at_a_time_where_that_is_asked_for(book, filling):
    rows = await filling(WHOLE)
    await rows.answer(0, 0, keep=("features",), route="auto:cost")
    await rows.answer(1, 0, keep=("features",), route="other")
    assert len(gathered(book).table) == 2
    assert gathered(book, route="auto").table.subset == ("auto:cost",)


async def test_what_is_missing_is_said(book, filling):
    rows = await filling(WHOLE)
    with pytest.raises(TableError, match="no request that a route decided"):
        gathered(book)
    await rows.answer(0, 0, score=False)
    with pytest.raises(TableError, match="of 1 requests none has a score"):
        gathered(book)
    await rows.answer(1, 0)
    with pytest.raises(TableError, match="`store_features`"):
        gathered(book)
    await rows.answer(2, 0, keep=("features",))
    assert gathered(book).n_unreadable == 1


async def test_what_was_erased_is_learned_from_no_more(book, filling, records):
    await (await filling(TABLE)).all()
    await book.erase(records.start.replace(year=2027), team=None, reason="asked_for")
    with pytest.raises(TableError, match="`store_features`"):
        gathered(book)


def test_the_command_fits_saves_and_says_what_it_learned_from(tmp_path, records, capsys):
    async def fill():
        ledger = SqliteLedger.open(tmp_path / "fairlead.db")
        await ledger.register(TABLE.prices.values())
        await Filling(ledger, TABLE, records).all()
        await ledger.close()

    asyncio.run(fill())
    place = ("--ledger", tmp_path / "fairlead.db")
    assert run("fit", *place, "--out", tmp_path / "router") == 0
    shown = capsys.readouterr().out
    assert "Of 60 served requests 60 have a score (each by one kind of source: 60 by verifiers)" in shown
    assert "The router reads features." in shown
    router = load(tmp_path / "router")
    assert router.reference == "strong"
    assert router.route("What is a fairlead?").model in TABLE.models
    assert run("fit", tmp_path, *place, "--out", tmp_path / "other") == 2
    assert run("fit", "--out", tmp_path / "other") == 2
