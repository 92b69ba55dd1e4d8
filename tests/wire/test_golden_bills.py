"""Bills that others got wrong: what their users published, and what it should have cost, to the last digit.

Each case names its thread. The usage is the provider's, as reported there; the rates are those of the thread, or the
provider's list of that day, in USD per million tokens.
"""

import json
from datetime import UTC, datetime
from decimal import Decimal

import genai_prices
import pytest

from fairlead.catalog import price_of
from fairlead.config import load
from fairlead.errors import ConfigError
from fairlead.execution.run import bill
from fairlead.types import Price, Rate, Usage
from fairlead.wire import (
    anthropic_messages,
    anthropic_upstream,
    gemini_upstream,
    openai_chat,
    openai_responses,
    openai_upstream,
    responses_upstream,
)
from fairlead.wire.sse import Event


def price(words, **more):
    """Returns a price from `input output [cache_read [cache_write]]`."""
    names = ("input", "output", "cache_read", "cache_write")
    rates = dict(zip(names, words.split(), strict=False)) | more
    return Price(id="golden", source="a thread", **{name: Rate(base=Decimal(rate)) for name, rate in rates.items()})


SONNET = price("3 15 0.30 3.75", cache_write_1h="6", web_search="10")
HAIKU_3_5 = price("0.80 4 0.08 1")
GPT_5 = price("1.25 10 0.125")


# Bodies around a usage ------------------------------------------------------------------------------------------------


def openai(usage):
    choice = {"index": 0, "message": {"role": "assistant", "content": "."}, "finish_reason": "stop"}
    return openai_upstream.decode_response(
        encoded({"id": "c", "model": "m", "choices": [choice], "usage": usage})
    ).usage


def responses(usage, items=()):
    said = {"type": "message", "content": [{"type": "output_text", "text": "."}]}
    reply = {"id": "r", "model": "m", "status": "completed", "output": [*items, said], "usage": usage}
    return responses_upstream.decode_response(encoded(reply)).usage


def anthropic(usage):
    said = {"type": "text", "text": "."}
    message = {"id": "m", "model": "m", "content": [said], "stop_reason": "end_turn", "usage": usage}
    return anthropic_upstream.decode_response(encoded(message)).usage


def gemini(usage, model="gemini-2.5-pro", queries=()):
    candidate = {"content": {"parts": [{"text": "."}]}, "finishReason": "STOP"}
    grounding = {"groundingMetadata": {"webSearchQueries": list(queries)}} if queries else {}
    reply = {"candidates": [candidate | grounding], "modelVersion": model, "usageMetadata": usage}
    return gemini_upstream.decode_response(encoded(reply)).usage


def encoded(body):
    return json.dumps(body).encode()


def last_usage(decoder, *events):
    usages = [chunk.usage for event in events for chunk in decoder.decode(Event(event=None, data=encoded(event)))]
    return usages[-1] if usages else None


def openai_stream(usage, choices):
    decoder = openai_upstream.ChunkDecoder(keep_body=False)
    text = {"id": "c", "choices": [{"index": 0, "delta": {"content": "."}}]}
    return last_usage(decoder, text, {"id": "c", "choices": choices, "usage": usage})


