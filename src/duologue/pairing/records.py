"""The records as the scripts write them, for those who only look: invariants, audits, tests.

MessagePack arrays in the field order of ``lua/include/context.lua``; a test holds the two together.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

PERSON = (
    "state", "version", "since", "intent", "wish", "pool", "idle_reason",
    "place", "waited", "pairable", "match",
    "probe", "probe_at", "probe_until", "probe_media", "probe_again",
    "process", "connection", "page", "pages", "attached_at", "away", "bucket", "bucket_at",
    "ended_match", "ended_reason", "ended_at", "auto_next", "language", "tags", "alias",
)  # fmt: skip
MATCH = (
    "a", "b", "started", "kind", "word", "met",
    "open_a", "open_b", "signed_a", "signed_b",
    "silent_since_a", "silent_last_a", "silent_since_b", "silent_last_b",
    "alone_since_a", "alone_cause_a", "alone_since_b", "alone_cause_b",
    "message_first", "message_last", "message_bytes",
    "signal_last_a", "signal_last_b", "signal_bytes_a", "signal_bytes_b",
)  # fmt: skip
RECENT = ("match", "partner", "ended_s", "ender")


def unpack(raw: bytes, names: Sequence[str]) -> dict[str, Any]:
    """One record by its field names."""
    return dict(zip(names, msgspec.msgpack.decode(raw), strict=True))


def unpack_recent(raw: bytes) -> list[dict[str, Any]]:
    """The entries of ``recent:<person>``, oldest first."""
    flat = msgspec.msgpack.decode(raw)
    return [dict(zip(RECENT, flat[i : i + 4], strict=True)) for i in range(0, len(flat), 4)]
