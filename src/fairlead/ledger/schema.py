"""The ledger's tables, the same in every store. Rows are added, never changed.

    prices       one row a price, by content id
    requests     the intent: what was decided, before the first call
    settlements  what came of a request                     (at most one a request)
    attempts     every call that was made                   (all with their settlement)
    feedback     scores of answers, by decision             (any number; see `sources.py` which one counts)
    erasures     what of `payloads` was erased, and when
    certificates which certificates served, and their alarms
    payloads     what may be erased: features, prompts
    writers      who wrote rows, and where its chain ends
    keys         who may ask, and for what                  (hashed; no link of a chain)
    counters     what was spent and is held under a limit   (change; no link of a chain)
    holds        what requests in flight hold of a limit    (deleted with their settlement; no link of a chain)

Each row but those of `payloads` is a link of its writer's hash chain (`chain.py`): `writer`, `seq`, `hash`. Triggers
refuse to change or delete it; `fairlead ledger verify` finds what somebody changed in spite of them. Of a payload the
chain holds a salted hash, so that it can be erased and the chain still verified (`payloads.py`).

Money is decimal text, exact. Instants are whole microseconds since 1970, UTC. Structured columns are JSON.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)

from fairlead.ledger.budget import KeyTerms
from fairlead.ledger.chain import KeptAs
from fairlead.types import Context, Prediction, Rate, Stage

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

VERSION = "0013"
"""The newest migration; one that is later in sorting order is of a later Fairlead."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Money(KeptAs):
    """USD with every digit, as plain decimal text."""

    impl = String
    cache_ok = True

    def kept(self, value: Decimal) -> str:  # noqa: D102
        if not isinstance(value, Decimal):
            raise TypeError(f"money is {value!r}; expected a Decimal")
        return format(value, "f")

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:  # noqa: ARG002, D102
        return None if value is None else Decimal(value)


class Instant(KeptAs):
    """A moment, exact to the microsecond."""

    impl = BigInteger
    cache_ok = True

    def kept(self, value: datetime) -> int:  # noqa: D102
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002, D102
        return None if value is None else _EPOCH + value * _MICROSECOND


class Json(KeptAs):
    """A value of one Python type, as JSON text."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.kind = kind
        self._decoder = msgspec.json.Decoder(kind)

    def kept(self, value: Any) -> str:  # noqa: D102
        return msgspec.json.encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002, D102
        return None if value is None else self._decoder.decode(value)


METADATA = MetaData()


def _link() -> tuple[Column[Any], ...]:
    """Returns the columns of a row's place in the chain; null only in a row that somebody put in by hand."""
    return (
        Column("writer", String, comment="whose chain the row is in"),
        Column("seq", BigInteger, comment="its place there, from 1"),
        Column("hash", String, comment="SHA-256 over the hash before it and what the row says"),
    )


prices = Table(
    "prices",
    METADATA,
    Column("id", String, primary_key=True, comment="names the content"),
    Column(
        "input",
        Json(Rate),
        nullable=False,
        comment="JSON: USD per million tokens, `base` and `tiers` of (above this many input tokens, rate)",
    ),
    Column("output", Json(Rate), nullable=False, comment="the same, reasoning included"),
    Column("cache_read", Json(Rate), comment="the same; null costs what input costs"),
    Column("cache_write", Json(Rate), comment="the same; null costs what input costs"),
    Column("source", String, nullable=False, comment="who says so"),
    Column("estimated", Boolean, nullable=False, comment="the price itself is an estimate"),
    *_link(),
    Column("cache_write_1h", Json(Rate), comment="the same; null is not known where `cache_write` is, else as input"),
    Column("input_audio", Json(Rate), comment="the same; null costs what input costs"),
    Column(
        "cache_read_audio", Json(Rate), comment="the same; null is not known where `input_audio` is, else as cached"
    ),
    Column("output_audio", Json(Rate), comment="the same; null costs what output costs"),
    Column("input_image", Json(Rate), comment="the same; null costs what input costs"),
    Column("output_image", Json(Rate), comment="the same; null costs what output costs"),
    Column(
        "web_search", Json(Rate), comment="JSON: USD per thousand that the provider makes by itself; null is not known"
    ),
    Column("file_search", Json(Rate), comment="the same"),
    Column("request", Json(Rate), comment="JSON: USD per thousand calls; null is nothing"),
    comment="One row a price, by content: an id never changes its meaning.",
)

