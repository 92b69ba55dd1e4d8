"""What is counted of every request, for `/metrics`; labels are names from the configuration and words of ours."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from fairlead.observers import conventions as otel
from fairlead.observers.base import PHASES, Refused, Served
from fairlead.observers.series import Counter, Family, Gauge, Histogram

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.types import Attempt

FAST_S = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""Buckets of what the gateway does itself, seconds."""
SLOW_S = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
"""Buckets of what hosts do, seconds: those that OpenTelemetry's conventions advise."""
AT_ONCE = 64
"""Requests that are counted in one go, which takes a third of the time of counting each when it ends."""
TOKENS = tuple(4.0**i for i in range(14))
"""Buckets of tokens, by the same conventions: 1, 4, 16 ... 67,108,864."""


class Metrics:
    """Counts what is served.

    Args:
        gauges: what is true now, read when somebody asks.
    """

    def __init__(self, gauges: Sequence[Gauge] = ()) -> None:
        asked = ("route", "model", "reason", "status")
        self._requests = Counter("fairlead_requests_total", "Requests that were decided, by what came of them.", asked)
        self._refused = Counter(
            "fairlead_refused_total", "Errors that callers were told in place of a reply.", ("path", "status", "code")
        )
        self._duration = Histogram(
            "fairlead_request_duration_seconds", "From request to settlement.", ("route", "stream"), bounds=SLOW_S
        )
        self._overhead = Histogram(
            "fairlead_overhead_seconds", "What the gateway itself added.", ("stream",), bounds=FAST_S
        )
        self._phases = Counter("fairlead_phase_seconds_total", "Time spent, by phase of a request.", ("phase",))
        self._faults = Counter("fairlead_router_faults_total", "Requests served though the router broke.", ("route",))
        self._unsettled = Counter("fairlead_unsettled_total", "Outcomes that the ledger did not take.")
        self._attempts = Counter(
            "fairlead_attempts_total",
            "Calls to hosts, by what came of them.",
            ("provider", "model", "status", "error"),
        )
        self._fallbacks = Counter("fairlead_fallbacks_total", "Calls to a later stage of a plan.", ("model",))
        self._hedges = Counter(
            "fairlead_hedges_total", "Calls made beside a slow one, by what came of them.", ("model", "status")
        )
        self._called_off = Counter(
            "fairlead_called_off_total", "Calls cancelled because another one was faster.", ("model",)
        )
        self._substituted = Counter(
            "fairlead_served_as_another_total", "Answers whose host names another model than was asked for.", ("model",)
        )
        self._spend = Counter("fairlead_spend_usd_total", "Cost of calls, where it is known.", ("route", "model"))
        self._unknown = Counter("fairlead_unknown_cost_total", "Calls whose cost is not known.", ("route", "model"))
        self._compared = Counter(
            "fairlead_compared_spend_usd_total",
            "Spend on requests whose reference's cost is known as well.",
            ("route",),
        )
        self._reference = Counter(
            "fairlead_reference_cost_usd_total", "What the reference would have cost for the same requests.", ("route",)
        )
        hosts = (otel.prometheus(otel.PROVIDER), otel.prometheus(otel.REQUEST_MODEL))
        self._operation = Histogram(
            "gen_ai_client_operation_duration_seconds", "Calls to hosts that were answered.", hosts, bounds=SLOW_S
        )
        self._first_token = Histogram(
            "gen_ai_client_operation_time_to_first_chunk_seconds", "First content of streams.", hosts, bounds=SLOW_S
        )
        self._tokens = Histogram(
            "gen_ai_client_token_usage",
            "Tokens of calls, as billed.",
            (*hosts, otel.prometheus(otel.TOKEN_TYPE)),
            bounds=TOKENS,
        )
        self._uncounted: deque[Served] = deque()
        self._families = tuple(family for family in vars(self).values() if isinstance(family, Family))
        self.gauges = tuple(gauges)

    def text(self) -> bytes:
        """Returns everything, as Prometheus reads it."""
        self._catch_up()
        return "".join(family.text() for family in (*self._families, *self.gauges)).encode()

    def observe(self, record: Served | Refused) -> None:
        """Counts one record, at the latest when somebody asks."""
        if isinstance(record, Refused):
            self._refused.add((record.path, str(record.status_code), record.code))
            return
        self._uncounted.append(record)
        if len(self._uncounted) >= AT_ONCE:
            self._catch_up()

    def _catch_up(self) -> None:
        while self._uncounted:  # should one break, it is not counted twice, and those behind it are counted next time
            self._count(self._uncounted.popleft())

    def _count(self, record: Served) -> None:
        decision, route, stream = record.decision, record.route, "true" if record.stream else "false"
        self._requests.add((route, record.model, decision.reason, record.outcome.status))
        self._duration.observe((route, stream), record.total_s)
        self._overhead.observe((stream,), record.overhead_s)
        for phase, spent_s in record.spent_s.items():
            self._phases.add(_PHASES[phase], spent_s)
        for attempt in record.outcome.attempts:
            self._count_call(attempt, record)
        self._bill(record)
        self._mark(record)

    def _mark(self, record: Served) -> None:
        """Counts what should not happen."""
        if record.decision.fault is not None:
            self._faults.add((record.route,))
        if record.served_as is not None:
            self._substituted.add((record.model,))
        if not record.settled:
            self._unsettled.add(())

    def _count_call(self, attempt: Attempt, record: Served) -> None:
        name = attempt.candidate
        host = (name.partition("/")[0], name)
        self._attempts.add((*host, attempt.status, attempt.error or ""))
        if attempt.kind == "hedge":
            self._hedges.add((name, attempt.status))
        elif attempt.stage:
            self._fallbacks.add((name,))
        if attempt.cost_usd is None:
            self._unknown.add((record.route, name))
        elif attempt.cost_usd:
            self._spend.add((record.route, name), float(attempt.cost_usd))
        if attempt.status == "cancelled" and record.outcome.status == "delivered":
            self._called_off.add((name,))
        if attempt.status != "ok":
            return
        self._operation.observe(host, attempt.latency_s)
        if attempt.ttft_s is not None:
            self._first_token.observe(host, attempt.ttft_s)
        if attempt.usage is not None:
            self._tokens.observe((*host, "input"), attempt.usage.total_input_tokens)
            self._tokens.observe((*host, "output"), attempt.usage.total_output_tokens)

    def _bill(self, record: Served) -> None:
        """Sums up the two sides of a comparison, over requests where both are known."""
        cost_usd = record.outcome.cost_usd
        if cost_usd is not None and record.reference_cost_usd is not None:
            self._compared.add((record.route,), float(cost_usd))
            self._reference.add((record.route,), record.reference_cost_usd)


_PHASES = {phase: (phase,) for phase in PHASES}
