from dataclasses import replace

import pytest

from fairlead.errors import TableError
from fairlead.evaluation.baselines import plug_ins
from fairlead.evaluation.benchmark.cells import CellStore
from fairlead.evaluation.benchmark.ours import NAME
from fairlead.evaluation.benchmark.running import METHODS, found_cells, run, seeds_of, tasks_of
from fairlead.evaluation.benchmark.tables import Part


def texts(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.json")}


def test_every_method_has_a_cell_for_every_split(tasks, cells):
    assert len(tasks) == 4
    for task, found in found_cells(tasks, cells):
        assert list(found) == list(METHODS)
        assert all(cell.error is None for cell in found.values())
        assert {cell.n for cell in found.values()} == {len(task.judged.split(task.seed)[1])}


def test_what_is_there_is_not_made_again(tasks, cells):
    before, told = texts(cells), []
    run(tasks, cells, n_jobs=1, done=told.append)
    assert told == tasks
    assert texts(cells) == before


def test_a_stopped_run_goes_on_and_comes_to_the_same(tasks, cells, tmp_path):
    for name, content in list(texts(cells).items())[::2]:
        (tmp_path / name).write_bytes(content)
    run(tasks[:2], tmp_path, n_jobs=1, done=lambda _: None)
    for task, found in found_cells(tasks[:2], tmp_path):
        ((_, again),) = found_cells([task], cells)
        for method, cell in found.items():
            same = again[method]
            assert (cell.columns, cell.score, cell.p_success) == (same.columns, same.score, same.p_success)


def test_another_version_of_the_code_starts_anew(priced, cells):
    (task, *_) = tasks_of([priced], n_seeds=1, code="another")
    assert not any(task.cells(CellStore(cells)).values())


def test_later_seeds_are_other_splits_and_the_first_of_them_changes_wordings(priced):
    early = tasks_of([priced], n_seeds=2, code="test")
    late = tasks_of([priced], n_seeds=2, first_seed=1, code="test")
    assert ([task.seed for task in early], [task.seed for task in late]) == ([0, 1], [1, 2])
    assert ([task.first for task in early], [task.first for task in late]) == ([True, False], [True, False])
    assert early[1].key("kNN") == late[0].key("kNN")
    assert early[1].key(NAME) != late[0].key(NAME)  # one cell holds choices under changed wordings, one does not


def test_draws_of_few_labels_are_other_draws_at_later_seeds():
    part = Part(folder="x", cost="usd", n_labels=10, n_draws=20)
    assert (seeds_of(part, 0, 5), seeds_of(part, 5, 5), seeds_of(part, 5, 1)) == (
        range(20),
        range(20, 40),
        range(20, 24),
    )


def test_a_method_that_breaks_down_ends_nothing_and_is_told(priced, tmp_path, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("no")

    monkeypatch.setattr(plug_ins, "Linear", broken)
    tasks = tasks_of([priced], n_seeds=1, code="broken", methods=("ridge", "kNN"))
    run(tasks, tmp_path, n_jobs=1, done=lambda _: None)
    ((_, found),) = found_cells(tasks, tmp_path)
    assert found["ridge"].error == "ZeroDivisionError: no"
    assert found["kNN"].error is None
    monkeypatch.undo()
    run(tasks, tmp_path, n_jobs=1, done=lambda _: None)  # what broke down is tried again
    ((_, found),) = found_cells(tasks, tmp_path)
    assert found["ridge"].error is None


def test_a_split_that_breaks_down_is_told_when_the_others_are_done(priced, tmp_path):
    whole, broken = tasks_of([priced], n_seeds=2, code="test", methods=("random",))
    broken = replace(broken, judged=replace(priced, outcomes=priced.outcomes.rows([0])))  # cannot be split
    told = []
    with pytest.raises(TableError, match="cannot be split"):
        run([broken, whole], tmp_path, n_jobs=2, done=told.append)
    assert told == [whole]


def test_two_processes_come_to_the_same(priced, tasks, cells, tmp_path):
    two = tasks_of([priced], n_seeds=2, code="test", methods=("kNN", "random"))
    run(two, tmp_path, n_jobs=2, done=lambda _: None)
    for task, found in found_cells(two, tmp_path):
        expected = next(
            of for other, of in found_cells(tasks, cells) if (other.judged, other.seed) == (priced, task.seed)
        )
        assert found["kNN"].columns == expected["kNN"].columns
