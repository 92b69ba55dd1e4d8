"""`fairlead demo`, small: the real gateway over the simulated models, and its report against what the world knows."""

from __future__ import annotations

import asyncio
import json
import re
from decimal import Decimal

import pytest

from fairlead.cli import demo
from fairlead.cli.demo.showing import compared, headline, page
from fairlead.cli.demo.story import CONTROL_SHARE, TABLE_SEED, WORKLOAD_SEED, Plan, tell
from fairlead.cli.demo.workload import model_of
from fairlead.cli.main import main
from fairlead.outcomes.questions import question_key
from fairlead.providers.simulated import World

N_TASKS, N_TRAINED_ON = 180, 600


def _told(pool):
    plan = Plan(pool=pool, seed=2, n_tasks=N_TASKS, n_trained_on=N_TRAINED_ON)
    return asyncio.run(tell(plan, lambda _words: None, lambda: None))


@pytest.fixture(scope="module")
def ending():
    return _told("saving")


@pytest.fixture(scope="module")
def losing():
    return _told("losing")


def test_every_task_is_in_the_ledger_answered_and_scored(ending):
    stated = ending.statement
    assert stated.statuses == {"delivered": N_TASKS}
    assert stated.policy.n_scored + stated.control.n_scored == N_TASKS
    assert len({entry.prompt_id for entry in ending.matched.entries}) == N_TASKS


def test_the_bill_is_the_worlds_bill_to_the_last_digit(ending):
    outcomes = ending.matched.outcomes
    bills = [
        outcomes.bill(row, outcomes.models.index(model_of(entry.served)))
        for entry, row in zip(ending.matched.entries, ending.matched.rows, strict=True)
    ]
    assert ending.statement.paid_usd == sum(bills, Decimal(0))


def test_the_scores_are_the_worlds_truth(ending):
    outcomes = ending.matched.outcomes
    for entry, row in zip(ending.matched.entries, ending.matched.rows, strict=True):
        assert entry.score == outcomes.score[row, outcomes.models.index(model_of(entry.served))]


def test_the_truth_is_what_the_reference_bills_on_the_same_tasks(ending):
    outcomes = ending.matched.outcomes
    reference = sum((outcomes.bill(row, 0) for row in ending.matched.rows), Decimal(0))
    assert ending.truth.reference_usd == reference
    assert ending.truth.saving_usd == reference - ending.statement.paid_usd


def test_about_a_quarter_of_the_sessions_is_in_the_control_arm_and_gets_the_reference(ending):
    control = [entry for entry in ending.matched.entries if entry.arm == "control"]
    assert {entry.served for entry in control} == {"simulated/albatross"}
    assert ending.statement.control.n_sessions / ending.statement.n_sessions == pytest.approx(CONTROL_SHARE, abs=0.1)


def test_no_task_was_in_the_table_that_the_router_learned_from():
    world = World(2)
    learned = {question_key(prompt) for prompt in world.outcomes(N_TRAINED_ON, TABLE_SEED).prompts}
    asked = {question_key(task.prompt) for task in world.tasks(N_TASKS, WORKLOAD_SEED)}
    assert learned.isdisjoint(asked)


def test_estimates_stand_beside_the_truth_whatever_they_are(ending):
    rows = compared(ending)
    assert [row.name for row in rows][:2] == ["the reference's cost", "saving"]
    saving = ending.statement.saving.saving_usd
    holds = saving.low <= float(ending.truth.saving_usd) <= saving.high
    assert rows[1].inside == ("yes" if holds else "no")


def test_three_decisions_are_the_ones_that_were_made(ending):
    assert [example.kind for example in ending.explained] == ["cheaper", "reference", "control"]
    for example in ending.explained:
        first = next(line for line in example.candidates if line.turn == 1)
        assert first.candidate == example.chosen
        assert any(example.chosen in sentence for sentence in example.sentences)
    assert ending.explained[2].propensity >= CONTROL_SHARE  # more where the policy itself might have kept to it


def test_the_page_is_self_contained_and_says_that_all_is_simulated(ending):
    html = page(ending)
    assert "Every figure is simulated" in html
    assert not re.search(r"<script|<link|<img|src=|href=|@import|url\(", html)
    assert html.count("<svg") == 4
    assert "Estimate and truth" in html


def test_a_losing_pool_is_called_one(losing):
    assert losing.truth.saving_usd <= 0
    assert losing.statement.verdict in {"same", "costs_more", "not_enough_evidence"}
    assert "routing saved nothing here" in headline(losing)
    assert "routing saved nothing here" in page(losing)


def test_a_line_is_spoken_of_only_where_it_is_drawn(ending, losing):
    assert "On the dashed line" in page(ending)
    assert "On the dashed line" not in page(losing)


def test_the_command_prints_its_result_and_writes_its_page(ending, monkeypatch, tmp_path, capsys):
    async def told(*_arguments):
        return ending

    monkeypatch.setattr("fairlead.cli.demo.story.tell", told)
    with pytest.raises(SystemExit) as stopped:
        main(["demo", "--json", "--out", str(tmp_path)])
    assert stopped.value.code == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["schema"], result["simulated"]) == ("fairlead.demo/1", True)
    assert result["html"] == str(tmp_path / demo.PAGE)
    assert result["statement"]["paid_usd"] == f"{ending.statement.paid_usd}"
    assert result["truth"]["reference_usd"] == f"{ending.truth.reference_usd}"
    assert [path.name for path in tmp_path.iterdir()] == ["fairlead-demo.html"]


def test_a_page_that_cannot_be_written_is_refused_before_the_play(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["demo", "--out", str(tmp_path / "none" / "page.html")])
    assert stopped.value.code == 2
    assert "in a folder that does not exist" in capsys.readouterr().err


def test_people_are_shown_the_path_and_the_truth(ending, monkeypatch, tmp_path, capsys):
    async def told(*_arguments):
        return ending

    monkeypatch.setattr("fairlead.cli.demo.story.tell", told)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["demo"])
    shown = capsys.readouterr().out
    assert "Every figure is simulated" in shown
    assert "page: fairlead-demo.html" in shown
    assert headline(ending) in shown.replace("\n", " ")
