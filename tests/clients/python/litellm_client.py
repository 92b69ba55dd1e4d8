"""LiteLLM's library as a client, over each dialect."""

import json

import litellm
from report import KEY, PROMPT, TOOL_PROMPT, URL, WEATHER, Verdict, report

TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": "x", "parameters": WEATHER}}]
litellm.suppress_debug_info = True


def steps(model, api_base):
    def ask(prompt=PROMPT, messages=None, **more):
        asked = messages or [{"role": "user", "content": prompt}]
        options = {"api_base": api_base, "api_key": KEY, "max_retries": 0, "max_tokens": 500}
        return litellm.completion(model=model, messages=asked, **options, **more)

    def tools():
        first = ask(TOOL_PROMPT, tools=TOOLS).choices[0].message
        calls = first.tool_calls
        results = [{"role": "tool", "tool_call_id": call.id, "content": "sunny"} for call in calls]
        history = [{"role": "user", "content": TOOL_PROMPT}, first.model_dump(), *results]
        second = ask(messages=history, tools=TOOLS).choices[0].message
        made = [[call.function.name, json.loads(call.function.arguments)] for call in calls]
        return {"calls": made, "answer": second.content}

    return {
        "chat": lambda: ask().choices[0].message.content,
        "stream": lambda: "".join(part.choices[0].delta.content or "" for part in ask(stream=True)),
        "tools": tools,
        "structured": lambda: json.loads(ask(response_format=Verdict).choices[0].message.content),
    }


report(
    {
        "openai/": lambda route: steps(f"openai/{route}", f"{URL}/v1"),
        "anthropic/": lambda route: steps(f"anthropic/{route}", URL),
        "openai/responses/": lambda route: steps(f"openai/responses/{route}", f"{URL}/v1"),
    }
)
