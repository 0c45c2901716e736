"""The table that a run prints: the rows with a goal first, then everything else that was measured."""

from collections.abc import Iterator, Sequence

from bench.figures import Figures
from bench.goals import Row, rows
from bench.sizes import Size
from bench.speed import OURS_VALKEY, PREDECESSOR
from duologue.bench.report import markdown, number

NOTHING = "–"
SAID = {True: "met", False: "missed", None: NOTHING}
OTHERS = (
    ("told_ms", "bare PUBLISH → subscriber, p50, ms", 3),
    ("seven_us", "script of seven commands (64 pipelined), µs of store", 1),
    ("told_light_ms", "partner told, p50, light load, ms", 2),
    ("told_half_ms", "partner told, p50, half load, ms", 2),
    ("told_full_ms", "partner told, p50, full load, ms", 2),
    ("per_s", "skips per second at full load", 0),
    ("server_us", "server CPU per skip, µs", 0),
    ("store_us", "store CPU per skip, µs", 0),
    ("events", "events per skip", 2),
    ("pulses", "pulses per skip", 2),
    ("signals", "signals per skip", 2),
    ("generator_us", "generator CPU per skip, µs", 0),
    ("generator_busy", "generator's share of a core", 2),
    ("unanswered", "commands refused or lost in a stretch", 0),
    ("idle_server_us", "an idle person, µs of server per s", 1),
    ("back_s", "all back after, s", 1),
    ("work_s", "work, s", 1),
    ("streams", "streams opened per person", 2),
    ("endings", "conversations that ended by themselves", 0),
    ("idle_us", "a matched person who does nothing, µs of store per s", 2),
    ("person_kb", "a matched person, kB of the store's memory", 2),
    ("store_busy", "the store's share of a core", 3),
    ("longest_ms", "longest single call (store's slow log), ms", 2),
    ("longest_call", "… which was", 0),
    ("call_ms", "longest call alone, ms of store", 2),
    ("call_median_ms", "… median", 3),
    ("calls", "… calls", 0),
    ("round_ms", "the reconciler's round, ms of store", 0),
    ("growth_server", "server's cost per skip, growth, %", 0),
    ("growth_store", "store's cost per skip, growth, %", 0),
)
"""Figure, title, digits."""


def shown(figures: Figures, size: Size) -> str:
    """Return the whole report as Markdown. Each figure is the median, with the least and the most."""
    head = [
        "",
        "predecessor",
        "ours, Redis 7",
        "ours, Valkey 9",
        "first edition",
        "goal (stretch)",
        "",
    ]
    goals = markdown(head, [_row(row, figures) for row in rows(figures, size)])
    others = markdown(["", "what", "median (least–most)"], [*_others(figures)])
    return f"{goals}\n\n{others}"


def _row(row: Row, figures: Figures) -> list[str]:
    columns = (PREDECESSOR, row.column, OURS_VALKEY)
    cells = [figure(figures, column, row.figure, row.digits) for column in columns]
    return [row.title, *cells, row.first, row.goal, SAID[row.is_met(figures)]]


def _others(figures: Figures) -> Iterator[Sequence[str]]:
    columns = {*figures.values, *(name.rpartition("/")[0] for name in figures.notes)}
    for column in sorted(columns):
        for name, title, digits in OTHERS:
            cell = figure(figures, column, name, digits)
            if cell != NOTHING:
                yield column, title, cell


def figure(figures: Figures, column: str, name: str, digits: int) -> str:
    """Return a cell: the median and the spread of the rounds, or what was noted in place of a number."""
    if note := figures.notes.get(f"{column}/{name}"):
        return note
    spread = figures.spread(column, name)
    if spread is None:
        return NOTHING
    if spread.least == spread.most:
        return number(spread.median, digits)
    ends = f"{number(spread.least, digits)}–{number(spread.most, digits)}"
    return f"{number(spread.median, digits)} ({ends})"
