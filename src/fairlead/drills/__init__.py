"""Drills: providers fail in every known way, over real sockets, and the gateway must come through."""

from fairlead.drills.beyond import BEYOND as MET
from fairlead.drills.onward import ONWARD
from fairlead.drills.running import FAST, Cell, Drill, Result, cells, drilled, drilling
from fairlead.drills.scenarios import SCENARIOS, Scenario

BEYOND = (*MET, *ONWARD)
"""Beyond the sixteen: what users of gateways have met, and answers that hosts can go on with."""

__all__ = ["BEYOND", "FAST", "SCENARIOS", "Cell", "Drill", "Result", "Scenario", "cells", "drilled", "drilling"]
