"""The workload: sessions of tasks, asked, scored by the truth, and the scores handed back."""

from __future__ import annotations

import asyncio
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fairlead.cli.demo.client import ChatClient
    from fairlead.outcomes import Outcomes
    from fairlead.providers.simulated import Task

N_AT_ONCE = 12
"""Sessions that are open at the same time."""


async def play(
    client: ChatClient, tasks: Sequence[Task], truth: Outcomes, on_answer: Callable[[], None] = lambda: None
) -> None:
    """Asks every task, the tasks of a session one after the other, and every second one as a stream.

    Args:
        client: of the gateway.
        tasks: in sessions, one after the other.
        truth: row i tells what each model makes of task i.
        on_answer: called after each answer.
    """
    places = asyncio.Semaphore(N_AT_ONCE)

    async def converse(rows: Sequence[int]) -> None:
        async with places:
            for row in rows:
                answer = await client.ask(tasks[row], stream=row % 2 == 1)
                await client.score(answer, score_of(answer.model, truth, row))
                on_answer()

    async with asyncio.TaskGroup() as sessions:
        for _, rows in groupby(range(len(tasks)), key=lambda row: tasks[row].session_id):
            sessions.create_task(converse(tuple(rows)))


def score_of(candidate: str, truth: Outcomes, row: int) -> float:
    """Returns the score of a candidate's answer to the task in `row`."""
    return float(truth.score[row, truth.models.index(model_of(candidate))])


def model_of(candidate: str) -> str:
    """Returns the model of a candidate `provider/model`."""
    return candidate.partition("/")[2]
