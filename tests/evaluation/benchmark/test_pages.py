import pytest

from fairlead.evaluation.benchmark.html import html
from fairlead.evaluation.benchmark.page import markdown
from fairlead.evaluation.benchmark.provenance import Provenance


@pytest.fixture(scope="module")
def provenance():
    return Provenance.of(
        command="fairlead benchmark --data x", n_seeds=2, n_boot=100, n_jobs=1, took_s=90, lacking=("mmlu_pro",)
    )


def test_the_page_says_what_it_rests_on_and_all_that_was_found(results, provenance):
    text = markdown(results, provenance)
    assert "fairlead benchmark --data x" in text
    assert "Not there: mmlu_pro." in text
    assert results[0].data_hash[:12] in text
    assert "**not reached**" in text or "| reached |" in text
    for part in results:
        assert f"## {part.name}" in text
        assert all(method.name in text for method in part.methods)
    assert "nan" not in text.replace("Finance", "").lower().split()


def test_notes_stand_before_the_figures(results, provenance):
    text = markdown(results, provenance, notes="## What to know\n\nThe rules were settled before.\n")
    assert text.index("The rules were settled before.") < text.index("## Bars")


def test_every_row_of_a_table_has_as_many_cells_as_its_head(results, provenance):
    width = None
    for line in markdown(results, provenance).splitlines():
        if not line.startswith("|"):
            width = None
            continue
        width = width or line.count("|")
        assert line.count("|") == width, line


def test_the_report_draws_frontiers_and_fetches_nothing(results, provenance):
    text = html(results, provenance)
    assert text.count("<svg") == 3  # a frontier where there are costs, a comparison for each part
    assert "Which model fits which kind of task" in text
    assert "plot-faint" in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "<script" not in text
