"""Tampering with rows: each kind is found and named."""

import asyncio
import hashlib
import json
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Float

from fairlead.ledger import inspection
from fairlead.ledger.chain import canonical
from fairlead.ledger.forms import row_type
from fairlead.ledger.inspection import breaks
from fairlead.ledger.schema import ROWS
from fairlead.ledger.sqlite import SqliteLedger


@pytest.fixture
async def path(tmp_path, records):
    """A ledger of one writer: price 1; intent, settlement, attempt 2 to 4, 5 to 7, 8 to 10; feedback 11."""
    await fill(tmp_path / "ledger.db", records, range(1, 4))
    return tmp_path / "ledger.db"


async def fill(path, records, numbers):
    ledger = SqliteLedger.open(path)
    await ledger.register([records.price])
    for n in numbers:
        await ledger.intent(records.intent(n))
        await ledger.settle(records.settlement(n))
    await ledger.feedback(records.feedback(numbers[0]))
    await ledger.close()


def found(path, noted=()):
    return [(broken.rule, broken.row) for broken in breaks(SqliteLedger.open(path), noted)]


def query(path, statement):
    connection = sqlite3.connect(path)
    rows = connection.execute(statement).fetchall()
    connection.close()
    return rows


def test_what_was_written_holds(path):
    assert found(path) == []
    assert [writer.seq for writer in SqliteLedger.open(path).writers()] == [11]


CHANGES = {
    "prices": ("source = 'somebody else'", "prices price_cheap"),
    "requests": ("arm = 'control' WHERE request_id = 'req_0002'", "requests req_0002"),
    "settlements": ("reference_cost_usd = 0.0010000000000000002 WHERE seq = 6", "settlements req_0002"),
    "attempts": ("latency_s = 0.1 WHERE request_id = 'req_0002'", "attempts req_0002/1"),
    "feedback": ("score = 0.9", "feedback 1"),
}


@pytest.mark.parametrize("table", CHANGES)
def test_a_changed_row_is_named(path, tamper, table):
    change, row = CHANGES[table]
    tamper(path, f"UPDATE {table} SET {change}")
    assert found(path) == [("row_changed", row)]


def test_every_column_counts(path, tamper):
    """Each value of a row, null or not, is under its hash."""
    names = {column[1] for column in query(path, "PRAGMA table_info(attempts)")}
    for name in names - {"request_id", "number", "writer", "seq", "hash"}:
        (kept,) = query(path, f"SELECT {name} FROM attempts WHERE seq = 4")[0]
        other = 7 if isinstance(kept, int | float) else "7"
        tamper(path, f"UPDATE attempts SET {name} = '{other}' WHERE seq = 4")
        assert found(path) == [("row_changed", "attempts req_0001/1")], name
        tamper(path, f"UPDATE attempts SET {name} = {'NULL' if kept is None else repr(kept)} WHERE seq = 4")
    assert found(path) == []


@pytest.mark.parametrize(
    ("statements", "places"),
    [
        (["DELETE FROM attempts WHERE request_id = 'req_0002'"], ["row 7"]),
        (["DELETE FROM settlements WHERE seq = 6", "DELETE FROM attempts WHERE seq = 7"], ["rows 6 to 7"]),
        (["DELETE FROM prices", "DELETE FROM feedback"], ["row 1", "row 11"]),
        ([f"DELETE FROM {table}" for table in CHANGES], ["rows 1 to 11"]),
    ],
)
def test_missing_rows_are_named_by_their_place_also_at_the_end(path, tamper, statements, places):
    tamper(path, *statements)
    (writer,) = SqliteLedger.open(path).writers()
    assert found(path) == [("row_missing", f"{place} of {writer.id}") for place in places]


def test_a_gap_that_was_closed_is_found(path, tamper):
    tamper(
        path,
        "DELETE FROM attempts WHERE seq = 10",
        "UPDATE feedback SET seq = 10",
        "UPDATE writers SET seq = 10",
    )
    assert found(path) == [("row_changed", "feedback 1")]


def test_reordered_rows_are_named(path, tamper):
    swap = ("seq = 99 WHERE seq = 3", "seq = 3 WHERE seq = 6", "seq = 6 WHERE seq = 99")
    tamper(path, *(f"UPDATE settlements SET {part}" for part in swap))
    names = [row for rule, row in found(path) if rule == "row_reordered"]
    assert {"settlements req_0002", "settlements req_0001"} <= set(names)


def test_rows_that_were_put_in_are_named(path, tamper):
    copy = "INSERT INTO feedback (id, decision_id, at, score, source, writer, seq, hash)"
    tamper(
        path,
        f"{copy} SELECT 2, decision_id, at, 0, source, NULL, NULL, NULL FROM feedback WHERE id = 1",
        f"{copy} SELECT 3, decision_id, at, 0, source, writer, 12, hash FROM feedback WHERE id = 1",
        f"{copy} SELECT 4, decision_id, at, 0, source, writer, 7, hash FROM feedback WHERE id = 1",
    )
    assert sorted(found(path)) == [("row_added", f"feedback {n}") for n in (2, 3, 4)]


def test_an_end_that_was_moved_is_found(path, tamper):
    tamper(path, "UPDATE writers SET hash = 'feed'")
    (writer,) = SqliteLedger.open(path).writers()
    assert found(path) == [("end_differs", f"writers {writer.id}")]


