"""Spans, as OpenTelemetry's own kit collects them."""

import sys

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from fairlead.errors import MissingExtraError
from fairlead.observers import conventions as otel
from fairlead.observers.traces import Traces
from fairlead.types import Outcome


@pytest.fixture
def traced():
    """Observes records and returns the spans."""

    def traced(*told):
        exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        traces = Traces(provider)
        for record in told:
            traces.observe(record)
        return exporter.get_finished_spans()

    return traced


def test_a_request_is_a_span_and_each_call_is_one_below_it(traced, seen):
    failed, ok, root = traced(seen())
    assert (root.name, root.kind) == ("chat auto", SpanKind.SERVER)
    assert {failed.parent.span_id, ok.parent.span_id} == {root.context.span_id}
    assert (ok.name, ok.kind) == ("chat cheap", SpanKind.CLIENT)
    assert failed.status.status_code is StatusCode.ERROR
    assert root.status.status_code is StatusCode.UNSET


def test_attributes_are_those_of_the_conventions(traced, seen):
    failed, ok, root = traced(seen())
    assert ok.attributes["gen_ai.operation.name"] == "chat"
    assert ok.attributes["gen_ai.provider.name"] == "a"
    assert ok.attributes["gen_ai.request.model"] == "cheap"
    assert ok.attributes["gen_ai.response.model"] == "cheap-2026"
    assert ok.attributes["gen_ai.usage.input_tokens"] == 1100
    assert ok.attributes["gen_ai.usage.output_tokens"] == 333
    assert failed.attributes["error.type"] == "RateLimitError"
    assert "gen_ai.usage.input_tokens" not in failed.attributes  # unknown is not zero
    assert root.attributes[otel.REASON] == "cheapest_within_floor"
    assert root.attributes[otel.COST_USD] == pytest.approx(float(seen().outcome.cost_usd))


def test_spans_say_when_things_happened(traced, seen, records):
    failed, _, root = traced(seen())
    assert root.start_time == int(records.start.timestamp() * 1e9)
    assert root.end_time - root.start_time == pytest.approx(0.51e9)
    assert failed.end_time - failed.start_time == pytest.approx(0.25e9, rel=1e-6)


def test_the_callers_trace_goes_on(traced, seen):
    *_, root = traced(seen(trace_parent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
    assert root.parent.span_id == 0xB7AD6B7169203331
    *_, alone = traced(seen(trace_parent="not a trace"))
    assert alone.parent is None


def test_a_failed_request_is_an_error(traced, seen, records):
    *_, root = traced(seen(outcome=Outcome(status="failed", attempts=(records.failed_attempt(),))))
    assert root.status.status_code is StatusCode.ERROR


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(MissingExtraError, match=r"fairlead\[otel\]"):
        Traces()
