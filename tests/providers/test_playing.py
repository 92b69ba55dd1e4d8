"""What a simulated host does with tools and schemas, in each dialect, as the official clients see it."""

from __future__ import annotations

import json

import anthropic
import openai
import pytest

from fairlead.providers.simulated import World
from fairlead.providers.upstream import Asked, Upstream, serving
from fairlead.providers.upstream.playing import _to_call, instance, played
from fairlead.providers.upstream.reply import Offer

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"enum": ["C", "F"]}},
    "required": ["city"],
}
TIME = {"type": "object", "properties": {"zone": {"type": "string"}}}


@pytest.mark.parametrize(
    ("offer", "prompt", "names"),
    [
        (Offer(), "Hi", []),
        (Offer(tools={"a": {}, "b": {}}), "Hi", ["a"]),
        (Offer(tools={"aa": {}, "bb": {}, "cc": {}}), "Use cc and aa.", ["aa", "cc"]),
        (Offer(tools={"aa": {}, "bb": {}}, parallel=False), "Use aa and bb.", ["aa"]),
        (Offer(tools={"a": {}}, choice="none"), "Hi", []),
        (Offer(tools={"a": {}, "b": {}}, choice="b"), "Hi", ["b"]),
        (Offer(tools={"a": {}, "b": {}}, called=["a"]), "Hi", []),
        (Offer(tools={"a": {}, "b": {}}, called=["a"], choice="required"), "Hi", ["b"]),
    ],
)
def test_what_is_called(offer, prompt, names):
    assert _to_call(offer, prompt) == names


@pytest.mark.parametrize("limit", [None, 10, 100_000])
def test_an_answer_is_cut_at_the_limit(limit):
    asked = Asked(model="wren", prompt="Prove it.", max_output_tokens=limit)
    whole = World(seed=1).respond("wren", asked.prompt, None, 1)
    reply = played(asked, whole)
    if limit != 10:
        assert reply == whole
        return
    assert (reply.usage.output_tokens, reply.finish_reason) == (10, "length")
    assert whole.text.startswith(reply.text)
    assert whole.ttft_s < reply.latency_s < whole.latency_s
    assert 0 < len(reply.text) < len(whole.text)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (WEATHER, {"city": "word", "unit": "C"}),
        ({"$ref": "#/$defs/x", "$defs": {"x": {"const": 7}}}, 7),
        ({"type": "array", "items": {"type": "integer"}}, [1]),
        ({"anyOf": [{"type": "null"}, {"type": "string"}]}, None),
        ({"type": ["number", "null"]}, 1.5),
        ({"$ref": "#/nowhere"}, "word"),
    ],
)
def test_an_instance_keeps_to_its_schema(schema, value):
    assert instance(schema) == value


def test_a_schema_that_names_itself_ends():
    assert json.dumps(instance({"properties": {"next": {"$ref": "#"}}})).count("next") < 10


def test_the_same_question_gets_the_same_ids():
    assert Asked(model="m", prompt="x").id == Asked(model="m", prompt="x").id


def host():
    return serving(Upstream(World(seed=1), time_scale=0, plays=True))


async def test_chat_completions_call_in_parallel_whole_and_streamed():
    tools = [
        {"type": "function", "function": {"name": name, "parameters": schema}}
        for name, schema in (("get_weather", WEATHER), ("get_time", TIME))
    ]
    ask = {
        "model": "wren",
        "tools": tools,
        "messages": [{"role": "user", "content": "Use get_weather and get_time."}],
    }
    async with host() as url, openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="k") as client:
        whole = await client.chat.completions.create(**ask)
        async with client.chat.completions.stream(**ask) as stream:
            streamed = await stream.get_final_completion()
    for reply in (whole, streamed):
        (choice,) = reply.choices
        calls = [(call.function.name, json.loads(call.function.arguments)) for call in choice.message.tool_calls]
        assert calls == [("get_weather", {"city": "word", "unit": "C"}), ("get_time", {"zone": "word"})]
        assert choice.finish_reason == "tool_calls"


async def test_messages_and_responses_call_too():
    async with host() as url:
        async with anthropic.AsyncAnthropic(base_url=url, api_key="k") as client:
            tool = {"name": "get_weather", "input_schema": WEATHER}
            ask = {"model": "wren", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}], "tools": [tool]}
            message = await client.messages.create(**ask)
            async with client.messages.stream(**ask) as stream:
                streamed = await stream.get_final_message()
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="k") as client:
            tool = {"type": "function", "name": "get_weather", "parameters": WEATHER, "strict": False}
            ask = {"model": "wren", "input": "Hi", "tools": [tool]}
            response = await client.responses.create(**ask)
            async with client.responses.stream(**ask) as stream:
                gathered = await stream.get_final_response()
    for reply in (message, streamed):
        assert (reply.content[0].name, reply.content[0].input) == ("get_weather", {"city": "word", "unit": "C"})
        assert reply.stop_reason == "tool_use"
    for reply in (response, gathered):
        (call,) = reply.output
        assert (call.name, json.loads(call.arguments)) == ("get_weather", {"city": "word", "unit": "C"})
