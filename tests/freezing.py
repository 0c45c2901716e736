"""SIGSTOP, and a wait until each thread has stopped.

The kernel stops a process's other threads once the first of them was given a processor and saw the signal.
On a busy machine they answer requests until then.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

FROZEN_S = 10.0
"""How long it may take."""
LOOK_S = 0.001


def freeze(pid: int) -> None:
    """Stop it. Raises ``ProcessLookupError`` without such a process, ``TimeoutError`` if it goes on."""
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + FROZEN_S
    while not is_frozen(pid):
        if time.monotonic() > deadline:
            raise TimeoutError(f"process {pid} still runs {FROZEN_S:g} s after SIGSTOP")
        time.sleep(LOOK_S)


def thaw(pid: int) -> None:
    """Let it go on, if there is such a process."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def frozen(pid: int) -> Iterator[None]:
    """It is stopped until this is left."""
    freeze(pid)
    try:
        yield
    finally:
        thaw(pid)


def is_frozen(pid: int) -> bool:
    """Return whether none of its threads runs, or it has ended."""
    for thread in Path(f"/proc/{pid}/task").glob("*/stat"):
        try:
            state = thread.read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):  # it has ended since
            continue
        if state not in "TtZX":
            return False
    return True
