"""What Prometheus reads, line for line."""

import re

from fairlead.observers import series
from fairlead.observers.series import Counter, Gauge, Histogram

SAMPLE = re.compile(r'[a-zA-Z_:][\w:]*(\{[a-zA-Z_]\w*="(\\.|[^"\\\n])*"(,[a-zA-Z_]\w*="(\\.|[^"\\\n])*")*\})? \S+')


def test_a_label_cannot_break_out_of_its_line():
    counter = Counter("calls_total", "Calls.", ("model",))
    counter.add(('a"} 1\nother_total{x="\\',))
    *_, line = counter.text().splitlines()
    assert line == r'calls_total{model="a\"} 1\nother_total{x=\"\\"} 1'
    assert SAMPLE.fullmatch(line)


def test_buckets_are_cumulative_and_a_bound_belongs_to_its_bucket():
    histogram = Histogram("took_seconds", "Time.", ("model",), bounds=(0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 7.0):
        histogram.observe(("a",), value)
    assert histogram.text().splitlines()[2:] == [
        'took_seconds_bucket{model="a",le="0.1"} 2',
        'took_seconds_bucket{model="a",le="1"} 3',
        'took_seconds_bucket{model="a",le="+Inf"} 4',
        'took_seconds_sum{model="a"} 7.65',
        'took_seconds_count{model="a"} 4',
    ]


def test_labels_without_end_do_not_eat_the_memory(monkeypatch):
    monkeypatch.setattr(series, "MAX_SERIES", 3)
    counter = Counter("calls_total", "Calls.", ("model",))
    histogram = Histogram("took_seconds", "Time.", ("model",), bounds=(1.0,))
    for i in range(100):
        counter.add((str(i),))
        histogram.observe((str(i),), 0.5)
    assert 'calls_total{model="other"} 97' in counter.text()
    assert 'took_seconds_count{model="other"} 97' in histogram.text()
    assert len(counter.text().splitlines()) == 2 + 4


def test_a_gauge_is_read_when_it_is_asked_for():
    now = [1.0]
    gauge = Gauge("rows", "Rows.", read=lambda: [((), now[0])])
    now[0] = 2.5
    assert gauge.text().splitlines()[-1] == "rows 2.5"
