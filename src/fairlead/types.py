"""The nouns, all frozen: what is asked, who may answer, what is expected, what was decided, what happened.

    Request + Context  -> Decision (a plan of Stages of Steps)  -> Outcome (Attempts, with Usage and cost)

Money on a bill is `Decimal`; a prediction is a float. `None` means unknown and never counts as zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence  # noqa: TC003 - the ledger decodes these types: hints must resolve
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from fairlead.errors import ProviderError  # noqa: TC001 - the hints of these types must resolve
from fairlead.money import (  # noqa: F401, TC001 - hints must resolve; whoever needs nouns finds all of them here
    TOKENS_PER_MTOK,
    UNITS_PER_MILLION,
    Price,
    Rate,
    Tariff,
    Term,
    Usage,
)

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

Role = Literal["system", "user", "assistant", "tool"]
Dialect = Literal["openai", "responses", "anthropic", "gemini", "embeddings"]
"""`openai` is chat completions; `responses` and `embeddings` are OpenAI's other two."""
FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]

CHARS_PER_TOKEN = 4


def estimated_tokens(n_chars: int) -> int:
    """Returns the tokens assumed for `n_chars` characters: a quarter, rounded up, since a bill counts whole tokens."""
    return -(-n_chars // CHARS_PER_TOKEN)


# What is asked ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Words."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """An image, a sound or a file, by address or as base64 data."""

    kind: Literal["image", "audio", "file"]
    url: str | None = None
    data: str | None = None
    media_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A model asks for a tool; `arguments` is JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What the tool said."""

    call_id: str
    content: str
    is_error: bool = False
    """The tool failed, and `content` says how."""


Part = Text | Media | ToolCall | ToolResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn."""

    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The words of the turn, without media, tool calls and tool results."""
        return "\n".join(part.text for part in self.parts if isinstance(part, Text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function that the model may call; `parameters` is a JSON Schema as text."""

    name: str
    description: str = ""
    parameters: str = "{}"
    free_form: bool = False
    """It takes plain text; elsewhere than in its own dialect it is a function of one string, `input`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFeatures:
    """What a ledger keeps of a request in place of its words; see `features/kept.py`."""

    kind: str
    """What the columns mean."""
    vector: bytes = field(repr=False)
    """One int8 a column."""
    n_chars: int
    """Of every turn."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request, decoded once, whichever dialect it came in.

    `body` keeps the caller's own bytes, so that a provider of the same dialect gets every field verbatim.
    """

    messages: tuple[Message, ...]
    model: str = "auto"
    stream: bool = False
    include_usage: bool = False
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    n: int = 1
    logprobs: bool = False
    tools: tuple[Tool, ...] = ()
    tool_choice: str | None = None
    parallel_tool_calls: bool | None = None
    json_schema: str | None = None
    json_object: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    prompt_cache_key: str | None = None
    """The caller's own name of the conversation, where it gave one."""
    previous_response_id: str | None = None
    """The answer that this request goes on from, which a host has kept."""
    native: tuple[str, ...] = ()
    """What changes the meaning and can only be said in the caller's own dialect, inner parts of the body."""
    hints: tuple[str, ...] = ()
    """The same of what may be left out."""
    thinker: str = ""
    """The weights that answered last in the session, so whose signed thinking the body carries; empty is not known."""
    dialect: Dialect = "openai"
    headers: tuple[tuple[str, str], ...] = ()
    """Of the caller, for a provider of the same dialect."""
    body: bytes = b""
    kept: KeptFeatures | None = None
    """What a ledger kept, where the words are not there any more."""

    @classmethod
    def from_prompt(cls, prompt: str, *, model: str = "auto") -> Request:
        """Returns the request of a single user turn."""
        return cls(messages=(Message(role="user", parts=(Text(text=prompt),)),), model=model)

    @cached_property
    def fields(self) -> Mapping[str, msgspec.Raw]:
        """The fields of the body, each value as its own bytes."""
        return msgspec.json.decode(self.body, type=dict[str, msgspec.Raw]) if self.body else {}

    @cached_property
    def prompt(self) -> str:
        """What a router reads: the words of the system and user turns, in order."""
        return "\n".join(m.text for m in self.messages if m.role in {"system", "user"})

    @cached_property
    def n_chars(self) -> int:
        """Characters of every turn, tool calls and results included."""
        if self.kept is not None:
            return self.kept.n_chars
        return sum(_n_chars(part) for message in self.messages for part in message.parts)

    @cached_property
    def needs(self) -> frozenset[str]:
        """Names of the capabilities that a candidate must have: `tools`, `vision`, `audio`, `files`, `json_schema`."""
        media = {"image": "vision", "audio": "audio", "file": "files"}
        needs = {media[p.kind] for m in self.messages for p in m.parts if isinstance(p, Media)}
        if self.tools or any(isinstance(p, ToolCall | ToolResult) for m in self.messages for p in m.parts):
            needs.add("tools")
        if self.json_schema is not None:
            needs.add("json_schema")
        return frozenset(needs)


def _n_chars(part: Part) -> int:
    match part:
        case Text(text=text):
            return len(text)
        case ToolCall(arguments=arguments):
            return len(arguments)
        case ToolResult(content=content):
            return len(content)
        case _:
            return 0


def assumed_tokens(requests: Sequence[Request]) -> FloatArray:
    """Returns (n_requests,) the input tokens that the length of each request suggests."""
    return np.array([estimated_tokens(request.n_chars) for request in requests], dtype=np.float64)


# Who may answer, and at what price ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a candidate can do; `None` is unknown, and unknown excludes where the capability is needed."""

    context_tokens: int | None = None
    max_output_tokens: int | None = None
    tools: bool | None = None
    vision: bool | None = None
    audio: bool | None = None
    files: bool | None = None
    json_schema: bool | None = None
    reasoning: bool | None = None
    """It thinks before it answers, so that its first word may take minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Weights at a host with settings: what is priced, measured and chosen."""

    name: str
    """`provider/model`, unique."""
    provider: str = ""
    model: str = ""
    """The name that the provider knows."""
    weights: str = ""
    """Candidates with equal weights are hosts of one model."""
    dialects: tuple[Dialect, ...] = ("openai",)
    """What its host speaks; the first is what a request of another dialect is put into."""
    refused: tuple[str, ...] = ()
    """Fields of the first dialect that its host does not take."""
    settings: tuple[tuple[str, str | int | float | bool], ...] = ()
    capabilities: Capabilities = Capabilities()
    price: Price | None = None
    """What stands for all its prices where no moment is given: the dearest hour of the day it was looked up."""
    known_as: tuple[str, ...] = ()
    """Its names in outcome tables."""
    tariff: Tariff | None = None
    """Its prices over time, where one price does not say it all."""

    @property
    def prices(self) -> tuple[Price, ...]:
        """Every price that a bill may name, each once."""
        terms = () if self.tariff is None else self.tariff.terms
        return tuple(dict.fromkeys(price for price in (self.price, *(t.price for t in terms)) if price is not None))

    def price_at(self, moment: datetime) -> Price | None:
        """Returns what a call at that moment is predicted and billed by."""
        return self.price if self.tariff is None else self.tariff.price_at(moment)

    def prices_within(self, start: datetime, end: datetime) -> tuple[Price | None, ...]:
        """Returns every price that a call between these moments may be billed by, for a bound on its cost."""
        return (self.price,) if self.tariff is None else self.tariff.within(start, end)


# The circumstances of a decision, frozen and logged with it ----------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class HostState:
    """How a candidate's host is doing."""

    breaker_open: bool = False
    n_in_flight: int = 0
    ttft_p95_s: float | None = None
    latency_p95_s: float | None = None
    tokens_per_s: float | None = None
    """Median of its streams."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionState:
    """The session that a request belongs to; both draws are uniform in [0, 1) and fixed for the session."""

    id: str
    rule: str
    """Which rule named the session."""
    control_draw: float = 1.0
    mix_draw: float = 0.0
    last_candidate: str | None = None
    cached_prefix_tokens: int = 0
    opted_out: bool = False
    """It takes part in no experiment: no control arm, no copies to other models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerLimits:
    """What the caller allows."""

    allowed: frozenset[str] | None = None
    affordable: frozenset[str] | None = None
    """What the rest of a budget can still pay for; `None` where that is not known to matter."""
    max_cost_usd: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """All that a decision may depend on beside the request: no clock, no network, no global randomness."""

    now: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    seed: int = 0
    hosts: Mapping[str, HostState] = field(default_factory=dict)
    session: SessionState | None = None
    budget_remaining_usd: Decimal | None = None
    limits: CallerLimits = CallerLimits()
    alarms: int = 0
    """How many alarms the monitor of the route's certificate had raised."""


# What is expected ----------------------------------------------------------------------------------------------------


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """What one candidate is expected to do on one request; `None` where nothing is known.

    A decision makes one a candidate, and a `Struct` is made in a tenth of the time of a frozen dataclass.
    """

    candidate: str
    p_success: float | None
    """Expected score, in [0, 1]."""
    p_success_sd: float | None
    output_tokens: float | None
    cost_usd: float | None
    latency_p95_s: float | None = None
    """Nineteen answers in twenty are expected to be complete within this time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """The same for many requests: arrays of shape (n_requests, n_candidates), NaN where nothing is known."""

    candidates: tuple[str, ...]
    p_success: FloatArray
    p_success_sd: FloatArray
    output_tokens: FloatArray
    cost_usd: FloatArray
    latency_p95_s: FloatArray

    @classmethod
    def unknown(cls, candidates: tuple[str, ...], n_requests: int) -> Predictions:
        """Returns what is expected where nothing was learned: NaN throughout."""
        nan = np.full((n_requests, len(candidates)), np.nan)
        return cls(candidates=candidates, **dict.fromkeys(GRIDS, nan))

    def rows(self, index: IntArray) -> Predictions:
        """Returns the predictions of these requests, in this order."""
        return Predictions(candidates=self.candidates, **{name: getattr(self, name)[index] for name in GRIDS})

    def columns(self, index: IntArray) -> Predictions:
        """Returns the predictions of these candidates, in this order."""
        names = tuple(self.candidates[column] for column in index)
        return Predictions(candidates=names, **{name: getattr(self, name)[:, index] for name in GRIDS})

    def row(self, i: int) -> tuple[Prediction, ...]:
        """Returns request `i`, one prediction a candidate."""
        columns = (_known(getattr(self, name)[i]) for name in GRIDS)
        return tuple(
            Prediction(
                candidate=name, p_success=p, p_success_sd=sd, output_tokens=tokens, cost_usd=cost, latency_p95_s=latency
            )
            for name, p, sd, tokens, cost, latency in zip(self.candidates, *columns, strict=True)
        )


GRIDS = ("p_success", "p_success_sd", "output_tokens", "cost_usd", "latency_p95_s")
"""The arrays of `Predictions`, in the order of the fields of `Prediction`."""


def _known(values: FloatArray) -> list[float | None]:
    listed: list[float] = values.tolist()
    if math.isnan(sum(listed)):
        return [None if math.isnan(value) else value for value in listed]
    return [*listed]


# What was decided ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One planned call."""

    candidate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """When an answer is good enough: `rule` names a pure function of the attempts; `not_failed` takes any answer."""

    rule: str = "not_failed"
    weights: tuple[float, ...] = ()
    cut: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One or two parallel steps, and what it takes to stop here."""

    steps: tuple[Step, ...]
    acceptance: Acceptance = Acceptance()


Arm = Literal["policy", "control"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """An ordered plan, the chance with which its first step was chosen, and why."""

    plan: tuple[Stage, ...]
    propensity: float
    reason: str
    arm: Arm = "policy"
    reference: str | None = None
    """The user's former choice: the baseline of every claim; `None` where it could not serve this request."""
    excluded: Mapping[str, str] = field(default_factory=dict)
    """Candidate name -> why it could not serve."""
    predictions: tuple[Prediction, ...] = ()
    policy: str = ""
    router_version: str = ""
    fault: str | None = None
    """What broke inside the router, where something did."""
    chances: Mapping[str, float] = field(default_factory=dict)
    """Candidate -> chance with which it would have been called first, the draw of the control arm included: what an
    estimate for another policy needs. Candidates without a chance are left out."""
    mix_draw: float | None = None
    """Uniform in [0, 1): what a mix was drawn with; the session's, or the request's own."""
    answer_form: str | None = None
    """Form of the answer that the prompt asks for, where the policy compares answers and these can be compared."""
    certificate: str | None = None
    """Id of the certificate that the router served by, also where it had expired."""

    @property
    def model(self) -> str:
        """Name of the candidate that is called first."""
        return self.plan[0].steps[0].candidate


# What happened -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A complete answer; `body` keeps the provider's own bytes where its dialect is the caller's."""

    id: str
    model: str
    """The name that the host reports."""
    parts: tuple[Part, ...]
    finish_reason: FinishReason
    usage: Usage | None
    reasoning: str = ""
    """Words thought aloud before the answer."""
    created: int = 0
    dialect: Dialect = "openai"
    body: bytes = b""

    @property
    def text(self) -> str:
        """The words of the answer."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """One piece of a streamed answer; `body` is the provider's own event data where its dialect is the caller's.

    A tool call comes in fragments: the first names id and tool, all carry a piece of the arguments. A chunk may be
    nothing but an event of the provider's.
    """

    text: str = ""
    reasoning: str = ""
    """Words thought aloud before the answer."""
    tool_call: ToolCall | None = None
    tool_index: int = 0
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    model: str | None = None
    id: str | None = None
    event: str = ""
    """The type of the provider's own event, where its dialect names them."""
    body: bytes = b""


AttemptStatus = Literal["ok", "failed", "cancelled"]
AttemptKind = Literal["call", "hedge", "continuation"]
"""A `hedge` is made beside a call that takes long, a `continuation` goes on with an answer that broke off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One made call.

    `cost_usd` is exact where usage is known, zero where the provider refused before any output, else `None`.
    """

    candidate: str
    number: int
    """1 for the first call of the request."""
    stage: int
    status: AttemptStatus
    started_at: datetime
    latency_s: float
    ttft_s: float | None = None
    model_asked: str = ""
    model_served: str | None = None
    usage: Usage | None = None
    cost_usd: Decimal | None = None
    price_id: str | None = None
    error: str | None = None
    """Class name of the error."""
    status_code: int | None = None
    retryable: bool = False
    retry_after_s: float | None = None
    reserved_usd: Decimal | None = None
    """The most that it could cost, where a budget had to pay for it."""
    output_limit: int | None = None
    """Tokens of output that this pays for, sent where the caller set no limit."""
    kind: AttemptKind = "call"
    answer: str | None = field(default=None, repr=False)
    """The final answer in one spelling, where the plan compares answers; never kept in the ledger."""


OutcomeStatus = Literal["delivered", "failed", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a request: every attempt, the one that was delivered, and the bill."""

    status: OutcomeStatus
    attempts: tuple[Attempt, ...]
    response: Response | None = None
    served: str | None = None
    """Name of the candidate whose answer was delivered."""
    causes: tuple[ProviderError, ...] = field(default=(), compare=False, repr=False)
    """One error a failed attempt, in order."""

    @property
    def delivered(self) -> Attempt | None:
        """The attempt whose answer was delivered."""
        answered = [a for a in self.attempts if a.candidate == self.served and a.status == "ok"]
        return answered[-1] if answered else None

    @property
    def cost_usd(self) -> Decimal | None:
        """The sum over all attempts; `None` where any of them is unknown."""
        costs = [attempt.cost_usd for attempt in self.attempts]
        return None if any(cost is None for cost in costs) else sum((c for c in costs if c is not None), Decimal(0))
