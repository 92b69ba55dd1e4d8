"""Deciding: a request in, a decision out. Start reading here.

    request -> who may serve it -> what each is expected to do -> which to call first, and why -> what to call next
               eligibility         features, predictors           policy, control arm              decisions

Deciding is pure: it reads the router, the request and the context, and nothing else. So the same three give the same
decision years later, and offline evaluation runs the very code that serves.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import msgspec
import numpy as np

from fairlead.answers import FORMS, asked_of
from fairlead.control_arm import NOT_DRAWN, choose_with_control_arm
from fairlead.costs import RateBook
from fairlead.decisions import NOT_THEN, Decisions, Recalled, stacked_rows
from fairlead.eligibility import Room, exclusions
from fairlead.errors import FairleadError
from fairlead.evidence import taken
from fairlead.features.latest import Latest
from fairlead.policies import Certified, Floor, HullGuard
from fairlead.policies.base import Circumstances
from fairlead.policies.columns import can_serve
from fairlead.types import Context, Predictions, Request, assumed_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from fairlead.certificate import Certificate
    from fairlead.evidence import Evidence
    from fairlead.features.base import FeatureExtractor
    from fairlead.policies.base import Policy
    from fairlead.policies.realised import Recorded
    from fairlead.predictors import InputTokens
    from fairlead.predictors.base import Predictor, QuantilePredictor
    from fairlead.types import BoolArray, Candidate, Decision, FloatArray, HostState, IntArray

__all__ = ["Decisions", "Recalled", "Router"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Router:
    """Chooses a candidate for each request; `fitting.fit` makes one that has learned something.

    Example:
        >>> from fairlead.types import Candidate
        >>> router = Router(candidates=(Candidate(name="big"), Candidate(name="small")), reference="big")
        >>> decision = router.route("What is a fairlead?")
        >>> decision.model, decision.reason
        ('big', 'no_evidence')
    """

    candidates: tuple[Candidate, ...]
    """In the order in which they are tried where nothing is known."""
    reference: str | None = None
    """The candidate that the user trusts: it serves where there is no evidence, and where the router fails."""
    policy: Policy = field(default_factory=Floor)
    control_share: float = 0.0
    """Share of the sessions that get the reference whatever the policy says: what savings are measured against."""
    models: tuple[str, ...] = ()
    """What the columns of the predictors stand for."""
    features: FeatureExtractor | None = None
    success: Predictor | None = None
    tokens: QuantilePredictor | None = None
    input_tokens: InputTokens | None = None
    latency: QuantilePredictor | None = None
    evidence: Evidence | None = field(default=None, repr=False)
    """How the predictions did on prompts they had not seen; `None` where nothing was fitted."""
    calibration: Evidence | None = field(default=None, repr=False)
    """The same of prompts on which nothing was fitted: what a certificate is issued from."""
    certificate: Certificate | None = field(default=None, repr=False)
    """What was shown of the policy before it served; `None` where it serves without."""

    def route(self, request: Request | str, context: Context | None = None) -> Decision:
        """Returns the decision for one request, or for one prompt.

        Raises:
            NoCandidateError: every candidate was excluded; says why.
        """
        request = Request.from_prompt(request) if isinstance(request, str) else request
        return self.decide([request], None if context is None else [context])[0]

    def decide(self, requests: Sequence[Request], contexts: Sequence[Context] | None = None) -> Decisions:
        """Returns one decision a request; without contexts each gets the default one."""
        given = contexts  # without them there is no moment whose prices would count
        contexts = [Context()] * len(requests) if contexts is None else contexts
        situation = self._situation(requests, contexts)
        try:
            return self._decided(self._with_forms(situation, requests), self.predict(requests, given), self.policy)
        except Exception as error:  # noqa: BLE001 - the router's failure is not the request's failure
            if len(requests) > 1:  # one request at fault changes no other decision
                alone = [None] * len(requests) if given is None else [[context] for context in given]
                return Decisions.joined([self.decide([r], c) for r, c in zip(requests, alone, strict=True)])
            return self._decided(
                situation, Predictions.unknown(self._names, 1), _REFERENCE_FIRST, fault=type(error).__name__
            )

    def decide_again(self, recalled: Sequence[Recalled]) -> Decisions:
        """Returns what this router decides on what was logged: predictions and circumstances, and nothing else.

        The router that made the decisions makes them again, bit for bit; another one shows what it would have done. A
        candidate of which nothing was logged is excluded.
        """
        if len(recalled) > 1 and any(record.fault is not None for record in recalled):
            return Decisions.joined([self.decide_again([record]) for record in recalled])
        fault = recalled[0].fault if recalled else None
        predictions = stacked_rows(self._names, [record.predictions for record in recalled])
        situation = self._recalled(recalled, with_forms=fault is None and self.policy.compares_answers)
        return self._decided(situation, predictions, self.policy if fault is None else _REFERENCE_FIRST, fault=fault)

    def predict(self, requests: Sequence[Request], contexts: Sequence[Context] | None = None) -> Predictions:
        """Returns what each candidate is expected to do, whether it may serve or not; NaN where nothing is known.

        Args:
            requests: what is asked.
            contexts: one a request: prices are those of its moment; without them those that stand for all.
        """
        if self.features is None or self.success is None:
            return Predictions.unknown(self._names, len(requests))
        x = self._latest.of(self.features, requests)
        success = self.success.predict(x)
        output_tokens = self._output_tokens(x, requests)
        return Predictions(
            candidates=self._names,
            p_success=self._taken(success.mean),
            p_success_sd=self._taken(success.sd),
            output_tokens=output_tokens,
            cost_usd=self._rates.cost_usd(_moments(contexts), self._input_tokens(requests), output_tokens),
            latency_p95_s=self._latency_p95_s(x),
        )

    def output_tokens_within(self, request: Request, level: float) -> dict[str, float]:
        """Returns candidate -> the tokens of output that a share `level` of its answers stays within, where known."""
        if self.features is None or self.tokens is None:
            return {}
        rows, i = self._latest.among(self.features, request)
        if level not in rows.worked_out:
            rows.worked_out[level] = self._taken(self.tokens.predict_quantile(rows.x, level)).tolist()
        within = zip(self._names, rows.worked_out[level][i], strict=True)
        return {name: n_tokens for name, n_tokens in within if not math.isnan(n_tokens)}

    def bind(
        self,
        candidates: Sequence[Candidate],
        *,
        reference: str | None,
        policy: Policy | None = None,
        control_share: float = 0.0,
    ) -> Self:
        """Returns a router that serves these candidates with what this one learned.

        A candidate is known by its name, its weights or one of the names in `known_as`; what is unknown gets NaN
        predictions. A hull guard is judged again, since candidates, prices and reference are part of what it showed. A
        certificate is not issued again: without it the reference serves, until `certify` was asked.

        Args:
            candidates: who may serve.
            reference: name of the one that the user trusts.
            policy: taken as it is; without one, this router's policy over the new names.
            control_share: share of the sessions that get the reference.
        """
        bound = replace(
            self, candidates=tuple(candidates), reference=reference, control_share=control_share, certificate=None
        )
        if policy is None:
            policy = self.policy.renamed(self._new_names(bound))
            changed = bound.candidates != self.candidates or reference != self.reference
            policy = bound.judged(policy.policy) if changed and isinstance(policy, HullGuard) else policy
            policy = Certified() if isinstance(policy, Certified) else policy
        return replace(bound, policy=policy)

    def carried(self, candidates: Sequence[Candidate]) -> Policy:
        """Returns this router's policy over the names of these candidates, without its guard."""
        policy = self.policy.renamed(self._new_names(replace(self, candidates=tuple(candidates))))
        return policy.policy if isinstance(policy, HullGuard) else policy

    def judged(self, policy: Policy) -> Policy:
        """Returns `policy` under a hull guard, judged on the outcomes this router was fitted on.

        Predictions without outcomes of one's own show nothing, so the reference serves. Without predictions either, the
        policy stays as it is: it serves the reference by itself, or does as it was told.
        """
        reference = self._names[0] if self.reference is None else self.reference
        if self.evidence is None:
            unknown = self.success is None or policy.promise.as_told
            return policy if unknown else HullGuard(policy=policy, allowed=False, fixed=reference)
        return self.evidence.judge(policy, self.candidates, self._columns, reference=reference)

    def case(self, evidence: Evidence) -> tuple[Predictions, Recorded]:
        """Returns what was predicted of these prompts, and measured, over the candidates and at their prices."""
        return evidence.case(self.candidates, self._columns)

    @cached_property
    def version(self) -> str:
        """Names everything that decides: a hash over candidates, policy and all that was learned."""
        digest = hashlib.sha256()
        candidates = known(msgspec.to_builtins(self.candidates))
        settings = [candidates, self.reference, self.policy.description(), float(self.control_share), self.models]
        digest.update(msgspec.json.encode(settings, order="deterministic"))
        for component in (self.features, self.success, self.tokens, self.input_tokens, self.latency):
            if component is not None:
                digest.update(msgspec.json.encode(component.description(), order="deterministic"))
                for name, array in sorted(component.state().items()):
                    digest.update(name.encode() + np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    # The steps of a decision

    def _situation(self, requests: Sequence[Request], contexts: Sequence[Context]) -> _Situation:
        excluded = tuple(self._excluded(r, c) for r, c in zip(requests, contexts, strict=True))
        return self._situated(excluded, contexts, [_mix_draw(r, c) for r, c in zip(requests, contexts, strict=True)])

    def _recalled(self, recalled: Sequence[Recalled], *, with_forms: bool) -> _Situation:
        excluded = tuple(self._excluded_then(record) for record in recalled)
        contexts = [record.context for record in recalled]
        situation = self._situated(excluded, contexts, [record.mix_draw for record in recalled])
        if not with_forms:
            return situation
        forms = [-1 if record.answer_form is None else FORMS.index(record.answer_form) for record in recalled]
        return situation.with_forms(forms)

    def _excluded_then(self, record: Recalled) -> dict[str, str]:
        logged = {prediction.candidate for prediction in record.predictions}
        new = {name: NOT_THEN for name in self._names if name not in logged}
        return new | {name: reason for name, reason in record.excluded.items() if name in self._names}

    def _situated(
        self, excluded: tuple[Mapping[str, str], ...], contexts: Sequence[Context], mix_draw: Sequence[float]
    ) -> _Situation:
        eligible = self._eligible(excluded)
        draw = [NOT_DRAWN if c.session is None else c.session.control_draw for c in contexts]
        return _Situation(
            exclusions=excluded,
            eligible=eligible,
            control_draw=draw,
            circumstances=Circumstances(
                eligible=_somebody(eligible) if any(excluded) else eligible,
                reference=self._reference,
                mix_draw=np.array(mix_draw),
                host_latency_p95_s=self._host_latency_p95_s(contexts),
                **self._standing(contexts),
            ),
        )

    def _excluded(self, request: Request, context: Context) -> Mapping[str, str]:
        return {} if self._room.takes(request, context) else exclusions(request, self.candidates, context)

    def _eligible(self, excluded: Sequence[Mapping[str, str]]) -> BoolArray:
        eligible = np.ones((len(excluded), len(self._names)), dtype=np.bool_)
        for i, reasons in enumerate(excluded):
            if reasons:
                eligible[i] = [name not in reasons for name in self._names]
        return eligible

    def _with_forms(self, situation: _Situation, requests: Sequence[Request]) -> _Situation:
        """Returns the situation with the form that each answer takes, for a policy that compares answers."""
        if not self.policy.compares_answers:
            return situation
        asked = (asked_of(request) for request in requests)
        forms = [-1 if question is None else FORMS.index(question.form) for question in asked]
        return situation.with_forms(forms)

    def _host_latency_p95_s(self, contexts: Sequence[Context]) -> FloatArray | None:
        """Returns (n, m) what the hosts were lately measured at, `None` where no context knows of any."""
        if not any(context.hosts for context in contexts):
            return None
        of_hosts = {id(c.hosts): c.hosts for c in contexts}  # many contexts share one reading of the hosts
        latency = {name: [_latency_p95_s(hosts.get(name)) for name in self._names] for name, hosts in of_hosts.items()}
        return np.array([latency[id(context.hosts)] for context in contexts])

    def _standing(self, contexts: Sequence[Context]) -> dict[str, Any]:
        """Returns what a certificate depends on: the time, and the alarms that its monitor raised."""
        if self.certificate is None:
            return {}
        return {
            "now_s": np.array([context.now.timestamp() for context in contexts]),
            "alarms": np.array([context.alarms for context in contexts], dtype=np.int64),
        }

    def _decided(
        self, situation: _Situation, predictions: Predictions, policy: Policy, *, fault: str | None = None
    ) -> Decisions:
        eligible, circumstances = situation.eligible, situation.circumstances
        choices, control = choose_with_control_arm(
            policy, predictions, circumstances, draw=situation.control_draw, share=self.control_share
        )
        if not all(can_serve(choices.first, circumstances.eligible).tolist()):
            raise IneligibleChoiceError(f"{policy!r} chose a candidate that cannot serve the request.")
        first, reason = choices.first, choices.reason if fault is None else ("router_fault",) * len(eligible)
        if circumstances.eligible is not eligible:
            somebody = eligible.any(axis=1)
            first, reason = np.where(somebody, first, -1), tuple(np.where(somebody, reason, "no_candidate").tolist())
        return Decisions(
            predictions=predictions,
            eligible=eligible,
            exclusions=situation.exclusions,
            first=first,
            propensity=choices.propensity,
            reason=reason,
            control=control,
            fault=(fault,) * len(eligible),
            reference=self._reference,
            policy=self._policy_text,
            router_version=self.version,
            in_order=choices.in_order,
            openings=choices.openings,
            chances=choices.chances,
            mix_draw=circumstances.mix_draw,
            answer_form=circumstances.answer_form,
            certificate=None if self.certificate is None else self.certificate.id,
        )

    def _input_tokens(self, requests: Sequence[Request]) -> FloatArray:
        """Returns (n, m), or (n, 1) where all candidates are expected to count alike."""
        assumed = assumed_tokens(requests)
        if self.input_tokens is None:
            return assumed[:, None]
        expected = self._taken(self.input_tokens.predict(assumed))
        return expected if self._as_learned else np.where(np.isnan(expected), assumed[:, None], expected)

    def _output_tokens(self, x: FloatArray, requests: Sequence[Request]) -> FloatArray:
        """Returns (n, m) expected output tokens; the caller's own limit bounds them."""
        if self.tokens is None:
            return np.full((len(x), len(self.candidates)), np.nan)
        expected = self._taken(self.tokens.predict_mean(x))
        if all(request.max_output_tokens is None for request in requests):
            return expected
        limits = [np.inf if request.max_output_tokens is None else request.max_output_tokens for request in requests]
        return np.asarray(np.minimum(expected, np.array(limits)[:, None]))

    def _taken(self, grid: FloatArray) -> FloatArray:
        """Returns the candidates' columns of what a predictor says of its models."""
        return grid if self._as_learned else taken(grid, self._columns)

    def _latency_p95_s(self, x: FloatArray) -> FloatArray:
        if self.latency is None:
            return np.full((len(x), len(self.candidates)), np.nan)
        return self._taken(self.latency.predict_quantile(x, 0.95))

    def _new_names(self, bound: Router) -> dict[str, str]:
        """Returns each model, and each candidate that `bound` lacks -> the first candidate there that serves it."""
        served_as = bound._served_as
        model = {name: self.models[j] for j, name in zip(self._columns, self._names, strict=True) if j >= 0}
        gone = model.keys() - set(bound._names)
        return served_as | {name: served_as[model[name]] for name in gone if model[name] in served_as}

    # What follows from the fields, worked out once

    @cached_property
    def _latest(self) -> Latest:
        return Latest()

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(candidate.name for candidate in self.candidates)

    @cached_property
    def _reference(self) -> int:
        return self._names.index(self.reference) if self.reference in self._names else -1

    @cached_property
    def _columns(self) -> IntArray:
        """(m,) the predictors' column of each candidate, -1 where it was never seen."""
        column = {model: j for j, model in enumerate(self.models)}
        found = ((column[name] for name in _aliases(c) if name in column) for c in self.candidates)
        return np.array([next(columns, -1) for columns in found], dtype=np.int64)

    @cached_property
    def _as_learned(self) -> bool:
        """Whether the candidates are the predictors' models, in their order."""
        return bool(np.array_equal(self._columns, np.arange(len(self.models))))

    @cached_property
    def _served_as(self) -> dict[str, str]:
        """Model -> the first candidate that serves it."""
        known = [(self.models[j], name) for j, name in zip(self._columns, self._names, strict=True) if j >= 0]
        return dict(reversed(known))

    @cached_property
    def _room(self) -> Room:
        return Room.of(self.candidates)

    @cached_property
    def _rates(self) -> RateBook:
        return RateBook.of(self.candidates)

    @cached_property
    def _policy_text(self) -> str:
        return repr(self.policy)


class _Situation(NamedTuple):
    """What is known of n requests before any prediction."""

    exclusions: tuple[Mapping[str, str], ...]
    eligible: BoolArray
    control_draw: Sequence[float]
    circumstances: Circumstances

    def with_forms(self, forms: Sequence[int]) -> _Situation:
        """Returns the situation with the form that each answer takes."""
        answer_form = np.array(forms, dtype=np.int64)
        return self._replace(circumstances=msgspec.structs.replace(self.circumstances, answer_form=answer_form))


class IneligibleChoiceError(FairleadError):
    """A policy chose a candidate that was excluded: a fault of the router, never of the request."""


_REFERENCE_FIRST = Floor()
"""With nothing known it serves the reference; where that cannot, the first eligible candidate in order."""


def _somebody(eligible: BoolArray) -> BoolArray:
    """Returns `eligible` with whole rows where nobody is: such a row is decided in vain, and columns stay whole."""
    nobody = ~eligible.any(axis=1, keepdims=True)
    return np.asarray(eligible | nobody)


def _aliases(candidate: Candidate) -> tuple[str, ...]:
    return (candidate.name, *filter(None, [candidate.weights]), *candidate.known_as)


def known(value: Any) -> Any:
    """Returns what is said, without what is not known: so a noun that grows a field keeps its hash."""
    if isinstance(value, dict):
        return {name: known(part) for name, part in value.items() if part is not None}
    return [known(part) for part in value] if isinstance(value, list | tuple) else value


def _latency_p95_s(host: HostState | None) -> float:
    """Returns what a host was lately measured at, NaN where it was not."""
    return math.nan if host is None or host.latency_p95_s is None else host.latency_p95_s


def _moments(contexts: Sequence[Context] | None) -> list[datetime] | None:
    return None if contexts is None else [context.now for context in contexts]


def _mix_draw(request: Request, context: Context) -> float:
    """Returns the session's draw; a request without one draws for itself, from the seed and its own words."""
    if context.session is not None:
        return context.session.mix_draw
    digest = hashlib.blake2b(f"{context.seed}\n{request.prompt}".encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
