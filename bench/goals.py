"""The rows of the table, beside what the first edition was measured at and what the second must reach."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.figures import Figures
from bench.sizes import Size
from bench.speed import OURS, PREDECESSOR

PREDECESSOR_PER_S = 698
"""Skips per server CPU-second of the predecessor's design when the goals were set. On a busy machine, where
socket writes are dear, ours measures less: that alone must not meet the goal."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line: where its figures are, and how the goal is judged (by the median)."""

    title: str
    figure: str
    first: str
    """As the first edition was measured before there was this benchmark."""
    goal: str
    meets: Callable[[float], bool]
    digits: int = 0
    column: str = OURS

    def is_met(self, figures: Figures) -> bool | None:
        """Return whether the goal is met; ``None``: it was not measured."""
        if f"{self.column}/{self.figure}" in figures.notes:
            return False
        spread = figures.spread(self.column, self.figure)
        return None if spread is None else self.meets(spread.median)


def rows(figures: Figures, size: Size) -> list[Row]:
    """Return the rows as far as they name what was measured: a quick run has fewer people and interests."""
    times = figures.spread(PREDECESSOR, "per_server_s")
    least = 4 * max(times.median, PREDECESSOR_PER_S) if times else float("inf")
    work_s = size.overload_people * size.call_ms[-1] / 1000
    back_s = 2 * work_s + 8
    hung = f"{size.overload_people:,} people, store hung {size.outages_s[-1]:g} s, then {work_s:g} s of work"
    interests = f"{size.interests} interests, {size.arrivals_per_s:g} arrivals/s"
    grown = f"cost per skip, {size.growth[-2]:,} → {size.growth[-1]:,} people, %"
    return [
        Row(
            "partner told, p50, × a bare PUBLISH → subscriber", "told", "10.2", "≤ 5 (4)", lambda v: v <= 5, 1
        ),
        Row(
            "skips per server CPU-second",
            "per_server_s",
            "911–1,036",
            f"≥ 4 × (5 ×) the predecessor's, and ≥ {4 * PREDECESSOR_PER_S:,}",
            lambda v: v >= least,
        ),
        Row("server CPU per skip, µs", "server_us", "775–976", "≤ 360 (290)", lambda v: v <= 360),
        Row("store CPU per skip, µs", "store_us", "400–470", "≤ 200 (139)", lambda v: v <= 200),
        Row(
            "… of which `skip` (64 pipelined), µs", "skip_script_us", "218", "≤ 100 (80)", lambda v: v <= 100
        ),
        Row("… each `pulse` (64 pipelined), µs", "pulse_script_us", "74", "≤ 28 (25)", lambda v: v <= 28),
        Row(grown, "growth", "+ 57", "± 20", lambda v: abs(v) <= 20, column="ours"),
        Row(
            "a quiet stream, kB of the server's memory",
            "stream_kb",
            "21.8",
            "≤ 15 (12)",
            lambda v: v <= 15,
            1,
        ),
        Row(
            "a matched person who does nothing, µs of store per s",
            "idle_us",
            "7.6",
            "≤ 0.2",
            lambda v: v <= 0.2,
            2,
        ),
        Row(
            "… so one store core is full with idle people at",
            "idle_people",
            "131,000",
            "> 3,000,000",
            lambda v: v > 3e6,
        ),
        Row(f"{hung}: all back, s", "back_s", "never", f"≤ {back_s:g}", lambda v: v <= back_s, 1),
        Row(f"{interests}: waiting over 1 s beside the same, %", "beside", "69", "≤ 5", lambda v: v <= 5),
        Row(f"{interests}: paired by interest, %", "paired", "78", "≥ 98", lambda v: v >= 98),
    ]
