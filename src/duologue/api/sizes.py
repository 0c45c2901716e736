"""How large what somebody sends may be: the bounds of the protocol, which an operator can narrow."""

from dataclasses import dataclass

BODY_BYTES = 64 * 1024
MESSAGE_CHARS = 2_000
SIGNAL_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Sizes:
    """At most so much. Never more than the defaults: what a match keeps is bounded in the store as well."""

    body_bytes: int = BODY_BYTES
    message_chars: int = MESSAGE_CHARS
    """Code points."""
    signal_bytes: int = SIGNAL_BYTES
    """Its ``data``, as JSON. A description of video has several thousand."""