def anthropic_stream(first, last):
    decoder = anthropic_upstream.ChunkDecoder(keep_body=False)
    start = {"type": "message_start", "message": {"id": "m", "model": "m", "usage": first}}
    return last_usage(decoder, start, {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": last})


FINISH = [{"index": 0, "delta": {}, "finish_reason": "stop"}]


# The bills ------------------------------------------------------------------------------------------------------------

CACHED = {
    "litellm#11364: cache reads as full input, $0.096093": (
        anthropic(
            {
                "input_tokens": 6,
                "cache_read_input_tokens": 30940,
                "cache_creation_input_tokens": 460,
                "output_tokens": 102,
            }
        ),
        SONNET,
        "0.012555",
    ),
    "litellm#9812: written tokens twice, $0.091311; the console says 4.614 and 0.825 cents and the fresh three": (
        anthropic({"input_tokens": 3, "cache_creation_input_tokens": 12304, "output_tokens": 550}),
        SONNET,
        "0.054399",
    ),
    "litellm#6575: the price of writing on top of that of reading, $0.00675": (
        anthropic({"input_tokens": 0, "cache_creation_input_tokens": 1000, "output_tokens": 0}),
        SONNET,
        "0.00375",
    ),
    "litellm#11789: only when streamed, $0.002059": (
        anthropic_stream(
            {"input_tokens": 4, "cache_read_input_tokens": 2455, "output_tokens": 1}, {"output_tokens": 23}
        ),
        HAIKU_3_5,
        "0.0002916",
    ),
    "litellm#14849: Gemini's cache hits twice, $0.7642": (
        gemini({"promptTokenCount": 262960, "cachedContentTokenCount": 257955, "candidatesTokenCount": 1744}),
        price("1.25 10 0.625"),
        "0.184918125",
    ),
    "litellm#6215: OpenAI's cached tokens are inside the prompt": (
        openai({"prompt_tokens": 2006, "completion_tokens": 300, "prompt_tokens_details": {"cached_tokens": 1920}}),
        price("2.50 10 1.25"),
        "0.005615",
    ),
    "litellm#15945: documented the other way round; billed": (
        openai({"prompt_tokens": 9126, "completion_tokens": 3197, "prompt_tokens_details": {"cached_tokens": 4864}}),
        GPT_5,
        "0.0379055",
    ),
    "bifrost#904: $1.68": (
        responses(
            {"input_tokens": 1239328, "output_tokens": 12909, "input_tokens_details": {"cached_tokens": 1188096}}
        ),
        GPT_5,
        "0.341642",
    ),
    "litellm#31714: no rate for the cache of Fireworks": (
        openai({"prompt_tokens": 27147, "completion_tokens": 351, "prompt_tokens_details": {"cached_tokens": 27146}}),
        price("1.40 4.40 0.26"),
        "0.00860376",
    ),
    "aider#5516: every cached token twice, 10.9 times too much": (
        anthropic({"input_tokens": 9, "cache_read_input_tokens": 17102, "output_tokens": 0}),
        price("1 5 0.10 1.25"),
        "0.0017192",
    ),
    "litellm#11364, a comment: written tokens that a host of OpenAI's dialect counts in the prompt": (
        openai(
            {
                "prompt_tokens": 98805,
                "completion_tokens": 5120,
                "prompt_tokens_details": {"cached_tokens": 66360, "cache_creation_tokens": 32435},
                "completion_tokens_details": {"reasoning_tokens": 1710},
            }
        ),
        price("5 25 0.50 6.25"),
        "0.36394875",
    ),
    "litellm#33772: OpenAI's own name for written tokens": (
        responses(
            {
                "input_tokens": 2000,
                "output_tokens": 100,
                "input_tokens_details": {"cached_tokens": 500, "cache_write_tokens": 1400},
            }
        ),
        price("5 30 0.50 6.25"),
        "0.0125",
    ),
}

WRITTEN = {
    "litellm#42663: only the first turn's split is priced, 31,490 of 184,457 written tokens": (
        anthropic_stream(
            {
                "input_tokens": 6,
                "cache_creation_input_tokens": 31490,
                "cache_creation": {"ephemeral_5m_input_tokens": 31490, "ephemeral_1h_input_tokens": 0},
                "output_tokens": 1,
            },
            {
                "input_tokens": 123201,
                "cache_read_input_tokens": 426653,
                "cache_creation_input_tokens": 184457,
                "output_tokens": 2000,
                "server_tool_use": {"web_search_requests": 5},
            },
        ),
        SONNET,
        "1.26931265",
    ),
    "litellm#32073: an hour's cache at the rate of five minutes": (
        anthropic_stream(
            {
                "input_tokens": 15,
                "cache_creation_input_tokens": 4803,
                "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 4803},
                "output_tokens": 1,
            },
            {"output_tokens": 47},
        ),
        SONNET,
        "0.029568",
    ),
    "langfuse/claude-observability-plugin#34: $0.4646875": (
        anthropic(
            {
                "input_tokens": 0,
                "cache_creation_input_tokens": 37175,
                "cache_creation": {"ephemeral_1h_input_tokens": 37175},
                "output_tokens": 0,
            }
        ),
        price("10 50 1 12.50", cache_write_1h="20"),
        "0.7435",
    ),
    "OpenAI's searches are billed by call": (
        responses({"input_tokens": 1000, "output_tokens": 100}, [{"type": "web_search_call"}] * 3),
        price("1.25 10", web_search="10"),
        "0.03225",
    ),
    "Gemini 2.5 bills an answer with searches once": (
        gemini({"promptTokenCount": 100, "candidatesTokenCount": 10}, queries=["a", "b", "c"]),
        price("1.25 10", web_search="35"),
        "0.035225",
    ),
    "Gemini 3 bills each query": (
        gemini({"promptTokenCount": 100, "candidatesTokenCount": 10}, "gemini-3-pro-preview", ["a", "b", "c"]),
        price("2 12", web_search="14"),
        "0.04232",
    ),
    "Gemini's sound has a rate of its own, cached sound another": (
        gemini(
            {
                "promptTokenCount": 1000,
                "cachedContentTokenCount": 400,
                "candidatesTokenCount": 10,
                "promptTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 200},
                    {"modality": "AUDIO", "tokenCount": 800},
                ],
                "cacheTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 100},
                    {"modality": "AUDIO", "tokenCount": 300},
                ],
            }
        ),
        price("0.30 2.50 0.03", input_audio="1", cache_read_audio="0.10"),
        "0.000588",
    ),
    "OpenAI's sound, heard and spoken": (
        openai(
            {
                "prompt_tokens": 150,
                "completion_tokens": 120,
                "prompt_tokens_details": {"audio_tokens": 100},
                "completion_tokens_details": {"audio_tokens": 90},
            }
        ),
        price("2.50 10", input_audio="40", output_audio="80"),
        "0.011625",
    ),
}

