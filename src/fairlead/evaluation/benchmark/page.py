"""The results in Markdown: what was claimed and reached, then one table of methods for each part."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fairlead.evaluation.benchmark.claims import LEVEL, by_bar, claims, ranking
from fairlead.evaluation.benchmark.ours import DIRECT, NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fairlead.evaluation.benchmark.provenance import Provenance
    from fairlead.evaluation.benchmark.results import MethodResult, PartResult
    from fairlead.statistics.bootstrap import Interval

    Rows = tuple[tuple[str, ...], Sequence[tuple[str, ...]]]

_COSTS = {
    "usd": "cost is tokens times list prices, USD",
    "strong share": "cost is the share of calls to the stronger of the two models",
    "none": "no cost is known or it is the same for all: quality alone is compared",
}


def markdown(parts: Sequence[PartResult], provenance: Provenance, *, notes: str = "") -> str:
    """Returns the whole page, `notes` in Markdown before the figures."""
    return "\n".join(
        [
            *_head(provenance),
            *([notes] if notes else []),
            *_claims(parts),
            *_ranking(parts),
            *_negative(parts),
            *_steadiness(parts),
            *_parts(parts),
        ]
    )


def _head(provenance: Provenance) -> Iterator[str]:
    yield "# Results\n"
    yield (
        "Every method on every table: fitted on 70 % of the prompts, judged on the others, over several splits; "
        "repeated questions stay on one side. All methods have the same features, prompts and models. [How to read "
        "this](../docs/guides/read-results.md); every word is in the [glossary](../docs/concepts/glossary.md).\n"
    )
    yield "```\n" + provenance.command + "\n```\n"
    yield f"{provenance.sentence}\n"


def _claims(parts: Sequence[PartResult]) -> Iterator[str]:
    yield "## Bars\n"
    for (claim, bar), found in by_bar(claims(parts)).items():
        yield f"**{claim[0].upper()}{claim[1:]}**: {bar}.\n"
        rows = [(c.part, c.measured, f"{c.n:,}", "reached" if c.reached else "**not reached**") for c in found]
        yield table(("table", "measured", "questions", ""), rows)


def _ranking(parts: Sequence[PartResult]) -> Iterator[str]:
    whole = [part for part in parts if not part.few_labels and part.method(NAME)]
    if not whole:
        return
    yield "## Mean rank\n"
    yield (
        "By area over the hull, by score where no cost is known; bounds and tables with few labels are left out. A "
        "method that does not apply to a table leaves one with the best single model, and is ranked there by that.\n"
    )
    rows = []
    for name, rank in ranking(whole).items():
        found = [(part, part.method(name)) for part in whole]
        beaten = [part.name for part, method in found if _differs(method, ahead=True)]
        ahead = [part.name for part, method in found if _differs(method, ahead=False)]
        n = sum(method is not None for _, method in found)
        rows.append((name, f"{rank:.2f}", f"{n}", f"{len(beaten)}", f"{len(ahead)}"))
    header = ("method", "mean rank", "tables", f"tables on which {NAME} is significantly ahead", "and behind")
    yield table(header, rows)


def _differs(method: MethodResult | None, *, ahead: bool) -> bool:
    if method is None or method.versus is None or not method.versus.p_holm < LEVEL:
        return False
    return (method.versus.difference.value > 0) == ahead


def _negative(parts: Sequence[PartResult]) -> Iterator[str]:
    """Yields what did not work, in the same words everywhere."""
    lines = []
    for part in parts:
        ours = part.method(NAME)
        if ours is None or part.few_labels:
            continue
        better = [m.name for m in part.methods if not m.bound and m.main.value > ours.main.value and m.name != NAME]
        if better:
            lines.append(
                f"- {part.name}: {', '.join(better)} came out ahead of {NAME} (by less than chance, where the "
                "table below does not mark it)."
            )
        if ours.default.gain.high < 0:
            lines.append(
                f"- {part.name}: {NAME} at its default lies under the hull, {_interval(ours.default.gain, 100)}."
            )
    if lines:
        yield "## Where it did not come out ahead\n"
        yield "\n".join(lines) + "\n"


def _steadiness(parts: Sequence[PartResult]) -> Iterator[str]:
    rows = []
    for part in parts:
        for name, adversarial in (("the same request, spelled otherwise", False), ("a text put around it", True)):
            found = [flip for flip in part.flips if flip.adversarial == adversarial and flip.n]
            if found and not part.few_labels:
                worst = max(found, key=lambda flip: flip.flipped)
                mean = sum(flip.flipped for flip in found) / len(found)
                dearest = max(flip.dearer for flip in found)
                rows.append((part.name, name, f"{mean:.1%}", f"{worst.flipped:.1%} ({worst.change})", f"{dearest:.1%}"))
    if rows:
        yield "## Choices that flip with the wording\n"
        yield (
            f"Of {NAME} without its guard, on 200 prompts of the first split. Some of the texts that are put around a "
            "prompt were searched on training prompts against this very router.\n"
        )
        yield table(("table", "change", "mean", "at worst", "to a dearer model, at worst"), rows)


def _parts(parts: Sequence[PartResult]) -> Iterator[str]:
    for part in parts:
        yield f"## {part.name}\n"
        yield about(part) + "\n"
        yield from (table(*rows) for rows in tables(part))
        yield from _left_out(part)


def tables(part: PartResult) -> list[Rows]:
    """Returns header and rows of the tables of one part: comparison, frontiers, default points."""
    return [_methods(part), *([_frontiers(part)] if part.costed else []), _defaults(part)]


def about(part: PartResult) -> str:
    """Returns what the figures of one part rest on."""
    fitted = f"about {part.n_train:,} labels, {part.n_splits} draws" if part.few_labels else f"{part.n_splits} splits"
    return (
        f"{part.n_prompts:,} prompts by {len(part.fixed)} models, {fitted}; {part.n_judged:,} judged prompts of "
        f"{part.n_questions:,} different questions; {_COSTS[part.cost]}; reference {', '.join(part.references)}; data "
        f"{part.data_hash[:12]}."
    )


def _methods(part: PartResult) -> Rows:
    main = "area over the hull, points" if part.costed else "mean score, points"
    header = ("method", main, f"{NAME} minus it", "p (Holm)", "best score", "regret to the oracle", "took, s")
    rows = [
        (
            _name(method),
            _interval(method.main, 100),
            _interval(method.versus.difference, 100) if method.versus else "",
            _p(method),
            f"{method.best.score.value:.4f}",
            _interval(method.regret, 100),
            f"{method.took_s:.1f}",
        )
        for method in part.methods
    ]
    return header, rows


def _frontiers(part: PartResult) -> Rows:
    pair = any(not math.isnan(method.apgr.value) for method in part.methods)
    header = [
        "method",
        "AIQ",
        "at 25 % of the reference's cost",
        "at 50 %",
        "at 100 %",
        "PerfGain",
        "CostSave",
        "ParetoDist",
    ]
    header += ["APGR", "CPT50", "CPT80"] if pair else []
    rows = []
    for method in part.methods:
        row = [_name(method), _figure(method.aiq.value, 4)]
        row += [_figure(reached.value, 4) for reached in method.at_cost.values()]
        row += [_interval(method.perf_gain, 100, " %"), _saving(method), _figure(method.pareto_distance, 3)]
        row += [_interval(figure, 1, digits=3) for figure in (method.apgr, method.cpt50, method.cpt80)] if pair else []
        rows.append(tuple(row))
    return tuple(header), rows


def _defaults(part: PartResult) -> Rows:
    header = (
        *("default point", "score", "minus the reference, points", "cost, % of the reference's"),
        *("gain over the hull, points", "misroutes, %", "repair, % of the reference's cost"),
        *("Brier", "calibration error", "above chance", "chance, 95th percentile", "AUC"),
    )
    rows = []
    for method in part.methods:
        point, trust = method.default, method.calibration
        unit = _unit(method)
        rows.append(
            (
                _name(method),
                _interval(point.score, 1, digits=4),
                _interval(point.difference, 100),
                _interval(point.cost_ratio, 100, digits=1),
                _interval(point.gain, 100),
                _interval(point.misroute, 100, digits=1),
                _interval(point.misroute_cost, 100 / unit, digits=1) if unit else "",
                f"{trust.brier:.4f}" if trust else "",
                f"{trust.error:.4f}" if trust else "",
                f"{trust.excess:+.4f}" if trust else "",
                f"{trust.limit:.4f}" if trust else "",
                _interval(trust.auc, 1, digits=3) if trust else "",
            )
        )
    return header, rows


def _unit(method: MethodResult) -> float:
    """Returns the reference's mean cost, zero where it is not known."""
    ratio = method.default.cost_ratio.value
    return method.default.cost.value / ratio if ratio and not math.isnan(ratio) else 0.0


