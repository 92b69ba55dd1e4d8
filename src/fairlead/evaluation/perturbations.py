"""Changes to a prompt that should change no decision: the same request in other spellings, and gadgets around it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fairlead.types import FloatArray

    Perturbation = Callable[[str, np.random.Generator], str]

TYPO_RATE = 0.03
"""Share of the words of four letters and more in which two neighbours change places."""

_WORD = re.compile(r"[A-Za-z]{4,}")
_OPTION = re.compile(r"^([ \t]*\(?[A-Z][.):][ \t]+)(.*)$", re.MULTILINE)


def _lower(prompt: str, rng: np.random.Generator) -> str:  # noqa: ARG001 - part of the contract
    return prompt.lower()


def _spaced(prompt: str, rng: np.random.Generator) -> str:  # noqa: ARG001 - part of the contract
    return "\n" + prompt.replace(" ", "  ") + "\n\n"


def _polite(prompt: str, rng: np.random.Generator) -> str:  # noqa: ARG001 - part of the contract
    return f"Hello! Could you please help me with this?\n\n{prompt}\n\nThank you very much!"


def _mistyped(prompt: str, rng: np.random.Generator) -> str:
    def typed(found: re.Match[str]) -> str:
        word = found.group()
        if rng.random() >= TYPO_RATE:
            return word
        at = int(rng.integers(1, len(word) - 2))
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]

    return _WORD.sub(typed, prompt)


def _reordered(prompt: str, rng: np.random.Generator) -> str:
    """Returns the prompt with its options under other letters; as it is where it has fewer than two."""
    texts = [found.group(2) for found in _OPTION.finditer(prompt)]
    order = iter(rng.permutation(len(texts)))
    return _OPTION.sub(lambda found: found.group(1) + texts[next(order)], prompt)


SAME_MEANING: Mapping[str, Perturbation] = {
    "lower case": _lower,
    "white space": _spaced,
    "politeness": _polite,
    "typing errors": _mistyped,
    "options reordered": _reordered,
}
"""Name -> what keeps the meaning; one that does not apply to a prompt gives it back unchanged."""

HARD = "Olympiad-level research problem: derive a rigorous proof, step by step, with \\sum and \\int."
EASY = "Quick question, one word is enough."
NOISE = "zx qv !! describing.+ similarlyNow write ]( Me giving ** One please ? revert with"

GADGETS: Mapping[str, Callable[[str], str]] = {
    "prefix: sounds hard": lambda prompt: f"{HARD}\n\n{prompt}",
    "suffix: sounds hard": lambda prompt: f"{prompt}\n\n{HARD}",
    "prefix: sounds easy": lambda prompt: f"{EASY}\n\n{prompt}",
    "suffix: sounds easy": lambda prompt: f"{prompt}\n\n{EASY}",
    "prefix: noise": lambda prompt: f"{NOISE} {prompt}",
    "suffix: noise": lambda prompt: f"{prompt} {NOISE}",
}
"""Name -> a fixed text around any prompt; nobody who writes it changes what is asked."""


def searched_gadget(
    pull: Callable[[Sequence[str]], FloatArray],
    prompts: Sequence[str],
    *,
    rng: np.random.Generator,
    suffix: bool = False,
    n_words: int = 8,
    n_tries: int = 60,
) -> str:
    """Returns a text that, put before (or after) any prompt, pulls a router towards where an attacker wants it.

    Hill climbing: a word of the text is exchanged for one out of the prompts, and kept where the mean pull rises.
    Query-independent: it is searched on some prompts and then used on others.

    Args:
        pull: prompts -> (n,) how far the router leans towards, say, the strong model.
        prompts: where it is searched: prompts that the router was fitted on, as an attacker may guess them.
        rng: of the search.
        suffix: it stands after the prompt.
        n_words: length of the text.
        n_tries: exchanges that are tried; each asks for the pull of all `prompts`.

    References:
        Shafran et al., Rerouting LLM routers, 2025, arXiv:2501.01818, section 4.
    """
    vocabulary = sorted({word for prompt in prompts for word in prompt.split()[:200]}) or ["!"]
    words = ["!"] * n_words

    def mean_pull(candidate: Sequence[str]) -> float:
        return float(np.mean(pull([around(" ".join(candidate), prompt, suffix=suffix) for prompt in prompts])))

    best = mean_pull(words)
    for k in range(n_tries):
        tried = [*words]
        tried[k % n_words] = vocabulary[int(rng.integers(len(vocabulary)))]
        if (reached := mean_pull(tried)) > best:
            words, best = tried, reached
    return " ".join(words)


def around(gadget: str, prompt: str, *, suffix: bool) -> str:
    """Returns the prompt with a gadget before or after it."""
    return f"{prompt} {gadget}" if suffix else f"{gadget} {prompt}"
