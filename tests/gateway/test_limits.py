"""How much the gateway takes on."""

import asyncio

import pytest

POSTS = ["/v1/chat/completions", "/v1/route", "/v1/feedback"]


@pytest.mark.parametrize("path", POSTS)
async def test_a_body_beyond_the_limit_is_413(start, path):
    running = await start("[server]\nmax_body_bytes = 2048")
    reply = await running.post(path, json=None, data=b" " * 2049)
    assert (reply.status, reply.json["error"]["code"]) == (413, "request_too_large")
    assert "2048 bytes" in reply.json["error"]["message"]


@pytest.mark.parametrize("path", POSTS)
async def test_a_body_of_unsaid_length_is_counted(start, path):
    running = await start("[server]\nmax_body_bytes = 2048")

    async def pieces():
        for _ in range(5):
            yield b" " * 1024

    reply = await running.post(path, json=None, data=pieces())
    assert (reply.status, reply.json["error"]["code"]) == (413, "request_too_large")


@pytest.mark.parametrize("path", POSTS)
async def test_a_body_that_never_ends_is_408(start, path):
    running = await start("[limits]\nidle_s = 0.05")

    async def pieces():
        yield b"{"
        await asyncio.Event().wait()

    reply = await running.post(path, json=None, data=pieces())
    assert (reply.status, reply.json["error"]["code"]) == (408, "request_timeout")
    assert "limits.idle_s" in reply.json["error"]["message"]


async def test_a_gateway_that_has_enough_to_do_is_429(start):
    running = await start("[server]\nmax_in_flight = 1", time_scale=1000)
    first = asyncio.create_task(running.post())
    await running.until(lambda: running.upstream.n_open == 1)
    second = await running.post()
    first.cancel()
    assert second.status == 429
    error = second.json["error"]
    assert (error["type"], error["code"]) == ("rate_limit_error", "too_many_requests")
    assert "server.max_in_flight" in error["message"]
