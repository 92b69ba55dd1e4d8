"""P(correct | the answers, who gave them): what several answers to one request say about each of them.

The voters of a plan are its candidates in order. Each answer is given by some voters and opposed by those who gave
another one; who gave none is missing. That is its *pattern*, and the log odds that it is right are

    theta[kind] . (1, base, opponents' base, missing, deviation, opponents' deviation, length, length^2)
        + offset[givers]

`kind` counts givers and opponents. `base` is the log odds of a voter's mean score, `deviation` what is predicted of it
on this request beyond that, `length` how much longer its answer is than predicted, all of them means over voters.
`theta` is shared by all plans; `offset`, of each set of voters, is shrunk to zero. So agreement between two voters is
worth what it was worth for most pairs, until their own record says otherwise.

Everything but the length is known before anyone is called, so what is left to do when the answers are there is to look
a pattern up in a small table: that table is what an acceptance rule carries.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product
from typing import TYPE_CHECKING, Self

import numpy as np

from fairlead.statistics.calibration import sigmoid
from fairlead.statistics.logistic import fit_logistic, fit_offsets, log_odds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.types import BoolArray, FloatArray, IntArray

N_KINDS = 7
N_FEATURES = 8
N_GROUPS = 3
"""Of what a first stage can look like: one answer alone, the best one shared, the best one opposed."""

LONGEST = 2.5
"""Standard deviations from the predicted length beyond which an answer is just long, or short."""

MAX_VOTERS = 3

_PRIOR = np.array([0.0, 1.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0])  # as good as its givers are said to be
_PRECISION = np.array([0.5, *[5.0] * (N_FEATURES - 1)])


# Patterns -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Patterns:
    """All p patterns of an answer among v voters, as arrays."""

    givers: FloatArray
    """(p, v) share of each giver: means over givers are products with it."""
    opponents: FloatArray
    """(p, v) share of each opponent."""
    n_missing: FloatArray
    kind: IntArray
    mask: IntArray
    """Givers as bits."""
    number: IntArray
    """Bits of givers, opponents, and whether those agree -> pattern; -1 where there is none."""


@cache
def patterns(n_voters: int) -> Patterns:
    """Returns the patterns among `n_voters` voters."""
    rows = [
        (roles, together)
        for roles in product((0, 1, 2), repeat=n_voters)  # missing, giver, opponent
        for together in ((False, True) if roles.count(2) == 2 else (False,))
        if 1 in roles
    ]
    is_giver = np.array([[role == 1 for role in roles] for roles, _ in rows])
    is_opponent = np.array([[role == 2 for role in roles] for roles, _ in rows])
    together = np.array([shared for _, shared in rows])
    bits = 1 << np.arange(n_voters)
    number = np.full(2 ** (2 * MAX_VOTERS + 1), -1, dtype=np.int64)
    number[_code(is_giver @ bits, is_opponent @ bits, together)] = np.arange(len(rows))
    return Patterns(
        givers=is_giver / is_giver.sum(axis=1, keepdims=True),
        opponents=is_opponent / np.maximum(is_opponent.sum(axis=1, keepdims=True), 1),
        n_missing=(~is_giver & ~is_opponent).sum(axis=1).astype(np.float64),
        kind=_kind(is_giver.sum(axis=1), is_opponent.sum(axis=1), together),
        mask=is_giver @ bits,
        number=number,
    )


def _code(givers: IntArray, opponents: IntArray, together: BoolArray) -> IntArray:
    return np.asarray(givers + (opponents << MAX_VOTERS) + (together.astype(np.int64) << 2 * MAX_VOTERS))


def _kind(n_givers: IntArray, n_opponents: IntArray, together: BoolArray) -> IntArray:
    conditions = [n_givers == 3, (n_givers == 2) & (n_opponents == 1), n_givers == 2, n_opponents == 1, together]
    return np.select([*conditions, n_opponents == 2], [6, 5, 4, 1, 2, 3], 0).astype(np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Votes:
    """The answers of v voters to n requests, and what was expected of each."""

    answer: IntArray
    """(n, v) equal numbers of a row are equal answers, -1 is none."""
    base: FloatArray
    """(v,) log odds of each voter's mean score."""
    deviation: FloatArray
    """(n, v) log odds of the predicted success, less the base."""
    length: FloatArray
    """(n, v) log of the answer's tokens less what was predicted, in standard deviations; 0 where unknown."""

    @cached_property
    def patterns(self) -> Patterns:
        """Those of as many voters."""
        return patterns(self.answer.shape[1])

    @cached_property
    def pattern(self) -> IntArray:
        """(n, v) the pattern of each voter's answer; -1 where it gave none, or a voter before it gave the same."""
        n_voters = self.answer.shape[1]
        bits = 1 << np.arange(n_voters)
        given = self.answer >= 0
        same = (self.answer[:, :, None] == self.answer[:, None, :]) & given[:, :, None] & given[:, None, :]
        opposed = given[:, :, None] & given[:, None, :] & ~same
        together = (opposed[:, :, :, None] & opposed[:, :, None, :] & same[:, None, :, :]).sum(axis=(2, 3)) == 4
        number = self.patterns.number[_code(same @ bits, opposed @ bits, together)]
        repeats = np.tril(same, -1).any(axis=2)
        return np.where(given & ~repeats, number, -1)

    def rows(self, index: IntArray) -> Self:
        """Returns the votes on these requests."""
        return type(self)(
            answer=self.answer[index], base=self.base, deviation=self.deviation[index], length=self.length[index]
        )