THOUGHT = {
    "agentgateway#3228: the answer left out, 95 % too little": (
        gemini({"promptTokenCount": 100, "candidatesTokenCount": 1000, "thoughtsTokenCount": 50}, "gemini-3.5-flash"),
        price("0.075 0.30"),
        "0.0003225",
    ),
    "ai-tally#376: Gemini counts thoughts beside the answer": (
        gemini({"promptTokenCount": 0, "candidatesTokenCount": 150, "thoughtsTokenCount": 8000}),
        price("1.25 10"),
        "0.0815",
    ),
    "sub2api#5771: so does xAI, whose own ticks say 232856000": (
        openai(
            {
                "prompt_tokens": 10120,
                "completion_tokens": 1499,
                "total_tokens": 14428,
                "prompt_tokens_details": {"cached_tokens": 128},
                "completion_tokens_details": {"reasoning_tokens": 2809},
            }
        ),
        price("1.25 2.50 0.20"),
        "0.0232856",
    ),
    "vercel/ai#12425: where words come out negative": (
        openai(
            {
                "prompt_tokens": 12,
                "completion_tokens": 2,
                "total_tokens": 331,
                "completion_tokens_details": {"reasoning_tokens": 317},
            }
        ),
        price("0.30 0.50"),
        "0.0001631",
    ),
    "LiveBench#503: without a total, more thoughts than output are beside it": (
        openai(
            {
                "prompt_tokens": 100,
                "completion_tokens": 237,
                "completion_tokens_details": {"reasoning_tokens": 1901},
            }
        ),
        price("3 15"),
        "0.03237",
    ),
    "promptfoo#9507: inside where the total leaves no room": (
        openai(
            {
                "prompt_tokens": 500,
                "completion_tokens": 500,
                "total_tokens": 1000,
                "completion_tokens_details": {"reasoning_tokens": 200},
            }
        ),
        price("3 15"),
        "0.009",
    ),
    "OpenAI counts thoughts inside, with and without a total": (
        responses({"input_tokens": 75, "output_tokens": 1186, "output_tokens_details": {"reasoning_tokens": 1024}}),
        GPT_5,
        "0.01195375",
    ),
}

