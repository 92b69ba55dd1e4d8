"""A simulated world: tasks with a latent difficulty, and models that solve them or not; everything in it is made up."""

from fairlead.providers.simulated.models import POOLS, SimulatedModel
from fairlead.providers.simulated.tasks import Task
from fairlead.providers.simulated.world import World

__all__ = ["POOLS", "SimulatedModel", "Task", "World"]