requests = Table(
    "requests",
    METADATA,
    Column("request_id", String, primary_key=True),
    Column("decision_id", String, nullable=False, unique=True),
    Column("at", Instant, nullable=False, comment="microseconds since 1970, UTC"),
    Column("route", String, nullable=False, comment="the configured route"),
    Column("model_asked", String, nullable=False, comment="as the caller wrote it"),
    Column("dialect", String, nullable=False),
    Column("stream", Boolean, nullable=False),
    Column("session_id", String),
    Column("session_rule", String, comment="which rule named the session"),
    Column("prompt_id", String, comment="the caller's own name of the prompt; the prompt itself is never kept"),
    Column("chosen", String, nullable=False, comment="the candidate to be called first"),
    Column("reference", String, comment="the candidate that savings are measured against"),
    Column("arm", String, nullable=False, comment="`policy` or `control`"),
    Column("propensity", Float, nullable=False, comment="chance with which the first step was chosen"),
    Column("reason", String, nullable=False, comment="one word, see Reasons"),
    Column("policy", String, nullable=False),
    Column("router_version", String, nullable=False),
    Column("fault", String, comment="what broke inside the router"),
    Column("candidates", Json(dict[str, str | None]), nullable=False, comment="JSON: candidate -> id of its price row"),
    Column("excluded", Json(dict[str, str]), nullable=False, comment="JSON: candidate -> why it could not serve"),
    Column(
        "predictions", Json(tuple[Prediction, ...]), nullable=False, comment="JSON: what was expected of each candidate"
    ),
    Column("plan", Json(tuple[Stage, ...]), nullable=False, comment="JSON: stages of steps, each with its acceptance"),
    Column(
        "context", Json(Context), nullable=False, comment="JSON: all that the decision depended on beside the request"
    ),
    Column("reserved_usd", Money, comment="the most that the plan can cost; decimal text"),
    Column("config_hash", String, nullable=False, comment="SHA-256 of all settings"),
    *_link(),
    Column(
        "purpose",
        String,
        comment="`shadow`, `judge` or `cache`; null is a request that somebody made and a model answered",
    ),
    Column("parent_id", String, comment="decision that a shadow or a judge follows"),
    Column("opted_out", Boolean, comment="its session asked to take part in no experiment; null is no"),
    Column("team", String, comment="whose request it was, where keys belong to teams"),
    Column("features_hash", String, comment="salted SHA-256 of its features in `payloads`; null where none were kept"),
    Column("prompt_hash", String, comment="the same of its prompt"),
    Column(
        "chances",
        Json(dict[str, float]),
        comment="JSON: candidate -> chance to have been called first; null in rows from before it was kept",
    ),
    Column("mix_draw", Float, comment="what a mix was drawn with, in [0, 1)"),
    Column("answer_form", String, comment="form of the answer, where the policy compares answers; else null"),
    Column("kind", String, comment="of the task, by what can be seen of it; null is not known"),
    Column("certificate", String, comment="id of the certificate that its router served by; null is none"),
    Column("key_id", String, comment="the virtual key that asked; null where none is needed"),
    comment="The intent: what was decided, committed before the first call.",
)
Index("requests_at", requests.c.at, requests.c.request_id)
_PROBES = text("purpose = 'probe'")
Index("requests_probes", requests.c.at, sqlite_where=_PROBES, postgresql_where=_PROBES)
_CERTIFIED = text("certificate IS NOT NULL")
Index("requests_certified", requests.c.certificate, sqlite_where=_CERTIFIED, postgresql_where=_CERTIFIED)

settlements = Table(
    "settlements",
    METADATA,
    Column("request_id", ForeignKey(requests.c.request_id), primary_key=True),
    Column("at", Instant, nullable=False, comment="microseconds since 1970, UTC"),
    Column("status", String, nullable=False, comment="`delivered`, `failed` or `cancelled`"),
    Column("served", String, comment="the candidate whose answer was delivered"),
    Column("cost_usd", Money, comment="sum of the attempts, decimal text; null where one is unknown"),
    Column("reference_cost_usd", Float, comment="what the reference is predicted to have cost"),
    Column(
        "dropped",
        Json(tuple[str, ...]),
        comment="JSON: hints of the request that the dialect of `served` cannot say; null is none",
    ),
    *_link(),
    Column(
        "saved_usd", Money, comment="what the answer had cost when it was kept, given again from the cache; else null"
    ),
    comment="What came of a request, committed before the reply's last byte.",
)

