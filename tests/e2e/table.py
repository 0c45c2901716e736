"""What each fault cost the partner, beside what it may cost: the table of "nobody is left alone"."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

SWEEP_S = 0.3
"""Each bound of the design's invariant 7 is plus this: a sweep and a round trip."""

NOISE_S = 0.7
"""What two browsers, two calls and other people's work on two cores add at their worst; the one allowance."""


@dataclass(slots=True)
class Row:
    """One fault. A bound of ``None``: nothing of the kind is to happen."""

    fault: str
    told_bound_s: float | None = None
    free_bound_s: float | None = None
    told_s: float | None = None
    free_s: float | None = None
    note: str = ""
    ended: int = 0
    """Conversations that should have gone on and did not."""
    should_go_on: bool = False
    is_finished: bool = False

    @property
    def is_ok(self) -> bool:
        """Measured to the end, nothing too late, nothing ended that should not."""
        pairs = ((self.told_s, self.told_bound_s), (self.free_s, self.free_bound_s))
        return self.is_finished and self.ended == 0 and all(_within(*pair) for pair in pairs)


@dataclass(slots=True)
class Table:
    """Rows in the order in which they were measured."""

    rows: list[Row] = field(default_factory=list)

    @contextmanager
    def row(self, fault: str, **bounds: float | None) -> Iterator[Row]:
        """A row to fill in; stays in the table, as not ok, if the test fails on its way."""
        row = Row(fault, bounds.get("told"), bounds.get("free"), should_go_on="free" not in bounds)
        self.rows.append(row)
        yield row
        row.is_finished = True
        assert row.is_ok, f"{fault}: {_line(row)}"

    def markdown(self) -> str:
        """The table, and the sum that must be 0."""
        head = (
            "| fault | told | free | bound told | bound free | ok | |",
            "|---|---|---|---|---|---|---|",
        )
        ended = sum(each.ended for each in self.rows)
        last = (
            f"Seconds. Each bound + {SWEEP_S} s (sweep, round trip) + {NOISE_S} s (this machine). "
            f"Conversations that should go on, ended: {ended}.\n"
        )
        return "\n".join([*head, *map(_line, self.rows), "", last])


def _within(measured_s: float | None, bound_s: float | None) -> bool:
    if bound_s is None:
        return True
    return measured_s is not None and measured_s <= bound_s + SWEEP_S + NOISE_S


def _line(row: Row) -> str:
    free = "goes on" if row.should_go_on and row.is_finished and not row.ended else _s(row.free_s)
    cells = (row.fault, _s(row.told_s), free, _s(row.told_bound_s), _s(row.free_bound_s))
    return f"| {' | '.join(cells)} | {'yes' if row.is_ok else 'NO'} | {row.note} |"


def _s(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.2f}"
