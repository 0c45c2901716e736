"""What was heard on this process's channel, by number: how a lost publication shows itself.

Each publication carries the number that the store counted for this channel, and our own echo, twice a second,
carries the count. A number or a count that is higher than expected says that something was lost; a lower one
says that the store was set back, or is another one. Numbers are only compared on the channel, which is
ordered: a reply to a call may overtake what was published before it.

The count belongs to this process and to one run of the store. When the subscription is opened again at the
same run, the next number tells whether something was lost meanwhile, so that alone is not a suspicion; at
another run, or at a store that does not tell its run, it is one.
"""

import asyncio
from collections.abc import Callable


class Sequence:
    """The numbers of one channel, and what they lead to: a cause for ``Contact.suspect``, or nothing."""

    def __init__(self, suspect: Callable[[str], None], is_suspicious: Callable[[], bool]) -> None:
        self._suspect = suspect
        self._is_suspicious = is_suspicious
        self._last: int | None = None
        """``None``: nothing was heard yet that the next number could be compared with."""
        self._run = ""
        self.begun = asyncio.Event()
        """Set once the subscription has been opened: before that nothing can be heard (race E47)."""

    def opened(self, run: str) -> None:
        """Begin to hear at this run of the store (its run id; ``""``: it does not tell)."""
        self.begun.set()
        if run and run == self._run and self._last is not None:
            return  # the next number, or the next echo, tells what was lost in between
        self._run, self._last = run, None
        self._suspect("feed")

    def heard(self, number: int) -> None:
        """Compare the number of a publication with the one before."""
        self._compare(number - 1)
        self._last = number

    def counted(self, count: int) -> None:
        """Compare the count that our echo carried with the last number heard."""
        self._compare(count)
        self._last = count

    def _compare(self, before: int) -> None:
        """``before``: how many publications there were before this one, as the store counts."""
        if self._last is None:
            # What came before the first number is covered by the suspicion of the opening. It is missing if
            # nobody was here at that time: somebody may have come in between.
            if not self._is_suspicious():
                self._suspect("feed")
        elif before > self._last:
            self._suspect("gap")
        elif before < self._last:
            self._suspect("set-back")
