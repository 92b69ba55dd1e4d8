"""From the ledger's rows to an outcome table: what each candidate scored on what was asked, and what it used.

    a request that was served -> a row: its features, or its words where they are kept
    its answer, its shadows'  -> cells: score, tokens, latency
    what nobody scored        -> no cell; what failed before an answer -> no cell

Answers to one request are compared by one kind of source: a person's word on one answer and a rule's on the other say
nothing about which is better. So of each row the most trusted kind counts that scored two answers or more, else the
most trusted of all.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Literal

import numpy as np

from fairlead.errors import TableError
from fairlead.features.kept import decoded
from fairlead.ledger.sources import KINDS, by_kind, kind_of
from fairlead.outcomes import Outcomes
from fairlead.proof.cases import Case
from fairlead.proof.marks import marks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fairlead.ledger.base import Entry, Ledger
    from fairlead.ledger.sources import Kind
    from fairlead.proof.marks import Marks
    from fairlead.types import FloatArray, KeptFeatures, Price, Usage

BATCH = 500
"""Requests whose payloads are read at a time."""

Reads = Literal["prompts", "features"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """An outcome table, and what of the ledger is in it."""

    table: Outcomes
    reads: Reads
    """What a router reads of each request."""
    reference: str | None
    """The candidate that most of these requests were held against."""
    n_requests: int
    """Delivered requests that were looked at."""
    n_scored: int
    """Of these, those with a score."""
    n_unreadable: int
    """Scored requests that left neither words nor features, or such as are not understood today."""
    n_compared: int
    """Rows with the scores of two candidates or more."""
    kinds: Mapping[Kind, int]
    """Kind of source -> rows that it scores."""
    marks: Mapping[str, Marks]
    """Candidate -> how good its answers were, copies among them; where people scored few, helped by who scored more."""


def gather(ledger: Ledger, entries: Iterable[Entry], *, route: str | None = None, name: str = "ledger") -> Gathered:
    """Returns what these entries say about their candidates.

    Args:
        ledger: that the entries are from; it holds their payloads and prices.
        entries: oldest first, shadows among them.
        route: only requests to this route and its variants.
        name: of the table.

    Raises:
        TableError: there is nothing to learn from; says what is missing.
    """
    book = Book(route)
    for entry in entries:
        book.add(entry)
    scored = [asked for asked in book.asked.values() if asked.cells and asked.scores]
    words = _Words(ledger, scored)
    reads: Reads = "prompts" if len(words.prompts) >= max(1, len(words.features)) else "features"
    readable = [asked for asked in scored if asked.request_id in words.of(reads)]
    if not readable:
        raise TableError(_nothing(len(book.asked), len(scored)))
    kinds = [asked.counting for asked in readable]
    references = Counter(asked.reference for asked in readable if asked.reference is not None)
    return Gathered(
        table=_table(readable, kinds, words, reads, _prices(book.price_ids, ledger.prices()), name),
        reads=reads,
        reference=references.most_common(1)[0][0] if references else None,
        n_requests=len(book.asked),
        n_scored=len(scored),
        n_unreadable=len(scored) - len(readable),
        n_compared=sum(len(asked.scores[kind]) > 1 for asked, kind in zip(readable, kinds, strict=True)),
        kinds=Counter(kinds),
        marks={name: marks(cases) for name, cases in sorted(book.answers.items())},
    )


def _nothing(n_requests: int, n_scored: int) -> str:
    if not n_requests:
        return "the ledger holds no request that a route decided. Send some through `fairlead serve` first."
    if not n_scored:
        return (
            f"of {n_requests:,} requests none has a score. Give some by `/v1/feedback` or `fairlead feedback import`, "
            "or let `verifiers` of the route score."
        )
    return (
        f"of {n_scored:,} scored requests none left anything to learn from. Set `store_features` of the route: "
        "it keeps numbers, and no words."
    )


@dataclass(slots=True, kw_only=True)
class Cell:
    """What one candidate did on one request."""

    usage: Usage | None
    latency_s: float
    cost_usd: float | None


@dataclass(slots=True, kw_only=True)
class Asked:
    """One request that was served, and all that is known of answers to it."""

    request_id: str
    decision_id: str
    route: str
    reference: str | None
    cells: dict[str, Cell] = field(default_factory=dict)
    scores: dict[Kind, dict[str, float]] = field(default_factory=lambda: defaultdict(dict))

    @property
    def counting(self) -> Kind:
        """The kind of source by which the answers are compared."""
        compares = [kind for kind in KINDS if len(self.scores.get(kind, ())) > 1]
        return compares[0] if compares else next(kind for kind in KINDS if self.scores.get(kind))

    def take(self, entry: Entry) -> None:
        """Takes in what one answer to it came to."""
        done = next((a for a in reversed(entry.attempts) if a.candidate == entry.served and a.status == "ok"), None)
        if done is None or entry.served is None:
            return
        self.cells[entry.served] = Cell(
            usage=done.usage,
            latency_s=done.latency_s,
            cost_usd=None if done.cost_usd is None else float(done.cost_usd),
        )
        for kind, score in by_kind(entry.feedback).items():
            self.scores[kind][entry.served] = score
        for row in entry.feedback:
            if row.reference_score is not None and self.reference not in {None, entry.served}:
                self.scores[kind_of(row.source)].setdefault(str(self.reference), row.reference_score)


class Book:
    """Entries by what was asked.

    Args:
        route: only requests to this route and its variants; `None` for all.
    """

    def __init__(self, route: str | None) -> None:
        self._route = route
        self.asked: dict[str, Asked] = {}
        """Decision -> what was asked, of requests that a route decided."""
        self.price_ids: dict[str, str] = {}
        """Candidate -> its newest price row."""
        self.answers: dict[str, list[Case]] = defaultdict(list)
        """Candidate -> its scored answers."""

    def add(self, entry: Entry) -> None:
        """Takes in one entry; a request comes before its copies."""
        if entry.purpose in {"judge", "probe"} or entry.reason == "asked_for":
            return
        if self._route is not None and entry.route.partition(":")[0] != self._route:
            return
        self.price_ids |= {name: price for name, price in entry.candidates.items() if price is not None}
        if entry.purpose == "serve":
            asked = Asked(
                request_id=entry.request_id,
                decision_id=entry.decision_id,
                route=entry.route,
                reference=entry.reference,
            )
            self.asked[entry.decision_id] = asked
            self._take(asked, entry)
        elif (followed := self.asked.get(entry.parent_id or "")) is not None:
            self._take(followed, entry)

    def _take(self, asked: Asked, entry: Entry) -> None:
        asked.take(entry)
        if entry.served is not None and entry.feedback:
            self.answers[entry.served].append(Case.of(entry))


class _Words:
    """What is left of requests: their words, and their features."""

    def __init__(self, ledger: Ledger, asked: Sequence[Asked]) -> None:
        self.prompts: dict[str, str] = {}
        self.features: dict[str, KeptFeatures] = {}
        for batch in _batches(asked):
            for request_id, payloads in ledger.payloads([one.request_id for one in batch]).items():
                for payload in payloads:
                    if payload.kind == "prompt":
                        self.prompts[request_id] = payload.content
                    elif (kept := decoded(payload.content)) is not None:
                        self.features[request_id] = kept

    def of(self, reads: Reads) -> Mapping[str, object]:
        """Returns request -> what is read of it."""
        return self.prompts if reads == "prompts" else self.features


def _batches(asked: Sequence[Asked]) -> Iterator[list[Asked]]:
    remaining = iter(asked)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def _table(
    asked: Sequence[Asked],
    kinds: Sequence[Kind],
    words: _Words,
    reads: Reads,
    prices: Mapping[str, Price],
    name: str,
) -> Outcomes:
    models = tuple(sorted({model for one, kind in zip(asked, kinds, strict=True) for model in one.scores[kind]}))
    kept = None if reads == "prompts" else tuple(words.features[one.request_id] for one in asked)
    return Outcomes(
        name=name,
        prompt_ids=tuple(one.decision_id for one in asked),
        prompts=tuple(words.prompts[one.request_id] for one in asked) if kept is None else tuple(map(_named, kept)),
        models=models,
        prices={model: prices[model] for model in models if model in prices},
        benchmark=("ledger",) * len(asked),
        subset=tuple(one.route for one in asked),
        kept=kept,
        answer=np.full((len(asked), len(models)), None, dtype=np.object_),
        tokens_estimated=np.zeros((len(asked), len(models)), dtype=np.bool_),
        **_grids(asked, kinds, models),
    )


def _grids(asked: Sequence[Asked], kinds: Sequence[Kind], models: Sequence[str]) -> Mapping[str, FloatArray]:
    """Returns (n_rows, n_models) each: scores, and what the calls behind them used."""
    names = ("score", "input_tokens", "output_tokens", "output_chars", "latency_s")
    grids = {name: np.full((len(asked), len(models)), np.nan) for name in names}
    column = {model: j for j, model in enumerate(models)}
    for i, (one, kind) in enumerate(zip(asked, kinds, strict=True)):
        for model, score in one.scores[kind].items():
            grids["score"][i, column[model]] = score
        for model, cell in one.cells.items():
            if model in column:
                for name, value in zip(names[1:], _measured(cell), strict=True):
                    grids[name][i, column[model]] = value
    return grids


def _measured(cell: Cell) -> Iterator[float]:
    usage = cell.usage
    yield math.nan if usage is None else float(usage.total_input_tokens)
    yield math.nan if usage is None else float(usage.total_output_tokens)
    yield math.nan
    yield cell.latency_s


def _prices(price_ids: Mapping[str, str], known: Mapping[str, Price]) -> dict[str, Price]:
    return {candidate: known[price_id] for candidate, price_id in price_ids.items() if price_id in known}


def _named(kept: KeptFeatures) -> str:
    """Returns what stands for the words: the same for the same features, and told apart from others."""
    return f"features {kept.vector.hex()}"
