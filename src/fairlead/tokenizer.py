"""Counting tokens that a provider did not report: an estimate, by a tokenizer that ships inside.

It is exact for the models that use this tokenizer and near for others; Claude's and Gemini's have not been published.
"""

from __future__ import annotations

import base64
import hashlib
import lzma
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from fairlead.errors import CatalogError, MissingExtraError
from fairlead.types import Media, Text, ToolCall, ToolResult, Usage

if TYPE_CHECKING:
    from tiktoken import Encoding

    from fairlead.types import Request

NAME = "o200k_base"
RANKS_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
"""Of the rank file as it was published, https://github.com/openai/tiktoken."""

TOKENS_PER_MESSAGE, TOKENS_OF_REPLY = 3, 3
"""What frames a message, and what opens the reply, in OpenAI's chat format."""

_PIECES = (  # how text is cut before pairs are merged: part of what the tokenizer is
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"\p{N}{1,3}",
    r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
    r"\s*[\r\n]+",
    r"\s+(?!\S)",
    r"\s+",
)


def count(text: str) -> int:
    """Returns the number of tokens; the first call reads the ranks, which takes most of a second and 60 MB.

    Raises:
        MissingExtraError: `fairlead[tokenizer]` is not installed.
    """
    return len(_encoding().encode_ordinary(text))


def estimated_usage(request: Request, said: str) -> Usage | None:
    """Returns what a call used, marked as estimated: `None` where words alone cannot tell, as with media.

    Args:
        request: what was asked.
        said: all that was generated, as far as it came: words, thoughts that were shown, calls of tools.
    """
    parts = [part for message in request.messages for part in message.parts]
    if any(isinstance(part, Media) for part in parts):
        return None
    asked = [_words(part) for part in parts if not isinstance(part, Media)]
    asked += [f"{tool.name}\n{tool.description}\n{tool.parameters}" for tool in request.tools]
    frame = TOKENS_PER_MESSAGE * len(request.messages) + TOKENS_OF_REPLY
    input_tokens = frame + sum(map(count, asked)) + count(request.json_schema or "")
    return Usage(input_tokens=input_tokens, output_tokens=count(said), estimated=True)


def _words(part: Text | ToolCall | ToolResult) -> str:
    match part:
        case Text():
            return part.text
        case ToolCall():
            return f"{part.name}\n{part.arguments}"
        case ToolResult():
            return part.content


@cache
def _encoding() -> Encoding:
    try:
        from tiktoken import Encoding  # noqa: PLC0415 - an extra, loaded where it is first needed
    except ImportError as error:
        raise MissingExtraError("tiktoken", extra="tokenizer") from error
    content = lzma.decompress(files("fairlead").joinpath("data", "o200k_base.xz").read_bytes())
    if hashlib.sha256(content).hexdigest() != RANKS_SHA256:
        raise CatalogError(f"the ranks of `{NAME}` in this installation were altered. Install `fairlead` again.")
    ranks = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in content.splitlines())}
    return Encoding(NAME, pat_str="|".join(_PIECES), mergeable_ranks=ranks, special_tokens={})
