"""What can go wrong with LiveKit, in a few words; the library's own exceptions end here."""

import aiohttp
from livekit import api

TRY_LATER = 429
"""LiveKit Cloud's limit on calls: it will take the same call later."""


class LiveKitError(Exception):
    """LiveKit refused a call, and repeating it does not help: a mistake of ours, or the wrong URL."""


class LiveKitUnavailable(LiveKitError):
    """Not reached, not in time, or failing. The call may have taken effect, or may do so later: repeat it."""


class LiveKitDenied(LiveKitError):
    """The API key or its secret is wrong, or the clocks are far apart."""


class ForeignRoom(LiveKitError):
    """The room is not of our namespace. Nothing was sent."""


class WebhookRefused(LiveKitError):
    """Not LiveKit's, not unaltered, or too old: nothing in it may be believed."""


def from_answer(error: api.ServerError, what: str) -> LiveKitError:
    """What an error answer to the call ``what`` means to a caller."""
    said = f"{what}: LiveKit answered {error.status} {error.code} {error.message}".rstrip()
    if error.status in (401, 403):
        return LiveKitDenied(f"{said}; check the API key, its secret, and the clocks")
    if error.status >= 500 or error.status == TRY_LATER:
        return LiveKitUnavailable(said)
    return LiveKitError(said)


def from_connection(error: aiohttp.ClientError | OSError, what: str) -> LiveKitUnavailable:
    """What a failure to connect, to send or to read means."""
    if isinstance(error, TimeoutError):
        return LiveKitUnavailable(f"{what}: LiveKit did not answer in time")
    return LiveKitUnavailable(f"{what}: {str(error) or type(error).__name__}")
