"""LlamaIndex, over OpenAILike."""

from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike
from report import KEY, PROMPT, TOOL_PROMPT, URL, Verdict, report


def get_weather(city: str) -> str:
    """Tells the weather."""
    return f"{city}: sunny"


def steps(route):
    llm = OpenAILike(
        model=route,
        api_base=f"{URL}/v1",
        api_key=KEY,
        is_chat_model=True,
        is_function_calling_model=True,
        context_window=100_000,
        max_retries=0,
    )
    asked = [ChatMessage(role="user", content=PROMPT)]

    def tools():
        weather = FunctionTool.from_defaults(get_weather)
        first = llm.chat_with_tools([weather], user_msg=TOOL_PROMPT)
        calls = llm.get_tool_calls_from_response(first)
        results = [
            ChatMessage(
                role="tool", content=get_weather(**c.tool_kwargs), additional_kwargs={"tool_call_id": c.tool_id}
            )
            for c in calls
        ]
        history = [ChatMessage(role="user", content=TOOL_PROMPT), first.message, *results]
        second = llm.chat_with_tools([weather], chat_history=history)
        return {"calls": [[c.tool_name, c.tool_kwargs] for c in calls], "answer": second.message.content}

    return {
        "chat": lambda: llm.chat(asked).message.content,
        "stream": lambda: "".join(part.delta or "" for part in llm.stream_chat(asked)),
        "tools": tools,
        "structured": lambda: llm.as_structured_llm(Verdict).chat(asked).raw,
    }


report({"OpenAILike": steps})
