"""The tables of what a route learns from: copies to other models, rules and judges that score answers."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path  # noqa: TC003 - msgspec reads the annotations
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from fairlead.config.base import Table, Text
from fairlead.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable


POINTER = "current"
"""Last part of a router's path that `fairlead promote` moves."""

Share = Annotated[float, Meta(ge=0, le=1)]
Usd = Annotated[Decimal, Meta(description="USD, such as `2` or `0.50`")]


class ShadowConfig(Table, frozen=True, kw_only=True):
    """`shadow` of a route: copies of requests that go to other models after the reply, so that they can be compared."""

    share: Share
    """Share of the requests that are copied, at random; never one that has tools, or whose session opted out. In
    [0, 1]. Required."""
    usd_per_day: Usd
    """What the copies may cost in a day (UTC), USD; reserved before each call. The first copy that does not fit ends
    the day's copies. Required, above 0."""
    candidates: tuple[Text, ...] | None = None
    """Models that get copies. Default: all others of the route whose price is known."""


class JudgeConfig(Table, frozen=True, kw_only=True):
    """`judge` of a route: a model that scores the answers to a copied request, not told which is whose."""

    model: Text
    """The model that judges, `PROVIDER/MODEL`. Required."""
    usd_per_day: Usd
    """What it may cost in a day (UTC), USD; reserved before each call. Required, above 0."""
    share: Share = 1.0
    """Share of the copied requests that are judged, at random. Default 1, in [0, 1]."""


class VerifierConfig(Table, frozen=True, kw_only=True):
    """`verifiers` of a route: rules that score answers, served and copied, without a model; 1 is kept, 0 is not."""

    kind: Literal["json_schema", "regex", "exact", "numeric", "unit_test", "citation", "refusal", "truncation"]
    """`json_schema`: keeps to the request's schema, or to `schema`; `regex`: holds `pattern`; `exact`, `numeric`: is
    the answer that the caller expects (`metadata.expected_answer`); `unit_test`: passes `command`; `citation`: cites;
    `refusal`: is none; `truncation`: is whole. Required."""
    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] | None = None
    """What it scores as, `verifier:NAME`. Default: its kind."""
    pattern: Text | None = None
    """Of `regex`, where it is required: in Python's spelling."""
    schema: Path | None = None
    """Of `json_schema`: file with a JSON Schema; a relative path starts at the config file. Default: the request's."""
    tolerance: Annotated[float, Meta(ge=0, le=1)] | None = None
    """Of `numeric`: relative. Default 0, up to 1."""
    at_least: Annotated[int, Meta(ge=1, le=100)] | None = None
    """Of `citation`: how many different ones. Default 1, up to 100."""
    command: tuple[Text, ...] | None = None
    """Of `unit_test`, where it is required: program and arguments, run in a sandbox beside the answer's code."""
    folder: Path | None = None
    """Of `unit_test`: tests that are put beside the code; a relative path starts at the config file. Default: none."""
    file: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}$")] | None = None
    """Of `unit_test`: the name under which the code is put there. Default `answer.py`."""
    time_s: Annotated[float, Meta(gt=0, le=600)] | None = None
    """Of `unit_test`: how long the command may take, seconds. Default 10, up to 600."""
    memory_mb: Annotated[int, Meta(ge=16, le=16_384)] | None = None
    """Of `unit_test`: memory of the command, megabytes. Default 512, 16 to 16384."""
    isolation: Literal["required", "where_possible"] | None = None
    """Of `unit_test`: where the system cannot shut off network and files, do not run (`required`), or run all the same.
    Default `required`."""

    @property
    def source(self) -> str:
        """Under which name it scores."""
        return f"verifier:{self.name or self.kind}"


_OF_KIND = {
    "pattern": "regex",
    "schema": "json_schema",
    "tolerance": "numeric",
    "at_least": "citation",
    **dict.fromkeys(("command", "folder", "file", "time_s", "memory_mb", "isolation"), "unit_test"),
}
"""Setting -> the kind of verifier that it belongs to."""
_REQUIRED = {"regex": "pattern", "unit_test": "command"}


def check_learning(
    place: str, *, shadow: ShadowConfig | None, judge: JudgeConfig | None, verifiers: Iterable[VerifierConfig]
) -> None:
    """Raises ConfigError where what a route learns from contradicts itself; `place` is the route's table."""
    for name, spends in (("shadow", shadow), ("judge", judge)):
        if spends is not None:
            _check_spending(spends.usd_per_day, f"{place}.{name}")
    if judge is not None and shadow is None:
        raise ConfigError(f"`{place}.judge` has nothing to compare without `{place}.shadow`. Add that, or remove it.")
    _check_verifiers(verifiers, f"{place}.verifiers")


def _check_verifiers(verifiers: Iterable[VerifierConfig], place: str) -> None:
    """Raises ConfigError where a verifier lacks a setting, has one of another kind, or two have one name."""
    names: set[str] = set()
    for i, verifier in enumerate(verifiers):
        here = f"{place}[{i}]"
        _check(verifier, here)
        if verifier.source in names:
            raise ConfigError(f"`{here}` scores as `{verifier.source}`, as another one does. Give it a `name`.")
        names.add(verifier.source)


def _check(verifier: VerifierConfig, place: str) -> None:
    for setting, kind in _OF_KIND.items():
        if getattr(verifier, setting) is not None and verifier.kind != kind:
            raise ConfigError(
                f"`{place}.{setting}` says nothing of `{verifier.kind}`; it belongs to `{kind}`. Remove it."
            )
    required = _REQUIRED.get(verifier.kind)
    if required is not None and not getattr(verifier, required):
        raise ConfigError(f"`{place}` is a `{verifier.kind}`; expected `{required}`. Add it.")
    if verifier.pattern is not None:
        try:
            re.compile(verifier.pattern)
        except re.error as error:
            raise ConfigError(f"`{place}.pattern` is no pattern: {error}. Correct it.") from None


def _check_spending(usd_per_day: Decimal, place: str) -> None:
    """Raises ConfigError where a day's sum is none."""
    if not (usd_per_day.is_finite() and 0 < usd_per_day <= 1_000_000):
        raise ConfigError(f"`{place}.usd_per_day` is {usd_per_day}; expected USD above 0, at most 1000000.")
