"""Error replies and lost connections, in our words."""

import pytest
from redis import exceptions as library
from redis._parsers.base import BaseParser

from duologue.store.errors import (
    StoreError,
    StoreFull,
    StoreRefused,
    StoreUnavailable,
    from_connection,
    from_reply,
)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("OOM command not allowed when used memory > 'maxmemory'.", StoreFull),
        ("READONLY You can't write against a read only replica.", StoreUnavailable),
        ("MOVED 3999 127.0.0.1:6381", StoreUnavailable),
        ("BUSY Redis is busy running a script.", StoreUnavailable),
        ("MISCONF Errors writing to the AOF file", StoreUnavailable),
        ("MASTERDOWN Link with MASTER is down", StoreUnavailable),
        ("CLUSTERDOWN The cluster is down", StoreUnavailable),
        ("NOREPLICAS Not enough good replicas to write.", StoreUnavailable),
        ("NOPERM this user has no permissions to run the 'evalsha' command", StoreRefused),
        ("ERR user_script:1: attempt to index a nil value", StoreError),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", StoreError),
    ],
)
def test_an_error_reply(reply: str, expected: type[StoreError]) -> None:
    """Each kind of refusal has one class, as the library's own parser hands it over."""
    parsed = BaseParser.parse_error(reply)  # type: ignore[no-untyped-call]  # the library has no types here
    assert isinstance(parsed, library.ResponseError)
    error = from_reply(parsed, "skip")
    assert type(error) is expected
    assert str(error).startswith("skip: ")


@pytest.mark.parametrize(
    ("error", "expected", "words"),
    [
        (library.AuthenticationError("invalid password"), StoreRefused, "refused the user name or password"),
        (library.TimeoutError("Timeout"), StoreUnavailable, "did not answer in time"),
        (TimeoutError(), StoreUnavailable, "did not answer in time"),
        (ConnectionResetError(), StoreUnavailable, "ConnectionResetError"),
        (library.ConnectionError("Connection refused"), StoreUnavailable, "Connection refused"),
    ],
)
def test_a_lost_connection(error: Exception, expected: type[StoreError], words: str) -> None:
    """One line that names the address."""
    ours = from_connection(error, "redis://h:1/0")
    assert type(ours) is expected
    assert str(ours).startswith("redis://h:1/0")
    assert words in str(ours)
