"""Which prompts ask the same question, so that a split never learns on one side what it is asked on the other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.types import BoolArray

_OPTIONS = re.compile(r"^[ \t]*\(?A[.):][ \t].*?^[ \t]*\(?B[.):][ \t]", re.MULTILINE | re.DOTALL)
_NOT_WORD = re.compile(r"\W+")


def question_key(prompt: str) -> str:
    r"""Returns what two prompts share when they ask the same question.

    The text before the options of a multiple-choice prompt (a line that opens with `A.`, `A)`, `(A)` or `A:` and a
    later one with `B`), in lower case, runs of non-word characters as one space. The same stem with other options
    counts as the same question: that costs a split nothing, the opposite would leak.

    >>> question_key("Which is a noble gas?\nA. Iron\nB. Neon")
    'which is a noble gas'
    """
    options = _OPTIONS.search(prompt)
    stem = prompt[: options.start()] if options else prompt
    return _normalised(stem) or _normalised(prompt) or prompt


_LABEL = re.compile(r"^(?:question|problem|task|exercise|q|\d+) ")
_NUMBER = re.compile(r"\d+")


def stem_key(prompt: str) -> str:
    r"""Returns what two prompts share when one is the other with other options, another number or other figures.

    Wider than `question_key`: to keep a benchmark out of the training prompts it is better to lose a prompt too many.

    >>> stem_key("Question 12: Tom has 5 apples.\nA. 3\nB. 4") == stem_key("tom has 7 apples")
    True
    """
    key, shorter = question_key(prompt), ""
    while (shorter := _LABEL.sub("", key, count=1)) != key:
        key = shorter
    return _NUMBER.sub("0", key)


def _normalised(text: str) -> str:
    return _NOT_WORD.sub(" ", text.lower()).strip()


def first_side(prompts: Sequence[str], fraction: float, seed: int) -> BoolArray:
    """Returns (n_prompts,) true for the first side of a split; about `fraction` of the prompts.

    Repeated questions stay together. The side depends on the set of questions and the seed, not on their order.
    """
    keys = [question_key(prompt) for prompt in prompts]
    number = {key: i for i, key in enumerate(sorted(set(keys)))}
    question = np.array([number[key] for key in keys], dtype=np.int64)
    order = np.random.default_rng(seed).permutation(len(number))
    n_prompts = np.cumsum(np.bincount(question)[order])
    n_chosen = int(np.argmin(np.abs(n_prompts - fraction * len(prompts)))) + 1
    return np.isin(question, order[: min(n_chosen, len(number) - 1)])
