"""Embeddings: the caller's body to the host, the host's vectors to the caller."""

from __future__ import annotations

import json

import pytest

from fairlead.errors import RequestError, WireError
from fairlead.types import Candidate, Usage
from fairlead.wire import embeddings_upstream, openai_embeddings
from fairlead.wire.codec import Heading

REPLY = b'{"object":"list","data":[{"embedding":[0.10]}],"model":"e","usage":{"prompt_tokens":3,"total_tokens":3}}'


def decoded(**fields):
    return openai_embeddings.decode(json.dumps({"model": "p/e", "input": ["a", "b"]} | fields).encode())


def test_every_text_is_a_turn_and_every_field_goes_on():
    request = decoded(dimensions=8)
    assert [message.text for message in request.messages] == ["a", "b"]
    sent = embeddings_upstream.encode_request(request, Candidate(name="p/e", model="e"))
    assert json.loads(sent) == {"model": "e", "input": ["a", "b"], "dimensions": 8}


@pytest.mark.parametrize("tokens", [[1, 2], [[1, 2], [3]]])
def test_tokens_are_taken_too(tokens):
    assert decoded(input=tokens).messages == ()


@pytest.mark.parametrize("wrong", [None, "", [], 7, [{}]])
def test_an_input_of_another_kind_is_refused(wrong):
    with pytest.raises(RequestError) as caught:
        decoded(input=wrong)
    assert caught.value.param.startswith("input")


def test_the_vectors_reach_the_caller_as_they_are():
    answer = embeddings_upstream.decode_response(REPLY)
    heading = Heading(id="req_1", model="p/e", created=7)
    sent = openai_embeddings.encode(answer, decoded(), heading, {"cost_usd": "0.1"})
    assert answer.usage == Usage(input_tokens=3, output_tokens=0)
    assert b"[0.10]" in sent
    assert json.loads(sent)["usage"]["fairlead"] == {"cost_usd": "0.1"}
    assert json.loads(sent)["model"] == "p/e"


@pytest.mark.parametrize("body", [b"{}", b"<html>", b'{"error":{"message":"no"}}', b'{"data":null}'])
def test_what_holds_no_vectors_is_refused(body):
    with pytest.raises(WireError):
        embeddings_upstream.decode_response(body)
