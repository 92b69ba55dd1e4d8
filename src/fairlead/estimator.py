"""What features, predictors and policies share: arguments are stored, what is learned ends in `_`."""

from __future__ import annotations

import inspect
from functools import cached_property
from typing import Any, Protocol, Self, cast

import numpy as np
import numpy.typing as npt

from fairlead.errors import NotFittedError

State = dict[str, npt.NDArray[Any]]
"""What was learned: attribute name -> array."""


class Component(Protocol):
    """What can be copied, described and saved; `Estimator` is how."""

    def clone(self) -> Self:
        """Returns a new, unfitted one with the same arguments."""
        ...

    def description(self) -> dict[str, Any]:
        """Returns class name and arguments, ready for JSON."""
        ...

    def state(self) -> State:
        """Returns what was learned."""
        ...

    def restore(self, state: State) -> Self:
        """Takes back what `state` gave; returns itself."""
        ...


class Estimator:
    """Base of everything that is fitted and saved.

    A constructor only stores its arguments, under their own names. What `fit` learns is NumPy arrays under names that
    end in `_`, declared in the class. So `clone`, `repr`, `params`, `state` and `restore` come for free, and an
    artifact needs no pickle. What follows from what was learned and is needed again and again is a `cached_property`:
    `fit` forgets it, as `restore` does.

    An estimator given as an argument is a part: it is fitted in place with its owner, cloned with it, and its state
    stands in the owner's under `part.name_`; in a tuple of estimators each is one, under `parts.0.name_`.
    """

    def params(self) -> dict[str, Any]:
        """Returns the constructor's arguments by name."""
        names = inspect.signature(type(self).__init__).parameters
        return {name: getattr(self, name) for name in names if name != "self" and name in self.__dict__}

    def clone(self) -> Self:
        """Returns a new, unfitted estimator with the same arguments, its parts cloned as well."""
        return type(self)(**{name: _cloned(value) for name, value in self.params().items()})

    def description(self) -> dict[str, Any]:
        """Returns class name and arguments, ready for JSON; parts are described in their place."""
        params = {name: _described(value) for name, value in self.params().items()}
        return {"class": type(self).__name__, "params": params}

    def state(self) -> State:
        """Returns what was learned: attribute name -> array."""
        own = {name: value for name, value in vars(self).items() if name.endswith("_")}
        nested = (
            (f"{part_name}.{name}", value)
            for part_name, part in _parts(self.params()).items()
            for name, value in part.state().items()
        )
        return own | dict(nested)

    def restore(self, state: State) -> Self:
        """Takes back what `state` gave; returns itself."""
        self.forget()
        for name, value in state.items():
            *path, own_name = name.split(".")
            if path:
                _part_at(self, path).restore({own_name: value})
            else:
                setattr(self, own_name, np.asarray(value))
        return self

    def forget(self) -> None:
        """Forgets every `cached_property`: something else is learned."""
        for name in [name for name in vars(self) if isinstance(getattr(type(self), name, None), cached_property)]:
            del self.__dict__[name]

    def __init_subclass__(cls) -> None:
        """Lets what is declared to be learned say that it was not, until it is."""
        for name in inspect.get_annotations(cls):
            if name.endswith("_"):
                setattr(cls, name, _NotLearned())

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.params().items())
        return f"{type(self).__name__}({arguments})"


class _NotLearned:
    """Stands in the class for what `fit` sets on the object, where it is found first: asking costs nothing."""

    def __get__(self, estimator: Estimator | None, owner: type[Estimator]) -> Self:
        """Raises NotFittedError: the object has nothing under this name."""
        if estimator is None:
            return self
        raise NotFittedError(f"this {owner.__name__} is not fitted yet. Call `fit` first.")


def _parts(params: dict[str, Any]) -> dict[str, Estimator]:
    """Returns the estimators among the arguments: path -> part."""
    alone = {name: value for name, value in params.items() if isinstance(value, Estimator)}
    listed = {
        f"{name}.{i}": part
        for name, value in params.items()
        if isinstance(value, tuple)
        for i, part in enumerate(value)
        if isinstance(part, Estimator)
    }
    return alone | listed


def _part_at(owner: Estimator, path: list[str]) -> Estimator:
    part: Any = owner
    for name in path:
        part = part[int(name)] if name.isdigit() else getattr(part, name)
    return cast("Estimator", part)


def _cloned(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_cloned, value))
    return value.clone() if isinstance(value, Estimator) else value


def _described(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_described, value))
    if isinstance(value, Estimator):
        return value.description()
    return value.item() if isinstance(value, np.generic) else value
