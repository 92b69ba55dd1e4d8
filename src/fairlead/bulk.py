"""Decisions for a file of prompts, by the code that serves one request: streamed, in bounded memory, resumable.

    prompts.parquet -batches-> Router.decide -parts-> decisions.parquet.partial/ -merged-> decisions.parquet

A run that was killed goes on behind its last whole part. Parts made from other prompts or by another router are
thrown away first, and the result says so.
"""

from __future__ import annotations

import hashlib
import itertools
import shutil
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from fairlead.errors import MissingExtraError, TableError
from fairlead.types import Request

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError as error:
    raise MissingExtraError("pyarrow", "tables") from error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from fairlead.router import Decisions, Router
    from fairlead.types import FloatArray

    OnProgress = Callable[[int, int], None]
    """Called with the rows done and the rows in all."""

SCHEMA = "fairlead.decisions/1"
ROWS_PER_BATCH = 1_024
"""Rows decided at once: what memory must hold of the prompts."""
BATCHES_PER_PART = 16
"""Batches in a part: what a killed run loses at most."""
READ_BUFFER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkResult:
    """What came of one run."""

    rows: int
    rows_undecided: int
    """Rows that no candidate can serve."""
    rows_resumed: int
    """Rows taken over from an earlier run that did not finish."""
    discarded: str | None
    """Why the parts of an earlier run were thrown away, where they were."""
    chosen: Mapping[str, int]
    """Candidate -> prompts for which it would be called first; most often first."""


def decide_file(
    router: Router, prompts: Path, out: Path, *, on_progress: OnProgress = lambda _done, _total: None
) -> BulkResult:
    """Writes one decision a prompt to the Parquet file `out`, in the order of the prompts.

    Args:
        router: decides.
        prompts: a Parquet file with the columns `prompt_id` (any type, kept) and `prompt`, or a folder that holds such
            a `prompts.parquet`.
        out: appears whole at the end; until then the parts lie beside it, in `<out>.partial/`.
        on_progress: called after every batch.

    Raises:
        TableError: `prompts` is no such file; names column or row.
    """
    source = prompts / "prompts.parquet" if prompts.is_dir() else prompts
    with _opened(source) as file:
        total = file.metadata.num_rows
        folder = out.with_name(out.name + ".partial")
        discarded = _prepare(folder, Manifest(prompts_sha256=_sha256(source), router=router.version))
        resumed = sum(_n_rows(part) for part in _parts(folder))
        decided = _decided(
            router, _batches(source, file, start=resumed), lambda done: on_progress(resumed + done, total)
        )
        _write_parts(folder, decided)
        chosen = _merge(_parts(folder), out, _schema(file, router))
    _remove(folder)
    return BulkResult(
        rows=total,
        rows_undecided=total - sum(chosen.values()),
        rows_resumed=resumed,
        discarded=discarded,
        chosen=dict(chosen.most_common()),
    )


# The prompts ---------------------------------------------------------------------------------------------------------


@contextmanager
def _opened(source: Path) -> Iterator[pq.ParquetFile]:
    if not source.is_file():
        raise TableError(
            f"`{source}` does not exist; expected a Parquet file of prompts. A table in another format becomes one by "
            '`Outcomes.read("table").write("as_parquet")`.'
        )
    try:
        # By default whole columns of a row group are read ahead, and a row group can be larger than memory.
        file = pq.ParquetFile(source, pre_buffer=False, buffer_size=READ_BUFFER_BYTES)
    except pa.ArrowInvalid as error:
        raise TableError(
            f"`{source}` cannot be read as Parquet ({error}). Write the file anew, as Parquet: only that is read in "
            "pieces that fit in memory."
        ) from error
    with file:
        _check_columns(source, file.schema_arrow)
        yield file


def _check_columns(source: Path, schema: pa.Schema) -> None:
    for name in ("prompt_id", "prompt"):
        if name not in schema.names:
            found = ", ".join(f"`{column}`" for column in schema.names)
            raise TableError(f"`{source}` has no column `{name}`; found {found}. Rename the column that holds it.")
    kind = schema.field("prompt").type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise TableError(f"`{source}`: column `prompt` is `{kind}`; expected text. Convert it to strings.")


def _batches(source: Path, file: pq.ParquetFile, *, start: int) -> Iterator[pa.RecordBatch]:
    """Yields the rows behind the first `start`; raises TableError at a row without a prompt (rows count from 1)."""
    row = 0
    for batch in file.iter_batches(batch_size=ROWS_PER_BATCH, columns=["prompt_id", "prompt"]):
        skipped = min(max(0, start - row), batch.num_rows)
        if batch["prompt"].null_count:
            missing = row + 1 + batch["prompt"].is_null().to_pylist().index(True)
            raise TableError(
                f"`{source}`, row {missing}: `prompt` is null; expected text. Fill it in or remove the row."
            )
        if skipped < batch.num_rows:
            yield batch.slice(skipped)
        row += batch.num_rows


