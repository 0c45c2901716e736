"""docs/metrics.md says what the metrics are."""

from duologue.metrics import Metrics
from tools import metrics_page


def test_the_page_is_what_the_metrics_are() -> None:
    """The generated page does not differ by a byte: ``python tools/metrics_page.py`` writes it."""
    assert metrics_page.PAGE.read_text() == metrics_page.page()


def test_each_metric_of_ours_is_on_the_page() -> None:
    """Those of the process and the build are named below the table."""
    page = metrics_page.page()
    for each in Metrics().registry.collect():
        ending = {"counter": "_total", "info": "_info"}.get(each.type, "")
        name = each.name if each.name.endswith(ending) else each.name + ending
        assert f"`{name}`" in page, name
