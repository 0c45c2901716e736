"""The fault matrix: one row per fault, and what became of all people in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.faults.judge import BOUND_MS, NOISE_MS, Judgement

HEAD = (
    "| fault | people | state equal within 5 s | messages complete, in order | caught up p50 | p99 | max | |",
    "|---|---|---|---|---|---|---|---|",
)


@dataclass(slots=True)
class Row:
    """One kind of fault."""

    fault: str
    note: str = ""
    """What is claimed otherwise, or how often it was played."""
    judgements: list[Judgement] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    """Faults that could not be played as they were meant."""

    @property
    def caught_up_ms(self) -> list[float]:
        """How soon all people caught up."""
        return sorted(ms for one in self.judgements for ms in one.caught_up_ms)

    @property
    def wrong(self) -> list[str]:
        """All that is claimed and was not so."""
        late = [f"caught up after {ms:.0f} ms" for ms in self.caught_up_ms if ms > BOUND_MS + NOISE_MS]
        said = [w for one in self.judgements for w in (*one.unequal, *one.incomplete, *one.broken)]
        return [f"{self.fault}: {what}" for what in (*late, *said, *self.failures)]

    @property
    def is_good(self) -> bool:
        """Played, and all that is claimed was so."""
        return bool(self.judgements) and not self.wrong

    def line(self) -> str:
        """Of the table."""
        times = self.caught_up_ms
        in_time = sum(ms <= BOUND_MS + NOISE_MS for ms in times) - sum(
            len(j.unequal) for j in self.judgements
        )
        whole = sum(not j.incomplete for j in self.judgements)
        figures = " | ".join(f"{percentile(times, percent) / 1000:.2f}" for percent in (50, 99, 100))
        cells = (self.fault, len(times), f"{in_time} of {len(times)}", f"{whole} of {len(self.judgements)}")
        verdict = "" if self.is_good else "**not so** "
        return f"| {' | '.join(map(str, cells))} | {figures} | {verdict}{self.note} |"


def percentile(values: Sequence[float], percent: int) -> float:
    """Of nothing: 0."""
    return values[min(len(values) - 1, len(values) * percent // 100)] if values else 0.0


def markdown(rows: Iterable[Row]) -> str:
    """The table, with what its figures are."""
    foot = (
        "Seconds from the end of the fault to a screen that shows what the store holds, of each person; "
        f"{NOISE_MS / 1000} s more are allowed for a shared machine of two cores."
    )
    return "\n".join([*HEAD, *(row.line() for row in rows), "", foot, ""])
