"""Claude Code's and Codex's requests, written by hand after their documentation, over hosts of each dialect.

Sources: code.claude.com/docs/en/llm-gateway; github.com/openai/codex, `docs/config.md` and `codex-rs/core`.
"""

from __future__ import annotations

import json

import pytest

from fairlead.types import Candidate
from fairlead.wire import anthropic_upstream, free_form, openai_responses, sse

SESSION = "5f2c7c0e-8f9d-4b5e-9a40-0d6b1c6f2a11"

CLAUDE_CODE_HEADERS = {
    "anthropic-version": "2023-06-01",
    "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27",
    "authorization": "Bearer sk-any",
    "user-agent": "claude-cli/2.1.0 (external, cli)",
    "x-app": "cli",
    "x-claude-code-session-id": SESSION,
}
CACHED = {"cache_control": {"type": "ephemeral"}}
CLAUDE_CODE = {
    "model": "auto",
    "max_tokens": 32000,
    "stream": True,
    "system": [
        {"type": "text", "text": "You are Claude Code, Anthropic's official CLI for Claude."} | CACHED,
        {"type": "text", "text": "You help with software engineering tasks."} | CACHED,
    ],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "<system-reminder>\nToday is a good day.\n</system-reminder>"},
                {"type": "text", "text": "Read the file with Read."} | CACHED,
            ],
        }
    ],
    "tools": [
        {
            "name": "Bash",
            "description": "Runs a command.",
            "input_schema": {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]},
        },
        {
            "name": "Read",
            "description": "Reads a file.",
            "input_schema": {"type": "object", "properties": {"file_path": {"type": "string"}}},
        },
    ],
    "metadata": {"user_id": json.dumps({"device_id": "d" * 64, "account_uuid": "", "session_id": SESSION})},
    "thinking": {"type": "adaptive"},
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    "output_config": {"effort": "medium"},
}

CODEX_HEADERS = {
    "authorization": "Bearer sk-any",
    "accept": "text/event-stream",
    "originator": "codex_cli_rs",
    "user-agent": "codex_cli_rs/0.60.0 (Debian 13; x86_64) xterm",
    "openai-beta": "responses=experimental",
    "session_id": SESSION,
    "conversation_id": SESSION,
}
CODEX = {
    "model": "auto",
    "instructions": "You are a coding agent running in the Codex CLI.",
    "input": [
        {
            "type": "message",
            "role": "developer",
            "content": [{"type": "input_text", "text": "<permissions>read-only</permissions>"}],
        },
        {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "<environment_context><cwd>/src</cwd></environment_context>"}],
        },
        {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "Mend it with apply_patch and shell."}],
        },
    ],
    "tools": [
        {
            "type": "function",
            "name": "shell",
            "description": "Runs a command.",
            "strict": False,
            "parameters": {
                "type": "object",
                "properties": {"command": {"type": "array", "items": {"type": "string"}}},
                "required": ["command"],
                "additionalProperties": False,
            },
        },
        {
            "type": "custom",
            "name": "apply_patch",
            "description": "Edits files.",
            "format": {"type": "grammar", "syntax": "lark", "definition": "start: begin_patch hunk+ end_patch"},
        },
    ],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "reasoning": {"effort": "medium", "summary": "auto"},
    "store": False,
    "stream": True,
    "include": ["reasoning.encrypted_content"],
    "prompt_cache_key": SESSION,
    "text": {"verbosity": "low"},
}

dialects = pytest.mark.parametrize("dialect", ["openai", "responses", "anthropic", "gemini"])


def events(reply):
    assert reply.status == 200, reply.body
    return [json.loads(event.data) for event in sse.Parser().feed(reply.body)]


