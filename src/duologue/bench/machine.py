"""Reads from the system what processes used: processor time and memory (Linux)."""

import os
import platform
from collections.abc import Iterable, Iterator
from pathlib import Path

PROC = Path("/proc")


def cpu_s(pids: Iterable[int]) -> float:
    """Return the processor time that the processes used so far, in seconds; those that ended count as 0."""
    return sum(_cpu_s(pid) for pid in pids)


def _cpu_s(pid: int) -> float:
    # schedstat counts nanoseconds per thread; stat counts ticks of 10 ms, but also of threads that ended.
    try:
        threads = [*(PROC / str(pid) / "task").iterdir()]
        return sum(int((each / "schedstat").read_text().split()[0]) for each in threads) / 1e9
    except (OSError, IndexError, ValueError):
        return _ticks_s(pid)


def _ticks_s(pid: int) -> float:
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_kb(pids: Iterable[int]) -> float:
    """Return the memory that only these processes have (private pages), in kB."""
    return sum(sum(_private_kb(pid)) for pid in pids)


def _private_kb(pid: int) -> Iterator[int]:
    for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
        if line.startswith("Private_"):
            yield int(line.split()[1])


def noise() -> float:
    """Return the load average of the last minute: what else ran on this machine."""
    return os.getloadavg()[0]


def described() -> dict[str, str | int]:
    """Return what a reader must know of the machine to compare figures."""
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processors": os.cpu_count() or 1,
        "python": platform.python_version(),
    }
