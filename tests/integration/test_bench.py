"""The benchmark measures what happens: every row of a tiny run, and a server that is made slow."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.contestants import REDIS7, VALKEY9
from bench.figures import Figures
from bench.goals import rows
from bench.sizes import TINY
from bench.slow_store import SlowStore
from bench.speed import LIMIT, OURS, OURS_TWO, OURS_VALKEY, PREDECESSOR
from tests.servers import StoreServer
from tests.serving import clean_environment, serving

SECRET = "s" * 32
CALL_MS = 8.0


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a whole, tiny run wrote."""
    folder = tmp_path_factory.mktemp("bench")
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--size", "tiny", "--out", str(folder)],
        env=clean_environment({}),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (folder / "said").write_text(done.stdout)
    return folder


def scenarios(folder: Path) -> dict[str, Any]:
    """The figures of each scenario."""
    read: dict[str, Any] = json.loads((folder / "bench.json").read_text())["scenarios"]
    return read


@pytest.mark.whole
@pytest.mark.timeout(300)
def test_every_row_has_figures_of_this_run(tiny: Path) -> None:
    """Each row of the table has a number or words, and so has the predecessor where it is compared."""
    said = (tiny / "said").read_text()
    lines = {line.split("|")[1].strip(): line.split("|")[2:] for line in said.splitlines() if "|" in line}
    for row in rows(Figures(), TINY):
        cells = [cell.strip() for cell in lines[row.title]]
        assert cells[1] != "–", row.title
        assert cells[-2] in ("met", "missed"), row.title
    for title in ("partner told, p50, × a bare PUBLISH → subscriber", "server CPU per skip, µs"):
        assert "–" not in [cell.strip() for cell in lines[title][:3]]
    assert lines["a quiet stream, kB of the server's memory"][0].strip() != "–"


@pytest.mark.whole
@pytest.mark.timeout(300)
def test_figures_are_measured_in_each_round(tiny: Path) -> None:
    """Costs of several rounds differ, as times do that were measured; none is nothing, and none is absurd."""
    speed = scenarios(tiny)["speed"]["values"]
    for column in (PREDECESSOR, OURS, OURS_VALKEY, OURS_TWO):
        for figure in ("server_us", "store_us", "told_light_ms", "told_full_ms", "per_s", "generator_us"):
            values = speed[column][figure]
            assert len(set(values)) == TINY.rounds, (column, figure, values)
            assert all(0 < value < 1_000_000 for value in values), (column, figure, values)
    assert len(set(speed[LIMIT]["told_ms"])) == TINY.rounds
    scripts = scenarios(tiny)["scripts"]["values"]
    for kind in (REDIS7, VALKEY9):
        skip, pulse = (scripts[f"ours, {kind}"][f"{name}_script_us"] for name in ("skip", "pulse"))
        assert min(pulse) > 0
        assert min(skip) > 0


@pytest.mark.whole
@pytest.mark.timeout(300)
def test_a_skip_is_what_it_is_said_to_be(tiny: Path) -> None:
    """The command, two pulses and five events, give or take the edges of a short stretch."""
    for scenario, column in (("speed", OURS), ("speed", OURS_TWO), ("speed", PREDECESSOR), ("twenty", None)):
        values = scenarios(tiny)[scenario]["values"]
        found = values[column or next(iter(values))]
        assert 3 < sum(found["events"]) / len(found["events"]) < 8, (scenario, column, found["events"])
        assert 1 < sum(found["pulses"]) / len(found["pulses"]) < 4, (scenario, column, found["pulses"])
        assert sum(found["unanswered"]) == 0, (scenario, column)


@pytest.mark.whole
@pytest.mark.timeout(300)
def test_a_run_leaves_a_table_a_file_and_drawings(tiny: Path) -> None:
    """What it prints is also a file; drawings are valid XML by their looks."""
    assert (tiny / "bench.md").read_text().strip() == (tiny / "said").read_text().strip()
    for name in ("server_us", "told_half_ms", "per_s"):
        drawn = (tiny / f"bench-{name}.svg").read_text()
        assert drawn.startswith("<svg")
        assert drawn.rstrip().endswith("</svg>")
        assert "predecessor" in drawn


@pytest.mark.whole
@pytest.mark.timeout(300)
def test_an_outage_is_felt_and_over(tiny: Path) -> None:
    """After 3.5 s without a store the few people of a tiny run were told, and all of them are back."""
    values = scenarios(tiny)["overload"]["values"]
    assert values[OURS]["back_s"][0] > 0
    (outage,) = (found for column, found in values.items() if column.startswith("outage"))
    assert outage["back"] == outage["people"] == [TINY.overload_people]


@contextmanager
def slowed(store: StoreServer) -> Iterator[SlowStore]:
    """A way to the store on which each script call costs time, in a thread of its own."""
    loop, ready = asyncio.new_event_loop(), threading.Event()
    slow = SlowStore(store.url.removeprefix("unix://"))
    slow.call_s = CALL_MS / 1000

    async def run() -> None:
        async with slow.running():
            ready.set()
            await over.wait()

    over = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    try:
        assert ready.wait(10)
        yield slow
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


def measured(url: str, file: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run `duologue bench` briefly."""
    command = [sys.executable, "-m", "duologue", "bench", "--url", url, "--people", "20", "--rounds", "1"]
    command += ["--seconds", "1", "--per-s", "10", "--at-a-time", "4", "--json", str(file)]
    return subprocess.run(
        command, env=clean_environment(more), capture_output=True, text=True, timeout=90, check=False
    )


def test_a_slow_store_is_seen_from_outside(redis7: StoreServer, tmp_path: Path) -> None:
    """A skip is two calls, its limit and itself: with 8 ms each, a partner is told after 16 ms or more."""
    with (
        slowed(redis7) as slow,
        serving("--no-page", "--redis-url", slow.url, DUOLOGUE_SECRET=SECRET) as server,
    ):
        done = measured(server.url, file := tmp_path / "figures.json")
        assert done.returncode == 0, done.stderr
        assert slow.calls > 100
    light, full = msgspec.json.decode(file.read_bytes())["samples"]
    assert light["outcomes"]["skipped"] > 3
    assert light["told_p50_ms"] > 2 * CALL_MS
    assert full["told_p50_ms"] > 2 * CALL_MS
    assert "partner told, p50, ms" in done.stdout


def test_a_server_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """No traceback, and the address that was asked."""
    done = measured("http://127.0.0.1:9", tmp_path / "none")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("duologue: http://127.0.0.1:9")
