"""What is shown of a statement, in the terminal and on pages: each figure once, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead import wording
from fairlead.policies.base import REASONS
from fairlead.proof.cases import NOT_COMPARED
from fairlead.proof.counterfactual import MIN_SESSIONS
from fairlead.proof.gap import STEPS
from fairlead.proof.included import PURPOSES
from fairlead.proof.misroute import BOUNDS
from fairlead.proof.promises import STATES
from fairlead.proof.sources import SAYERS
from fairlead.proof.statement import VERDICTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fairlead.ledger.sources import Kind
    from fairlead.proof.comparison import Saving
    from fairlead.proof.kinds import KindRow
    from fairlead.proof.misroute import Misroute, Range
    from fairlead.proof.models import ModelRow
    from fairlead.proof.promises import Alarm, Promise
    from fairlead.proof.quality import Quality
    from fairlead.proof.sources import SourceCount, Sources
    from fairlead.proof.statement import ArmRow, Statement
    from fairlead.statistics.bootstrap import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number to read first."""

    name: str
    value: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How often something happened, and what it means."""

    n: int
    key: str
    words: str


def verdict(statement: Statement) -> str:
    """Returns the answer in a sentence or two."""
    if statement.since is None:
        return "No requests: there is nothing to state yet."
    sentence = VERDICTS[statement.verdict]
    if statement.verdict != "not_enough_evidence" or statement.sessions_needed is None:
        return sentence
    would = "tell" if statement.saving is not None else "allow a first estimate"
    return f"{sentence} About {statement.sessions_needed:,} more sessions would {would}."


def period(statement: Statement) -> str:
    """Returns from when to when the requests were made."""
    if statement.since is None or statement.until is None:
        return "no requests"
    since, until = (f"{moment:%Y-%m-%d %H:%M}" for moment in (statement.since, statement.until))
    return f"{since} UTC" if since == until else f"{since} to {until} UTC"


def figures(statement: Statement) -> list[Figure]:
    """Returns the four numbers to read first."""
    saving, quality = statement.saving, statement.quality
    reference = saving.reference_usd if saving else None
    nothing = _NOTHING.get(statement.verdict, "not enough evidence yet")
    return [
        Figure(
            name="Paid",
            value=wording.usd(statement.paid_usd),
            note=f"exact{_without(statement)}; control arm, retries, judges, shadows and probes included",
        ),
        Figure(
            name="The reference would have cost",
            value=wording.usd(reference.value if reference else None),
            note=_ends(reference, wording.usd, "on the same requests") if reference else nothing,
        ),
        Figure(
            name="Saving",
            value=wording.usd(saving.saving_usd.value if saving else None),
            note=_share(statement, saving) if saving else nothing,
        ),
        Figure(
            name="Quality against the reference",
            value=wording.points(quality.difference.value if quality else None),
            note=_ends(quality.difference, wording.points, _n_and_who(quality))
            if quality
            else _NO_ARMS.get(statement.verdict, "not enough scores yet"),
        ),
    ]


def _without(statement: Statement) -> str:
    n = statement.unknown.n_requests
    return f", without {n:,} request{'s' if n != 1 else ''} of unknown cost" if n else ""


_NO_ARMS: Mapping[str, str] = {"no_control_arm": "no control arm", "nothing_compared": "no request is compared"}
_NOTHING: Mapping[str, str] = {**_NO_ARMS, "heavy_tail": "costs differ too widely"}
"""What stands in place of an interval, by verdict."""


def counts(statement: Statement) -> Iterator[Count]:
    """Yields reasons, requests outside the comparison, faults and failures, each with its meaning."""
    for reason, n in sorted(statement.reasons.items(), key=lambda item: -item[1]):
        yield Count(n=n, key=reason, words=REASONS.get(reason, ""))
    for why, n in sorted(statement.not_compared.items(), key=lambda item: -item[1]):
        yield Count(n=n, key=why, words=f"not compared, as {NOT_COMPARED[why]}")
    for fault, n in statement.faults.items():
        yield Count(n=n, key=fault, words="a fault inside the router: the reference was served")
    for status, n in statement.statuses.items():
        if status != "delivered":
            yield Count(n=n, key=status, words="requests without a complete answer")


def arms(statement: Statement) -> list[tuple[str, ArmRow]]:
    """Returns both arms with their names."""
    return [("policy", statement.policy), ("control", statement.control)]


def steps(statement: Statement) -> Iterator[tuple[str, str, str]]:
    """Yields the way from the naive saving to the estimate: name, USD with its interval, meaning."""
    gap = statement.gap
    if gap is None:
        return
    yield "naive saving", wording.usd(gap.naive_saving_usd), "the served tokens at the reference's price"
    for step in gap.steps:
        yield step.name.replace("_", " "), wording.interval(step.usd, wording.signed_usd), STEPS[step.name]
    saving = None if statement.saving is None else statement.saving.saving_usd
    yield "estimated saving", wording.interval(saving, wording.usd), "by the control arm, on the same requests"


def included(statement: Statement) -> Iterator[tuple[str, str, str]]:
    """Yields what routing costs and is part of what was paid: name, calls, USD."""
    costs, saving = statement.included, statement.saving
    yield "router: no model is called to decide", "0", wording.usd(costs.router_usd)
    yield f"judge: {PURPOSES['judge']}", f"{costs.n_judge:,}", wording.usd(costs.judge_usd)
    yield f"shadow: {PURPOSES['shadow']}", f"{costs.n_shadow:,}", wording.usd(costs.shadow_usd)
    yield f"probe: {PURPOSES['probe']}", f"{costs.n_probe:,}", wording.usd(costs.probe_usd)
    yield "control arm, all of it", f"{costs.n_control:,}", wording.usd(costs.control_usd)
    extra = None if saving is None else saving.control_extra_usd
    yield "control arm, above what the policy would have paid", "", wording.interval(extra, wording.signed_usd)
    yield "retries: calls whose answer was not delivered", f"{costs.n_retries:,}", wording.usd(costs.retries_usd)


def misroute_lines(statement: Statement) -> list[str]:
    """Returns what is known of misrouted requests and of the declared bound, in sentences."""
    found = statement.misroute
    lines = [_TOO_FEW] if found is None else _misrouted(found)
    if statement.margin is None:
        return [*lines, f"{BOUNDS[statement.bound].capitalize()}."]
    return [
        *lines,
        f"Largest loss of quality that the policy declares: {_lost(statement.margin)}; {BOUNDS[statement.bound]}.",
    ]


def quality_lines(statement: Statement) -> list[str]:
    """Returns whose scores the quality rests on, in sentences; none where that is not known."""
    if statement.quality is None or not statement.quality.said_by.counts:
        return []
    said_by = statement.quality.said_by
    counts = {count.kind: count for count in said_by.counts}
    return [*_counting(said_by, counts), *(_passed_over(counts[kind]) for kind in said_by.too_few), *_alone(said_by)]


def _counting(said_by: Sources, counts: Mapping[Kind, SourceCount]) -> Iterator[str]:
    if said_by.kind is None:
        told = ", ".join(f"{SAYERS[kind]} {count.n_policy:,} and {count.n_control:,}" for kind, count in counts.items())
        yield f"{_MIXED} (answers of the policy and of the control arm: {told})."
        return
    who, count = SAYERS[said_by.kind], counts[said_by.kind]
    rests = f"Quality is what {who} say of {count.n_policy:,} answers of the policy and {count.n_control:,} of the"
    if said_by.helper is None:
        yield f"{rests} control arm."
        return
    more = f"{counts[said_by.helper].n_alone:,} more counts as far as they follow {who}"
    yield f"{rests} control arm; what {SAYERS[said_by.helper]} say of {more}."


def _passed_over(count: SourceCount) -> str:
    who = SAYERS[count.kind].capitalize()
    scored = f"{who} scored {count.n_policy:,} and {count.n_control:,} answers"
    return f"{scored}, in fewer than {MIN_SESSIONS} sessions of an arm: too few to go by."


def _alone(said_by: Sources) -> Iterator[str]:
    if said_by.unlike is not None and said_by.kind is not None:
        who, other = SAYERS[said_by.kind], SAYERS[said_by.unlike]
        found = f"{other.capitalize()} find the answers that {who} scored unlike the others"
        yield f"{found}, so these were not scored at random: the figure speaks of the answers that {who} scored."
    if said_by.kind in {"judge", "implicit"}:
        yield f"How far {SAYERS[said_by.kind]} can be trusted here was not shown: scores by people would tell."


_MIXED = "No kind of source alone has enough scores, so each answer counts by its most trusted one"

_TOO_FEW = f"Misrouted: not enough scores yet; at least {MIN_SESSIONS} sessions with scores are needed in either arm."


def _misrouted(found: Misroute) -> list[str]:
    rate, again = _range(found.rate, wording.percent), _range(found.again_usd, wording.usd)
    asked = f"{found.n:,} scored requests, {found.n_elsewhere:,} of them sent elsewhere"
    where = f"Misrouted (the reference would have succeeded, the served answer failed): between {rate} of {asked}."
    why = "Both answers to one request are not seen together, so the control arm tells no more than these bounds."
    paid = f"At most {wording.usd(found.paid_in_vain_usd)} was paid for such answers."
    lines = [f"{where} {why}", f"{paid} To ask the reference about them, too, would cost between {again}."]
    if found.paired_rate is not None:
        paired = wording.interval(found.paired_rate, wording.percent)
        lines.append(f"By {found.n_paired:,} requests whose reference's answer was scored, too: {paired}.")
    return lines


def _share(statement: Statement, saving: Saving) -> str:
    if statement.verdict == "not_enough_evidence" and not saving.n_policy_sessions:
        return "of requests that are the same in both arms; of the others not enough evidence yet"
    return wording.interval(saving.saving_share, wording.percent)


def _n_and_who(quality: Quality) -> str:
    said_by, n = quality.said_by, f"n = {quality.n_policy:,} against {quality.n_control:,}"
    who = [SAYERS[kind] for kind in (said_by.kind, said_by.helper) if kind is not None]
    return f"{n}, by {' and '.join(who)}" if who else n


def scored_by(row: ModelRow | KindRow) -> str:
    """Returns how many answers of a row were scored, and by whom."""
    n = f"{row.n_scored:,}" if row.scored_by is None else f"{row.n_scored:,} {SAYERS[row.scored_by]}"
    return n if row.helped_by is None else f"{n} + {row.n_more:,} {SAYERS[row.helped_by]}"


def certificate_lines(statement: Statement) -> list[str]:
    """Returns what was promised with confidence, whether it held and what was done, in sentences."""
    lines = [line for promise in statement.certificates for line in _promised(promise)]
    if lines or statement.margin is None:
        return lines
    return ["No certificate served: the margin was declared by the policy, and not shown before it served."]


def _promised(promise: Promise) -> Iterator[str]:
    served = f"served {promise.n_requests:,} requests of {', '.join(promise.routes)}"
    if promise.margin is None or promise.confidence is None or promise.expires_at is None:
        yield f"Certificate {promise.certificate} {served}: {STATES[promise.state]}."
        return
    most = f"at most {_lost(promise.margin)} lost against {promise.reference}"
    shown = f"confidence {wording.percent(promise.confidence)}, shown on {promise.n_questions:,} questions"
    until = f"expires {promise.expires_at:%Y-%m-%d %H:%M} UTC"
    yield f"Certificate {promise.certificate}: {most}, {shown}; {served}; {until}."
    yield f"It stands so: {STATES[promise.state]}; {promise.serves} serves."
    for alarm in promise.alarms:
        yield _alarm(alarm, promise.certificate)


def _alarm(alarm: Alarm, certificate: str) -> str:
    seen = "" if alarm.observations is None else f" after {alarm.observations:,} scored outcomes"
    lost = "" if alarm.mean_loss is None else f" that lost {_lost(alarm.mean_loss)} on average"
    raised = "" if alarm.raised_by == certificate else f", raised by {alarm.raised_by} from the same outcomes"
    return f"Alarm {alarm.number} at {alarm.at:%Y-%m-%d %H:%M} UTC{raised}{seen}{lost}: {alarm.serves} serves since."


def mean_cost(row: KindRow) -> str:
    """Returns what an answer of a row costs on average; a cost that is known of one session alone has no interval."""
    return "too few" if row.cost_usd is None else wording.interval(row.cost_usd, wording.usd)


def _lost(loss: float) -> str:
    """Returns a loss of mean score, which says already which way it goes."""
    return wording.points(loss).removeprefix("+")


def _range(ends: Range, word: wording.Word) -> str:
    return f"{wording.bare(word(ends.low))} and {word(ends.high)}"


def _ends(interval: Interval, word: wording.Word, after: str) -> str:
    return f"{wording.ends(interval, word)}, {after}"
