"""The few SVG elements that plots are made of, and their colours.

Text and axes are drawn in `currentColor`, marks in CSS variables with a light and a dark value, so one text reads well
in both schemes. Each plot names itself to screen readers by its title and its description.
"""

from __future__ import annotations

import hashlib
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH = 720.0
FONT_SIZE = 13.0
CHAR_WIDTH = 7.2
"""Pixels assumed for one character: a little more than a sans-serif needs at `FONT_SIZE`, so that nothing collides."""
MAX_NAME_CHARS = 34

STYLE = (
    ":where(svg.plot){--plot-mark:#66717f;--plot-accent:#0a6aa1;--plot-line:#b25a12;color:#1c2530}"
    "@media(prefers-color-scheme:dark){:where(svg.plot)"
    "{--plot-mark:#98a4b3;--plot-accent:#62c3f5;--plot-line:#f0a35e;color:#e3e8ee}}"
    f"svg.plot{{font:{FONT_SIZE:g}px system-ui,sans-serif;max-width:100%;height:auto}}"
    "svg.plot text{fill:currentColor;stroke:Canvas;stroke-width:3px;paint-order:stroke}"
    ".plot-grid{stroke:currentColor;stroke-opacity:.14}.plot-axis{stroke:currentColor;stroke-opacity:.55}"
    ".plot-mark{fill:var(--plot-mark);stroke:var(--plot-mark)}"
    ".plot-accent{fill:var(--plot-accent);stroke:var(--plot-accent)}"
    ".plot-hull{fill:none;stroke:var(--plot-line);stroke-width:1.5;stroke-dasharray:6 4}.plot-error{stroke-width:1.5}"
    ".plot-curve{fill:none;stroke:var(--plot-accent);stroke-width:2}"
    ".plot-faint{fill:none;stroke:var(--plot-mark);stroke-width:1.2;stroke-opacity:.55}"
    ".plot-faint:hover{stroke-opacity:1;stroke-width:3}"
    ".plot-leader{stroke:currentColor;stroke-opacity:.4}.plot-strong{font-weight:600}"
)


def document(height: float, title: str, description: str, marks: Sequence[str]) -> str:
    """Returns the whole SVG; ids come from its content: many fit on one page, and equal input gives equal text."""
    body = "".join(marks)
    name = "plot-" + hashlib.sha256((title + description + body).encode()).hexdigest()[:12]
    return (
        f'<svg class="plot" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {height:g}" width="{WIDTH:g}" '
        f'role="img" aria-labelledby="{name}-title {name}-desc"><title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-desc">{escape(description)}</desc><style>{STYLE}</style>'
        f"{text(4, 16, title, strong=True)}{body}</svg>"
    )


def group(name: str, marks: str, *, accent: bool) -> str:
    """Returns marks of one colour that tell their `name` when pointed at."""
    return f'<g class="{"plot-accent" if accent else "plot-mark"}"><title>{escape(name)}</title>{marks}</g>'


def line(x0: float, y0: float, x1: float, y1: float, style: str) -> str:
    """Returns a straight line; `style` is a class of `STYLE`."""
    return f'<line class="{style}" x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"/>'


def text(x: float, y: float, words: str, *, anchor: str = "start", strong: bool = False) -> str:
    """Returns words whose baseline starts, ends or is centred at (x, y)."""
    style = ' class="plot-strong"' if strong else ""
    return f'<text{style} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def short(words: str) -> str:
    """Returns the words cut to `MAX_NAME_CHARS`."""
    return words if len(words) <= MAX_NAME_CHARS else words[: MAX_NAME_CHARS - 1] + "…"
