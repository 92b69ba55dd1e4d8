"""The ledger's tables, the same in every store. Rows are added, never changed.

    prices       one row a price, by content id
    requests     the intent: what was decided, before the first call
    settlements  what came of a request                     (at most one a request)
    attempts     every call that was made                   (all with their settlement)
    feedback     scores of answers, by decision             (any number; the latest counts)

Money is decimal text, exact. Instants are whole microseconds since 1970, UTC. Structured columns are JSON.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, MetaData, String, Table, Text
from sqlalchemy.types import TypeDecorator

from fairlead.types import Context, Prediction, Rate, Stage

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

VERSION = "0001"
"""The newest migration; one that is later in sorting order is of a later Fairlead."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Money(TypeDecorator[Decimal]):
    """USD with every digit, as plain decimal text."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:  # noqa: ARG002, D102
        if value is None:
            return None
        if not isinstance(value, Decimal):
            raise TypeError(f"money is {value!r}; expected a Decimal")
        return format(value, "f")

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:  # noqa: ARG002, D102
        return None if value is None else Decimal(value)


class Instant(TypeDecorator[datetime]):
    """A moment, exact to the microsecond."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002, D102
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002, D102
        return None if value is None else _EPOCH + value * _MICROSECOND


class Json(TypeDecorator[Any]):
    """A value of one Python type, as JSON text."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.kind = kind
        self._decoder = msgspec.json.Decoder(kind)

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002, D102
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002, D102
        return None if value is None else self._decoder.decode(value)


METADATA = MetaData()

prices = Table(
    "prices",
    METADATA,
    Column("id", String, primary_key=True),
    Column("input", Json(Rate), nullable=False),
    Column("output", Json(Rate), nullable=False),
    Column("cache_read", Json(Rate)),
    Column("cache_write", Json(Rate)),
    Column("source", String, nullable=False),
    Column("estimated", Boolean, nullable=False),
)

requests = Table(
    "requests",
    METADATA,
    Column("request_id", String, primary_key=True),
    Column("decision_id", String, nullable=False, unique=True),
    Column("at", Instant, nullable=False),
    Column("route", String, nullable=False),
    Column("model_asked", String, nullable=False),
    Column("dialect", String, nullable=False),
    Column("stream", Boolean, nullable=False),
    Column("session_id", String),
    Column("session_rule", String),
    Column("prompt_id", String),
    Column("chosen", String, nullable=False),
    Column("reference", String),
    Column("arm", String, nullable=False),
    Column("propensity", Float, nullable=False),
    Column("reason", String, nullable=False),
    Column("policy", String, nullable=False),
    Column("router_version", String, nullable=False),
    Column("fault", String),
    Column("candidates", Json(dict[str, str | None]), nullable=False),
    Column("excluded", Json(dict[str, str]), nullable=False),
    Column("predictions", Json(tuple[Prediction, ...]), nullable=False),
    Column("plan", Json(tuple[Stage, ...]), nullable=False),
    Column("context", Json(Context), nullable=False),
    Column("reserved_usd", Money),
    Column("config_hash", String, nullable=False),
)
Index("requests_at", requests.c.at, requests.c.request_id)

settlements = Table(
    "settlements",
    METADATA,
    Column("request_id", ForeignKey(requests.c.request_id), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("status", String, nullable=False),
    Column("served", String),
    Column("cost_usd", Money),
    Column("reference_cost_usd", Float),
)

attempts = Table(
    "attempts",
    METADATA,
    Column("request_id", ForeignKey(settlements.c.request_id), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("candidate", String, nullable=False),
    Column("stage", Integer, nullable=False),
    Column("status", String, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("latency_s", Float, nullable=False),
    Column("ttft_s", Float),
    Column("model_asked", String, nullable=False),
    Column("model_served", String),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("cache_read_tokens", BigInteger),
    Column("cache_write_tokens", BigInteger),
    Column("reasoning_tokens", BigInteger),
    Column("usage_estimated", Boolean),
    Column("cost_usd", Money),
    Column("price_id", String),
    Column("error", String),
    Column("status_code", Integer),
    Column("retryable", Boolean, nullable=False),
    Column("retry_after_s", Float),
)

feedback = Table(
    "feedback",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("decision_id", ForeignKey(requests.c.decision_id), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("score", Float, nullable=False),
    Column("source", String, nullable=False),
)

alembic_version = Table("alembic_version", METADATA, Column("version_num", String(32), primary_key=True))
