"""Fairlead leads each AI task to the model that suits it, and proves what that saved."""

__version__ = "0.1.0"
