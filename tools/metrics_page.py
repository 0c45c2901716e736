"""Write docs/metrics.md from ``duologue.metrics``: ``python tools/metrics_page.py``."""

from collections.abc import Iterator
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.metrics import MetricWrapperBase

from duologue.metrics import Metrics

PAGE = Path(__file__).parents[1] / "docs" / "metrics.md"
OURS = "duologue_"

HEAD = """\
# Metrics

*This page is generated from `src/duologue/metrics.py`: change a text there, then run `python
tools/metrics_page.py`.*

`GET /metrics` on the operator's port answers in the text format of Prometheus. Each server process counts
only what it did, so add them up: `sum(rate(duologue_skips_total[5m]))`. `duologue_people_online`,
`duologue_alone_people`, `duologue_video_up` and `duologue_report_bytes` are the store's own figures, which
each process shows: take the maximum.

A counter ends in `_total`; a histogram has `_bucket`, `_sum` and `_count`. No metric names a person.
[operate.md](operate.md) says what to watch; `deploy/prometheus` has rules for alerts, and `deploy/grafana` a
dashboard.

| metric | kind | labels | |
|---|---|---|---|
"""

PROCESS = """
`duologue_build_info` is always 1, with the version as a label. On Linux there are also the standard metrics
of the process: `process_cpu_seconds_total`, `process_resident_memory_bytes`, `process_virtual_memory_bytes`,
`process_start_time_seconds`, `process_open_fds` and `process_max_fds`.
"""


def page() -> str:
    """Return the whole page."""
    return HEAD + "".join(f"{line}\n" for line in _rows()) + PROCESS


def _rows() -> Iterator[str]:
    registry = Metrics().registry
    for collector in registry._collector_to_names:  # noqa: SLF001 # it has no public list
        if isinstance(collector, MetricWrapperBase):
            for each in collector.describe():
                if each.name != "duologue_build":
                    yield row(each, collector._labelnames)  # noqa: SLF001 # nor of the labels


def row(each: Metric, labels: tuple[str, ...]) -> str:
    """Return one line of the table: name, kind, labels and text."""
    ending = "_total" if each.type == "counter" else ""
    named = ", ".join(f"`{label}`" for label in labels)
    return f"| `{each.name}{ending}` | {each.type} | {named} | {each.documentation} |"


if __name__ == "__main__":
    PAGE.write_text(page())
