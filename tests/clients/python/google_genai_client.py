"""Google's own client against the simulated Gemini host: what our tests take for Gemini is what its client reads."""

import json
from pathlib import Path

from google import genai
from google.genai import types
from report import HOST_URL, KEY, PROMPT, TOOL_PROMPT, WEATHER, Verdict, report

CLIENT = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=HOST_URL, api_version="v1beta"))
TOOL = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(name="get_weather", description="x", parameters_json_schema=WEATHER)
    ]
)


def ask(contents, **config):
    return CLIENT.models.generate_content(
        model="wren", contents=contents, config=types.GenerateContentConfig(**config) if config else None
    )


def tools():
    asked = types.Content(role="user", parts=[types.Part(text=TOOL_PROMPT)])
    first = ask([asked], tools=[TOOL])
    results = [
        types.Part.from_function_response(name=call.name, response={"result": "sunny"}) for call in first.function_calls
    ]
    second = ask([asked, first.candidates[0].content, types.Content(role="user", parts=results)], tools=[TOOL])
    return {"calls": [[call.name, call.args] for call in first.function_calls], "answer": second.text}


def structured():
    schema = Verdict.model_json_schema()
    reply = ask(PROMPT, response_mime_type="application/json", response_json_schema=schema)
    return Verdict.model_validate_json(reply.text)


def golden():
    """Reads what our tests say we send to Gemini, and get from it, with the types of Google's client."""
    folder = Path(__file__).parents[2] / "wire" / "golden"
    sent = json.loads((folder / "gemini.request.json").read_text(encoding="utf-8"))
    types.Content.model_validate(sent["systemInstruction"])
    types.GenerationConfig.model_validate(sent["generationConfig"])
    [types.Tool.model_validate(each) for each in sent["tools"]]
    types.ToolConfig.model_validate(sent["toolConfig"])
    reply = types.GenerateContentResponse.model_validate_json((folder / "gemini.answer.json").read_bytes())
    assert [call.name for call in reply.function_calls] == ["look", "look"]
    return len([types.Content.model_validate(each) for each in sent["contents"]])


STEPS = {
    "golden": golden,
    "chat": lambda: ask(PROMPT).text,
    "stream": lambda: "".join(
        part.text or "" for part in CLIENT.models.generate_content_stream(model="wren", contents=PROMPT)
    ),
    "tools": tools,
    "structured": structured,
}
report({"genai.Client": lambda _route: STEPS})
