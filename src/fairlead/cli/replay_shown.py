"""What `fairlead replay` found, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.cli.output import table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console
    from rich.table import Table

    from fairlead.proof.by_copies import ByCopies
    from fairlead.proof.replay import Replayed
    from fairlead.proof.what_if import Measured, WhatIf
    from fairlead.statistics.bootstrap import Interval

SHOWN = 20
"""Differences that are printed; `--json` has the first hundred decisions."""


def show_exact(found: Replayed, console: Console) -> None:
    """Prints what deciding again came to."""
    from fairlead.proof.replay import NOT_REPLAYED  # noqa: PLC0415 - heavy, loaded when called

    n = found.n_same + found.n_different
    lines = [f"{found.n_requests:,} requests, {n:,} decided again: {found.n_same:,} the same to the last bit"]
    lines += [f"{found.n_different:>12,}  differ"] if found.n_different else []
    lines += _counted(found.not_replayed, NOT_REPLAYED)
    lines += [f"{n:>12,}  by router {version}" for version, n in found.other_routers.items()]
    lines += [
        f"{d.decision_id} {d.field}: {d.logged} was logged, {d.replayed} comes out" for d in found.differences[:SHOWN]
    ]
    console.print("\n".join(lines), soft_wrap=True)


def show_what_if(found: WhatIf, console: Console) -> None:
    """Prints what the other policy would have come to."""
    from fairlead.proof.what_if import NOT_USABLE  # noqa: PLC0415 - heavy, loaded when called

    lines = [f"{found.n_requests:,} requests, of which {found.n_usable:,} tell of the other policy"]
    lines += _counted(found.not_usable, NOT_USABLE)
    if found.agreement is not None:
        lines.append(f"on {found.agreement:.1%} of those both policies call the same candidate first")
    console.print("\n".join(lines), soft_wrap=True)
    if found.measures:
        console.print(_measures(found.measures))
        console.print("\n".join(_notes(found.measures)), soft_wrap=True)
    _show_copied(found.copied, console)


def _show_copied(copied: ByCopies, console: Console) -> None:
    """Prints what copies tell; nothing where none was made."""
    from fairlead.proof.by_copies import REFUSALS  # noqa: PLC0415 - heavy, loaded when called

    if not copied.n_copied:
        return
    asked = f"{copied.n_copied:,} requests were copied; on {copied.n_requests:,} of them everybody answered whom the"
    lines = [f"\nBy shadow copies: {asked} other policy would call."]
    if copied.n_weighed:
        lines.append(
            f"On {copied.n_weighed:,} of these its plan weighs answers, which are not kept: it lies between its first "
            "stage alone and all of its stages, and between its worst and its best answer."
        )
    console.print("\n".join(lines), soft_wrap=True)
    if not copied.measures:
        return
    rows = table("mean per copied request", "requests", "as served", "other policy, 95 %", "difference")
    for found in copied.measures:
        told = (_between(found.low, found.high), _between(found.difference_low, found.difference_high))
        rows.add_row(found.measure, f"{found.n_requests:,}", _figure(found.as_served), *told)
    console.print(rows)
    for found in copied.measures:
        if found.refusal is not None:
            console.print(f"{found.measure}: no estimate, {REFUSALS[found.refusal]}")


def _between(low: Interval | None, high: Interval | None) -> str:
    if low is None or high is None:
        return ""
    if low == high:
        return _interval(low)
    return f"between {_figure(low.value)} and {_figure(high.value)} ({_figure(low.low)} to {_figure(high.high)})"


def _measures(measures: tuple[Measured, ...]) -> Table:
    rows = table("mean per request", "requests", "as served", "other policy, 95 %", "difference", "at any time")
    for measured in measures:
        rows.add_row(
            measured.measure,
            f"{measured.overlap.n_requests:,}",
            _figure(measured.as_logged),
            _interval(measured.once),
            _interval(measured.difference),
            _range(measured.always),
        )
    return rows


def _notes(measures: tuple[Measured, ...]) -> list[str]:
    from fairlead.proof.off_policy.overlap import REFUSALS  # noqa: PLC0415 - heavy, loaded when called

    notes = []
    for measured in measures:
        overlap = measured.overlap
        rests = (
            f"{overlap.effective_sessions:.0f} effective of {overlap.n_sessions:,} sessions, "
            f"largest weight {overlap.max_weight:.3g}, mean weight {overlap.mean_weight:.3f}"
        )
        if overlap.refusal is None and not overlap.n_informative:
            rests = "exact, as the other policy does here what the log's did anyway"
        unknown = f", {measured.not_observed:,} requests of unknown outcome" if measured.not_observed else ""
        notes.append(f"{measured.measure}: {rests}{unknown}")
        if overlap.refusal is not None:
            more = "" if overlap.sessions_needed is None else f"; about {overlap.sessions_needed:,} more are needed"
            notes.append(f"{measured.measure}: no estimate, {REFUSALS[overlap.refusal]}{more}")
    return notes


def _counted(counts: Mapping[str, int], words: Mapping[str, str]) -> list[str]:
    return [f"{n:>12,}  {words[reason]}" for reason, n in sorted(counts.items(), key=lambda c: -c[1])]


def _interval(interval: Interval | None) -> str:
    return "" if interval is None else f"{_figure(interval.value)} ({_range(interval)})"


def _range(interval: Interval | None) -> str:
    return "" if interval is None else f"{_figure(interval.low)} to {_figure(interval.high)}"


def _figure(value: float) -> str:
    return f"{value:.4g}"