attempts = Table(
    "attempts",
    METADATA,
    Column("request_id", ForeignKey(settlements.c.request_id), primary_key=True),
    Column("number", Integer, primary_key=True, comment="1 for the first call"),
    Column("candidate", String, nullable=False),
    Column("stage", Integer, nullable=False, comment="of the plan"),
    Column("status", String, nullable=False, comment="`ok`, `failed` or `cancelled`"),
    Column("started_at", Instant, nullable=False, comment="microseconds since 1970, UTC"),
    Column("latency_s", Float, nullable=False),
    Column("ttft_s", Float),
    Column("model_asked", String, nullable=False, comment="the name sent to the provider"),
    Column("model_served", String, comment="the name that the provider reports"),
    Column("input_tokens", BigInteger, comment="words, neither read from a cache nor written to one"),
    Column("output_tokens", BigInteger, comment="words, thoughts included"),
    Column("cache_read_tokens", BigInteger),
    Column("cache_write_tokens", BigInteger, comment="for a time that the provider does not tell"),
    Column("reasoning_tokens", BigInteger, comment="part of the output tokens"),
    Column("usage_estimated", Boolean, comment="the provider reported none: counted with `o200k_base`"),
    Column("cost_usd", Money, comment="decimal text, exact"),
    Column("price_id", String, comment="the price row it was computed with"),
    Column("error", String, comment="class name of the error"),
    Column("status_code", Integer),
    Column("retryable", Boolean, nullable=False),
    Column("retry_after_s", Float),
    *_link(),
    Column("cache_write_5m_tokens", BigInteger),
    Column("cache_write_1h_tokens", BigInteger),
    Column("input_audio_tokens", BigInteger),
    Column("cache_read_audio_tokens", BigInteger),
    Column("output_audio_tokens", BigInteger),
    Column("input_image_tokens", BigInteger),
    Column("output_image_tokens", BigInteger),
    Column("web_searches", BigInteger, comment="that the provider made by itself"),
    Column("file_searches", BigInteger, comment="the same"),
    Column("requests", BigInteger, comment="that the provider bills; null is one"),
    Column(
        "kind", String, comment="`hedge`, beside a slow call, or `continuation` of a broken one; null is a plain call"
    ),
    Column("reserved_usd", Money, comment="the most that it could cost, under a budget; decimal text"),
    Column(
        "output_limit", BigInteger, comment="tokens of output that this pays for, sent where the caller set no limit"
    ),
    comment="Every call that was made, committed with its settlement.",
)

feedback = Table(
    "feedback",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("decision_id", ForeignKey(requests.c.decision_id), nullable=False, index=True),
    Column("at", Instant, nullable=False, comment="microseconds since 1970, UTC"),
    Column("score", Float, nullable=False, comment="in [0, 1], higher is better"),
    Column(
        "source", String, nullable=False, comment="who says so: `human`, `verifier`, `judge` or `implicit`, `:NAME`"
    ),
    *_link(),
    Column("reference_score", Float, comment="of the reference's answer to the same request, where it is known"),
    comment="Scores of answers, by decision; of one source the latest counts.",
)

erasures = Table(
    "erasures",
    METADATA,
    Column("id", String, primary_key=True),
    Column("at", Instant, nullable=False, comment="microseconds since 1970, UTC"),
    Column("before", Instant, nullable=False, comment="only of requests before this moment"),
    Column("team", String, comment="only of this team; null is of everybody"),
    Column("n_erased", BigInteger, nullable=False, comment="payloads that were there"),
    Column("reason", String, nullable=False, comment="`retention` or `asked_for`"),
    *_link(),
    comment="What of `payloads` was erased: what is missing there and stands in none of these was taken out.",
)

