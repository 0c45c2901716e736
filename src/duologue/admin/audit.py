"""The audit: what moderators did, each entry with the hash of the one before.

An entry is a JSON text, and its hash is the SHA-256 of that text, which contains the hash of the entry
before it. So an entry that was changed, left out or moved shows at the next one. A person with access to the
store could write the whole chain again. An operator who keeps the last hash elsewhere (``duologue admin
audit --verify`` prints it) notices that, too.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from duologue.pairing.moderation import Kept


class Broken(NamedTuple):
    """The first entry that does not fit, and why."""

    id: str
    why: str


def written(
    before: str, at_ms: int, by: str, role: str, act: str, about: Mapping[str, Any]
) -> tuple[str, str]:
    """Return an entry as JSON, and its hash.

    ``by``: the moderator's name in the admin token. ``about``: what was done, without texts of the
    people it is about.
    """
    entry = {"before": before, "at_ms": at_ms, "by": by, "role": role, "act": act, **about}
    text = json.dumps(entry, ensure_ascii=False, separators=(",", ":"))
    return text, hashed(text)


def hashed(text: str) -> str:
    """Return the hash of an entry."""
    return hashlib.sha256(text.encode()).hexdigest()


def verified(kept: Iterable[Kept], head: str | None = None) -> tuple[int, str, Broken | None]:
    """Check entries against each other: how many fit, the hash of the last one, and the first that does not.

    ``head``: the hash of the entry before the first; ``None``: any, because older ones were deleted.
    """
    count = 0
    for each in kept:
        if wrong := _wrong(each, head):
            return count, head or "", Broken(each.id, wrong)
        head, count = each.hash, count + 1
    return count, head or "", None


def _wrong(kept: Kept, head: str | None) -> str:
    text = kept.text.decode(errors="replace")
    if hashed(text) != kept.hash:
        return "its text was changed: the hash does not fit"
    if head is not None and json.loads(text)["before"] != head:
        return "an entry before it is missing or was changed"
    return ""
