"""What a gateway in front of recorded models must do, request by request: the very rule that serves, replayed.

Router, plan, retries, fallbacks and bills are those of the gateway; only the network is left out. So its ledger can be
held against these rows in every digit.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fairlead.answers import asked_of, final_answer
from fairlead.errors import NoCandidateError, ProviderTimeoutError, RefusedRequestError, RequestError
from fairlead.execution import Call, Deliver, Limits, Move, advance, bill, compares, ruled_out
from fairlead.providers.recorded import Recorded
from fairlead.types import Attempt, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from fairlead.answers import Question
    from fairlead.errors import ProviderError
    from fairlead.outcomes import Outcomes
    from fairlead.providers.faults import FaultRule
    from fairlead.providers.upstream.reply import Reply
    from fairlead.router import Router
    from fairlead.types import Candidate, Context, Decision, Stage, Usage

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # nothing takes time here


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What one request of a table came to."""

    prompt_id: str
    decision: Decision | None
    """`None` where every candidate was excluded."""
    outcome: Outcome
    answer: str | None
    """The text that the client received; `None` where no whole answer was delivered."""

    @property
    def model(self) -> str | None:
        """Name of the candidate that served."""
        return self.outcome.served

    @property
    def cost_usd(self) -> Decimal | None:
        """The bill over all attempts, exact; `None` where one of them is unknown."""
        return self.outcome.cost_usd


def serve_offline(
    router: Router,
    outcomes: Outcomes,
    faults: FaultRule | None = None,
    *,
    contexts: Sequence[Context] | None = None,
    limits: Limits | None = None,
    stream: bool = False,
) -> tuple[Served, ...]:
    """Returns one row a prompt, in the order of the table.

    A cell that was not measured is refused by the host (404), and the plan goes on.

    Args:
        router: its candidates' `model` are the table's names.
        outcomes: the recorded models.
        faults: what goes wrong at the host, and where.
        contexts: one a prompt; the gateway's own, where its draws are to be met.
        limits: of the gateway.
        stream: answers are streamed, so a fault after the first content can no longer be mended.
    """
    decisions = router.decide(outcomes.requests, contexts)
    host = _Host(Recorded(outcomes, faults), router.candidates, limits or Limits(), stream=stream)
    rows = []
    for i, prompt_id in enumerate(outcomes.prompt_ids):
        try:
            decision = decisions[i]
        except NoCandidateError:
            rows.append(Served(prompt_id=prompt_id, decision=None, outcome=_FAILED, answer=None))
            continue
        outcome, answer = host.serve(decision.plan, prompt_id, asked_of(outcomes.requests[i]))
        rows.append(Served(prompt_id=prompt_id, decision=decision, outcome=outcome, answer=answer))
    return tuple(rows)


_FAILED = Outcome(status="failed", attempts=())


class _Host:
    """The recorded models as a gateway sees them."""

    def __init__(self, recorded: Recorded, candidates: Sequence[Candidate], limits: Limits, *, stream: bool) -> None:
        self.recorded = recorded
        self.candidates: Mapping[str, Candidate] = {candidate.name: candidate for candidate in candidates}
        self.limits = limits
        self.stream = stream

    def serve(self, plan: Sequence[Stage], prompt_id: str, asked: Question | None) -> tuple[Outcome, str | None]:
        """Returns what came of one plan, and the text that was delivered."""
        attempts: list[Attempt] = []
        texts: dict[int, str | None] = {}
        n_calls: Counter[str] = Counter()
        while isinstance(move := self._next(plan, attempts), Call):
            for name in move.candidates:
                candidate = self.candidates[name]
                n_calls[candidate.model] += 1
                seen = self._call(candidate, prompt_id, n_calls[candidate.model])
                weighed = asked if compares(plan[move.stage]) else None
                attempts.append(_attempt(candidate, seen, weighed, stage=move.stage, number=len(attempts) + 1))
                texts[len(attempts)] = seen.text
            if seen.error is not None and seen.text is not None and not compares(plan[move.stage]):
                break  # the client has its beginning: no other model may go on from there
        if not isinstance(move, Deliver):
            return Outcome(status="failed", attempts=tuple(attempts)), None
        served = move.attempt.candidate
        return Outcome(status="delivered", attempts=tuple(attempts), served=served), texts[move.attempt.number]

    def _next(self, plan: Sequence[Stage], attempts: Sequence[Attempt]) -> Move:
        return advance(plan, attempts, self.limits, barred=ruled_out(attempts, self.candidates))

    def _call(self, candidate: Candidate, prompt_id: str, n: int) -> _Seen:
        try:
            reply = self.recorded.respond(candidate.model, "", prompt_id, n)
        except RequestError as refused:
            error = RefusedRequestError(str(refused), model=candidate.name, status_code=refused.status_code)
            return _Seen(error=error)
        if reply.fault is None:
            return _Seen(text=reply.text, usage=reply.usage)
        if reply.fault.kind == "slow_start":
            return self._late(reply, reply.fault.delay_s, candidate)
        raised = reply.fault.error(candidate.name)
        if self.stream and reply.fault.kind in _WITHIN_A_REPLY:
            return _cut_stream(reply, reply.fault.after_events, raised)
        return _Seen(error=raised)

    def _late(self, reply: Reply, delay_s: float, candidate: Candidate) -> _Seen:
        if delay_s < (self.limits.patient_ttft_s if self.stream else self.limits.answer_s):
            return _Seen(text=reply.text, usage=reply.usage)
        return _Seen(error=ProviderTimeoutError("the first content is late", model=candidate.name, billed=True))


_WITHIN_A_REPLY = {"cut", "stall", "malformed", "in_band"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What a gateway sees of one call; an error beside a text struck when some of it was delivered already."""

    text: str | None = None
    usage: Usage | None = None
    error: ProviderError | None = None


def _cut_stream(reply: Reply, after_events: int, error: ProviderError | None) -> _Seen:
    """Returns what is left of a stream in OpenAI's shape: role, pieces of text, finish, usage, end."""
    n_pieces = sum(1 for _ in reply.pieces())
    if after_events >= n_pieces + 2:  # the finish reason came: the answer is whole, with or without its usage
        return _Seen(text=reply.text, usage=reply.usage if after_events > n_pieces + 2 else None)
    return _Seen(text=reply.text if after_events >= 2 else None, error=error)


def _attempt(candidate: Candidate, seen: _Seen, asked: Question | None, *, stage: int, number: int) -> Attempt:
    error = seen.error
    answer = None if asked is None or seen.text is None or error is not None else final_answer(seen.text, asked)
    return Attempt(
        candidate=candidate.name,
        number=number,
        stage=stage,
        status="ok" if error is None else "failed",
        started_at=EPOCH,
        latency_s=0.0,
        model_asked=candidate.model,
        model_served=None if error else candidate.model,
        usage=None if error else seen.usage,
        cost_usd=bill(candidate.price, seen.usage, error),
        price_id=candidate.price.id if candidate.price else None,
        error=type(error).__name__ if error else None,
        status_code=error.status_code if error else None,
        retryable=error.retryable if error else False,
        retry_after_s=error.retry_after_s if error else None,
        answer=answer,
    )
