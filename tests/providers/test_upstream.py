"""The simulated host against the providers' own client libraries, and its faults against a bare HTTP client."""

import asyncio
import json

import aiohttp
import anthropic
import openai
import pytest

from fairlead.errors import RequestError
from fairlead.providers.faults import Fault
from fairlead.providers.upstream import Reply, Upstream, serving
from fairlead.types import Usage

USAGE = Usage(input_tokens=70, output_tokens=50, cache_read_tokens=20, cache_write_tokens=10, reasoning_tokens=15)
TEXT = "Forty-two: é, 数, \N{GRINNING FACE}. " * 20


class Echo:
    """Answers `TEXT`; the prompt `fail` is refused."""

    label = "simulated"
    models = ("echo", "loud echo")

    def __init__(self, fault=None, latency_s=0.0):
        self.fault = fault
        self.latency_s = latency_s
        self.seen = []

    def respond(self, model, prompt, prompt_id, attempt):
        self.seen.append((model, prompt, prompt_id, attempt))
        if prompt == "fail":
            raise RequestError("no such thing", status_code=404, code="model_not_found", param="model")
        return Reply(text=TEXT, usage=USAGE, ttft_s=self.latency_s, latency_s=self.latency_s, fault=self.fault)


def ask(prompt="hello", *, stream=False, **more):
    return {"model": "echo", "messages": [{"role": "user", "content": prompt}], "stream": stream, **more}


async def post(url, body, path="/v1/chat/completions"):
    async with aiohttp.ClientSession() as session, session.post(url + path, json=body) as reply:
        return reply.status, reply.headers, await reply.read()


async def read_into(got, url, body):
    async with aiohttp.ClientSession() as session, session.post(url + "/v1/chat/completions", json=body) as reply:
        async for piece in reply.content.iter_any():
            got += piece


async def until(condition):
    while not condition():  # noqa: ASYNC110 - the host offers counts, not events
        await asyncio.sleep(0)


async def test_openai_client_reads_whole_reply_and_usage():
    echo = Echo()
    async with serving(Upstream(echo)) as url, openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="k") as client:
        messages = [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": [{"type": "text", "text": "six by seven"}]},
        ]
        reply = await client.chat.completions.create(model="echo", messages=messages, metadata={"prompt_id": "p7"})
    assert echo.seen == [("echo", "be brief\nsix by seven", "p7", 1)]
    assert reply.choices[0].message.content == TEXT
    assert reply.choices[0].finish_reason == "stop"
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens, reply.usage.total_tokens) == (100, 50, 150)
    assert reply.usage.prompt_tokens_details.cached_tokens == 20
    assert reply.usage.completion_tokens_details.reasoning_tokens == 15


async def test_openai_client_reads_stream_with_usage_last():
    async with serving(Upstream(Echo())) as url, openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="k") as client:
        stream = await client.chat.completions.create(**ask(stream=True), stream_options={"include_usage": True})
        chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == TEXT
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-2:] == [None, "stop"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage.total_tokens == 150
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert len({chunk.id for chunk in chunks}) == 1


async def test_openai_stream_without_include_usage_names_no_usage_and_ends_with_done():
    async with serving(Upstream(Echo())) as url:
        _, headers, body = await post(url, ask(stream=True))
    events = body.decode().split("\n\n")
    assert headers["content-type"].startswith("text/event-stream")
    assert events[-2:] == ["data: [DONE]", ""]
    assert not any("usage" in event for event in events)


async def test_openai_client_sees_its_error_envelope():
    async with (
        serving(Upstream(Echo())) as url,
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0) as client,
    ):
        with pytest.raises(openai.NotFoundError) as caught:
            await client.chat.completions.create(**ask("fail"))
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


async def test_models_are_listed_under_their_label():
    async with serving(Upstream(Echo())) as url, openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="k") as client:
        listed = [(model.id, model.owned_by) async for model in client.models.list()]
    assert listed == [("echo", "simulated"), ("loud echo", "simulated")]


