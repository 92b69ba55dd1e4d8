"""Plots keep their numbers: every mark where its value is, no name over another, one text for both colour schemes."""

from __future__ import annotations

import itertools
import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from fairlead.errors import NotEnoughPointsError
from fairlead.plots import Point, Row, bars, forest, scatter
from fairlead.plots.labels import Box, Label, place
from fairlead.plots.scales import Scale

MINUS = "\N{MINUS SIGN}"
SVG = "{http://www.w3.org/2000/svg}"
WORDS = {"title": "Quality & cost", "description": "What quality costs.", "x_label": "USD"}
POINTS = [
    Point(name="a<b", x=1.0, y=0.2, y_interval=(0.1, 0.3)),
    Point(name="large", x=10.0, y=0.9, accent=True),
]


def _pixels(svg: str, attribute: str) -> list[float]:
    return [float(circle.get(attribute, "")) for circle in ET.fromstring(svg).iter(f"{SVG}circle")]


def test_a_scatter_is_well_formed_and_named_for_screen_readers():
    root = ET.fromstring(scatter(POINTS, y_label="score", **WORDS))
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert (title.text, description.text) == ("Quality & cost", "What quality costs.")
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"


def test_two_plots_on_one_page_have_different_ids():
    first, second = (scatter(POINTS, y_label=label, **WORDS) for label in ("score", "speed"))
    assert set(re.findall(r' id="([^"]+)"', first)).isdisjoint(re.findall(r' id="([^"]+)"', second))


def test_more_quality_is_higher_and_more_cost_is_further_right():
    for log_x in (False, True):
        svg = scatter(POINTS, y_label="score", log_x=log_x, **WORDS)
        (left, right), (low, high) = _pixels(svg, "cx"), _pixels(svg, "cy")
        assert left < right
        assert low > high  # pixels count downwards


def test_a_straight_hull_bends_on_a_log_axis():
    def n_corners(*, log_x: bool) -> int:
        svg = scatter(POINTS, hull=[(1, 0.2), (10, 0.9)], y_label="score", log_x=log_x, **WORDS)
        return len(ET.fromstring(svg).find(f"{SVG}polyline").get("points").split())

    assert n_corners(log_x=False) == 2
    assert n_corners(log_x=True) > 20


def test_one_text_serves_light_and_dark():
    svg = scatter(POINTS, y_label="score", **WORDS)
    assert "prefers-color-scheme:dark" in svg
    outside_of_style = re.sub(r"<style>.*?</style>", "", svg)
    assert not re.search(r"#[0-9a-f]{3,6}\b|rgb\(", outside_of_style)


def test_names_overlap_neither_each_other_nor_points():
    rng = np.random.default_rng(0)
    within = Box(64, 36, 720, 384)
    labels = [
        Label(name=f"provider/model-{i}", x=float(x), y=float(y), accent=i == 3)
        for i, (x, y) in enumerate(rng.uniform((80, 60), (400, 370), (14, 2)))
    ]
    boxes = [box for _, box in place(labels, within=within)]
    assert all(within.holds(box) for box in boxes)
    assert sum(a.overlap(b) for a, b in itertools.combinations(boxes, 2)) == 0


def test_names_of_equal_points_still_stand_apart():
    labels = [Label(name=f"model-{i}", x=300, y=200, accent=False) for i in range(4)]
    boxes = [box for _, box in place(labels, within=Box(0, 0, 720, 400))]
    assert all(a.overlap(b) == 0 for a, b in itertools.combinations(boxes, 2))


def test_a_name_goes_beside_the_line_that_runs_through_its_point():
    label = Label(name="albatross", x=300, y=200, accent=False)
    ((_, box),) = place([label], within=Box(0, 0, 720, 400), lines=[(100, 200, 500, 200)])
    assert not box.top < 200 < box.bottom


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.62, 0.81], ["0.65", "0.70", "0.75", "0.80"]),
        ([0, 4200], ["0", "1,000", "2,000", "3,000", "4,000"]),
        ([-3, 3], [f"{MINUS}3", f"{MINUS}2", f"{MINUS}1", "0", "1", "2", "3"]),
        ([5.0], ["4.6", "4.8", "5.0", "5.2", "5.4"]),
    ],
)
def test_ticks_are_round_and_told_apart(values, expected):
    assert [text for _, text in Scale.around(values, start=0, end=1).ticks()] == expected


def test_log_ticks_show_each_power_of_ten():
    ticks = Scale.around([0.02, 30], start=0, end=1, log=True).ticks()
    assert {0.1, 1.0, 10.0} <= {round(tick, 9) for tick, _ in ticks}


def test_an_interval_down_to_zero_ends_at_the_edge_of_a_log_axis():
    scale = Scale.around([0.1, 10], start=0, end=100, log=True)
    assert scale(0.0) == 0


def test_a_forest_draws_the_estimate_inside_its_interval():
    svg = forest([Row(name="saving", value=0.3, interval=(0.1, 0.5), text="30 %")], **WORDS)
    ends = [
        float(line.get(key))
        for line in ET.fromstring(svg).iter(f"{SVG}line")
        if line.get("class") == "plot-error"
        for key in ("x1", "x2")
    ]
    assert min(ends) < _pixels(svg, "cx")[0] < max(ends)
    assert "30 %" in svg


def test_zero_is_always_in_a_forest():
    svg = forest([Row(name="saving", value=30.0, interval=(29.0, 31.0))], **WORDS)
    axis = next(line for line in ET.fromstring(svg).iter(f"{SVG}line") if line.get("class") == "plot-axis")
    assert float(axis.get("x1")) < _pixels(svg, "cx")[0] - 100


def test_an_unknown_value_is_said_and_not_drawn():
    svg = bars([Row(name="a", value=None, text="not known"), Row(name="b", value=1.0)], **WORDS)
    assert "not known" in svg
    assert len(list(ET.fromstring(svg).iter(f"{SVG}rect"))) == 1


def test_a_negative_bar_ends_at_zero():
    svg = bars([Row(name="lost", value=-2.0), Row(name="won", value=2.0)], **WORDS)
    lost, won = ET.fromstring(svg).iter(f"{SVG}rect")
    assert float(lost.get("x")) + float(lost.get("width")) == pytest.approx(float(won.get("x")), abs=0.2)


def test_a_quiet_point_is_named_only_when_pointed_at():
    quiet = [*POINTS, Point(name="many", x=5.0, y=0.5, quiet=True)]
    root = ET.fromstring(scatter(quiet, y_label="score", **WORDS))
    assert "many" in [title.text for title in root.iter(f"{SVG}title")]
    assert "many" not in [text.text for text in root.iter(f"{SVG}text")]


def test_a_curve_stays_inside_the_plot():
    svg = scatter(POINTS, curve=[(0.5, 0.1), (12.0, 1.0)], y_label="score", **WORDS)
    (path,) = ET.fromstring(svg).iter(f"{SVG}polyline")
    (left, bottom), (right, top) = (map(float, corner.split(",")) for corner in path.get("points").split())
    assert 64 < left < right < 704
    assert 48 < top < bottom < 384


@pytest.mark.parametrize("plot", [forest, bars])
def test_nothing_to_draw_is_an_error(plot):
    with pytest.raises(NotEnoughPointsError, match="`rows` is empty"):
        plot([], **WORDS)
    with pytest.raises(NotEnoughPointsError, match="`points` is empty"):
        scatter([], y_label="score", **WORDS)
