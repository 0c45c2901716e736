"""Run a command on what other processes leave of the processors: `python -m tests.idle COMMAND …`."""

import contextlib
import os
import sys
from pathlib import Path


def main() -> None:
    """Become the command.

    Linux shares processors among sessions first (sched_autogroup), and only inside a session by priority. So
    the command gets a session of its own with a tenth of the usual weight. The lowest weight would be too
    little: beside 20 busy processes a store did not answer for 5 s. SCHED_IDLE is for systems without such
    sessions.
    """
    with contextlib.suppress(OSError):  # it leads a session already
        os.setsid()
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text("10")
    os.nice(10)
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
