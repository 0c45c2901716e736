"""The lanes of calls to the store: the state machine names one with each call, the store client keeps it."""

from enum import StrEnum


class Lane(StrEnum):
    """Which calls wait for one another; the word of metrics too."""

    CONTROL = "control"
    """What shows that this process lives, and what falls due: a connection of its own, never behind data."""
    SIGNS = "signs"
    """Signs of life, for which deadlines wait: before all other calls of people."""
    INTERACTIVE = "interactive"
    """What a person waits for. Under overload the newest goes first, and what waited too long is refused."""
    BULK = "bulk"
    """Attach, detach and re-attach: waits as long as it must, and is sent in small portions."""
