"""``python -m tests.faults.without GUARD serve …``: the real command with one guard switched off."""

import sys
from collections.abc import Callable, Mapping
from functools import partial

from duologue.cli import main
from duologue.delivery.contact import Contact
from duologue.delivery.stream import Stream
from duologue.pairing import scripts
from duologue.store.lateness import OwnTime
from duologue.workers.reattach import Reattach


async def nothing(self: Reattach) -> None:
    """In place of a loop's round."""


def no_reattach() -> None:
    """Never compare a connection with what the store knows."""
    Reattach.run_once = nothing  # type: ignore[method-assign]


def untold(self: Stream) -> None:
    """In place of a snapshot."""
    self.knows_unavailable = False


def never_late(self: OwnTime, instant_s: float) -> float:
    """In place of the seconds by which this process was late."""
    return 0.0


def unsuspecting(self: Contact) -> None:
    """In place of a suspicion."""


def no_word_of_the_store_s_return() -> None:
    """A process that was held up takes the store for away, and people are left to find out that it is not.

    Three things prevent that: own lateness is not the store's, the end of an outage is told, and a process
    that was held up suspects itself.
    """
    OwnTime.late_since = never_late  # type: ignore[method-assign]
    Stream.available = untold  # type: ignore[method-assign]
    Contact.held_up = unsuspecting  # type: ignore[method-assign]


GUARDS: Mapping[str, Callable[[], None]] = {
    "reattach": no_reattach,
    "told-available": no_word_of_the_store_s_return,
}


def no_guard_of_scripts(name: str) -> None:
    """Load every script without this guard; an unknown one is refused by ``scripts.load``."""
    scripts.load = partial(scripts.load, without=[name])


if __name__ == "__main__":
    GUARDS.get(sys.argv[1], partial(no_guard_of_scripts, sys.argv[1]))()
    main(sys.argv[2:])