# The parts -----------------------------------------------------------------------------------------------------------


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What the parts in a folder were made from."""

    prompts_sha256: str
    router: str
    schema: str = SCHEMA


def _prepare(folder: Path, manifest: Manifest) -> str | None:
    """Makes the folder ready for this run; returns why older parts were thrown away, where they were."""
    path = folder / "manifest.json"
    discarded = _difference(path, manifest) if folder.exists() else None
    if discarded is not None:
        _remove(folder)
    folder.mkdir(exist_ok=True)
    path.write_bytes(msgspec.json.encode(manifest))
    return discarded


def _remove(folder: Path) -> None:
    """Removes the parts, what vouches for them first: a run that is killed in between leaves nothing to build on."""
    (folder / "manifest.json").unlink(missing_ok=True)
    shutil.rmtree(folder)


def _difference(path: Path, manifest: Manifest) -> str | None:
    try:
        earlier = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (FileNotFoundError, msgspec.DecodeError):
        return "they do not say what they were made from"
    if earlier.prompts_sha256 != manifest.prompts_sha256:
        return "they were made from other prompts"
    if earlier.router != manifest.router:
        return "they were made by another router"
    return None if earlier.schema == manifest.schema else "they have another schema"


def _parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("part-*.parquet"))


def _write_parts(folder: Path, decided: Iterator[pa.RecordBatch]) -> None:
    number = len(_parts(folder))
    while batches := list(itertools.islice(decided, BATCHES_PER_PART)):
        part = folder / f"part-{number:06}.parquet"
        writing = part.with_suffix(".writing")
        pq.write_table(pa.Table.from_batches(batches), writing, compression="zstd")
        writing.replace(part)
        number += 1


def _merge(parts: list[Path], out: Path, schema: pa.Schema) -> Counter[str]:
    """Writes all parts as one file, one row group each; returns how often each candidate was chosen."""
    chosen: Counter[str] = Counter()
    writing = out.with_name(out.name + ".partial") / "merged.writing"
    with pq.ParquetWriter(writing, schema, compression="zstd") as writer:
        for part in parts:
            table = pq.read_table(part, schema=schema)
            writer.write_table(table)
            chosen.update(str(name) for name in table["model"].drop_null().to_pylist())
    writing.replace(out)
    return chosen


def _n_rows(part: Path) -> int:
    return pq.read_metadata(part).num_rows


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# The decisions -------------------------------------------------------------------------------------------------------


def _schema(file: pq.ParquetFile, router: Router) -> pa.Schema:
    candidate: list[pa.Field[Any]] = [
        pa.field("candidate", pa.string()),
        pa.field("p_success", pa.float64()),
        pa.field("cost_usd", pa.float64()),
        pa.field("excluded_because", pa.string()),
    ]
    columns: list[pa.Field[Any]] = [
        file.schema_arrow.field("prompt_id"),
        pa.field("model", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("propensity", pa.float64()),
        pa.field("candidates", pa.list_(pa.struct(candidate))),
    ]
    return pa.schema(columns, metadata={"fairlead.schema": SCHEMA, "fairlead.router": router.version})


def _decided(
    router: Router, batches: Iterator[pa.RecordBatch], on_progress: Callable[[int], None]
) -> Iterator[pa.RecordBatch]:
    done = 0
    for batch in batches:
        decisions = router.decide([Request.from_prompt(str(prompt)) for prompt in batch["prompt"].to_pylist()])
        yield _rows(batch["prompt_id"], decisions)
        done += batch.num_rows
        on_progress(done)


def _rows(prompt_ids: pa.Array[Any], decisions: Decisions) -> pa.RecordBatch:
    names = pa.array(decisions.predictions.candidates, pa.string())
    nobody = decisions.first < 0
    columns = {
        "prompt_id": prompt_ids,
        "model": names.take(pa.array(decisions.first, pa.int64(), mask=nobody)),
        "reason": pa.array(decisions.reason, pa.string()),
        "propensity": pa.array(decisions.propensity, mask=nobody),
        "candidates": _candidates(names, decisions),
    }
    return pa.RecordBatch.from_pydict(columns)


def _candidates(names: pa.Array[Any], decisions: Decisions) -> pa.Array[Any]:
    """Returns, for each decision, the list of all its candidates."""
    n, m = decisions.eligible.shape
    fields = {
        "candidate": names.take(pa.array(np.tile(np.arange(m), n), pa.int64())),
        "p_success": _nullable(decisions.predictions.p_success),
        "cost_usd": _nullable(decisions.predictions.cost_usd),
        "excluded_because": _exclusions(decisions),
    }
    structs = pa.StructArray.from_arrays(list(fields.values()), list(fields))
    return pa.ListArray.from_arrays(pa.array(np.arange(0, n * m + 1, m), pa.int32()), structs)


def _nullable(values: FloatArray) -> pa.Array[Any]:
    return pa.array(values.ravel(), from_pandas=True)  # NaN, which is unknown, becomes null


def _exclusions(decisions: Decisions) -> pa.Array[Any]:
    names = decisions.predictions.candidates
    reasons: list[str | None] = [None] * decisions.eligible.size
    for i in np.flatnonzero(~decisions.eligible.all(axis=1)):
        excluded = decisions.excluded(int(i))
        reasons[i * len(names) : (i + 1) * len(names)] = [excluded.get(name) for name in names]
    return pa.array(reasons, pa.string())
