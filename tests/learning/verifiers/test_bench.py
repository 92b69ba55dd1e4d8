"""The process beside the gateway: it answers, it is replaced when it hangs, and it takes nobody down."""

import asyncio
import sys

import pytest

from fairlead.learning.verifiers import Answer, Task
from fairlead.learning.verifiers.bench import Bench
from fairlead.learning.verifiers.worker import Named

TASK, ANSWER = Task(prompt="What is 6 x 7?", expected="42"), Answer(text="It is 42.")
GOOD = (Named(kind="numeric", name="number"), Named(kind="refusal", name="refusal"))
ENDLESS = Named(kind="regex", name="endless", settings={"pattern": r"(a+)+$"})
A = Answer(text="a" * 60 + "b")


@pytest.fixture
async def bench():
    bench = Bench()
    yield bench
    await bench.aclose()


async def test_every_verifier_scores_under_its_name(bench):
    scores = await bench.verify(GOOD, TASK, ANSWER, time_s=30)
    assert scores == {"number": 1.0, "refusal": 1.0}


async def test_a_rule_that_breaks_says_nothing_and_the_others_do(bench):
    broken = Named(kind="regex", name="broken", settings={"pattern": "("})
    assert await bench.verify((broken, *GOOD), TASK, ANSWER, time_s=30) == {
        "broken": None,
        "number": 1.0,
        "refusal": 1.0,
    }


async def test_a_rule_without_an_end_is_given_up_and_the_next_answer_is_judged(bench, monkeypatch):
    monkeypatch.setattr("fairlead.learning.verifiers.bench.MARGIN_S", 0.2)
    await bench.verify(GOOD, TASK, ANSWER, time_s=30)  # started
    assert await bench.verify((ENDLESS,), TASK, A, time_s=0.1) == {}
    assert bench.n_hung == 1
    assert await bench.verify(GOOD, TASK, ANSWER, time_s=30) == {"number": 1.0, "refusal": 1.0}


async def test_one_who_leaves_gets_nobody_elses_scores_into_the_next_answer(bench):
    await bench.verify(GOOD, TASK, ANSWER, time_s=30)
    leaving = asyncio.ensure_future(bench.verify((ENDLESS,), TASK, A, time_s=30))
    await asyncio.sleep(0.05)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    assert await bench.verify(GOOD, TASK, ANSWER, time_s=30) == {"number": 1.0, "refusal": 1.0}


async def test_a_process_that_dies_is_no_verdict():
    bench = Bench((sys.executable, "-c", "raise SystemExit"))
    assert await bench.verify(GOOD, TASK, ANSWER, time_s=30) == {}
    await bench.aclose()


async def test_the_process_has_none_of_our_keys():
    shows = (
        "import sys, os; sys.stdin.readline(); print('{\"keys\": %d}' % ('OPENAI_API_KEY' in os.environ), flush=True)"
    )
    bench = Bench((sys.executable, "-c", shows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "sk-secret")
        assert await bench.verify((), TASK, ANSWER, time_s=30) == {"keys": 0.0}
    await bench.aclose()
