"""A recorded host answers from its table: the same answer, the same bill, and a clear refusal where it has nothing."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import openai
import pytest

from fairlead.errors import RequestError
from fairlead.outcomes import Outcomes
from fairlead.providers.faults import Fault, FaultPlan, FaultShare
from fairlead.providers.recorded import Recorded
from fairlead.providers.upstream import Upstream, serving
from fairlead.testing import make_outcomes
from fairlead.types import Usage

DATA = os.environ.get("FAIRLEAD_DATA")


def usage_of(completion):
    return Usage(
        input_tokens=completion.usage.prompt_tokens, output_tokens=completion.usage.completion_tokens, estimated=True
    )


async def ask(client, outcomes, i, j, **more):
    messages = [{"role": "user", "content": outcomes.prompts[i]}]
    metadata = {"prompt_id": outcomes.prompt_ids[i]}
    return await client.chat.completions.create(model=outcomes.models[j], messages=messages, metadata=metadata, **more)


async def ask_cells(outcomes, cells):
    """Returns (text, usage) of each cell, asked in turns as a whole and as a stream."""
    got = []
    async with (
        serving(Upstream(Recorded(outcomes))) as url,
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0) as client,
    ):
        for number, (i, j) in enumerate(cells):
            if number % 2:
                chunks = [c async for c in await ask(client, outcomes, i, j, stream=True, stream_options=WITH_USAGE)]
                text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
                got.append((text, usage_of(chunks[-1])))
            else:
                reply = await ask(client, outcomes, i, j)
                got.append((reply.choices[0].message.content, usage_of(reply)))
    return got


WITH_USAGE = {"include_usage": True}


def assert_equal_to_table(outcomes, cells, got):
    for (i, j), (text, usage) in zip(cells, got, strict=True):
        assert text.rstrip(" ") == (outcomes.answer[i, j] or "").rstrip(" ")
        assert len(text) == max(outcomes.output_chars[i, j], len(outcomes.answer[i, j] or ""))
        price = outcomes.prices.get(outcomes.models[j])
        assert (price and price.cost_usd(usage)) == outcomes.bill(i, j)


async def test_served_answer_and_bill_equal_the_table():
    outcomes = make_outcomes(12, missing=0.2)
    cells = list(zip(*np.nonzero(~np.isnan(outcomes.score)), strict=True))
    assert_equal_to_table(outcomes, cells, await ask_cells(outcomes, cells))


@pytest.mark.skipif(DATA is None, reason="FAIRLEAD_DATA does not name the folder with the real tables")
@pytest.mark.parametrize("table", ["zeroeval", "mmlu_pro"])
async def test_served_answer_and_bill_equal_the_real_table(table):
    outcomes = Outcomes.read(Path(DATA) / table)
    measured = np.argwhere(~np.isnan(outcomes.score) & ~np.isnan(outcomes.output_tokens))
    chosen = np.random.default_rng(0).choice(measured, 40, replace=False, axis=0)
    cells = [(int(i), int(j)) for i, j in chosen]
    assert_equal_to_table(outcomes, cells, await ask_cells(outcomes, cells))


def test_unique_text_names_its_prompt():
    outcomes = make_outcomes(5)
    recorded = Recorded(outcomes)
    by_text = recorded.respond("weak", outcomes.prompts[3], None, 1)
    assert by_text == recorded.respond("weak", "another text", outcomes.prompt_ids[3], 1)


@pytest.mark.parametrize(
    ("model", "prompt", "prompt_id", "status_code", "code"),
    [
        ("weak", "twice", None, 400, "ambiguous_prompt"),
        ("weak", "never seen", None, 404, "prompt_not_recorded"),
        ("weak", "twice", "p99999", 404, "prompt_not_recorded"),
        ("stranger", "twice", "p00000", 404, "model_not_found"),
        ("middle", "twice", "p00000", 404, "not_recorded"),
    ],
)
def test_what_the_table_lacks_is_refused(model, prompt, prompt_id, status_code, code):
    outcomes = make_outcomes(4)
    score = outcomes.score.copy()
    score[0, 1] = np.nan
    outcomes = replace(outcomes, prompts=("twice", "twice", *outcomes.prompts[2:]), score=score)
    with pytest.raises(RequestError) as caught:
        Recorded(outcomes).respond(model, prompt, prompt_id, 1)
    assert (caught.value.status_code, caught.value.code) == (status_code, code)


def test_plan_decides_about_faults_by_prompt_id_and_attempt():
    outcomes = make_outcomes(3)
    reset = Fault(kind="reset")
    recorded = Recorded(outcomes, faults=FaultPlan(shares=(FaultShare(fault=reset, share=1.0),)))
    replies = [recorded.respond("weak", "", "p00001", attempt) for attempt in (1, 2)]
    assert [reply.fault for reply in replies] == [reset, None]
    assert replace(replies[0], fault=None) == replies[1]
