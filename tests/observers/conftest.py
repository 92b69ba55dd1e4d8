"""A record as the gateway tells it."""

import pytest

from fairlead.observers import Served
from fairlead.types import Outcome


@pytest.fixture
def seen(records):
    """Returns a record: a call that was refused, then one that answered."""

    def seen(**changes):
        attempts = (records.failed_attempt(1), records.attempt(2, stage=1))
        fields = {
            "request_id": "req_1",
            "decision_id": "dec_1",
            "at": records.start,
            "route": "auto",
            "dialect": "openai",
            "stream": True,
            "decision": records.intent().decision,
            "outcome": Outcome(status="delivered", attempts=attempts, served="a/cheap"),
            "reference_cost_usd": 0.001,
            "served_as": None,
            "settled": True,
            "spent_s": {"decode": 0.001, "upstream": 0.5},
            "total_s": 0.51,
            "overhead_s": 0.01,
        }
        return Served(**fields | changes)

    return seen
