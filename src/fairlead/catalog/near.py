"""Names that somebody may have meant who wrote one that nobody knows."""

from __future__ import annotations

import difflib
from itertools import islice

from fairlead.catalog.capabilities import every_model

CUTOFF = 0.8
"""Share of two names that has to be alike: below it a wrong hint is likelier than a right one."""


def near(name: str, most: int = 3) -> tuple[str, ...]:
    """Returns known models whose names are close, the closest first: at its provider, else at any.

    Args:
        name: `PROVIDER/MODEL`, or a model's name alone.
        most: how many.

    Example:
        >>> near("openai/gpt-6.1-soll")[0]
        'openai/gpt-6.1-sol'
        >>> near("claude-opus-4-55")[0]
        'anthropic/claude-opus-4-5'
    """
    known = every_model()
    provider = name.partition("/")[0]
    at_host = [each for each in known if each.startswith(f"{provider}/")] if "/" in name else []
    if at_host:
        return tuple(difflib.get_close_matches(name, at_host, n=most, cutoff=CUTOFF))
    hosts: dict[str, list[str]] = {}
    for each in known:
        hosts.setdefault(each.partition("/")[2], []).append(each)
    close = difflib.get_close_matches(name.rpartition("/")[2], hosts, n=most, cutoff=CUTOFF)
    return tuple(islice((each for model in close for each in hosts[model]), most))
