"""The ledger as one file: for other tools, Parquet or JSON lines, a row a request; for auditors, a copy of all."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from datetime import datetime
from decimal import Decimal  # noqa: TC003 - msgspec reads the annotations
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import inspect

from fairlead.config.refusals import listed
from fairlead.errors import ConfigError, LedgerError, MissingExtraError
from fairlead.types import UNITS_PER_MILLION, Attempt, Prediction, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    import pyarrow as pa

    from fairlead.ledger.base import Entry, Ledger
    from fairlead.types import Price

SCHEMA = "fairlead.ledger.entry/1"
ROWS_PER_WRITE = 1_000
COPY = ".db"
"""Suffix of a copy of the whole ledger."""


class AttemptRow(msgspec.Struct, kw_only=True, frozen=True):
    """One made call with the rates that applied to it.

    Its cost is the sum of tokens times rate, over a million, and of searches and requests times rate, over a thousand.
    """

    number: int
    stage: int
    candidate: str
    status: str
    started_at: datetime
    kind: str = "call"
    """`hedge` beside a slow call, `continuation` of a broken one."""
    latency_s: float
    ttft_s: float | None
    model_asked: str
    model_served: str | None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    """Part of the output tokens."""
    cache_write_5m_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    input_audio_tokens: int | None = None
    cache_read_audio_tokens: int | None = None
    output_audio_tokens: int | None = None
    input_image_tokens: int | None = None
    output_image_tokens: int | None = None
    web_searches: int | None = None
    file_searches: int | None = None
    requests: int | None = None
    usage_estimated: bool | None = None
    cost_usd: Decimal | None
    """Decimal text, exact; so are the rates."""
    price_id: str | None
    price_source: str | None = None
    input_usd_per_mtok: Decimal | None = None
    output_usd_per_mtok: Decimal | None = None
    cache_read_usd_per_mtok: Decimal | None = None
    cache_write_usd_per_mtok: Decimal | None = None
    cache_write_5m_usd_per_mtok: Decimal | None = None
    cache_write_1h_usd_per_mtok: Decimal | None = None
    input_audio_usd_per_mtok: Decimal | None = None
    cache_read_audio_usd_per_mtok: Decimal | None = None
    output_audio_usd_per_mtok: Decimal | None = None
    input_image_usd_per_mtok: Decimal | None = None
    output_image_usd_per_mtok: Decimal | None = None
    web_searches_usd_per_thousand: Decimal | None = None
    file_searches_usd_per_thousand: Decimal | None = None
    requests_usd_per_thousand: Decimal | None = None
    error: str | None
    status_code: int | None
    retryable: bool
    retry_after_s: float | None
    reserved_usd: Decimal | None = None
    """The most that it could cost, where a budget had to pay for it."""
    output_limit: int | None = None
    """Tokens of output that this pays for, sent where the caller set no limit."""


class FeedbackRow(msgspec.Struct, kw_only=True, frozen=True):
    """A score of the answer."""

    at: datetime
    score: float
    source: str
    reference_score: float | None = None


class LinkRow(msgspec.Struct, kw_only=True, frozen=True):
    """The place of a row of the ledger in the hash chain: by it the export can be compared with the ledger."""

    row: str
    """`intent`, `settlement`, or `attempt` and its number."""
    writer: str | None
    seq: int | None
    hash: str | None


class CertificateEventRow(msgspec.Struct, kw_only=True, frozen=True):
    """Something that happened to a certificate."""

    id: str
    certificate: str
    at: datetime
    kind: str
    """`issued`: it began to serve; or `alarm`."""
    content: str
    """JSON: the certificate itself; or what its monitor had seen."""


class EntryRow(msgspec.Struct, kw_only=True, frozen=True):
    """One request."""

    request_id: str
    decision_id: str
    at: datetime
    route: str
    model_asked: str
    session_id: str | None
    session_rule: str | None
    prompt_id: str | None
    arm: str
    propensity: float
    reason: str
    policy: str
    router_version: str
    fault: str | None
    config_hash: str
    chosen: str
    reference: str | None
    candidates: dict[str, str | None]
    """Candidate -> id of its price row."""
    excluded: dict[str, str]
    predictions: tuple[Prediction, ...]
    reserved_usd: Decimal | None
    status: str
    served: str | None
    attempts: tuple[AttemptRow, ...]
    cost_usd: Decimal | None
    reference_cost_usd: float | None
    latency_s: float | None
    score: float | None
    dropped: tuple[str, ...] = ()
    """Hints of the request that the host which served could not be told."""
    kind: str | None = None
    """Kind of the task, by what can be seen of it."""
    reference_price: str | None = None
    """What the reference costs: the price row as JSON, every rate with its tiers."""
    links: tuple[LinkRow, ...] = ()
    """Of its rows in the hash chain."""
    saved_usd: Decimal | None = None
    """What the answer had cost, where it was given again from the cache."""
    key_id: str | None = None
    """The virtual key that asked."""
    purpose: str = "serve"
    """`shadow` or `judge` where nobody asked for it; then `parent_id` is the decision that it follows."""
    parent_id: str | None = None
    opted_out: bool = False
    """Its session takes part in no experiment."""
    team: str | None = None
    features_hash: str | None = None
    prompt_hash: str | None = None
    feedback: tuple[FeedbackRow, ...] = ()
    """All scores, oldest first; `score` is the one that counts."""
    certificate: str | None = None
    """Id of the certificate that it was decided under."""
    certificate_events: tuple[CertificateEventRow, ...] = ()
    """On the first row of an export: all that happened to certificates, oldest first."""


def export(ledger: Ledger, path: Path, since: datetime | None = None) -> int:
    """Writes all requests from `since` on, oldest first, in bounded memory; returns how many.

    Args:
        ledger: what to read.
        path: `.parquet`, or `.jsonl` for JSON lines; `.db` is a copy of the whole ledger, which verifies by itself. The
            file is whole or not there.
        since: the oldest request to write.

    Raises:
        ConfigError: another suffix.
        LedgerError: the file cannot be written.
        MissingExtraError: Parquet needs pyarrow.
    """
    if path.suffix == COPY:
        return _copy(ledger, path, since)
    write = _WRITERS.get(path.suffix)
    if write is None:
        raise ConfigError(f"cannot export to `{path}`; expected a name that ends in {listed([*_WRITERS, COPY])}.")
    with _whole(path) as partial:
        return write(_rows(ledger, since), partial)


def _rows(ledger: Ledger, since: datetime | None) -> Iterator[EntryRow]:
    prices, happened = ledger.prices(), ledger.certificate_events()
    for entry in ledger.entries(since):
        row = entry_row(entry, prices)
        if happened:
            events = tuple(msgspec.convert(event, CertificateEventRow, from_attributes=True) for event in happened)
            row, happened = msgspec.structs.replace(row, certificate_events=events), ()
        yield row


def _copy(ledger: Ledger, path: Path, since: datetime | None) -> int:
    from fairlead.ledger.copying import copy  # noqa: PLC0415 - opens a ledger

    if since is not None:
        raise ConfigError(f"cannot export a part to `{path}`: a chain is copied whole. Leave out `--since`.")
    if path.exists():
        raise ConfigError(f"`{path}` is there already. Name a new file to copy the ledger to.")
    with _whole(path) as partial:
        return copy(ledger, partial)


def _write_json_lines(rows: Iterable[EntryRow], path: Path) -> int:
    n_rows = 0
    with path.open("wb") as file:
        for n_rows, row in enumerate(rows, start=1):  # noqa: B007 - the last number is the count
            file.write(msgspec.json.encode(row) + b"\n")
    return n_rows


def _write_parquet(rows: Iterable[EntryRow], path: Path) -> int:
    try:
        import pyarrow as pa  # noqa: PLC0415 - heavy, and an extra
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("pyarrow", "tables") from error
    columns = inspect.type_info(EntryRow)
    assert isinstance(columns, inspect.StructType)
    schema = pa.schema(_columns(columns.fields), metadata={"fairlead.schema": SCHEMA})
    remaining, n_rows = iter(rows), 0
    with pq.ParquetWriter(path, schema) as writer:
        while chunk := msgspec.to_builtins(list(islice(remaining, ROWS_PER_WRITE)), builtin_types=(datetime,)):
            writer.write_table(pa.Table.from_pylist(chunk, schema=schema))
            n_rows += len(chunk)
    return n_rows


_WRITERS: dict[str, Callable[[Iterable[EntryRow], Path], int]] = {
    ".parquet": _write_parquet,
    ".jsonl": _write_json_lines,
}


def _columns(fields: Iterable[inspect.Field]) -> list[tuple[str, pa.DataType]]:
    return [(field.name, _arrow(field.type)) for field in fields]


def _arrow(kind: inspect.Type) -> pa.DataType:
    """Returns the Arrow type of a msgspec type; money and words are text."""
    import pyarrow as pa  # noqa: PLC0415 - heavy, and an extra

    match kind:
        case inspect.UnionType(types=types):  # with None: every Arrow type may be null
            return _arrow(next(known for known in types if not isinstance(known, inspect.NoneType)))
        case inspect.StructType(fields=fields) | inspect.DataclassType(fields=fields):
            return pa.struct(_columns(fields))
        case inspect.VarTupleType(item_type=item):
            return pa.list_(_arrow(item))
        case inspect.DictType(value_type=value):
            return pa.map_(pa.string(), _arrow(value))
        case _:
            return _SCALARS[type(kind)](pa)


_SCALARS: Mapping[type, Callable[[Any], pa.DataType]] = {
    inspect.BoolType: lambda pa: pa.bool_(),
    inspect.IntType: lambda pa: pa.int64(),
    inspect.FloatType: lambda pa: pa.float64(),
    inspect.StrType: lambda pa: pa.string(),
    inspect.DecimalType: lambda pa: pa.string(),
    inspect.DateTimeType: lambda pa: pa.timestamp("us", tz="UTC"),
}


def entry_row(entry: Entry, prices: Mapping[str, Price]) -> EntryRow:
    """Returns a request as it is exported.

    Args:
        entry: the request.
        prices: every price row by its id.
    """
    attempts = tuple(_attempt_row(attempt, prices) for attempt in entry.attempts)
    links = tuple(msgspec.convert(link, LinkRow, from_attributes=True) for link in entry.links)
    scores = tuple(msgspec.convert(score, FeedbackRow, from_attributes=True) for score in entry.feedback)
    price = None if entry.reference_price is None else msgspec.json.encode(entry.reference_price).decode()
    made = {"attempts", "links", "feedback", "reference_price", "certificate_events"}
    copied = {name: getattr(entry, name) for name in EntryRow.__struct_fields__ if name not in made}
    return EntryRow(**copied, attempts=attempts, links=links, feedback=scores, reference_price=price)


_MADE = tuple(field.name for field in msgspec.structs.fields(Attempt) if field.name not in {"usage", "answer"})
_USED = tuple(field.name for field in msgspec.structs.fields(Usage) if field.name != "estimated")


def _attempt_row(attempt: Attempt, prices: Mapping[str, Price]) -> AttemptRow:
    made = {name: getattr(attempt, name) for name in _MADE}
    usage, price = attempt.usage, prices.get(attempt.price_id or "")
    if usage is None:
        return AttemptRow(**made)
    used = {**{name: getattr(usage, name) for name in _USED}, "usage_estimated": usage.estimated}
    return AttemptRow(**made, **used, **({} if price is None else _applied(price, usage)))


def _applied(price: Price, usage: Usage) -> dict[str, Any]:
    """Returns the rates that `Price.cost_usd` uses for this call."""
    total = usage.total_input_tokens
    rates = {_rate_name(bucket): rate and rate.at(total) for bucket, rate in price.rates.items()}
    return {"price_source": price.source, **rates}


def _rate_name(bucket: str) -> str:
    if bucket in UNITS_PER_MILLION:
        return f"{bucket}_usd_per_thousand"
    return f"{bucket.removesuffix('_tokens')}_usd_per_mtok"


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Gives a partial name to write to; it becomes `path` when all is written, and is gone when it is not."""
    partial = path.with_name(path.name + ".partial")
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        raise LedgerError(f"cannot write `{path}`: {error.strerror or error}. Nothing is left of it.") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
