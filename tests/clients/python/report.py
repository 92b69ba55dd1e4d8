"""What every client is asked to do, and how it tells what came of it. Runs in each family's own environment."""

import json
import os

from pydantic import BaseModel

URL = os.environ["FAIRLEAD_URL"]
HOST_URL = os.environ["HOST_URL"]
ROUTES = os.environ["ROUTES"].split()
PROMPT = "Which of the two ships is faster?"
TOOL_PROMPT = "Use get_weather, then answer."
KEY = os.environ["KEY"]
REVOKED_KEY = os.environ["REVOKED_KEY"]

WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


class Verdict(BaseModel):
    """A verdict on two ships."""

    model_config = {"extra": "forbid"}
    faster: str
    knots: int


def report(clients):
    """Prints client -> route -> step -> what came of it, as JSON; `clients` gives the steps of each for a route."""
    results = {name: {route: _tried(steps(route)) for route in ROUTES} for name, steps in clients.items()}
    print(json.dumps(results))


def _tried(steps):
    return {step: _result(function) for step, function in steps.items()}


def _result(function):
    try:
        result = function()
    except Exception as error:  # what went wrong is the result
        return f"{type(error).__name__}: {error}"
    return result.model_dump() if isinstance(result, BaseModel) else result
