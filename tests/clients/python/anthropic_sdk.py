"""The official anthropic package, and what it makes of a key that was revoked."""

import anthropic
from report import KEY, PROMPT, REVOKED_KEY, TOOL_PROMPT, URL, WEATHER, Verdict, report

CLIENT = anthropic.Anthropic(base_url=URL, api_key=KEY, max_retries=0)
ASKED = [{"role": "user", "content": PROMPT}]
TOOL_ASKED = [{"role": "user", "content": TOOL_PROMPT}]
TOOLS = [{"name": "get_weather", "input_schema": WEATHER}]


def words(message):
    return "".join(block.text for block in message.content if block.type == "text")


def messages(model):
    common = {"model": model, "max_tokens": 500}

    def ask(client=CLIENT, messages=ASKED, **more):
        return client.messages.create(messages=messages, **common, **more)

    def stream():
        with CLIENT.messages.stream(messages=ASKED, **common) as events:
            return "".join(events.text_stream)

    def tools():
        first = ask(messages=TOOL_ASKED, tools=TOOLS).content
        uses = [block for block in first if block.type == "tool_use"]
        results = [{"type": "tool_result", "tool_use_id": use.id, "content": "sunny"} for use in uses]
        history = [*TOOL_ASKED, {"role": "assistant", "content": first}, {"role": "user", "content": results}]
        second = ask(messages=history, tools=TOOLS)
        return {"calls": [[use.name, use.input] for use in uses], "answer": words(second)}

    def revoked():
        try:
            ask(client=CLIENT.with_options(api_key=REVOKED_KEY))
        except anthropic.AuthenticationError as error:
            return error.status_code
        return "answered"

    return {
        "chat": lambda: words(ask()),
        "stream": stream,
        "tools": tools,
        "structured": lambda: CLIENT.messages.parse(messages=ASKED, output_format=Verdict, **common).parsed_output,
        "usage": lambda: ask().usage.output_tokens,
        "revoked key": revoked,
    }


report({"messages": messages})
