"""Which turn of a conversation is the task: the last thing a user asked for, not the word that told it to go on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairlead.types import Request

SYSTEM_CHARS = 400
"""A system prompt up to this long instructs the task and is read with it; a longer one describes an agent."""

MAX_BARE_CHARS = 60

_BARE_WORDS = (
    "a again ahead all alright also b both c continue correct cool d do exactly fine first for go good great i it keep"
    " let lets next no nope now of ok okay on one option perfect please proceed resume right second sure thank thanks"
    " that the then third this three try two with y yeah yep yes you"
    " ja nein weiter bitte danke oui non merci si claro gracias sim da net hai 好 好的 是 是的 继续 続けて はい"
)
_BARE = frozenset(_BARE_WORDS.split())
_WORD = re.compile(r"\w+")
_ASIDE = re.compile(r"<(system-reminder|environment_details|environment_context)>.*?</\1>", re.DOTALL)


def task(request: Request) -> tuple[str, bool]:
    """Returns the words to read, and whether the last user turn was bare, so that an earlier one gave them.

    The last user turn that asks for something; a short system prompt stands before it. Turns without words (they hold
    tool results) are skipped, and so are the asides that coding agents put into user turns.
    """
    if len(request.messages) == 1:
        return request.messages[0].text, False
    turns = [text for m in request.messages if m.role == "user" and (text := _said(m.text))]
    asked = [text for text in turns if not is_bare(text)]
    chosen = (asked or turns or [""])[-1]
    system = "\n".join(m.text for m in request.messages if m.role == "system")
    text = f"{system}\n{chosen}" if 0 < len(system) <= SYSTEM_CHARS or not chosen else chosen
    return text, bool(turns) and chosen is not turns[-1]


def is_bare(turn: str) -> bool:
    """Whether a turn only answers or urges: it asks for nothing by itself.

    >>> [is_bare(turn) for turn in ("Yes, go on!", "2", "continue", "Fix the test")]
    [True, True, True, False]
    """
    if len(turn) > MAX_BARE_CHARS:
        return False
    return all(word in _BARE or word.isdecimal() for word in _WORD.findall(turn.lower()))


def _said(turn: str) -> str:
    """Returns what a user turn says, without the asides of an agent."""
    return (_ASIDE.sub("", turn) if "<" in turn else turn).strip()
