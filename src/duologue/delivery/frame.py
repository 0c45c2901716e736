"""What goes over the wire: one JSON object a frame, in the form of server-sent events.

https://html.spec.whatwg.org/multipage/server-sent-events.html. Every frame is
a default (``message``) event of one ``data:`` line. JSON has no raw line break,
so nothing that a person wrote can end a line or begin a field (race S6);
:func:`block` refuses to write one all the same.
"""

import random
from typing import Any

import msgspec

from duologue.media.port import MediaPort

RETRY_MS = (500, 1000)
"""Drawn for each connection; Firefox's own 5 s would be longer than a partner waits."""
RECONNECT_MS = (100, 2000)
"""The least that a ``reconnect`` names, and the span over which few people are spread: a restart must not be
met by all at one instant. More people are spread over more (``attaches.Pace``)."""

_MEDIA = b'"media":{'
_MATCH = b'"match":"'

NETWORK_FULL = "network-full"
"""The ``reason`` of a ``reconnect``: enough people are here from the reader's network."""

RECONNECT_MOST_MS = 60_000
"""The longest delay, however many streams a person opened."""


class UnsafeFrame(Exception):
    """A frame with a raw line break: it would be two fields. Nothing was written."""


def block(data: bytes, *, event_id: str = "", retry_ms: int = 0) -> bytes:
    """One event. ``retry:`` goes into the same block: one of its own would be an empty event to some."""
    if b"\n" in data or b"\r" in data:
        raise UnsafeFrame(f"a raw line break in {len(data)} bytes")
    head = b"retry: %d\n" % retry_ms if retry_ms else b""
    if event_id:
        head += b"id: " + event_id.encode("ascii") + b"\n"
    return head + b"data: " + data + b"\n\n"


def frame(kind: str, at_ms: float, **fields: Any) -> bytes:
    """A frame of the process's own, as JSON."""
    return msgspec.json.encode({"type": kind, "at_ms": int(at_ms), **fields})


def splice(made: bytes, state: bytes, people_online: int | None = None) -> bytes:
    """The frame that a script made, completed with the (dressed) state, and for ``waiting`` the people."""
    online = b"" if people_online is None else b',"people_online":%d' % people_online
    return made.rstrip()[:-1] + online + b',"state":' + state + b"}"


def dress(state: bytes, media: MediaPort) -> bytes:
    """Return a state as its person shall read it: with what only a process may know (ICE servers, grants).

    For frames and for the replies to commands alike. A state without a match is returned as it is. Only the
    media is read and written; all else stays as the script wrote it (``match_json`` in ``include/view.lua``).
    """
    # No text of a person's can hold these: within a JSON string the quotes are escaped.
    at = state.find(_MEDIA)
    if at < 0:
        return state
    begin = at + len(_MEDIA) - 1
    end = state.index(b"}", begin) + 1  # the media of a script is flat, and made of ids and words
    name = state.rindex(_MATCH, 0, at) + len(_MATCH)
    match = state[name : state.index(b'"', name)].decode()
    dressed = media.dress(msgspec.json.decode(state[begin:end]), match)
    return state[:begin] + msgspec.json.encode(dressed) + state[end:]


def retry_ms() -> int:
    """What a new stream begins with."""
    return random.randint(*RETRY_MS)


def reconnect(
    at_ms: float, at_least_ms: int = 0, reason: str = "", *, span_ms: int = RECONNECT_MS[1]
) -> bytes:
    """Return the block that ends a stream of ours in good order: the same number twice.

    ``reason``: what a page can say of it, if anything. ``span_ms``: over how long those are spread who are
    told at one instant.
    """
    drawn_ms = random.randint(RECONNECT_MS[0], max(span_ms, RECONNECT_MS[1]))
    after_ms = min(at_least_ms + drawn_ms, RECONNECT_MOST_MS)
    said = {"reason": reason} if reason else {}
    return block(frame("reconnect", at_ms, after_ms=after_ms, **said), retry_ms=after_ms)
