"""Instructor, over the official clients, by tool calls and by schema."""

import anthropic
import instructor
import openai
from report import KEY, PROMPT, URL, Verdict, report

ASKED = [{"role": "user", "content": PROMPT}]


def steps(client, **more):
    def structured():
        return client.chat.completions.create(messages=ASKED, response_model=Verdict, max_retries=0, **more)

    def partial():
        *_, last = client.chat.completions.create_partial(messages=ASKED, response_model=Verdict, max_retries=0, **more)
        return last

    return {"structured": structured, "structured stream": partial}


def over_openai(mode):
    client = instructor.from_openai(openai.OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0), mode=mode)
    return lambda route: steps(client, model=route)


def over_anthropic(route):
    client = instructor.from_anthropic(anthropic.Anthropic(base_url=URL, api_key=KEY, max_retries=0))
    return steps(client, model=route, max_tokens=500)


report(
    {
        "tools": over_openai(instructor.Mode.TOOLS),
        "schema": over_openai(instructor.Mode.JSON_SCHEMA),
        "anthropic tools": over_anthropic,
    }
)
