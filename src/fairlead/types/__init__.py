"""The nouns, all frozen: what is asked, who may answer, what is expected, what was decided, what happened.

    Request + Context  -> Decision (a plan of Stages of Steps)  -> Outcome (Attempts, with Usage and cost)

Money on a bill is `Decimal`; a prediction is a float. `None` means unknown and never counts as zero.
"""

from fairlead.money import TOKENS_PER_MTOK, UNITS_PER_MILLION, Price, Rate, Tariff, Term, Usage
from fairlead.types.arrays import BoolArray, FloatArray, IntArray
from fairlead.types.candidates import Candidate, Capabilities
from fairlead.types.content import Dialect, FinishReason, Media, Part, Text, ToolCall, ToolResult
from fairlead.types.contexts import CallerLimits, Context, HostState, SessionState
from fairlead.types.decisions import Acceptance, Arm, Decision, Stage, Step
from fairlead.types.outcomes import Attempt, AttemptKind, AttemptStatus, Chunk, Frame, Outcome, OutcomeStatus, Response
from fairlead.types.predictions import GRIDS, Prediction, Predictions
from fairlead.types.requests import (
    CHARS_PER_TOKEN,
    KeptFeatures,
    Message,
    Request,
    Role,
    Tool,
    assumed_tokens,
    estimated_tokens,
)

__all__ = [
    "CHARS_PER_TOKEN",
    "GRIDS",
    "TOKENS_PER_MTOK",
    "UNITS_PER_MILLION",
    "Acceptance",
    "Arm",
    "Attempt",
    "AttemptKind",
    "AttemptStatus",
    "BoolArray",
    "CallerLimits",
    "Candidate",
    "Capabilities",
    "Chunk",
    "Context",
    "Decision",
    "Dialect",
    "FinishReason",
    "FloatArray",
    "Frame",
    "HostState",
    "IntArray",
    "KeptFeatures",
    "Media",
    "Message",
    "Outcome",
    "OutcomeStatus",
    "Part",
    "Prediction",
    "Predictions",
    "Price",
    "Rate",
    "Request",
    "Response",
    "Role",
    "SessionState",
    "Stage",
    "Step",
    "Tariff",
    "Term",
    "Text",
    "Tool",
    "ToolCall",
    "ToolResult",
    "Usage",
    "assumed_tokens",
    "estimated_tokens",
]