async def test_anthropic_client_reads_whole_reply_and_usage():
    echo = Echo()
    async with serving(Upstream(echo)) as url, anthropic.AsyncAnthropic(base_url=url, api_key="k") as client:
        messages = [{"role": "user", "content": "six by seven"}]
        reply = await client.messages.create(model="echo", max_tokens=9, system="be brief", messages=messages)
    assert echo.seen == [("echo", "be brief\nsix by seven", None, 1)]
    assert reply.content[0].text == TEXT
    assert reply.stop_reason == "end_turn"
    usage = reply.usage
    counted = (
        usage.input_tokens,
        usage.cache_read_input_tokens,
        usage.cache_creation_input_tokens,
        usage.output_tokens,
    )
    assert counted == (70, 20, 10, 50)


async def test_anthropic_client_reads_stream_in_order():
    async with serving(Upstream(Echo())) as url, anthropic.AsyncAnthropic(base_url=url, api_key="k") as client:
        messages = [{"role": "user", "content": "hello"}]
        stream = await client.messages.create(model="echo", max_tokens=9, messages=messages, stream=True)
        events = [event async for event in stream]
        async with client.messages.stream(model="echo", max_tokens=9, messages=messages) as helper:
            final = await helper.get_final_message()
    kinds = [event.type for event in events if event.type != "ping"]
    deltas = [kind for kind in kinds if kind == "content_block_delta"]
    around = ["message_start", "content_block_start", *deltas, "content_block_stop", "message_delta", "message_stop"]
    assert kinds == around
    assert final.content[0].text == TEXT
    assert (final.usage.input_tokens, final.usage.output_tokens) == (70, 50)


async def test_anthropic_client_sees_its_error_envelope():
    async with (
        serving(Upstream(Echo())) as url,
        anthropic.AsyncAnthropic(base_url=url, api_key="k", max_retries=0) as client,
    ):
        with pytest.raises(anthropic.NotFoundError, match="not_found_error"):
            await client.messages.create(model="echo", max_tokens=9, messages=[{"role": "user", "content": "fail"}])


GEMINI = {
    "systemInstruction": {"parts": [{"text": "be brief"}]},
    "contents": [{"role": "user", "parts": [{"text": "six"}, {"text": "by seven"}]}],
}


async def test_gemini_whole_reply_counts_thoughts_beside_the_answer():
    echo = Echo()
    async with serving(Upstream(echo)) as url:
        status, _, body = await post(url, GEMINI, "/v1beta/models/loud%20echo:generateContent")
    read = json.loads(body)
    assert status == 200
    assert echo.seen == [("loud echo", "be brief\nsix\nby seven", None, 1)]
    assert read["candidates"][0]["content"] == {"role": "model", "parts": [{"text": TEXT}]}
    assert read["candidates"][0]["finishReason"] == "STOP"
    assert read["usageMetadata"] == {
        "promptTokenCount": 100,
        "cachedContentTokenCount": 20,
        "candidatesTokenCount": 35,
        "thoughtsTokenCount": 15,
        "totalTokenCount": 150,
    }


async def test_gemini_stream_ends_with_finish_reason_and_usage():
    async with serving(Upstream(Echo())) as url:
        _, _, body = await post(url, GEMINI, "/v1beta/models/echo:streamGenerateContent?alt=sse")
    events = [json.loads(event.removeprefix("data: ")) for event in body.decode().split("\r\n\r\n")[:-1]]
    assert "".join(event["candidates"][0]["content"]["parts"][0]["text"] for event in events) == TEXT
    assert [event for event in events if "finishReason" in event["candidates"][0]] == events[-1:]
    assert events[-1]["usageMetadata"]["totalTokenCount"] == 150


async def test_gemini_error_names_its_status():
    async with serving(Upstream(Echo())) as url:
        status, _, body = await post(url, {"contents": "no list"}, "/v1beta/models/echo:generateContent")
    assert status == 400
    assert json.loads(body)["error"]["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    ("path", "header", "value"),
    [
        ("/v1/chat/completions", "authorization", "Bearer right"),
        ("/v1/messages", "x-api-key", "right"),
        ("/v1beta/models/echo:generateContent", "x-goog-api-key", "right"),
    ],
)
async def test_key_is_asked_for_in_each_dialect(path, header, value):
    body = ask(max_tokens=9) | GEMINI
    async with serving(Upstream(Echo(), api_key="right")) as url, aiohttp.ClientSession(url) as session:
        async with session.post(path, json=body) as refused:
            assert refused.status == 401
        async with session.post(path, json=body, headers={header: value}) as taken:
            assert taken.status == 200


