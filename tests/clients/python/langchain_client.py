"""LangChain, over its OpenAI package (chat completions and responses) and its Anthropic package."""

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from report import KEY, PROMPT, TOOL_PROMPT, URL, Verdict, report


@tool
def get_weather(city: str) -> str:
    """Tells the weather."""
    return f"{city}: sunny"


def steps(llm):
    def tools():
        bound = llm.bind_tools([get_weather])
        asked = [HumanMessage(TOOL_PROMPT)]
        first = bound.invoke(asked)
        results = [ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"]) for call in first.tool_calls]
        second = bound.invoke([*asked, first, *results])
        return {"calls": [[call["name"], call["args"]] for call in first.tool_calls], "answer": str(second.text)}

    return {
        "chat": lambda: str(llm.invoke(PROMPT).text),
        "stream": lambda: "".join(str(chunk.text) for chunk in llm.stream(PROMPT)),
        "tools": tools,
        "structured": lambda: llm.with_structured_output(Verdict, method="json_schema").invoke(PROMPT),
        "usage": lambda: llm.invoke(PROMPT).usage_metadata["output_tokens"],
    }


def openai(route, **more):
    return steps(ChatOpenAI(model=route, base_url=f"{URL}/v1", api_key=KEY, max_retries=0, **more))


def anthropic(route):
    return steps(ChatAnthropic(model=route, base_url=URL, api_key=KEY, max_retries=0, max_tokens=500))


report(
    {
        "ChatOpenAI": lambda route: openai(route, use_responses_api=False, stream_usage=True),
        "ChatOpenAI responses": lambda route: openai(route, use_responses_api=True),
        "ChatAnthropic": anthropic,
    }
)
