"""Every method on every table: fitted, judged, compared, written down.

    folder of tables -tables-> parts -running-> cells (one small file each) -figures-> results -> page, HTML, JSON

A cell is one method on one split. Cells are kept, so a run that was stopped goes on where it was; what a cell depends
on is part of its name.
"""
