"""Where the names of points go, so that they cover neither points nor each other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.plots.svg import CHAR_WIDTH, line, short, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HEIGHT = 18.0
POINT_RADIUS = 6.0
LINE_STEP = 4.0
"""Pixels: a line is hidden by boxes of this size, one behind the other."""
DISTANCES = (0, 14, 28, 42, 60, 80)
"""Pixels between a point and its name, tried in this order."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle, pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: Box) -> float:
        """Returns the area that both cover, square pixels."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, width) * max(0.0, height)

    def holds(self, other: Box) -> bool:
        """Says whether `other` lies inside."""
        across = self.left <= other.left and other.right <= self.right
        return across and self.top <= other.top and other.bottom <= self.bottom


Line = tuple[float, float, float, float]
"""A straight line from (x, y) to (x, y), pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A name and the pixel of its point."""

    name: str
    x: float
    y: float
    accent: bool


def place(labels: Sequence[Label], *, within: Box, lines: Iterable[Line] = ()) -> list[tuple[Label, Box]]:
    """Returns each label with a box that covers least of points, lines and boxes given before; accents choose first."""
    taken = [_around_point(label) for label in labels]
    taken += [box for drawn in lines for box in _along(drawn)]
    placed = []
    for label in sorted(labels, key=lambda label: not label.accent):
        boxes = [box for box in _boxes(label) if within.holds(box)] or _boxes(label)
        box = min(boxes, key=lambda box: _covered(box, taken))
        taken.append(box)
        placed.append((label, box))
    return placed


def draw(label: Label, box: Box) -> str:
    """Returns the name in its box, with a leader line where it is far from its point."""
    near_x = min(max(label.x, box.left), box.right)
    near_y = min(max(label.y, box.top + 4), box.bottom - 4)
    far = math.hypot(near_x - label.x, near_y - label.y) > 16
    leader = line(label.x, label.y, near_x, near_y, "plot-leader") if far else ""
    return leader + text(box.left, box.bottom - 5, short(label.name), strong=label.accent)


def _around_point(label: Label) -> Box:
    return Box(label.x - POINT_RADIUS, label.y - POINT_RADIUS, label.x + POINT_RADIUS, label.y + POINT_RADIUS)


def _along(drawn: Line) -> list[Box]:
    """Returns small boxes, one behind the other, that hide the line."""
    x0, y0, x1, y1 = drawn
    n = max(1, math.ceil(math.hypot(x1 - x0, y1 - y0) / LINE_STEP))
    centres = [(x0 + (x1 - x0) * k / n, y0 + (y1 - y0) * k / n) for k in range(n + 1)]
    return [Box(x - LINE_STEP / 2, y - LINE_STEP / 2, x + LINE_STEP / 2, y + LINE_STEP / 2) for x, y in centres]


def _boxes(label: Label) -> list[Box]:
    """Returns places for a name around its point, the preferred first: right, left, above, below, then farther out."""
    width = CHAR_WIDTH * len(short(label.name))
    boxes = []
    for away in DISTANCES:
        right, left = label.x + 8 + away / 2, label.x - 8 - width - away / 2
        up, down = label.y - HEIGHT / 2 - away, label.y - HEIGHT / 2 + away
        above, below = up - HEIGHT, down + HEIGHT
        corners = [(right, up), (right, down), (left, up), (left, down)]
        corners += [(label.x - width / 2, above), (label.x - width / 2, below)]
        boxes += [Box(x, y, x + width, y + HEIGHT) for x, y in corners]
    return boxes


def _covered(box: Box, taken: Iterable[Box]) -> float:
    return sum(box.overlap(other) for other in taken)
