"""The road from day 0: where an installation is on it, and about how far it is to the first saving.

    no requests -> no scores -> nothing compared -> gathering -> ready -> saving

A first saving: another candidate than the reference serves, because scores on the same requests show that it gives up
no more than the margin. How many such requests that takes follows from what was seen so far, as the power of the
comparison does: with as many as are told, the lower limit of the difference keeps the margin in four cases of five.

References:
    Chow, Shao and Wang, Sample Size Calculations in Clinical Research, 2nd edition, 2008, chapter 3 (non-inferiority).
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev
from typing import TYPE_CHECKING, Literal

from fairlead.learning.gathering import Book
from fairlead.policies.judging import MIN_PROMPTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fairlead.ledger.base import Entry

Stage = Literal["no_requests", "no_scores", "nothing_compared", "gathering", "ready", "saving"]

POWER = 0.8
DISCORDANCE = 0.1
"""Assumed share of the answers on which two models differ by all or nothing, while nothing was compared yet."""
MAX_NEEDED = 1_000_000
"""Beyond this a difference is too small to be worth waiting for: no number is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A candidate and the reference, on requests that both answered and one kind of source scored."""

    candidate: str
    n: int
    mean_difference: float
    """Of scores: candidate minus reference."""
    sd: float
    """Of one difference; of fewer than two, and where none differs, what `DISCORDANCE` makes it."""
    cost_ratio: float | None
    """What the candidate's answers cost, over what the reference's cost; `None` where a cost is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """All that the road is told from."""

    n_requests: int
    """Served requests that a route decided."""
    n_scored: int
    n_saving: int
    """Of the newest hundred requests, those that something cheaper than the reference was chosen for."""
    pairs: tuple[Pair, ...]
    """Cheaper candidates first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """Where an installation is."""

    stage: Stage
    n_requests: int
    n_scored: int
    n_compared: int
    """Requests on which the nearest candidate is compared with the reference."""
    candidate: str | None
    """The nearest one: it needs the fewest further labels; `None` where nothing is compared yet."""
    labels_needed: int | None
    """About how many more requests must have both answers scored; 0 is enough, `None` cannot be told."""
    words: str


def road(signs: Signs, *, margin: float, confidence: float = 0.95) -> Road:
    """Returns where on the road these signs are.

    Args:
        signs: see `signs_of`.
        margin: mean score that may be given up against the reference.
        confidence: with which that is to be shown.
    """
    nearest, needed = _nearest(signs.pairs, margin, confidence)
    stage = _stage(signs, nearest, needed)
    if nearest is None and signs.n_requests:
        needed = labels_needed(0.0, _spread(DISCORDANCE), 0, margin=margin, confidence=confidence)
    return Road(
        stage=stage,
        n_requests=signs.n_requests,
        n_scored=signs.n_scored,
        n_compared=0 if nearest is None else nearest.n,
        candidate=None if nearest is None else nearest.candidate,
        labels_needed=needed,
        words=_words(stage, signs, nearest, needed, margin),
    )


def labels_needed(mean_difference: float, sd: float, n: int, *, margin: float, confidence: float = 0.95) -> int | None:
    """Returns about how many more requests must be compared until the margin is shown to be kept.

    `None` where what was seen speaks against it, or where it would take more than `MAX_NEEDED`.

    Args:
        mean_difference: candidate minus reference, so far.
        sd: of one difference.
        n: compared so far.
        margin: that may be given up.
        confidence: of the lower limit.

    Examples:
        >>> labels_needed(0.0, 0.1**0.5, 0, margin=0.05)  # one answer in ten differs
        248
    """
    distance = mean_difference + margin
    if distance <= 0:
        return None
    normal = NormalDist()
    z = normal.inv_cdf(confidence) + normal.inv_cdf(POWER)
    total = max(math.ceil((z * sd / distance) ** 2), MIN_PROMPTS)
    return max(total - n, 0) if total <= MAX_NEEDED else None


def signs_of(entries: Iterable[Entry], *, route: str | None = None) -> Signs:
    """Returns what a ledger shows of the road.

    Args:
        entries: oldest first, shadows among them.
        route: only of this route and its variants.
    """
    book = Book(route)
    chosen: list[bool] = []
    for entry in entries:
        book.add(entry)
        if entry.purpose == "serve" and entry.decision_id in book.asked and entry.arm == "policy":
            chosen.append(entry.reference is not None and entry.chosen != entry.reference)
    return Signs(
        n_requests=len(book.asked),
        n_scored=sum(bool(asked.scores) for asked in book.asked.values()),
        n_saving=sum(chosen[-100:]),
        pairs=_pairs(book),
    )


def _pairs(book: Book) -> tuple[Pair, ...]:
    differences: dict[str, list[float]] = defaultdict(list)
    costs: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for asked in book.asked.values():
        if not asked.scores or asked.reference is None:
            continue
        scores, reference = asked.scores[asked.counting], asked.reference
        if reference not in scores:
            continue
        for candidate in scores.keys() - {reference}:
            differences[candidate].append(scores[candidate] - scores[reference])
            paid = [asked.cells[name].cost_usd if name in asked.cells else None for name in (candidate, reference)]
            if paid[0] is not None and paid[1] is not None:
                costs[candidate].append((paid[0], paid[1]))
    pairs = [_pair(candidate, found, costs[candidate]) for candidate, found in differences.items()]
    return tuple(
        sorted(pairs, key=lambda pair: (math.inf if pair.cost_ratio is None else pair.cost_ratio, pair.candidate))
    )


def _pair(candidate: str, differences: Sequence[float], costs: Sequence[tuple[float, float]]) -> Pair:
    sd = stdev(differences) if len(differences) > 1 else 0.0
    reference_usd = sum(reference for _, reference in costs)
    return Pair(
        candidate=candidate,
        n=len(differences),
        mean_difference=fmean(differences),
        sd=sd or _spread(DISCORDANCE),
        cost_ratio=sum(own for own, _ in costs) / reference_usd if reference_usd else None,
    )


def _spread(discordance: float) -> float:
    """Returns the standard deviation of a difference that is 1 or -1 so often, and 0 else."""
    return math.sqrt(discordance)


def _nearest(pairs: Sequence[Pair], margin: float, confidence: float) -> tuple[Pair | None, int | None]:
    """Returns the cheaper candidate that needs the fewest further labels, and how many."""
    found = [
        (needed, i)
        for i, pair in enumerate(pairs)
        if pair.cost_ratio is not None and pair.cost_ratio < 1
        if (needed := labels_needed(pair.mean_difference, pair.sd, pair.n, margin=margin, confidence=confidence))
        is not None
    ]
    if not found:
        return (pairs[0], None) if pairs else (None, None)
    needed, i = min(found)
    return pairs[i], needed


def _stage(signs: Signs, nearest: Pair | None, needed: int | None) -> Stage:
    if signs.n_saving:
        return "saving"
    if not signs.n_requests:
        return "no_requests"
    if not signs.n_scored:
        return "no_scores"
    if nearest is None:
        return "nothing_compared"
    return "ready" if needed == 0 else "gathering"


def _words(stage: Stage, signs: Signs, nearest: Pair | None, needed: int | None, margin: float) -> str:
    if nearest is not None and stage in {"gathering", "ready"}:
        return _comparing(nearest, needed, margin)
    about = "" if needed is None else f"about {needed:,} "
    return {
        "no_requests": "No request was served yet: send some through `fairlead serve`.",
        "no_scores": (
            f"{signs.n_requests:,} requests are served by the reference, and no answer is scored. Set `verifiers` of "
            "the route, or give scores by `/v1/feedback` or `fairlead feedback import`."
        ),
        "nothing_compared": (
            f"{signs.n_scored:,} answers are scored, all of one model each. Set `shadow` of the route: {about}requests "
            "with two answers scored would show a first saving, if one answer in ten differs."
        ),
    }.get(
        stage,
        f"Of the newest hundred requests, control arm aside, {signs.n_saving:,} were given to something else than the "
        "reference: the statement says what that saves.",
    )


def _comparing(nearest: Pair, needed: int | None, margin: float) -> str:
    scores = (
        f"On {nearest.n:,} requests `{nearest.candidate}` scores {nearest.mean_difference:+.3f} against the reference"
    )
    if needed is None:
        return (
            f"{scores}: no cheaper candidate looks as good, so a first saving must come from routing. Fit a router "
            "with `fairlead fit --ledger`."
        )
    if needed == 0:
        return f"{scores}, enough to try: run `fairlead fit --ledger`, then `fairlead promote`."
    return f"{scores}; about {needed:,} more would show that it gives up no more than {margin:g}."
