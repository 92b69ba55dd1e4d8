"""What is wrong with a body, taken from msgspec's sentence, so that each dialect can say it in its own words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_MISSING = re.compile(r"Object missing required field `(?P<field>[^`]+)`(?: - at `\$\.?(?P<param>[^`]*)`)?")
_INVALID_VALUE = re.compile(r"Invalid (?:enum )?value '?(?P<value>[^']*)'? - at `\$\.?(?P<param>[^`]*)`")
_INVALID_TYPE = re.compile(r"Expected `(?P<wanted>[^`]+)`, got `(?P<got>[^`]+)`(?: - at `\$\.?(?P<param>[^`]*)`)?")
_OUT_OF_RANGE = re.compile(r"Expected (?P<wanted>.+) - at `\$\.?(?P<param>[^`]*)`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One fault of a body."""

    kind: Literal["missing", "invalid_value", "invalid_type", "out_of_range", "other"]
    param: str = ""
    """The field at fault, such as `messages[0].role`; empty is the whole body."""
    wanted: str = ""
    got: str = ""


def read(sentence: str) -> Complaint:
    """Returns what msgspec complains of.

    Example:
        >>> read("Expected `str`, got `int` - at `$.model`")
        Complaint(kind='invalid_type', param='model', wanted='str', got='int')
    """
    if match := _MISSING.fullmatch(sentence):
        return Complaint(kind="missing", param=".".join(filter(None, [match["param"], match["field"]])))
    if match := _INVALID_VALUE.fullmatch(sentence):
        return Complaint(kind="invalid_value", param=match["param"], got=match["value"])
    if match := _INVALID_TYPE.fullmatch(sentence):
        return Complaint(kind="invalid_type", param=match["param"] or "", wanted=match["wanted"], got=match["got"])
    if match := _OUT_OF_RANGE.fullmatch(sentence):
        return Complaint(kind="out_of_range", param=match["param"], wanted=match["wanted"].replace("`", ""))
    return Complaint(kind="other", wanted=sentence)