async def test_attempts_count_by_prompt_and_model_until_reset():
    echo = Echo()
    upstream = Upstream(echo)
    async with serving(upstream) as url:
        for _ in range(2):
            await post(url, ask("a"))
        await post(url, ask("b"))
        upstream.reset()
        await post(url, ask("a"))
    assert [(prompt, attempt) for _, prompt, _, attempt in echo.seen] == [("a", 1), ("a", 2), ("b", 1), ("a", 1)]


async def test_status_fault_carries_code_and_retry_after():
    fault = Fault(kind="status", status_code=429, code="slow_down", retry_after_s=2)
    async with serving(Upstream(Echo(fault))) as url:
        status, headers, body = await post(url, ask())
    assert (status, headers["retry-after"], json.loads(body)["error"]["code"]) == (429, "2", "slow_down")


async def test_reset_fault_breaks_the_connection_before_the_first_byte():
    async with serving(Upstream(Echo(Fault(kind="reset")))) as url:
        with pytest.raises((ConnectionResetError, aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
            await post(url, ask())


@pytest.mark.parametrize("stream", [True, False])
async def test_cut_fault_never_looks_complete(stream):
    got = bytearray()
    async with serving(Upstream(Echo(Fault(kind="cut", after_events=3)))) as url:
        with pytest.raises(aiohttp.ClientPayloadError):
            await read_into(got, url, ask(stream=stream))
    assert got
    assert got.count(b"data: ") == (3 if stream else 0)
    assert b"[DONE]" not in got


@pytest.mark.parametrize("kind", ["silent", "stall"])
async def test_silence_lasts_until_the_client_leaves(kind):
    upstream = Upstream(Echo(Fault(kind=kind)), time_scale=0)
    async with serving(upstream) as url:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(post(url, ask(stream=True)), timeout=0.1)
        await until(lambda: not upstream.n_open)
    assert upstream.n_left == 1


async def test_malformed_fault_spoils_one_event_and_sends_the_rest():
    async with serving(Upstream(Echo(Fault(kind="malformed", after_events=2)))) as url:
        _, _, body = await post(url, ask(stream=True))
        _, _, page = await post(url, ask())
    events = body.decode().split("\n\n")
    with pytest.raises(json.JSONDecodeError):
        json.loads(events[2].removeprefix("data: "))
    assert events[-2] == "data: [DONE]"
    assert page.startswith(b"<html>")


async def test_in_band_fault_is_an_error_under_status_200():
    async with serving(Upstream(Echo(Fault(kind="in_band", status_code=503)))) as url:
        for stream in (True, False):
            status, _, body = await post(url, ask(stream=stream))
            last = body.decode().strip().split("\n\n")[-1].removeprefix("data: ")
            assert status == 200
            assert json.loads(last)["error"]["type"] == "server_error"


async def test_slow_start_waits_in_scaled_time():
    upstream = Upstream(Echo(Fault(kind="slow_start", delay_s=50.0)), time_scale=0.001)
    async with serving(upstream) as url:
        started = asyncio.get_running_loop().time()
        status, _, _ = await post(url, ask(stream=True))
    assert status == 200
    assert asyncio.get_running_loop().time() - started >= 0.05


async def test_many_calls_at_once_are_all_answered():
    async with serving(Upstream(Echo(latency_s=0.02))) as url, aiohttp.ClientSession() as session:

        async def one(number):
            async with session.post(url + "/v1/chat/completions", json=ask(f"{number}", stream=True)) as reply:
                return (await reply.read()).endswith(b"[DONE]\n\n")

        assert all(await asyncio.gather(*(one(number) for number in range(50))))


async def test_leaving_the_context_cancels_calls_in_progress():
    upstream = Upstream(Echo(latency_s=3600.0))
    async with serving(upstream) as url:
        call = asyncio.create_task(post(url, ask()))
        await until(lambda: upstream.n_open)
    assert upstream.n_open == 0
    with pytest.raises(aiohttp.ClientError):
        await call


async def test_body_that_is_no_call_is_refused_with_its_place():
    async with serving(Upstream(Echo())) as url:
        status, _, body = await post(url, {"model": "echo", "messages": [{"content": "x"}]})
    assert status == 400
    assert "$.messages[0]" in json.loads(body)["error"]["message"]