# What patterns are worth ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterior:
    """What is learned about voters: shared coefficients."""

    theta: FloatArray
    """(N_KINDS, N_FEATURES)."""

    @classmethod
    def unfitted(cls) -> Self:
        """Returns what is assumed without any answers."""
        return cls(theta=np.tile(_PRIOR, (N_KINDS, 1)))

    @classmethod
    def fit(cls, votes: Sequence[Votes], right: Sequence[FloatArray]) -> Self:
        """Returns the coefficients that fit all these sets of voters at once.

        Args:
            votes: on the same requests, by different voters.
            right: (n, v) score of each voter, for each of them.
        """
        if not votes:
            return cls.unfitted()
        parts = [_answers_in_rows(v, r) for v, r in zip(votes, right, strict=True)]
        kind, x, y = (np.concatenate([part[k] for part in parts]) for k in (1, 3, 4))
        weight = 1.0 / max(len(votes) / 4, 1.0)  # the sets share requests, and most of their voters
        theta = np.tile(_PRIOR, (N_KINDS, 1))
        for k in range(N_KINDS):
            if (inside := kind == k).any():
                theta[k] = fit_logistic(x[inside], y[inside], prior=_PRIOR, precision=_PRECISION, weight=weight)
        return cls(theta=theta)

    def offsets(self, votes: Votes, right: FloatArray, *, strength: float) -> FloatArray:
        """Returns (2^v,) what is added to the log odds of answers that just these voters gave."""
        _, kind, mask, x, y = _answers_in_rows(votes, right)
        logit = (x * self.theta[kind]).sum(axis=1)
        return fit_offsets(logit, y, mask, 1 << votes.answer.shape[1], strength=strength)

    def worth(self, base: FloatArray, offsets: FloatArray) -> Worth:
        """Returns what each pattern is worth.

        Args:
            base: (v,) of the voters.
            offsets: (2^v,) of their sets.
        """
        every = patterns(len(base))
        theta = self.theta[every.kind]
        fixed = theta[:, 0] + theta[:, 1] * (every.givers @ base) + theta[:, 2] * (every.opponents @ base)
        return Worth(
            fixed=fixed + theta[:, 3] * every.n_missing + offsets[every.mask],
            along=theta[:, [4]] * every.givers + theta[:, [5]] * every.opponents,
            bend=theta[:, 6:],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What the p patterns of an answer are worth with given voters."""

    fixed: FloatArray
    """(p,) log odds where nothing is predicted of a request in particular."""
    along: FloatArray
    """(p, v) what the deviation of each voter's prediction adds."""
    bend: FloatArray
    """(p, 2) what a length adds, and its square."""

    def at(self, deviation: FloatArray) -> FloatArray:
        """Returns (n, p) log odds at the predicted length, for voters whose predictions deviate so far (n, v)."""
        return np.asarray(self.fixed + _means(deviation, self.along))

    def table(self, deviation: FloatArray) -> FloatArray:
        """Returns (n, p, 3) the same, and how length bends them."""
        table = np.empty((len(deviation), len(self.fixed), 3))
        table[:, :, 0] = self.at(deviation)
        table[:, :, 1:] = self.bend
        return table


def _means(values: FloatArray, shares: FloatArray) -> FloatArray:
    """Returns (n, p) what `values` (n, v) are on average in each pattern, to the last bit the same for one request."""
    return np.asarray((values[:, None, :] * shares).sum(axis=2))


def _answers_in_rows(votes: Votes, right: FloatArray) -> tuple[IntArray, IntArray, IntArray, FloatArray, FloatArray]:
    """Returns request, kind, givers, features and score of every different answer; of its givers the best is scored."""
    row, voter = np.nonzero(votes.pattern >= 0)
    every, number = votes.patterns, votes.pattern[row, voter]
    givers, opponents = every.givers[number], every.opponents[number]
    length = (givers * votes.length[row]).sum(axis=1)
    x = np.column_stack(
        [
            np.ones(len(row)),
            givers @ votes.base,
            opponents @ votes.base,
            every.n_missing[number],
            (givers * votes.deviation[row]).sum(axis=1),
            (opponents * votes.deviation[row]).sum(axis=1),
            length,
            (givers * (np.square(votes.length[row]) - 1.0)).sum(axis=1),
        ]
    )
    return row, every.kind[number], every.mask[number], x, right[row, _best_giver(every, votes.base)[number]]


def _best_giver(every: Patterns, base: FloatArray) -> IntArray:
    """Returns (p,) of the givers of each pattern the voter with the highest base: whose attempt is delivered."""
    return np.asarray(np.where(every.givers > 0, base, -np.inf).argmax(axis=1))


# What to do with the answers ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The best of the answers to n requests, (n,) each."""

    p: FloatArray
    """Chance that it is right; 0 where nobody answered."""
    voter: IntArray
    """Whose attempt is delivered; -1 where nobody answered."""
    group: IntArray
    """0 it stands alone, 1 it is shared, 2 it is opposed."""


def best_answer(votes: Votes, table: FloatArray) -> Best:
    """Returns the answer with the highest posterior; of equal ones that of the last voter.

    Args:
        votes: n requests.
        table: (n, p, 3) see `Worth.table`.
    """
    every, pattern = votes.patterns, votes.pattern
    row = np.arange(len(pattern))[:, None]
    worth = table[row, pattern]
    length = _means(votes.length, every.givers)
    bend = _means(np.square(votes.length) - 1.0, every.givers)
    logit = worth[..., 0] + worth[..., 1] * length[row, pattern] + worth[..., 2] * bend[row, pattern]
    logit = np.where(pattern >= 0, logit, -np.inf)
    n_voters = logit.shape[1]
    at = n_voters - 1 - logit[:, ::-1].argmax(axis=1)
    chosen, answered = pattern[row[:, 0], at], pattern.max(axis=1) >= 0
    opposed = every.opponents[chosen].any(axis=1)
    shared = (every.givers[chosen] > 0).sum(axis=1) > 1
    return Best(
        p=np.where(answered, sigmoid(logit[row[:, 0], at]), 0.0),
        voter=np.where(answered, _best_giver(every, votes.base)[chosen], -1),
        group=np.where(shared, 1, np.where(opposed, 2, 0)),
    )


def length_of(tokens: FloatArray, expected: FloatArray, mean: FloatArray, sd: FloatArray) -> FloatArray:
    """Returns how long an answer is: log tokens less log predicted tokens, standardised; 0 where either is unknown."""
    z = (np.log1p(tokens) - np.log1p(expected) - mean) / sd
    return np.nan_to_num(np.clip(z, -LONGEST, LONGEST))


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """What a rule knows of its v voters, whatever the request."""

    base: FloatArray
    """(v,)."""
    mean: FloatArray
    sd: FloatArray
    """(v,) of the log of tokens over predicted tokens."""
    bend: FloatArray
    """(N_KINDS, 2) what a length adds, and its square."""

    @cached_property
    def numbers(self) -> tuple[float, ...]:
        """All of it, flat."""
        parts = (self.base, self.mean, self.sd, self.bend.ravel())
        return (float(len(self.base)), *np.concatenate(parts).tolist())


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The rule of one stage for one request: is the best answer good enough, and whose is it?

    It is good enough where asking on would not add more to the chance of a right answer than the cut. That is what
    asking on costs, in quality.
    """

    panel: Panel
    expected: FloatArray
    """(v,) predicted tokens of each answer, NaN where unknown."""
    worth: FloatArray
    """(p,) log odds of an answer of each pattern, at the predicted length."""
    beyond: FloatArray
    """(N_GROUPS, 2) log odds that the answer after the next stage is right: intercept, and slope on those of the best
    answer now; empty for a last stage, which delivers the best answer."""

    def of(self, answers: Sequence[int], tokens: Sequence[float], cut: float) -> tuple[int, bool]:
        """Returns whose answer is the best, -1 where there is none, and whether it is good enough.

        Args:
            answers: (v,) equal numbers are equal answers, -1 is none.
            tokens: (v,) of each answer, NaN where unknown.
            cut: what asking on costs, in quality.
        """
        panel = self.panel
        length = length_of(np.array([tokens], dtype=np.float64), self.expected, panel.mean, panel.sd)
        answer = np.array([answers], dtype=np.int64)
        votes = Votes(answer=answer, base=panel.base, deviation=np.zeros_like(length), length=length)
        table = np.column_stack([self.worth, panel.bend[votes.patterns.kind]])
        best = best_answer(votes, table[None])
        good = self.beyond.size == 0 or bool(gain(best, self.beyond[None])[0] <= cut)
        return int(best.voter[0]), good and best.voter[0] >= 0

    def weights(self) -> tuple[float, ...]:
        """Returns all of it as numbers, to be kept in a plan; an unknown expected length is -1 there."""
        expected = np.where(np.isnan(self.expected), -1.0, self.expected)
        return (*self.panel.numbers, *expected.tolist(), *self.worth.tolist(), *self.beyond.ravel().tolist())

    @classmethod
    def from_weights(cls, weights: Sequence[float]) -> Self:
        """Returns what `weights` gave."""
        v = int(weights[0])
        sizes = np.cumsum([1, v, v, v, 2 * N_KINDS, v, len(patterns(v).kind)])
        _, base, mean, sd, bend, expected, worth, beyond = np.split(np.array(weights), sizes)
        return cls(
            panel=Panel(base=base, mean=mean, sd=sd, bend=bend.reshape(-1, 2)),
            expected=np.where(expected < 0, math.nan, expected),
            worth=worth,
            beyond=beyond.reshape(-1, 2),
        )


def gain(best: Best, beyond: FloatArray) -> FloatArray:
    """Returns (n,) by how much asking on raises the chance that the delivered answer is right.

    Args:
        best: of the answers so far.
        beyond: (n, N_GROUPS, 2) see `Verdict.beyond`.
    """
    intercept, slope = beyond[np.arange(len(best.p)), best.group].T
    return np.asarray(sigmoid(intercept + slope * log_odds(best.p)) - best.p)
