"""A made-up folder of two tables, run through the whole benchmark once."""

from dataclasses import replace

import pytest

from fairlead.evaluation.benchmark.pooling import part_result
from fairlead.evaluation.benchmark.running import found_cells, run, tasks_of
from fairlead.evaluation.benchmark.tables import Part, judged
from fairlead.testing import make_outcomes

CODE = "test"


@pytest.fixture(scope="session")
def priced():
    return judged(Part(folder="made-up", cost="usd"), make_outcomes(160, models=("strong", "weak"), seed=1))


@pytest.fixture(scope="session")
def by_quality():
    table = replace(make_outcomes(120, seed=2), name="scores")
    return judged(Part(folder="scores", cost="none"), table)


@pytest.fixture(scope="session")
def tasks(priced, by_quality):
    return tasks_of([priced, by_quality], n_seeds=2, code=CODE)


@pytest.fixture(scope="session")
def cells(tasks, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cells")
    run(tasks, folder, n_jobs=1, done=lambda _: None)
    return folder


@pytest.fixture(scope="session")
def results(tasks, cells, priced, by_quality):
    found = list(found_cells(tasks, cells))
    return [
        part_result([(task, of) for task, of in found if task.judged is part], n_boot=600)
        for part in (priced, by_quality)
    ]