@dialects
async def test_claude_code_works_a_tool_loop(start, dialect):
    running = await start(dialect=dialect, plays=True)
    path = "/v1/messages?beta=true"
    first = events(await running.post(path, json=CLAUDE_CODE, headers=CLAUDE_CODE_HEADERS))
    starts = [event["content_block"] for event in first if event["type"] == "content_block_start"]
    (use,) = [block for block in starts if block["type"] == "tool_use"]
    arguments = "".join(e["delta"].get("partial_json", "") for e in first if e["type"] == "content_block_delta")
    assert (use["name"], json.loads(arguments)) == ("Read", {"file_path": "word"})
    assert (first[0]["type"], first[-1]["type"]) == ("message_start", "message_stop")
    assert first[-2]["delta"]["stop_reason"] == "tool_use"
    turns = [
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "EqQB"},
                {"type": "tool_use", "id": use["id"], "name": "Read", "input": {"file_path": "word"}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": use["id"], "content": "1\tpass"} | CACHED]},
    ]
    again = CLAUDE_CODE | {"messages": CLAUDE_CODE["messages"] + turns}
    second = events(await running.post(path, json=again, headers=CLAUDE_CODE_HEADERS))
    assert second[-2]["delta"]["stop_reason"] == "end_turn"
    assert {entry.session_id for entry in running.entries()} == {SESSION}
    assert {entry.session_rule for entry in running.entries()} == {"client_header"}
    dropped = running.entries()[1].dropped
    hints = {"cache_control", "thinking blocks", "thinking", "context_management", "output_config.effort"}
    untold = {"anthropic": set(), "gemini": hints | {"metadata"}}  # Gemini has no name for the user
    assert set(dropped) == untold.get(dialect, hints)


@pytest.mark.parametrize("dialect", ["anthropic", "openai"])
async def test_claude_code_counts_tokens(start, dialect):
    running = await start(dialect=dialect)
    body = {name: CLAUDE_CODE[name] for name in ("model", "messages", "system", "tools")}
    reply = await running.post("/v1/messages/count_tokens?beta=true", json=body, headers=CLAUDE_CODE_HEADERS)
    assert reply.json["input_tokens"] > 10


@dialects
async def test_codex_calls_its_shell_and_its_free_form_patch(start, dialect):
    running = await start(dialect=dialect, plays=True)
    first = events(await running.post("/v1/responses", json=CODEX, headers=CODEX_HEADERS))
    done = [event["item"] for event in first if event["type"] == "response.output_item.done"]
    calls = {item["name"]: item for item in done}
    assert json.loads(calls["shell"]["arguments"]) == {"command": ["word"]}
    if dialect != "responses":  # there the host's own bytes come through, whatever they are
        assert (calls["apply_patch"]["type"], calls["apply_patch"]["input"]) == ("custom_tool_call", "word")
    assert first[-1]["type"] == "response.completed"
    results = [
        {"type": "function_call_output", "call_id": calls["shell"]["call_id"], "output": "ok"},
        {"type": "custom_tool_call_output", "call_id": calls["apply_patch"]["call_id"], "output": "done"},
    ]
    said = [
        calls["shell"],
        {"type": "custom_tool_call", "call_id": results[1]["call_id"], "name": "apply_patch", "input": "x"},
    ]
    again = CODEX | {"input": [*CODEX["input"], *said, *results]}
    second = events(await running.post("/v1/responses", json=again, headers=CODEX_HEADERS))
    assert second[-1]["response"]["output"][0]["type"] == "message"
    assert {entry.session_id for entry in running.entries()} == {SESSION}


def test_codexs_patch_reaches_another_dialect_as_a_function_of_one_string():
    request = openai_responses.decode(json.dumps(CODEX).encode())
    body = json.loads(anthropic_upstream.encode_request(request, Candidate(name="a/c", model="c"), stream=True))
    assert [tool["name"] for tool in body["tools"]] == ["shell", "apply_patch"]
    assert body["tools"][1]["input_schema"] == json.loads(free_form.SCHEMA)


async def test_what_a_host_cannot_be_told_of_codexs_wishes_is_named(start):
    running = await start(dialect="anthropic", plays=True)
    reply = await running.post("/v1/responses", json=CODEX | {"stream": False}, headers=CODEX_HEADERS)
    dropped = running.entry().dropped
    assert reply.headers["x-fairlead-dropped"] == ", ".join(dropped)
    assert set(dropped) == {"tools.format", "text.verbosity", "reasoning", "include"}


async def test_a_tool_that_runs_at_the_provider_needs_its_provider(start):
    searching = CODEX | {"tools": [*CODEX["tools"], {"type": "web_search"}]}
    other = await start(dialect="anthropic", plays=True)
    refused = await other.post("/v1/responses", json=searching, headers=CODEX_HEADERS)
    assert refused.status == 400
    assert "`tool web_search`" in refused.json["error"]["message"]