def _left_out(part: PartResult) -> Iterator[str]:
    words = []
    lacking = [name for name in part.not_applicable if name != DIRECT]
    if lacking:
        words.append(f"{', '.join(lacking)} cannot be had here (no answers, or no costs)")
    if part.n_prompts_left_out:
        words.append(f"{part.n_prompts_left_out:,} prompts are left out, on which some model was not measured")
    if part.models_left_out:
        words.append(f"{len(part.models_left_out)} models are left out, without a price or with too few prompts")
    words += [f"{name} failed: {why}" for name, why in part.failed]
    if words:
        yield f"{'; '.join(words)}.\n"


def _name(method: MethodResult) -> str:
    if method.bound:
        return f"*{method.name} (a bound)*"
    return f"**{method.name}**" if method.name == NAME else method.name


def _p(method: MethodResult) -> str:
    if method.versus is None or math.isnan(method.versus.p_holm):
        return ""
    text = f"{method.versus.p_holm:.3f}"
    return f"**{text}**" if method.versus.p_holm < LEVEL else text


def _saving(method: MethodResult) -> str:
    """Returns CostSave, with the paired difference at that point: the setting was picked in hindsight."""
    if method.parity is None:
        return "parity not reached"
    return f"{100 * (1 - method.parity.cost_ratio.value):.1f} % ({_interval(method.parity.difference, 100)} points)"


def _figure(value: float, digits: int) -> str:
    return "" if math.isnan(value) else f"{value:.{digits}f}"


def _interval(given: Interval, scale: float, unit: str = "", *, digits: int = 2) -> str:
    if math.isnan(given.value):
        return ""
    value = f"{scale * given.value:.{digits}f}{unit}"
    if math.isnan(given.low):
        return value
    return f"{value} [{scale * given.low:.{digits}f}, {scale * given.high:.{digits}f}]"


def table(header: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a Markdown table."""
    lines = [tuple(header)]
    lines.append(tuple("---" for _ in lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in [*lines, *rows]) + "\n"
