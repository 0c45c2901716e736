"""``python -m tests.faults.without GUARD serve …``: the real command with one guard of ours switched off."""

import sys
from collections.abc import Callable, Mapping

from duologue.cli import main
from duologue.workers.reattach import Reattach


async def nothing(self: Reattach) -> None:
    """In place of a loop's round."""


def no_reattach() -> None:
    """Nobody's connection is ever held against what the store knows."""
    Reattach.run_once = nothing  # type: ignore[method-assign]


GUARDS: Mapping[str, Callable[[], None]] = {"reattach": no_reattach}

if __name__ == "__main__":
    GUARDS[sys.argv[1]]()
    main(sys.argv[2:])
