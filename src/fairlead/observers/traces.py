"""Each request as an OpenTelemetry trace: one span for it, and one below it for every call to a host.

Spans are made when a request is settled, with the times at which things happened, so that tracing costs nothing while
a caller waits for the first token. Who collects them is configured outside, as everywhere with OpenTelemetry: run
`opentelemetry-instrument fairlead serve`, with `OTEL_EXPORTER_OTLP_ENDPOINT` in the environment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.errors import MissingExtraError
from fairlead.observers import conventions as otel
from fairlead.observers.base import Refused, Served

if TYPE_CHECKING:
    from datetime import datetime

    from opentelemetry.context import Context
    from opentelemetry.trace import Span, TracerProvider
    from opentelemetry.util.types import AttributeValue

    from fairlead.types import Attempt

Attributes = dict[str, "AttributeValue"]


class Traces:
    """Writes spans.

    Args:
        provider: where they go; without one, where the process is set up to send them.

    Raises:
        MissingExtraError: OpenTelemetry's API is not installed.
    """

    def __init__(self, provider: TracerProvider | None = None) -> None:
        try:
            from opentelemetry import trace  # noqa: PLC0415 - an extra
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415
        except ImportError as error:
            raise MissingExtraError("opentelemetry-api", "otel") from error
        self._trace = trace
        self._tracer = trace.get_tracer("fairlead", tracer_provider=provider)
        self._caller = TraceContextTextMapPropagator()

    def observe(self, record: Served | Refused) -> None:
        """Writes the spans of one request."""
        if isinstance(record, Refused):
            return
        began_ns = _ns(record.at)
        root = self._tracer.start_span(
            f"{_operation(record)} {record.route}",
            context=self._parent(record),
            kind=self._trace.SpanKind.SERVER,
            attributes=_of_request(record),
            start_time=began_ns,
        )
        below = self._trace.set_span_in_context(root)
        for attempt in record.outcome.attempts:
            self._call(attempt, record, below)
        self._end(root, began_ns + _in_ns(record.total_s), failed=record.outcome.status == "failed")

    def _parent(self, record: Served) -> Context | None:
        if record.trace_parent is None:
            return None
        return self._caller.extract({"traceparent": record.trace_parent})

    def _call(self, attempt: Attempt, record: Served, below: Context) -> None:
        began_ns = _ns(attempt.started_at)
        span = self._tracer.start_span(
            f"{_operation(record)} {attempt.model_asked}",
            context=below,
            kind=self._trace.SpanKind.CLIENT,
            attributes=_of_call(attempt, record),
            start_time=began_ns,
        )
        self._end(span, began_ns + _in_ns(attempt.latency_s), failed=attempt.status == "failed")

    def _end(self, span: Span, at_ns: int, *, failed: bool) -> None:
        if failed:
            span.set_status(self._trace.StatusCode.ERROR)
        span.end(end_time=at_ns)


def _of_request(record: Served) -> Attributes:
    decision, outcome = record.decision, record.outcome
    return _known(
        {
            otel.OPERATION: _operation(record),
            otel.REQUEST_MODEL: record.route,
            otel.RESPONSE_MODEL: outcome.served,
            otel.REQUEST_ID: record.request_id,
            otel.DECISION_ID: record.decision_id,
            otel.ROUTE: record.route,
            otel.REASON: decision.reason,
            otel.ARM: decision.arm,
            otel.PROPENSITY: decision.propensity,
            otel.CHOSEN: decision.model,
            otel.REFERENCE: decision.reference,
            otel.STATUS: outcome.status,
            otel.COST_USD: None if outcome.cost_usd is None else float(outcome.cost_usd),
            otel.REFERENCE_COST_USD: record.reference_cost_usd,
            otel.SERVED_AS: record.served_as,
        }
    )


def _of_call(attempt: Attempt, record: Served) -> Attributes:
    usage = attempt.usage
    return _known(
        {
            otel.OPERATION: _operation(record),
            otel.PROVIDER: attempt.candidate.partition("/")[0],
            otel.REQUEST_MODEL: attempt.model_asked,
            otel.RESPONSE_MODEL: attempt.model_served,
            otel.INPUT_TOKENS: None if usage is None else usage.total_input_tokens,
            otel.OUTPUT_TOKENS: None if usage is None else usage.total_output_tokens,
            otel.ATTEMPT: attempt.number,
            otel.KIND: attempt.kind,
            otel.STAGE: attempt.stage,
            otel.STATUS: attempt.status,
            otel.ERROR_TYPE: attempt.error,
            otel.HTTP_STATUS: attempt.status_code,
            otel.COST_USD: None if attempt.cost_usd is None else float(attempt.cost_usd),
            otel.TTFT_S: attempt.ttft_s,
        }
    )


def _known(attributes: dict[str, AttributeValue | None]) -> Attributes:
    return {name: value for name, value in attributes.items() if value is not None}


def _operation(record: Served) -> str:
    return otel.OPERATIONS.get(record.dialect, "chat")


def _ns(at: datetime) -> int:
    return _in_ns(at.timestamp())


def _in_ns(seconds: float) -> int:
    return int(seconds * 1e9)
