import numpy as np

from fairlead.statistics.grids import complete_grid


def test_a_complete_table_is_its_own_grid():
    grid = complete_grid(np.ones((4, 3), dtype=bool))
    assert (grid.rows.tolist(), grid.columns.tolist()) == ([0, 1, 2, 3], [0, 1, 2])


def test_a_column_that_costs_more_rows_than_it_brings_is_left_out():
    known = np.ones((10, 3), dtype=bool)
    known[2:, 1] = False
    grid = complete_grid(known)
    assert grid.columns.tolist() == [0, 2]
    assert len(grid.rows) == 10


def test_a_column_to_keep_stays_whatever_it_costs():
    known = np.ones((10, 3), dtype=bool)
    known[2:, 1] = False
    grid = complete_grid(known, keep=[1])
    assert 1 in grid.columns
    assert grid.rows.tolist() == [0, 1]


def test_nothing_between_rows_and_columns_is_missing():
    known = np.random.default_rng(0).random((60, 8)) < 0.8
    grid = complete_grid(known)
    assert known[np.ix_(grid.rows, grid.columns)].all()
    assert grid.rows.size * grid.columns.size > 0


def test_an_empty_table_has_an_empty_grid():
    assert complete_grid(np.ones((0, 3), dtype=bool)).rows.size == 0
    assert complete_grid(np.ones((5, 0), dtype=bool)).columns.size == 0
