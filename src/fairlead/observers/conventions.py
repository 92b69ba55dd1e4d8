"""OpenTelemetry's names for what models do, all in one place: they are still in development, and change.

Source: OpenTelemetry, "Semantic conventions for generative AI" (spans and metrics, status Development),
https://opentelemetry.io/docs/specs/semconv/gen-ai/. Names that begin with `fairlead.` are ours: the conventions have
none for a router's decision or for money.
"""

from __future__ import annotations

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
RESPONSE_MODEL = "gen_ai.response.model"
CONVERSATION = "gen_ai.conversation.id"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
TOKEN_TYPE = "gen_ai.token.type"  # noqa: S105 - the name of an attribute
ERROR_TYPE = "error.type"
HTTP_STATUS = "http.response.status_code"

OPERATIONS = {"embeddings": "embeddings"}
"""Dialect -> operation; of all others `chat`."""

ROUTE = "fairlead.route"
REASON = "fairlead.reason"
ARM = "fairlead.arm"
PROPENSITY = "fairlead.propensity"
CHOSEN = "fairlead.chosen"
REFERENCE = "fairlead.reference"
REQUEST_ID = "fairlead.request_id"
DECISION_ID = "fairlead.decision_id"
STATUS = "fairlead.status"
COST_USD = "fairlead.cost_usd"
REFERENCE_COST_USD = "fairlead.reference_cost_usd"
SERVED_AS = "fairlead.served_as"
STAGE = "fairlead.stage"
ATTEMPT = "fairlead.attempt"
KIND = "fairlead.kind"
TTFT_S = "fairlead.time_to_first_token_s"


def prometheus(name: str) -> str:
    """Returns an attribute's name as Prometheus spells it."""
    return name.replace(".", "_")
