"""The official clients through the gateway: tools and structured answers, over hosts of each dialect."""

from __future__ import annotations

import json

import anthropic
import openai
import pydantic
import pytest

DIALECTS = ["openai", "responses", "anthropic", "gemini"]
PROMPT = "Use get_weather and get_time, then answer."
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TIME = {"type": "object", "properties": {}}
SCHEMAS = {"get_weather": WEATHER, "get_time": TIME}
RESULTS = {"get_weather": "sunny", "get_time": "noon"}
CALLED = [("get_weather", {"city": "word"}), ("get_time", {})]


class Verdict(pydantic.BaseModel):
    """A structured answer."""

    model_config = pydantic.ConfigDict(extra="forbid")
    faster: str
    knots: int


VERDICT = Verdict(faster="word", knots=1)


@pytest.fixture(params=DIALECTS)
async def running(request, start):
    return await start(dialect=request.param, plays=True)


@pytest.fixture
async def chat(running):
    async with openai.AsyncOpenAI(base_url=f"{running.url}/v1", api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture
async def messages(running):
    async with anthropic.AsyncAnthropic(base_url=running.url, api_key="any", max_retries=0) as client:
        yield client.messages


# Chat completions ----------------------------------------------------------------------------------------------------

FUNCTIONS = [{"type": "function", "function": {"name": n, "parameters": s}} for n, s in SCHEMAS.items()]


def called(message):
    return [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls]


async def test_chat_completions_call_tools_and_go_on_with_their_results(running, chat):
    asked = [{"role": "user", "content": PROMPT}]
    first = await chat.chat.completions.create(model="auto", messages=asked, tools=FUNCTIONS)
    async with chat.chat.completions.stream(model="auto", messages=asked, tools=FUNCTIONS) as stream:
        streamed = await stream.get_final_completion()
    (choice,), (same,) = first.choices, streamed.choices
    assert called(choice.message) == called(same.message) == CALLED
    assert choice.finish_reason == same.finish_reason == "tool_calls"
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": RESULTS[call.function.name]}
        for call in choice.message.tool_calls
    ]
    said = choice.message.model_dump(exclude_none=True)
    second = await chat.chat.completions.create(model="auto", messages=[*asked, said, *results], tools=FUNCTIONS)
    assert second.choices[0].finish_reason == "stop"
    assert second.choices[0].message.content


async def test_chat_completions_keep_to_a_schema(running, chat):
    ask = {"model": "auto", "messages": [{"role": "user", "content": "Which?"}], "response_format": Verdict}
    whole = await chat.chat.completions.parse(**ask)
    async with chat.chat.completions.stream(**ask) as stream:
        streamed = await stream.get_final_completion()
    assert whole.choices[0].message.parsed == streamed.choices[0].message.parsed == VERDICT


# Responses -----------------------------------------------------------------------------------------------------------

TOOLS = [{"type": "function", "name": n, "parameters": s, "strict": False} for n, s in SCHEMAS.items()]


async def test_responses_call_tools_and_go_on_with_their_results(running, chat):
    asked = [{"role": "user", "content": PROMPT}]
    first = await chat.responses.create(model="auto", input=asked, tools=TOOLS)
    async with chat.responses.stream(model="auto", input=asked, tools=TOOLS) as stream:
        streamed = await stream.get_final_response()
    for reply in (first, streamed):
        assert [(item.name, json.loads(item.arguments)) for item in reply.output] == CALLED
    results = [
        {"type": "function_call_output", "call_id": item.call_id, "output": RESULTS[item.name]} for item in first.output
    ]
    said = [item.model_dump(exclude_none=True) for item in first.output]
    second = await chat.responses.create(model="auto", input=[*asked, *said, *results], tools=TOOLS)
    assert second.output_text


async def test_responses_keep_to_a_schema(running, chat):
    whole = await chat.responses.parse(model="auto", input="Which?", text_format=Verdict)
    async with chat.responses.stream(model="auto", input="Which?", text_format=Verdict) as stream:
        streamed = await stream.get_final_response()
    assert whole.output_parsed == streamed.output_parsed == VERDICT


# Messages ------------------------------------------------------------------------------------------------------------

OFFERED = [{"name": name, "input_schema": schema} for name, schema in SCHEMAS.items()]


async def test_messages_call_tools_and_go_on_with_their_results(running, messages):
    ask = {"model": "auto", "max_tokens": 500, "tools": OFFERED}
    asked = [{"role": "user", "content": PROMPT}]
    first = await messages.create(messages=asked, **ask)
    async with messages.stream(messages=asked, **ask) as stream:
        streamed = await stream.get_final_message()
    for reply in (first, streamed):
        assert [(block.name, block.input) for block in reply.content] == CALLED
        assert reply.stop_reason == "tool_use"
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": RESULTS[block.name]} for block in first.content
    ]
    said = {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in first.content]}
    second = await messages.create(messages=[*asked, said, {"role": "user", "content": results}], **ask)
    assert (second.stop_reason, second.content[0].type) == ("end_turn", "text")


async def test_messages_keep_to_a_schema(running, messages):
    asked = [{"role": "user", "content": "Which?"}]
    whole = await messages.parse(model="auto", max_tokens=500, messages=asked, output_format=Verdict)
    assert whole.parsed_output == VERDICT
