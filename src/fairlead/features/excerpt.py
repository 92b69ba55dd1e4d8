"""What features read of a prompt: all of it, or the head and the tail of a very long one."""

from __future__ import annotations

HEAD_CHARS = 4_000
TAIL_CHARS = 2_000


def excerpt(prompt: str) -> str:
    """Returns at most `HEAD_CHARS + TAIL_CHARS` characters, so that the cost of a decision is bounded.

    Instructions stand at the start or at the end of long prompts; what is left out is mostly pasted material.
    """
    if len(prompt) <= HEAD_CHARS + TAIL_CHARS:
        return prompt
    return prompt[:HEAD_CHARS] + prompt[-TAIL_CHARS:]
