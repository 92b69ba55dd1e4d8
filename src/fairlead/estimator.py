"""What features, predictors and policies share: arguments are stored, what is learned ends in `_`."""

from __future__ import annotations

import inspect
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fairlead.errors import NotFittedError


class Estimator:
    """Base of everything that is fitted and saved.

    A constructor only stores its arguments, under their own names. What `fit` learns is NumPy arrays under names that
    end in `_`. So `clone`, `repr`, `params`, `state` and `restore` come for free, and an artifact needs no pickle.
    """

    def params(self) -> dict[str, Any]:
        """Returns the constructor's arguments by name."""
        names = inspect.signature(type(self).__init__).parameters
        return {name: getattr(self, name) for name in names if name != "self" and name in self.__dict__}

    def clone(self) -> Self:
        """Returns a new, unfitted estimator with the same arguments."""
        return type(self)(**self.params())

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Returns what was learned: attribute name -> array."""
        return {name: value for name, value in vars(self).items() if name.endswith("_")}

    def restore(self, state: dict[str, npt.NDArray[Any]]) -> Self:
        """Takes back what `state` gave; returns itself."""
        for name, value in state.items():
            setattr(self, name, np.asarray(value))
        return self

    def check_fitted(self, name: str) -> None:
        """Raises NotFittedError unless the attribute `name` was learned."""
        if not hasattr(self, name):
            message = f"this {type(self).__name__} is not fitted yet. Call `fit` first."
            raise NotFittedError(message)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.params().items())
        return f"{type(self).__name__}({arguments})"