async def test_a_tail_that_was_cut_with_its_writers_word_is_found_by_the_next_writer(path, tamper, records):
    await fill(path, records, range(4, 5))
    (before,) = query(path, "SELECT hash FROM attempts WHERE seq = 10")[0]
    first = SqliteLedger.open(path).writers()[0].id
    tamper(
        path,
        f"DELETE FROM feedback WHERE writer = '{first}'",
        f"UPDATE writers SET seq = 10, hash = '{before}' WHERE id = '{first}'",
    )
    assert found(path) == [("end_lost", f"row 11 of {first}")]


async def test_a_writer_that_was_taken_out_whole_is_missed_by_the_next_one(path, tamper, records):
    await fill(path, records, range(4, 5))
    first = SqliteLedger.open(path).writers()[0].id
    tamper(
        path,
        *(f"DELETE FROM {t} WHERE writer = '{first}'" for t in CHANGES),
        f"DELETE FROM writers WHERE id = '{first}'",
    )
    assert found(path) == [("end_lost", f"row 11 of {first}")]


async def test_a_tail_that_nobody_has_seen_is_found_by_an_end_that_was_noted(path, tamper):
    (writer,) = SqliteLedger.open(path).writers()
    (before,) = query(path, "SELECT hash FROM attempts WHERE seq = 10")[0]
    tamper(path, "DELETE FROM feedback", f"UPDATE writers SET seq = 10, hash = '{before}'")
    assert found(path) == []  # nothing inside the ledger can tell
    assert found(path, [writer.end]) == [("end_lost", f"row 11 of {writer.id}")]


def test_many_rows_that_were_changed_are_counted(path, tamper, monkeypatch):
    monkeypatch.setattr(inspection, "MAX_TRACED", 2)
    monkeypatch.setattr(inspection, "PAGE", 2)
    tamper(path, "UPDATE attempts SET stage = 7")
    (writer,) = SqliteLedger.open(path).writers()
    assert found(path)[2:] == [("row_changed", f"1 more rows of {writer.id}")]


@pytest.mark.parametrize("table", [*CHANGES, "writers"])
@pytest.mark.parametrize("change", ["UPDATE {} SET hash = 'feed'", "DELETE FROM {}"])
def test_the_database_itself_refuses_to_change_rows(path, table, change):
    connection = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="never changed"):
        connection.execute(change.format(table))
    connection.close()


async def test_writers_at_once_have_chains_of_their_own(path, records):
    ledgers = [SqliteLedger.open(path) for _ in range(3)]
    writes = [ledgers[n % 3].intent(records.intent(n)) for n in range(10, 100)]
    await asyncio.gather(*writes)
    assert found(path) == []
    assert [writer.seq for writer in ledgers[0].writers()][1:] == [30, 30, 30]
    await asyncio.gather(*(ledger.close() for ledger in ledgers))


async def test_a_batch_with_a_bad_row_leaves_no_gap(path, records):
    ledger = SqliteLedger.open(path)
    rows = [ledger.intent(records.intent(n)) for n in (10, 1, 11, 1, 12)]  # the first request is there already
    answers = await asyncio.gather(*rows, return_exceptions=True)
    assert [not isinstance(answer, Exception) for answer in answers] == [True, False, True, False, True]
    assert found(path) == []
    await ledger.close()


def test_reading_begins_no_chain(path):
    ledger = SqliteLedger.open(path)
    list(ledger.entries())
    assert len(ledger.writers()) == 1


async def test_a_chain_can_be_followed_with_nothing_but_the_standard_library(path):
    """The recipe of the guide, on a chain that this package wrote."""
    rows = {}
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    for table in CHANGES:
        for row in connection.execute(f"SELECT * FROM {table}"):
            said = {name: row[name] for name in row.keys() if row[name] is not None}  # noqa: SIM118
            rows[said.pop("seq")] = (table, said.pop("hash"), said)
    (writer,) = connection.execute("SELECT * FROM writers")
    end = hashlib.sha256(
        json.dumps(["fairlead.ledger.chain/1", writer["id"], writer["began_at"], None], separators=(",", ":")).encode()
    ).hexdigest()
    truths = {"stream", "estimated", "usage_estimated", "retryable"}
    for seq in sorted(rows):
        table, kept, said = rows[seq]
        said.pop("writer")
        if table == "feedback":
            said.pop("id")
        said = {k: bool(v) if k in truths else repr(v) if isinstance(v, float) else v for k, v in said.items()}
        content = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        end = hashlib.sha256(f"{end}\n{table}\n{content}".encode()).hexdigest()
        assert end == kept, (seq, table)
    assert (seq, end) == (writer["seq"], writer["hash"])
    connection.close()


VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text()


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=6))
def test_the_canonical_form_is_that_of_the_standard_library(content):
    said = {k: repr(v) if isinstance(v, float) else v for k, v in content.items() if v is not None}
    expected = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert canonical(content) == expected.encode()


@pytest.mark.parametrize("table", ROWS, ids=str)
@given(data=st.data())
def test_a_row_that_is_written_has_the_canonical_form_of_one_that_is_read(table, data):
    numbers = st.none() | st.floats(allow_nan=False)
    others = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text()
    named = {c.name: numbers if isinstance(c.type, Float) else others for c in table.c}
    content = data.draw(st.fixed_dictionaries({name: named[name] for name in row_type(table).__struct_fields__}))
    assert canonical(row_type(table)(**content)) == canonical(content)
