"""Rules that settle how good an answer is without a model: sources of outcomes like any other, held against people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.learning.verifiers.base import Answer, Task, Verifier
from fairlead.learning.verifiers.code import UnitTest
from fairlead.learning.verifiers.rules import Citation, Exact, Numeric, Refusal, Regex, Truncation
from fairlead.learning.verifiers.schema import JsonSchema

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["VERIFIERS", "Answer", "Task", "Verifier"]

VERIFIERS: Mapping[str, type[Verifier]] = {
    "json_schema": JsonSchema,
    "regex": Regex,
    "exact": Exact,
    "numeric": Numeric,
    "unit_test": UnitTest,
    "citation": Citation,
    "refusal": Refusal,
    "truncation": Truncation,
}
"""Kind in the configuration -> the verifier."""
