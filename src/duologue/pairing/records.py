"""The records as the scripts write them, for those who only look: invariants, audits, tests.

MessagePack arrays in the field order of ``lua/include/context.lua``; a test holds the two together.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

PERSON = (
    "state", "version", "since", "intent", "wish", "pool", "idle_reason",
    "place", "waited", "pairable", "match",
    "probe", "probe_at", "probe_until", "probe_media", "probe_again",
    "process", "connection", "page", "pages", "attached_at", "away", "bucket", "bucket_at",
    "ended_match", "ended_reason", "ended_at", "auto_next", "language", "tags", "alias",
    "video_off", "device", "network", "probe_shift", "text_only", "relaxed", "looked",
    "again_at", "again_with", "sanction",
)  # fmt: skip
MATCH = (
    "a", "b", "started", "kind", "word", "met",
    "open_a", "open_b", "signed_a", "signed_b",
    "silent_since_a", "silent_last_a", "silent_since_b", "silent_last_b",
    "alone_since_a", "alone_cause_a", "alone_since_b", "alone_cause_b",
    "message_first", "message_last", "message_bytes",
    "signal_last_a", "signal_last_b", "signal_bytes_a", "signal_bytes_b",
    "ready", "said_a", "said_b", "reported", "began", "pages_a", "pages_b",
)  # fmt: skip
ROOM = (
    "step", "a", "b", "generation", "begun", "create", "creates", "late", "tries", "opened", "ended",
    "acked_a", "acked_b", "present_a", "present_b", "says_a", "says_b",
)  # fmt: skip
RECENT_EPOCH_S = 1_735_689_600
"""The start of 2025."""


class Recent(NamedTuple):
    """One ended match of a person."""

    match: str
    partner: str
    ended_s: int
    ender: int
    """0 nobody (we, or a leave), 1 the person themselves by a skip, 2 the partner by a skip."""


def unpack(raw: bytes, names: Sequence[str]) -> dict[str, Any]:
    """One record by its field names."""
    return dict(zip(names, msgspec.msgpack.decode(raw), strict=True))


def _values(raw: bytes) -> list[Any]:
    """Values without an array's header, which says how many there are: at most 24."""
    for count in range(3, 27, 3):
        with suppress(msgspec.DecodeError):
            found: list[Any] = msgspec.msgpack.decode(bytes((0xDC, 0, count)) + raw)
            return found
    raise ValueError("no list of ended matches")


def unpack_recent(raw: bytes) -> list[Recent]:
    """The entries of ``recent:<person>``, oldest first."""
    flat = _values(raw)
    return [
        Recent(f"m_{match}", partner, stamp // 4 + RECENT_EPOCH_S, stamp % 4)
        for match, partner, stamp in zip(flat[::3], flat[1::3], flat[2::3], strict=True)
    ]
