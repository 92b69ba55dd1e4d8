"""Pydantic AI, over chat completions, responses and messages."""

import asyncio

from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider
from report import KEY, PROMPT, TOOL_PROMPT, URL, Verdict, report


def steps(model, *, by_schema=True):
    def tools():
        calls = []
        agent = Agent(model)

        @agent.tool_plain
        def get_weather(city: str) -> str:
            """Tells the weather."""
            calls.append(["get_weather", {"city": city}])
            return "sunny"

        return {"calls": calls, "answer": agent.run_sync(TOOL_PROMPT).output}

    async def streamed():
        async with Agent(model).run_stream(PROMPT) as result:
            return "".join([piece async for piece in result.stream_text(delta=True)])

    native = {"structured": lambda: Agent(model, output_type=NativeOutput(Verdict)).run_sync(PROMPT).output}
    return {
        "chat": lambda: Agent(model).run_sync(PROMPT).output,
        "stream": lambda: asyncio.run(streamed()),
        "tools": tools,
        "structured by tool": lambda: Agent(model, output_type=Verdict).run_sync(PROMPT).output,
        **(native if by_schema else {}),
    }


def openai():
    return OpenAIProvider(base_url=f"{URL}/v1", api_key=KEY)


report(
    {
        "OpenAIChatModel": lambda route: steps(OpenAIChatModel(route, provider=openai())),
        "OpenAIResponsesModel": lambda route: steps(OpenAIResponsesModel(route, provider=openai())),
        "AnthropicModel": lambda route: steps(
            AnthropicModel(route, provider=AnthropicProvider(base_url=URL, api_key=KEY)),
            by_schema=False,  # it sends none for models whose name it does not know
        ),
    }
)
