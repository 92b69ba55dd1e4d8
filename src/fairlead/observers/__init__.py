"""Who is told what happened: metrics, traces, logs. They take one frozen record and cannot change the outcome."""

from fairlead.observers.base import Laps, Observer, Observers, Refused, Served

__all__ = ["Laps", "Observer", "Observers", "Refused", "Served"]