STREAMED = {
    "litellm#36083, #36168: the usage comes with the last choice": (
        openai_stream(
            {
                "prompt_tokens": 2612,
                "completion_tokens": 8,
                "total_tokens": 2620,
                "prompt_tokens_details": {"cached_tokens": 2560},
                "completion_tokens_details": {"reasoning_tokens": 7},
            },
            FINISH,
        ),
        price("1.40 4.40 0.14"),
        "0.0004664",
    ),
    "litellm#37992: an explicit zero is no gap to be guessed": (
        openai_stream({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, FINISH),
        GPT_5,
        "0",
    ),
    "envoyproxy/ai-gateway#2290: input and cache come with the last event": (
        anthropic_stream(
            {"input_tokens": 0, "output_tokens": 0},
            {"input_tokens": 4522, "cache_creation_input_tokens": 4511, "output_tokens": 5},
        ),
        SONNET,
        "0.03055725",
    ),
    "envoyproxy/ai-gateway#2279: counts are cumulative, not to be added": (
        anthropic_stream(
            {"input_tokens": 9, "cache_read_input_tokens": 1, "output_tokens": 0},
            {"input_tokens": 9, "cache_read_input_tokens": 1, "output_tokens": 16},
        ),
        SONNET,
        "0.0002673",
    ),
    "envoyproxy/ai-gateway#1631: a zero at the end wipes out the start": (
        anthropic_stream({"input_tokens": 15, "output_tokens": 1}, {"input_tokens": 0, "output_tokens": 20}),
        SONNET,
        "0.000345",
    ),
}

PRICED = {
    "bifrost#5243: a hundred times too little, $0.0004": (
        responses({"input_tokens": 8650, "output_tokens": 0}),
        price("5.5 33"),
        "0.047575",
    ),
}

CASES = CACHED | WRITTEN | THOUGHT | STREAMED | PRICED


@pytest.mark.parametrize("name", CASES)
def test_our_bill_is_the_right_one_to_the_last_digit(name):
    usage, rates, right = CASES[name]
    cost = bill(rates, usage)
    assert format(cost.normalize(), "f") == right
    assert not usage.estimated


# Unknown is not zero --------------------------------------------------------------------------------------------------


def test_a_stream_that_ends_without_its_usage_has_no_known_cost():
    """litellm#14457, #39893: what the client did not wait for is billed all the same; it is not zero."""
    decoder = anthropic_upstream.ChunkDecoder(keep_body=False)
    start = {
        "type": "message_start",
        "message": {"id": "m", "model": "m", "usage": {"input_tokens": 900, "output_tokens": 1}},
    }
    text = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "."}}
    usage = last_usage(decoder, start, text)
    assert bill(SONNET, usage) is None


@pytest.mark.parametrize(
    "usage",
    [
        openai(None),
        openai({"prompt_tokens": 10}),
        openai({"prompt_tokens": -1, "completion_tokens": 3}),
        anthropic({"output_tokens": 3}),
        anthropic({"input_tokens": -3, "output_tokens": 3}),
        gemini({"candidatesTokenCount": 3}),
        responses({"input_tokens": 3}),
    ],
)
def test_half_a_usage_is_none(usage):
    assert bill(SONNET, usage) is None


def test_a_model_without_a_price_costs_an_unknown_sum():
    """litellm#35914: 37.4 million tokens for $1.16, since a model was missing in the list; #36999, #16998."""
    assert bill(None, Usage(input_tokens=37_400_000, output_tokens=1)) is None


@pytest.mark.parametrize(
    ("rates", "used"),
    [
        (price("3 15 0.30 3.75"), {"cache_write_1h_tokens": 10}),
        (price("3 15"), {"web_searches": 1}),
        (price("3 15"), {"file_searches": 1}),
        (price("3 15 0.30", input_audio="40"), {"cache_read_audio_tokens": 10}),
    ],
)
def test_what_a_price_says_nothing_of_makes_the_whole_bill_unknown(rates, used):
    usage = Usage(input_tokens=5, output_tokens=5, **used)
    assert rates.cost_usd(usage) is None


@pytest.mark.parametrize(
    ("rates", "used", "cost"),
    [
        ("3 15", {"cache_read_tokens": 10}, "0.00003"),
        ("3 15", {"cache_write_1h_tokens": 10}, "0.00003"),
        ("3 15", {"input_audio_tokens": 10, "input_image_tokens": 10}, "0.00006"),
        ("3 15 0.30", {"cache_read_audio_tokens": 10}, "0.000003"),
        ("3 15", {"output_audio_tokens": 10, "output_image_tokens": 10}, "0.0003"),
    ],
)
def test_what_has_no_rate_of_its_own_costs_what_its_kind_costs(rates, used, cost):
    assert price(rates).cost_usd(Usage(input_tokens=0, output_tokens=0, **used)) == Decimal(cost)


def test_a_call_may_have_a_price_of_its_own():
    assert price("1 1", request="12").cost_usd(Usage(input_tokens=0, output_tokens=0)) == Decimal("0.012")


def test_a_price_per_token_in_place_of_one_per_million_is_refused(tmp_path):
    """bifrost#3559: rates of 8e-7 and 8 look alike to a program that does not ask."""
    path = tmp_path / "fairlead.toml"
    path.write_text(
        '[providers.local]\nbase_url = "http://127.0.0.1:1/v1"\n[models."local/m"]\n'
        "price = { input_usd_per_mtok = 0.0000008, output_usd_per_mtok = 2 }\n"
    )
    with pytest.raises(ConfigError, match=r"less than any model costs.*Multiply"):
        load(path, {})


