"""`GET /metrics`: what was counted, and what is true now, for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead import __version__
from fairlead.observers import Observers
from fairlead.observers.logs import RequestLog
from fairlead.observers.series import CONTENT_TYPE, Gauge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from starlette.types import Receive, Scope, Send

    from fairlead.config import ObservabilityConfig
    from fairlead.execution.hosts import Hosts
    from fairlead.gateway.state import Gateway
    from fairlead.gateway.watching import Watch
    from fairlead.ledger.base import Ledger
    from fairlead.observers import Observer
    from fairlead.observers.metrics import Metrics
    from fairlead.observers.series import Labels
    from fairlead.proof.monitor import Standing
    from fairlead.types import Candidate

BREAKER_STATES = ("closed", "half_open", "open")


class MetricsShown:
    """Answers with all metrics; nothing is computed before somebody asks."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Serves one request, as ASGI asks."""
        body = self._gateway.metrics.text()
        fixed = [(b"content-type", CONTENT_TYPE), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": fixed})
        await send({"type": "http.response.body", "body": body})


def observing(table: ObservabilityConfig, metrics: Metrics) -> Observers:
    """Returns those who are told of every request.

    Raises:
        MissingExtraError: traces are asked for, and what writes them is not installed.
    """
    observers: list[Observer] = [metrics, RequestLog()]
    if table.traces:
        from fairlead.observers.traces import Traces  # noqa: PLC0415 - only where they are asked for

        observers.append(Traces())
    return Observers(observers)


def gauges(hosts: Hosts, ledger: Ledger, candidates: Mapping[str, Candidate], watch: Watch) -> tuple[Gauge, ...]:
    """Returns what is true of a gateway now, to be read when somebody asks."""
    unpriced = [((name,), 1.0) for name, candidate in candidates.items() if candidate.price is None]
    estimated = [((c.name,), 1.0) for c in candidates.values() if c.price is not None and c.price.estimated]
    return (
        Gauge("fairlead_build_info", "The version.", ("version",), read=lambda: [((__version__,), 1.0)]),
        Gauge(
            "fairlead_breaker_state",
            "1 for the state that the breaker of a model called before is in.",
            ("model", "state"),
            read=lambda: _breakers(hosts),
        ),
        Gauge("fairlead_calls_in_flight", "Calls to hosts that are open.", ("model",), read=lambda: _in_flight(hosts)),
        Gauge(
            "fairlead_ledger_queue_rows",
            "Changes that wait to be committed.",
            read=lambda: [((), ledger.n_waiting)],
        ),
        Gauge("fairlead_ledger_spooled_rows", "Changes in the spool.", read=lambda: [((), ledger.n_spooled)]),
        Gauge(
            "fairlead_ledger_rejected_rows",
            "Spooled changes that the database refused for good.",
            read=lambda: [((), ledger.n_rejected)],
        ),
        Gauge("fairlead_price_unknown", "Models without a price.", ("model",), read=lambda: unpriced),
        Gauge("fairlead_price_estimated", "Models whose price is an estimate.", ("model",), read=lambda: estimated),
        *_of_certificates(watch),
    )


def _of_certificates(watch: Watch) -> Iterator[Gauge]:
    """Yields how the certificates that serve are doing."""
    what: dict[str, tuple[str, Callable[[Standing], float]]] = {
        "alarms": ("Alarms; each took it one policy back.", lambda standing: standing.alarms),
        "policies_left": ("Certified policies left.", lambda standing: max(standing.n_rungs - standing.alarms, 0)),
        "observations": ("Outcomes seen since the last alarm.", lambda standing: standing.observations),
        "evidence_ratio": (
            "Evidence against it; 1 is an alarm.",
            lambda standing: standing.evidence / standing.alarm_at,
        ),
        "expires_timestamp_seconds": ("When it expires.", lambda standing: standing.expires_at.timestamp()),
    }
    for name, (about, value) in what.items():
        yield Gauge(
            f"fairlead_certificate_{name}",
            about,
            ("certificate",),
            read=lambda value=value: [((s.certificate,), value(s)) for s in watch.standings()],  # type: ignore[misc]
        )


def _breakers(hosts: Hosts) -> Iterator[tuple[Labels, float]]:
    for model, now in hosts.shown().items():
        for state in BREAKER_STATES:
            yield (model, state), float(state == now)


def _in_flight(hosts: Hosts) -> Iterator[tuple[Labels, float]]:
    for model, state in hosts.states().items():
        yield (model,), state.n_in_flight
