"""Drills: providers fail in every known way, over real sockets, and the gateway must come through."""

from fairlead.drills.beyond import BEYOND
from fairlead.drills.running import FAST, Cell, Drill, Result, cells, drilled, drilling
from fairlead.drills.scenarios import SCENARIOS, Scenario

__all__ = ["BEYOND", "FAST", "SCENARIOS", "Cell", "Drill", "Result", "Scenario", "cells", "drilled", "drilling"]
