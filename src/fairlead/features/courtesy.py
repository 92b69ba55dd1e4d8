"""Greetings, thanks and "could you please": said around a task, they say nothing about it."""

from __future__ import annotations

import re

_WITHIN = 80
"""Characters at the end in which thanks are looked for."""

_HELP = r"help me(?: out)?(?: with (?:this|that|the following))?[\s?.!:,]+"
_OPENING = re.compile(
    r"\s*(?:"
    r"(?:hello|hi|hey|greetings|good (?:morning|afternoon|evening))(?: there| all| everyone)?\s*[,.!:\n]\s*"
    rf"|(?:could|can|would|will) you (?:please |kindly )?(?:{_HELP})?"
    rf"|(?:please|kindly)(?: {_HELP}|,? )"
    r"|i need (?:your |some )?help with (?:this|the following)[\s.!:,]+"
    r")+",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"(?:^|(?<=[\n.!?]))\s*"
    r"(?:(?:many )?thank(?:s| you)(?: (?:very|so) much| a lot| in advance| for your (?:help|time))*|cheers)[\s.!]*$",
    re.IGNORECASE,
)


def without_courtesy(text: str) -> str:
    """Returns the text without the courtesies at its ends; the text itself where it holds nothing else.

    >>> without_courtesy("Hello! Could you please explain why the sky is blue? Thanks in advance!")
    'explain why the sky is blue?'
    """
    opening = _OPENING.match(text)
    start, end = opening.end() if opening else 0, len(text)
    tail = text[-_WITHIN:].lower()
    if ("thank" in tail or "cheers" in tail) and (closing := _CLOSING.search(text, max(end - _WITHIN, start))):
        end = closing.start()
    rest = text[start:end]
    return text if rest is text or not rest.strip() else rest
