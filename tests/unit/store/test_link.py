"""The addresses of a store, good and bad."""

import pytest

from duologue.store.link import Address, BadUrl, ServerInfo, pack


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://localhost", "redis://localhost:6379/0"),
        ("redis://user:hush@store.example:7000/3", "redis://store.example:7000/3"),
        ("rediss://:hush@store.example", "rediss://store.example:6379/0"),
        ("unix:///run/store.sock?db=2", "unix:///run/store.sock"),
        ("unix://user:hush@/run/store.sock", "unix:///run/store.sock"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, shown: str) -> None:
    """What is printed and logged names the place, and never the secret."""
    assert Address(url).shown == shown


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:6379",
        "http://localhost",
        "redis://",
        "unix://",
        "redis://host:port",
        "redis://h:99999",
        "redis://[::1",
    ],
)
def test_a_bad_address_is_refused_with_an_example(url: str) -> None:
    """The words say what an address looks like."""
    with pytest.raises(BadUrl, match="://"):
        Address(url)


def test_a_bad_address_does_not_show_its_password() -> None:
    """Not even where the address cannot be read."""
    with pytest.raises(BadUrl) as caught:
        Address("http://user:hush@host")
    assert "hush" not in str(caught.value)


def test_the_query_of_an_address_cannot_bring_silent_retries_back() -> None:
    """The library would retry on a time-out if the address asked for it."""
    connection = Address("redis://localhost?retry_on_timeout=yes&protocol=3").connection()
    assert connection.retry.get_retries() == 0
    assert connection.protocol == 2


def test_packing_refuses_what_is_no_argument() -> None:
    """In the caller's own task, so that a mistake there does not fail other people's calls."""
    assert pack("ECHO", 1, b"\r\n", "ä") == b"*4\r\n$4\r\nECHO\r\n$1\r\n1\r\n$2\r\n\r\n\r\n$2\r\n\xc3\xa4\r\n"
    with pytest.raises(TypeError):
        pack("ECHO", None)  # type: ignore[arg-type]  # the point of the test


@pytest.mark.parametrize(("version", "major"), [("7.0.15", 7), ("9.1.2", 9), ("", 0), ("unstable", 0)])
def test_the_major_version(version: str, major: int) -> None:
    """An unreadable version is 0, not an error."""
    assert ServerInfo("Redis", version, "", "").major == major
