"""The official openai package: chat completions and responses, and what it makes of a key that was revoked."""

import json

import openai
from report import KEY, PROMPT, REVOKED_KEY, TOOL_PROMPT, URL, WEATHER, Verdict, report

CLIENT = openai.OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0)
FUNCTION = {"name": "get_weather", "parameters": WEATHER}
ASKED = [{"role": "user", "content": PROMPT}]
TOOL_ASKED = [{"role": "user", "content": TOOL_PROMPT}]


def refused(ask):
    """Returns the status that the client takes for a key that opens nothing."""
    try:
        ask(CLIENT.with_options(api_key=REVOKED_KEY))
    except openai.AuthenticationError as error:
        return error.status_code
    return "answered"


def chat(model):
    def ask(client=CLIENT, messages=ASKED, **more):
        return client.chat.completions.create(model=model, messages=messages, **more)

    def tools():
        offered = [{"type": "function", "function": FUNCTION}]
        first = ask(messages=TOOL_ASKED, tools=offered).choices[0].message
        results = [{"role": "tool", "tool_call_id": call.id, "content": "sunny"} for call in first.tool_calls]
        second = ask(messages=[*TOOL_ASKED, first, *results], tools=offered).choices[0].message
        made = [[call.function.name, json.loads(call.function.arguments)] for call in first.tool_calls]
        return {"calls": made, "answer": second.content}

    def structured():
        parsed = CLIENT.chat.completions.parse(model=model, messages=ASKED, response_format=Verdict)
        return parsed.choices[0].message.parsed

    return {
        "chat": lambda: ask().choices[0].message.content,
        "stream": lambda: "".join(part.choices[0].delta.content or "" for part in ask(stream=True)),
        "tools": tools,
        "structured": structured,
        "revoked key": lambda: refused(ask),
    }


def responses(model):
    def ask(client=CLIENT, asked=PROMPT, **more):
        return client.responses.create(model=model, input=asked, **more)

    def stream():
        with CLIENT.responses.stream(model=model, input=PROMPT) as events:
            return "".join(event.delta for event in events if event.type == "response.output_text.delta")

    def tools():
        offered = [{"type": "function", **FUNCTION, "strict": False}]
        first = ask(asked=TOOL_ASKED, tools=offered).output
        made = [item for item in first if item.type == "function_call"]
        results = [{"type": "function_call_output", "call_id": item.call_id, "output": "sunny"} for item in made]
        second = ask(asked=[*TOOL_ASKED, *first, *results], tools=offered)
        return {"calls": [[item.name, json.loads(item.arguments)] for item in made], "answer": second.output_text}

    return {
        "chat": lambda: ask().output_text,
        "stream": stream,
        "tools": tools,
        "structured": lambda: CLIENT.responses.parse(model=model, input=PROMPT, text_format=Verdict).output_parsed,
        "revoked key": lambda: refused(ask),
    }


report({"chat completions": chat, "responses": responses})
