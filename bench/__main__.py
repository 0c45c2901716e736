"""`make bench`: run the scenarios, print the table, and keep the figures and the plots in a folder."""

import argparse
import dataclasses
import gc
import json
import resource
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import uvloop

from bench import growth, interests, overload, quiet, scripts, shard, speed, traffic, twenty, waits
from bench.figures import Figures
from bench.sizes import FULL, SIZES, Size
from bench.speed import LIMIT
from bench.table import shown
from duologue.bench.machine import described, noise
from duologue.bench.report import bars

Scenario = Callable[[Size, Figures], Coroutine[Any, Any, None]]
SCENARIOS: dict[str, Scenario] = {
    "speed": speed.measure,
    "scripts": scripts.measure,
    "growth": growth.measure,
    "traffic": traffic.measure,
    "quiet": quiet.measure,
    "interests": interests.measure,
    "waits": waits.measure,
    "overload": overload.measure,
    "twenty": twenty.measure,
    "shard": shard.measure,
}
PLOTS = (
    ("server_us", "Server CPU per skip at full load", "µs"),
    ("store_us", "Store CPU per skip at full load", "µs"),
    ("told_light_ms", "Partner told, p50, light load", "ms"),
    ("told_half_ms", "Partner told, p50, half load", "ms"),
    ("per_s", "Skips per second at full load", "1/s"),
)
FILE = "bench.json"


def main(arguments: Sequence[str]) -> None:
    """Read the command line, measure, write."""
    size, names, folder, merged = _parsed(arguments)
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    parts: dict[str, Any] = _kept(folder) if merged else {}
    for name in names:
        started = time.time()
        before, figures = noise(), Figures()
        gc.collect()
        gc.disable()
        uvloop.run(SCENARIOS[name](size, figures))
        gc.enable()
        took_s = time.time() - started
        print(f"{name}: {took_s:.0f} s, load of the machine {before:.1f} → {noise():.1f}", file=sys.stderr)
        parts[name] = {
            "at": started,
            "took_s": took_s,
            "noise_before": before,
            "size": dataclasses.asdict(size),
            **dataclasses.asdict(figures),
        }
        _keep(folder, parts)
    print(_write(folder, size, parts))


def _parsed(arguments: Sequence[str]) -> tuple[Size, list[str], Path, bool]:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--size", choices=SIZES, default=FULL.name)
    parser.add_argument("--quick", action="store_const", const="quick", dest="size", help="below two minutes")
    parser.add_argument(
        "--scenario", choices=SCENARIOS, action="append", help="only this one; can be repeated"
    )
    parser.add_argument("--merge", action="store_true", help="keep the other scenarios of the last run")
    parser.add_argument("--out", type=Path, default=Path("artifacts"))
    parser.add_argument("--outages", type=_numbers, help="seconds for which the store hangs: 1,5,11")
    parser.add_argument("--call-ms", type=_numbers, help="what each call costs afterwards: 1,3,6")
    parser.add_argument(
        "--people", type=_counts, help="people of the scenarios overload and shard: 500,1000,3000"
    )
    parser.add_argument("--faults", type=_words, help=f"of the overload scenario: {','.join(overload.KINDS)}")
    given = parser.parse_args(arguments)
    size = SIZES[given.size]
    changes = {"outages_s": given.outages, "call_ms": given.call_ms, "overload_kinds": given.faults}
    if given.people:
        changes |= {"overload_people": given.people[-1], "overload_crowds": given.people}
        changes |= {"shard_people": given.people}
    size = dataclasses.replace(size, **{name: value for name, value in changes.items() if value})
    return size, given.scenario or [*SCENARIOS], given.out, given.merge


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(map(float, text.split(",")))


def _counts(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(",")))


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _kept(folder: Path) -> dict[str, Any]:
    file = folder / FILE
    kept: dict[str, Any] = json.loads(file.read_text())["scenarios"] if file.exists() else {}
    return kept


def _keep(folder: Path, parts: dict[str, Any]) -> None:
    """Write the figures so far: a run that is cut short loses only its last scenario."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {"machine": described(), "scenarios": parts}
    (folder / FILE).write_text(json.dumps(document, indent=1) + "\n")


def _write(folder: Path, size: Size, parts: dict[str, Any]) -> str:
    """Write the table and the plots of what was measured, and return the table."""
    figures = united(parts)
    text = "\n\n".join(filter(None, [shown(figures, size), overload.table(figures)]))
    (folder / "bench.md").write_text(text + "\n")
    for name, title, unit in PLOTS:
        found = [
            (column, spread)
            for column in figures.values
            if column != LIMIT and (spread := figures.spread(column, name)) is not None
        ]
        if found:
            (folder / f"bench-{name}.svg").write_text(bars(title, unit, found, 2 if unit == "ms" else 0))
    return text


def united(parts: dict[str, Any]) -> Figures:
    """Return the figures of all scenarios as one: what several measured comes from the first of them."""
    figures = Figures()
    for name in SCENARIOS:
        part = parts.get(name, {})
        for column, values in part.get("values", {}).items():
            for figure, rounds in values.items():
                figures.values.setdefault(column, {}).setdefault(figure, rounds)
        figures.notes.update(part.get("notes", {}))
    return figures


if __name__ == "__main__":
    main(sys.argv[1:])