certificates = Table(
    "certificates",
    METADATA,
    Column("id", String, primary_key=True, comment="certificate, what happened, which time"),
    Column("certificate", String, nullable=False, comment="hash of its content"),
    Column("at", Instant, nullable=False, comment="microseconds since 1970, UTC"),
    Column("kind", String, nullable=False, comment="`issued` or `alarm`"),
    Column("content", Text, nullable=False, comment="JSON: the certificate; of an alarm, what the monitor had seen"),
    *_link(),
    comment="What happened to certificates: they began to serve, or their monitor raised an alarm.",
)

payloads = Table(
    "payloads",
    METADATA,
    Column("request_id", ForeignKey(requests.c.request_id), primary_key=True),
    Column("kind", String, primary_key=True, comment="`features` or `prompt`"),
    Column("salt", String, nullable=False, comment="random, so that a hash tells nothing once this row is erased"),
    Column("content", Text, nullable=False, comment="features: base64 of int8; prompt: its words"),
    comment="What may be erased; the hash of each stands in `requests`.",
)

writers = Table(
    "writers",
    METADATA,
    Column("id", String, primary_key=True),
    Column("began_at", BigInteger, nullable=False, comment="microseconds since 1970, UTC"),
    Column("after_writer", String, comment="the writer that had begun before it"),
    Column("after_seq", BigInteger, comment="how many rows that one had written by then"),
    Column("after_hash", String, comment="and the hash of its last"),
    Column("seq", BigInteger, nullable=False, comment="how many rows it has written"),
    Column("hash", String, nullable=False, comment="of its last row"),
    comment="Who wrote rows, one a process; the end of each chain, moved on with every commit.",
)

keys = Table(
    "keys",
    METADATA,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("team", String),
    Column("salt", String, nullable=False, comment="hexadecimal"),
    Column("hash", String, nullable=False, comment="scrypt of the key, hexadecimal; the key itself is nowhere"),
    Column("terms", Json(KeyTerms), nullable=False, comment="JSON: what it may ask for, and how much"),
    Column("created_at", Instant, nullable=False, comment="microseconds since 1970, UTC"),
    Column("expires_at", Instant, comment="the same; null is never"),
    Column("revoked_at", Instant, comment="the same; null is not revoked"),
    comment="Virtual keys: who may ask, and for what.",
)

counters = Table(
    "counters",
    METADATA,
    Column("account", String, primary_key=True, comment="kind, whose limit, and of a budget which period"),
    Column("spent", Money, nullable=False, comment="of USD what was settled; of a rate when it is whole again"),
    Column("held", Money, nullable=False, comment="claimed, and not settled yet"),
    comment="How limits stand; moved in the transaction that writes the rows of a request.",
    sqlite_with_rowid=False,  # each page less that a commit touches is two writes less
)

holds = Table(
    "holds",
    METADATA,
    Column("request_id", ForeignKey(requests.c.request_id), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("account", String, nullable=False),
    Column("kind", String, nullable=False, comment="`usd`, `tokens` or `parallel`"),
    Column("owner", String, nullable=False, comment="whose limit it is: `route:NAME` or `key:ID`"),
    Column("most", Money, nullable=False, comment="the limit"),
    Column("per", String, comment="of USD: `hour`, `day`, `week`, `month` or `total`"),
    Column("amount", Money, nullable=False),
    Column("unit", Money, nullable=False, comment="what one of it adds to the counter"),
    Column("at", Instant, nullable=False, comment="microseconds since 1970, UTC"),
    Column("until", Instant, comment="end of a lease, microseconds since 1970, UTC"),
    comment="What requests in flight hold; after a crash what is not resolved yet.",
    sqlite_with_rowid=False,
)
_LEASES = text("until IS NOT NULL")
Index("holds_leases", holds.c.account, sqlite_where=_LEASES, postgresql_where=_LEASES)

UNCHAINED = (payloads, holds)
"""Tables that are written with the rows of a request and are no links of the chain: their rows are deleted later."""

ROWS = (prices, requests, settlements, attempts, feedback, erasures, certificates)
"""The tables that only grow, in the order in which a batch is written: what is referred to comes first."""

IN_ORDER = (*ROWS, *UNCHAINED)
"""All that a batch may write to, in that order."""

for _table in ROWS:
    Index(f"{_table.name}_chain", _table.c.writer, _table.c.seq, unique=True)

alembic_version = Table(
    "alembic_version",
    METADATA,
    Column("version_num", String(32), primary_key=True),
    comment="The newest migration that ran.",
)
