import msgspec
import numpy as np
import pytest

from fairlead.evaluation.baselines.base import Sweep
from fairlead.evaluation.benchmark.cells import Cell, CellStore, code_version, key_of, packed_sweep


def made(**sweep):
    return Cell(
        key="k" * 24,
        part="a/b, 10 labels",
        seed=3,
        method="kNN",
        bound=False,
        about="",
        n=4,
        reference="strong",
        applies=True,
        **packed_sweep(Sweep(settings=("x", "y"), default=1, picked={"parity": 0}, **sweep)),
    )


def test_a_sweep_comes_back_as_it_was(tmp_path):
    store = CellStore(tmp_path / "new")
    columns = np.array([[0, 1, 1, 0], [1, 1, 0, 70]])
    cell = made(columns=columns, p_success=np.array([0.1, 0.5, 0.25, 1.0]), win_rate=np.array([0.1, 0.2, 1 / 3, 0.0]))
    store.keep(cell)
    found = store.find(cell.part, cell.seed, cell.method, cell.key).sweep
    np.testing.assert_array_equal(found.columns, columns)
    np.testing.assert_array_equal(found.win_rate, [0.1, 0.2, 1 / 3, 0.0])
    np.testing.assert_allclose(found.p_success, [0.1, 0.5, 0.25, 1.0])
    assert (found.settings, found.default, dict(found.picked), found.score) == (("x", "y"), 1, {"parity": 0}, None)


def test_plans_come_back_as_what_they_came_to():
    score = np.array([[0.0, 1.0, 0.5, 1.0]] * 2)
    found = made(score=score, cost_usd=1e-5 * score).sweep
    np.testing.assert_array_equal(found.score, score)
    np.testing.assert_allclose(found.cost_usd, 1e-5 * score, rtol=1e-6)


@pytest.mark.parametrize("content", [b"", b"{", b'{"schema": "another"}'])
def test_what_is_not_whole_is_no_cell(tmp_path, content):
    store, cell = CellStore(tmp_path), made(columns=np.zeros((2, 4)))
    store.keep(cell)
    store.path(cell.part, cell.seed, cell.method, cell.key).write_bytes(content)
    assert store.find(cell.part, cell.seed, cell.method, cell.key) is None


def test_a_cell_of_another_key_is_not_taken_for_it(tmp_path):
    store, cell = CellStore(tmp_path), made(columns=np.zeros((2, 4)))
    store.keep(cell)
    path = store.path(cell.part, cell.seed, cell.method, cell.key)
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(cell, key="k" * 12 + "x" * 12)))
    assert store.find(cell.part, cell.seed, cell.method, cell.key) is None


def test_the_key_changes_with_everything_that_counts(priced, by_quality):
    def key(judged=priced, seed=0, method="kNN", parameters="", code="c", data_hash="h"):
        return key_of(judged, seed, method, parameters, code=code, data_hash=data_hash)

    keys = [
        key(),
        key(judged=by_quality),
        key(seed=1),
        key(method="ridge"),
        key(parameters="k=5"),
        key(code="d"),
        key(data_hash="i"),
    ]
    assert len(set(keys)) == len(keys)
    assert key() == keys[0]


def test_the_code_has_one_version_while_it_stays():
    assert code_version() == code_version()
    assert code_version().startswith("0.")
