"""Plots as inline SVG: numbers in, text out. No script, no font file, no drawing library.

scatter   points with error bars and a hull line      (what quality at what cost)
forest    intervals against zero                       (is a difference more than chance)
bars      one bar a name                               (how much of each)
"""

from fairlead.plots.rows import Row, bars, forest
from fairlead.plots.scatter import Point, scatter

__all__ = ["Point", "Row", "bars", "forest", "scatter"]
