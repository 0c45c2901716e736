"""What can go wrong with LiveKit. The library's exceptions are translated here."""

import re

import aiohttp
from livekit import api

TOKEN = re.compile(r"\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?")
"""A token, in a text of LiveKit: it must not be logged."""
TRY_LATER = 429
"""LiveKit Cloud's limit on calls: the same call works later."""


class LiveKitError(Exception):
    """LiveKit refused a call, and repeating it does not help: a mistake in our code, or the wrong URL."""


class LiveKitUnavailable(LiveKitError):
    """LiveKit was not reached, did not answer in time, or failed. The call may have taken effect, or may do
    so later: repeat it."""


class LiveKitDenied(LiveKitError):
    """The API key or its secret is wrong, or the clocks are far apart."""


class ForeignRoom(LiveKitError):
    """The room is not of our namespace. Nothing was sent."""


class WebhookRefused(LiveKitError):
    """The webhook was not sent by LiveKit, was changed, or is too old: ignore its content."""


def from_answer(error: api.ServerError, what: str) -> LiveKitError:
    """Return the exception for an error answer to the call ``what``."""
    if error.status in (401, 403):
        # What LiveKit says of a token that it refuses repeats the token.
        return LiveKitDenied(
            f"{what}: LiveKit answered {error.status}; check the API key, its secret, and the clocks"
        )
    said = f"{what}: LiveKit answered {error.status} {error.code} {TOKEN.sub('…', error.message)}".rstrip()
    if error.status >= 500 or error.status == TRY_LATER:
        return LiveKitUnavailable(said)
    return LiveKitError(said)


def from_connection(error: aiohttp.ClientError | OSError, what: str) -> LiveKitUnavailable:
    """Return the exception for a failure to connect, to send or to read."""
    if isinstance(error, TimeoutError):
        return LiveKitUnavailable(f"{what}: LiveKit did not answer in time")
    return LiveKitUnavailable(f"{what}: {str(error) or type(error).__name__}")