# Translation ----------------------------------------------------------------------------------------------------------

ALL = Usage(
    input_tokens=100,
    output_tokens=50,
    cache_read_tokens=1000,
    cache_write_tokens=10,
    cache_write_5m_tokens=20,
    cache_write_1h_tokens=30,
    reasoning_tokens=7,
    input_audio_tokens=3,
    output_audio_tokens=4,
)


def test_a_client_of_anthropics_dialect_gets_buckets_that_do_not_overlap():
    """claude-code-router#1461, CLIProxyAPI#5956, envoyproxy/ai-gateway#2352: written tokens dropped, or told twice."""
    assert anthropic_messages._usage(ALL) == {
        "input_tokens": 103,
        "cache_creation_input_tokens": 60,
        "cache_read_input_tokens": 1000,
        "output_tokens": 54,
    }


def test_a_client_of_openais_dialects_gets_totals_with_their_parts_inside():
    chat, response = openai_chat._usage(ALL), openai_responses._usage(ALL)
    assert (chat["prompt_tokens"], chat["completion_tokens"], chat["total_tokens"]) == (1163, 54, 1217)
    assert (response["input_tokens"], response["output_tokens"], response["total_tokens"]) == (1163, 54, 1217)
    assert chat["prompt_tokens_details"]["cached_tokens"] == 1000
    assert response["input_tokens_details"] == {"cached_tokens": 1000, "cache_write_tokens": 60}


@pytest.mark.parametrize(("encode", "decode"), [(openai_chat._usage, openai), (openai_responses._usage, responses)])
def test_a_usage_survives_another_hop(encode, decode):
    """musistudio/claude-code-router#1587, vercel/ai#17326: usage lost or doubled behind a second gateway."""
    usage = Usage(input_tokens=100, output_tokens=50, cache_read_tokens=1000, reasoning_tokens=7)
    assert decode(encode(usage)) == usage


# Against the library whose prices we take -----------------------------------------------------------------------

LIBRARY = {
    ("openai", "chat", "gpt-5.1"): {
        "prompt_tokens": 2000,
        "completion_tokens": 300,
        "prompt_tokens_details": {"cached_tokens": 512},
        "completion_tokens_details": {"reasoning_tokens": 128},
    },
    ("openai", "responses", "gpt-5.5"): {
        "input_tokens": 2000,
        "output_tokens": 300,
        "input_tokens_details": {"cached_tokens": 512, "cache_write_tokens": 700},
    },
    ("anthropic", "default", "claude-sonnet-4-5"): {
        "input_tokens": 40,
        "output_tokens": 300,
        "cache_read_input_tokens": 250000,
        "cache_creation_input_tokens": 900,
        "cache_creation": {"ephemeral_5m_input_tokens": 500, "ephemeral_1h_input_tokens": 400},
        "server_tool_use": {"web_search_requests": 2},
    },
    ("google", "default", "gemini-2.5-flash"): {
        "promptTokenCount": 3000,
        "cachedContentTokenCount": 1000,
        "candidatesTokenCount": 70,
        "thoughtsTokenCount": 800,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 2200}, {"modality": "AUDIO", "tokenCount": 800}],
        "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 900}, {"modality": "AUDIO", "tokenCount": 100}],
    },
}
OURS = {"chat": openai, "responses": responses, "openai": openai, "anthropic": anthropic, "google": gemini}


@pytest.mark.parametrize("case", LIBRARY, ids="/".join)
def test_our_bill_is_that_of_the_library_whose_prices_we_take(case):
    """Two readers of one body, written apart: theirs sorts tokens by a registry of units, ours by hand."""
    provider, flavour, model = case
    at = datetime(2026, 11, 23, tzinfo=UTC)
    root = "usageMetadata" if provider == "google" else "usage"
    name = "modelVersion" if provider == "google" else "model"
    told = genai_prices.extract_usage({name: model, root: LIBRARY[case]}, provider_id=provider, api_flavor=flavour)
    theirs = genai_prices.calc_price(told.usage, model, provider_id=provider, genai_request_timestamp=at)
    usage = OURS[flavour if provider == "openai" else provider](LIBRARY[case])
    assert price_of(provider, model, at).cost_usd(usage) == theirs.total_price
