"""A byte of a frame at which a connection ends: each class of bytes that a stream consists of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from tests.relay import Passage

Find = Callable[[bytes], int]
"""How many bytes of a block still arrive; -1: the block has no such byte."""


def _after(what: bytes, more: int) -> Find:
    def find(block: bytes) -> int:
        at = block.find(what)
        return -1 if at < 0 else at + more

    return find


def _in_json(block: bytes) -> int:
    start = block.index(b"data: ") + 6
    return start + (len(block) - start) // 2


def _in_a_character(block: bytes) -> int:
    """Behind the first byte of one that has several."""
    return next((at + 1 for at, byte in enumerate(block) if byte >= 0xC0), -1)


def _in_the_id(block: bytes) -> int:
    """Of ``id: m_…:12`` the number is missing: half an id must not count as one."""
    at = block.find(b"id: ")
    return -1 if at < 0 else block.index(b":", at + 4) + 1


CLASSES: Mapping[str, Find] = {
    "before it": lambda _: 0,
    "in `retry`": _after(b"retry:", 3),
    "in the number of `retry:`": _after(b"retry: ", 8),
    "in `id`": _after(b"id:", 1),
    "in the number of `id:`": _in_the_id,
    "in `data`": _after(b"data:", 2),
    "before the `:`": _after(b"data:", 4),
    "behind the `:`": _after(b"data:", 5),
    "in the JSON": _in_json,
    "in a character": _in_a_character,
    "before the newline": lambda block: len(block) - 2,
    "between the newlines": lambda block: len(block) - 1,
    "behind it": len,
}
"""Where, by name; behind ``id:`` and ``retry:`` a message or a first snapshot has more than others."""


class Trap:
    """Ends a stream once, at this class of bytes of the next frame of this type."""

    def __init__(self, kind: str, where: str) -> None:
        self.sprung = asyncio.Event()
        self.has_no_such_byte = False
        self.at_s = 0.0
        self._mark = b'"type":"%s"' % kind.encode()
        self._find = CLASSES[where]

    def __call__(self, passage: Passage, data: bytes) -> int | None:
        """See ``tests.relay.Trap``. A block is looked for in one piece, in which the server wrote it."""
        if self.sprung.is_set() or not passage.is_stream:
            return None
        at = data.find(self._mark)
        if at < 0:
            return None
        # Behind the block before it, or behind the head of a chunk (RFC 9112, 7.1) or of the answer.
        ends = [data.rfind(end, 0, at) for end in (b"\n\n", b"\r\n")]
        start = max(ends) + 2 if max(ends) >= 0 else 0
        found = self._find(data[start : data.index(b"\n\n", at) + 2])
        self.at_s = asyncio.get_running_loop().time()
        self.has_no_such_byte = found < 0
        self.sprung.set()
        return None if found < 0 else start + found
