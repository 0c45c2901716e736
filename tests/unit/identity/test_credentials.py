"""Where the token is, and that a cookie does not count for a stranger's page."""

from collections.abc import Mapping

import pytest

from duologue.identity import credentials
from duologue.identity.credentials import Credential, Origins, TwoCookies, cookie, cookie_name, set_cookie

HOME = {"host": "chat.example:8000", "origin": "http://chat.example:8000"}


def find(headers: Mapping[str, str], origins: Origins) -> Credential | None:
    """Return the credential of a request over plain HTTP; two cookies are an error here."""
    found = credentials.find(headers, origins)
    assert not isinstance(found, TwoCookies)
    return found


def test_bearer_wins_over_cookie() -> None:
    """A tab with a session of its own is that person, whatever cookie the browser adds."""
    found = find({**HOME, "authorization": "bearer one", "cookie": "duologue_session_8000=two"}, Origins())
    assert found is not None
    assert (found.token, found.by_cookie) == ("one", False)


def test_another_scheme_hides_nothing() -> None:
    """A proxy's ``Basic`` password is not our token, and the cookie still counts."""
    found = find({**HOME, "authorization": "Basic YTpi", "cookie": "duologue_session_8000=two"}, Origins())
    assert found is not None
    assert (found.token, found.by_cookie) == ("two", True)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://chat.example",
        "http://chat.example:8001",
        "null",
        "",
        "http://[",
        "http://",
    ],
)
def test_a_strangers_page_has_no_cookie(origin: str) -> None:
    """Another host, another port, no origin to speak of: the cookie is as good as not sent."""
    headers = {"host": "chat.example:8000", "origin": origin, "cookie": "duologue_session_8000=two"}
    assert find(headers, Origins()) is None
    assert find({**headers, "authorization": "Bearer one"}, Origins()) is not None


def test_own_pages_and_programs_have_their_cookie() -> None:
    """The same host counts with any scheme (a proxy may end TLS); a client that is not a browser counts,
    too."""
    jar = {"cookie": "duologue_session=two; duologue_session_8000=three"}
    assert find({**HOME, **jar}, Origins())
    assert find({"host": "Chat.Example", "origin": "https://chat.example", **jar}, Origins())
    assert find({"host": "chat.example:8000", **jar}, Origins())


@pytest.mark.parametrize(
    ("site", "counts"),
    [("cross-site", False), ("same-site", False), ("same-origin", True), ("none", True), ("", True)],
)
def test_a_strangers_link_has_no_cookie(site: str, counts: bool) -> None:
    """A link or a redirect has no origin, but the browser still says whose page it was on."""
    headers = {"host": "chat.example", "cookie": "duologue_session=two", "sec-fetch-site": site}
    assert bool(find(headers, Origins())) is counts
    assert find({**headers, "authorization": "Bearer one"}, Origins()) is not None


def test_an_origin_says_more_than_the_site() -> None:
    """A listed page stays ours, though the browser calls it another site."""
    headers = {"host": "10.0.0.7", "origin": "https://chat.example", "cookie": "duologue_session=two"}
    assert find({**headers, "sec-fetch-site": "cross-site"}, Origins(["https://chat.example"]))


def test_listed_origins_are_ours() -> None:
    """For a proxy that rewrites ``Host``."""
    headers = {
        "host": "10.0.0.7:8000",
        "origin": "https://chat.example",
        "cookie": "duologue_session_8000=two",
    }
    assert find(headers, Origins(["https://Chat.example/"]))
    assert find(headers, Origins(["https://other.example"])) is None


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("", None),
        ("duologue_session=", None),
        ("other=1; duologue_session=abc.d-e_f ; more=2", "abc.d-e_f"),
        ('broken="{[ ; duologue_session=abc', "abc"),
        ("xduologue_session=abc", None),
        ("duologue_session=a=b", "a=b"),
    ],
)
def test_our_cookie_among_others(header: str, value: str | None) -> None:
    """Other programs' cookies, readable or not, hide ours neither way."""
    assert cookie(header, "duologue_session") == value


def test_the_cookie_is_out_of_reach_of_scripts() -> None:
    """HttpOnly and SameSite always, Secure behind TLS only: a browser drops a Secure cookie of plain HTTP."""
    plain = set_cookie("duologue_session", "t", 60, secure=False)
    assert plain == "duologue_session=t; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"
    assert set_cookie("duologue_session", "t", 60, secure=True) == plain + "; Secure"


@pytest.mark.parametrize(
    ("host", "secure", "name"),
    [
        ("localhost:8000", False, "s_8000"),
        ("localhost:9000", False, "s_9000"),
        ("chat.example", False, "s"),
        ("chat.example:80", False, "s"),
        ("chat.example:443", False, "s_443"),
        ("chat.example", True, "__Host-s"),
        ("chat.example:443", True, "__Host-s"),
        ("chat.example:8443", True, "__Host-s_8443"),
        ("[::1]:8000", False, "s_8000"),
        ("[::1]", False, "s"),
        ("", False, "s"),
        ("chat.example:port", False, "s"),
        ("chat.example:8000; Domain=x", False, "s"),
        ("chat.example:1234567", False, "s"),
    ],
)
def test_a_cookie_is_named_after_its_port(host: str, secure: bool, name: str) -> None:
    """Browsers keep cookies by host alone: two servers on one host would overwrite each other's."""
    assert cookie_name("s", host, secure=secure) == name


def test_of_two_cookies_none_is_believed() -> None:
    """A neighbour can set a second one of the same name, and which comes first says nothing; equal ones
    agree."""
    twice = {"host": "chat.example", "cookie": "duologue_session=mine; duologue_session=theirs"}
    assert credentials.find(twice, Origins()) == TwoCookies("duologue_session")
    assert find({**twice, "cookie": "duologue_session=mine; duologue_session=mine"}, Origins())
    assert find({**twice, "authorization": "Bearer one"}, Origins())
    assert find({**twice, "origin": "https://evil.example"}, Origins()) is None


def test_behind_tls_a_neighbours_cookie_is_not_looked_at() -> None:
    """A neighbour cannot set a ``__Host-`` cookie, and a cookie of another name does not count."""
    headers = {"host": "chat.example", "cookie": "duologue_session=theirs; __Host-duologue_session=mine"}
    assert credentials.find(headers, Origins(), secure=True) == Credential("mine", by_cookie=True)
