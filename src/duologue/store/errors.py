"""What can go wrong with the store, in five words; the client library's own exceptions end here."""

from redis import exceptions as library


class StoreError(Exception):
    """The store answered a call with an error that is none of those below: a mistake of ours."""


class StoreUnavailable(StoreError):
    """The store cannot be reached, or not in time, or takes no writes now. Try again later."""


class StoreInterrupted(StoreUnavailable):
    """The connection ended after the call was sent: its script may or may not have run. Repeat it."""


class StoreBusy(StoreUnavailable):
    """More is asked of the store than it can answer. The call was not sent, so nothing changed."""

    def __init__(self, text: str, retry_after_s: int) -> None:
        """``retry_after_s``: when to ask again, in whole seconds; drawn, so that not all come at once."""
        super().__init__(text, retry_after_s)
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        """Return the text."""
        return str(self.args[0])


class StoreFull(StoreError):
    """The store's memory is full (``OOM``): the script was refused whole, nothing changed."""


class StoreRefused(StoreUnavailable):
    """The store does not let us in: wrong address, password, database or certificate."""


NOT_NOW = ("LOADING", "BUSY", "MISCONF", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS", "UNKILLABLE")
"""Error replies of a store that will take the same call later; none of them lets a script run."""

MOVED_AWAY = {"READONLY": "readonly", "MOVED": "moved"}
"""Error replies that say: this server no longer owns the data. To the cause of suspicion that each is."""


def code_of(error: library.RedisError) -> str:
    """The first word of an error reply, such as ``OOM``; some classes of the library keep it aside."""
    return error.status_code or str(error).partition(" ")[0]


def from_reply(error: library.ResponseError, what: str) -> StoreError:
    """What an error reply to the call ``what`` means to a caller."""
    code = code_of(error)
    if code == "OOM":
        return StoreFull(f"{what}: the store's memory is full")
    if code in NOT_NOW or code in MOVED_AWAY:
        return StoreUnavailable(f"{what}: {code} {error}")
    if code == "NOPERM":
        return StoreRefused(f"{what}: {error}")
    return StoreError(f"{what}: {error}")


def from_connection(error: Exception, address: str) -> StoreUnavailable:
    """What a failure to connect, to send or to read means, in one line that names the address."""
    # Over a Unix socket the library signs in while it connects, and wraps the refusal.
    if isinstance(error, library.AuthenticationError) or isinstance(
        error.__cause__, library.AuthenticationError
    ):
        return StoreRefused(f"{address} refused the user name or password ({error})")
    if isinstance(error, TimeoutError | library.TimeoutError):
        return StoreUnavailable(f"{address} did not answer in time")
    return StoreUnavailable(f"{address}: {str(error) or type(error).__name__}")
