"""Every error on every route comes in OpenAI's envelope, with the right status."""

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROUTES = {
    "/v1/chat/completions": "POST",
    "/v1/route": "POST",
    "/v1/feedback": "POST",
    "/v1/models": "GET",
    "/v1/models/auto": "GET",
    "/health/live": "GET",
    "/health/ready": "GET",
}
DECIDING = ["/v1/chat/completions", "/v1/route"]
USER = {"role": "user", "content": "Hello."}
BAD_SCHEMA = (  # no UTF-8, where it is kept as it came
    b'{"model": "auto", "messages": [{"role": "user", "content": "Hello."}],'
    b' "tools": [{"type": "function", "function": {"name": "f", "parameters": {"a": "\xff"}}}]}'
)


@pytest.fixture
def running(shared):
    return shared


async def fault(running, method, path, status, code, **options):
    """Returns the error of a request, its shape and headers checked."""
    async with running.http.request(method, running.url + path, **options) as reply:
        assert reply.status == status
        assert reply.headers["content-type"] == "application/json"
        assert reply.headers["x-request-id"].startswith("req_")
        body = await reply.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert body["error"]["code"] == code
    assert body["error"]["message"]
    assert body["error"]["type"] == ("api_error" if status >= 500 else "invalid_request_error")
    return body["error"]


@pytest.mark.parametrize("path", ROUTES)
async def test_the_wrong_method_is_405_and_names_the_right_one(running, path):
    error = await fault(running, "DELETE", path, 405, "method_not_allowed")
    assert ROUTES[path] in error["message"]


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/chat", "/v1/models/", "/v1/models/none", "/v1/chat/completions/"])
async def test_an_unknown_path_is_404(running, path):
    code = "model_not_found" if path.startswith("/v1/models/") else "not_found"
    error = await fault(running, "GET", path, 404, code)
    assert code == "model_not_found" or "`/v1/models`, `/v1/models/{name}`" in error["message"]


@pytest.mark.parametrize("asked", ["/health", "/health/liveliness", "/health/liveness"])
async def test_a_path_that_others_answer_is_told_which_one_is_like_it(running, asked):
    error = await fault(running, "GET", asked, 404, "not_found")
    assert "Did you mean `/health/live`?" in error["message"]


@pytest.mark.parametrize(
    ("asked", "meant", "base"),
    [
        ("/chat/completions", "/v1/chat/completions", "followed by `/v1`"),
        ("/v1/chat/completions/chat/completions", "/v1/chat/completions", "followed by `/v1`"),
        ("/responses", "/v1/responses", "followed by `/v1`"),
        ("/v1/v1/messages", "/v1/messages", "this gateway."),
    ],
)
async def test_a_base_url_that_is_off_by_the_version_is_told(running, asked, meant, base):
    async with running.http.post(running.url + asked, json={}) as reply:
        message = (await reply.json())["error"]["message"]
    assert reply.status == 404
    assert f"Did you mean `{meant}`?" in message
    assert message.endswith((base, f"{base}."))


@pytest.mark.parametrize("path", DECIDING)
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'"x"', b"{" * 100_000, BAD_SCHEMA])
async def test_a_malformed_body_is_400(running, path, body):
    reply = await running.post(path, json=None, data=body)
    assert reply.status == 400
    assert reply.json["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"{" * 100_000])
async def test_malformed_feedback_is_400(running, body):
    await fault(running, "POST", "/v1/feedback", 400, "invalid_body", data=body)


@pytest.mark.parametrize("path", DECIDING)
@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": 7}, "model"),
        ({"messages": "Hello."}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"temperature": 9}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"stream": "yes"}, "stream"),
        ({"model": "x" * 300}, "model"),
        ({"metadata": {"prompt_id": "x" * 600}}, "metadata[...]"),
    ],
)
async def test_a_wrong_field_is_400_and_named(running, path, change, param):
    async with running.http.post(running.url + path, json={"model": "auto", "messages": [USER]} | change) as reply:
        assert reply.status == 400
        error = (await reply.json())["error"]
    assert error["param"] == param


@pytest.mark.parametrize(
    "feedback",
    [
        {"decision_id": "dec_1"},
        {"decision_id": "dec_1", "score": 1.5},
        {"decision_id": "dec_1", "score": "good"},
        {"decision_id": "", "score": 1},
        {"decision_id": "dec_1", "score": 1, "note": "fine"},
    ],
)
async def test_feedback_of_another_shape_is_400(running, feedback):
    await fault(running, "POST", "/v1/feedback", 400, "invalid_body", json=feedback)


@pytest.mark.parametrize("path", DECIDING)
async def test_an_unknown_model_is_404_and_lists_what_exists(running, path):
    body = {"model": "host/wrenn", "messages": [USER]}
    error = await fault(running, "POST", path, 404, "model_not_found", json=body)
    assert error["param"] == "model"
    assert "Did you mean `host/wren`?" in error["message"]
    assert "`auto`, `auto:cost`, `auto:quality`, `host/albatross`, `host/wren`" in error["message"]


async def test_feedback_on_a_decision_that_nobody_made_is_404(running):
    body = {"decision_id": "dec_none", "score": 1}
    error = await fault(running, "POST", "/v1/feedback", 404, "decision_not_found", json=body)
    assert "dec_none" in error["message"]


async def test_a_request_that_nobody_can_take_is_400_and_says_why(running):
    body = {"model": "auto", "messages": [USER], "max_tokens": 100_000}
    error = await fault(running, "POST", "/v1/chat/completions", 400, "no_candidate", json=body)
    assert "`host/wren`: output_limit" in error["message"]
    assert error["message"].endswith("`output_limit`: it cannot write as many tokens as the caller allows.")
    assert running.entries() == []
