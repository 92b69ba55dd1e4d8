"""Runs what is missing: one task a split, its features and its router made once and shared by all methods."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from fairlead.evaluation.baselines import CONTENDERS
from fairlead.evaluation.baselines.base import Exam, Lesson
from fairlead.evaluation.benchmark.cells import Cell, CellStore, Flip, key_of, packed_sweep
from fairlead.evaluation.benchmark.ours import DIRECT, NAME, UNGUARDED, Ours, Served
from fairlead.evaluation.metrics import Resampling
from fairlead.evaluation.robustness import flip_rates
from fairlead.fitting import fit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from fairlead.evaluation.baselines.base import Contender
    from fairlead.evaluation.benchmark.tables import Judged, Part
    from fairlead.outcomes import Outcomes
    from fairlead.router import Router

METHODS = (NAME, DIRECT, UNGUARDED, *(contender.name for contender in CONTENDERS))
"""In the order of the results."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """All methods on one split of one part."""

    judged: Judged
    data_hash: str
    seed: int
    code: str
    place: int = 0
    """Of its part, in the order of the results."""
    first: bool = True
    """Whether it is the first split of its part: the one on which wordings are changed."""
    methods: tuple[str, ...] = METHODS

    def key(self, method: str) -> str:
        """Returns the name of a cell of this task."""
        parameters = next((repr(contender) for contender in CONTENDERS if contender.name == method), "")
        parameters += "first" if method == NAME and self.first else ""  # its cell holds more
        return key_of(self.judged, self.seed, method, parameters, code=self.code, data_hash=self.data_hash)

    def cells(self, store: CellStore) -> dict[str, Cell | None]:
        """Returns what there is: method -> cell, or `None`."""
        name = self.judged.part.name
        return {method: store.find(name, self.seed, method, self.key(method)) for method in self.methods}


def tasks_of(
    parts: Sequence[Judged], *, n_seeds: int, code: str, first_seed: int = 0, methods: Sequence[str] = METHODS
) -> list[Task]:
    """Returns one task for each split of each part, the longest first."""
    tasks = []
    for place, judged in enumerate(parts):
        data_hash = judged.outcomes.data_hash
        seeds = seeds_of(judged.part, first_seed, n_seeds)
        tasks += [
            Task(
                judged=judged,
                data_hash=data_hash,
                seed=seed,
                code=code,
                place=place,
                first=seed == seeds[0],
                methods=tuple(methods),
            )
            for seed in seeds
        ]
    return sorted(tasks, key=lambda task: -_work(task.judged))


def seeds_of(part: Part, first_seed: int, n_seeds: int) -> range:
    """Returns the seeds of a part's splits; few labels are drawn up to four times as often."""
    if part.n_draws is None:
        return range(first_seed, first_seed + n_seeds)
    return range(4 * first_seed, 4 * first_seed + min(part.n_draws, 4 * n_seeds))


def _work(judged: Judged) -> int:
    """Returns about how much there is to learn from."""
    return judged.part.n_labels or len(judged.outcomes)


def run(tasks: Sequence[Task], folder: Path, *, n_jobs: int, done: Callable[[Task], None]) -> None:
    """Makes the cells that are missing.

    Args:
        tasks: what there is to do.
        folder: of the cells.
        n_jobs: processes; 1 works in this one.
        done: told of every task that is complete.
    """
    missing = []
    for task in tasks:
        if _is_whole(task, CellStore(folder)):
            done(task)
        else:
            missing.append(task)
    if n_jobs == 1 or len(missing) < 2:
        for task in missing:
            run_task(task, folder)
            done(task)
        return
    _run_side_by_side(missing, folder, n_jobs, done)


def _is_whole(task: Task, store: CellStore) -> bool:
    """Says whether every cell is there; one that broke down is tried again."""
    return all(cell is not None and cell.error is None for cell in task.cells(store).values())


def _run_side_by_side(tasks: Sequence[Task], folder: Path, n_jobs: int, done: Callable[[Task], None]) -> None:
    """Runs the tasks in processes; a task that breaks down is told of when all others are done."""
    broken: list[Exception] = []
    with ProcessPoolExecutor(n_jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        running = {pool.submit(run_task, task, folder): task for task in tasks}
        try:
            for finished in as_completed(running):
                try:
                    finished.result()
                    done(running[finished])
                except Exception as error:  # noqa: BLE001 - what the others made must not be lost; it is raised below
                    broken.append(error)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if broken:
        raise broken[0]


def run_task(task: Task, folder: Path) -> None:
    """Makes the missing cells of one split, and keeps each as soon as it is there."""
    store = CellStore(folder)
    missing = {method for method, cell in task.cells(store).items() if cell is None or cell.error is not None}
    train, test = task.judged.split(task.seed)
    started = time.perf_counter()
    router = fit(train, reference=_best(train), seed=task.seed)
    fit_s = time.perf_counter() - started
    assert router.features is not None
    lesson = Lesson(train=train, x=router.features.transform(train.requests), seed=task.seed)
    exam = Exam(x=router.features.transform(test.requests), test=test)
    served = Served(router=router, lesson=lesson)
    ours = [Ours(served=served, name=name) for name in (NAME, DIRECT, UNGUARDED)]
    for contender in (*ours, *CONTENDERS):
        if contender.name in missing:
            cell = _cell(task, contender, lesson, exam, fit_s=fit_s if isinstance(contender, Ours) else 0.0)
            store.keep(_with_flips(cell, router, train, test) if cell.method == NAME and task.first else cell)


def _with_flips(cell: Cell, router: Router, train: Outcomes, test: Outcomes) -> Cell:
    flips = tuple(
        Flip(
            change=found.change,
            adversarial=found.adversarial,
            n=found.n,
            flipped=found.flipped.value if found.n else 0.0,
            dearer=found.dearer.value if found.n else 0.0,
        )
        for found in flip_rates(router, train, test, Resampling(n_boot=1))
    )
    return msgspec.structs.replace(cell, flips=flips)


def _best(train: Outcomes) -> str:
    return train.models[int(train.score.mean(axis=0).argmax())]


def _cell(task: Task, contender: Contender, lesson: Lesson, exam: Exam, *, fit_s: float) -> Cell:
    cell = Cell(
        key=task.key(contender.name),
        part=task.judged.part.name,
        seed=task.seed,
        method=contender.name,
        bound=contender.bound,
        about=contender.about,
        n=len(exam),
        reference=lesson.train.models[lesson.reference],
        applies=contender.applies(lesson),
    )
    if not cell.applies:
        return cell
    started = time.perf_counter()
    try:
        sweep = contender.sweep(lesson, exam)
    except Exception as error:  # noqa: BLE001 - one method that breaks down must not end a long run; it is reported
        return msgspec.structs.replace(cell, error=f"{type(error).__name__}: {error}")
    took_s = fit_s + time.perf_counter() - started
    return msgspec.structs.replace(cell, took_s=took_s, **packed_sweep(sweep))


def found_cells(tasks: Sequence[Task], folder: Path) -> Iterator[tuple[Task, dict[str, Cell]]]:
    """Yields each task with the cells that there are."""
    store = CellStore(folder)
    for task in tasks:
        yield task, {method: cell for method, cell in task.cells(store).items() if cell is not None}
