"""Where the token is, and that a cookie does not count for a stranger's page."""

import pytest

from duologue.identity.credentials import Origins, cookie, find, set_cookie

HOME = {"host": "chat.example:8000", "origin": "http://chat.example:8000"}


def test_bearer_wins_over_cookie() -> None:
    """A tab with a session of its own is that person, whatever cookie the browser adds."""
    found = find({**HOME, "authorization": "bearer one", "cookie": "duologue_session=two"}, Origins())
    assert found is not None
    assert (found.token, found.by_cookie) == ("one", False)


def test_another_scheme_hides_nothing() -> None:
    """A proxy's ``Basic`` password is not our token, and the cookie still counts."""
    found = find({**HOME, "authorization": "Basic YTpi", "cookie": "duologue_session=two"}, Origins())
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
    headers = {"host": "chat.example:8000", "origin": origin, "cookie": "duologue_session=two"}
    assert find(headers, Origins()) is None
    assert find({**headers, "authorization": "Bearer one"}, Origins()) is not None


def test_own_pages_and_programs_have_their_cookie() -> None:
    """The same host counts whatever the scheme (a proxy may end TLS); so does a client that is no browser."""
    jar = {"cookie": "duologue_session=two"}
    assert find({**HOME, **jar}, Origins())
    assert find({"host": "Chat.Example", "origin": "https://chat.example", **jar}, Origins())
    assert find({"host": "chat.example:8000", **jar}, Origins())


@pytest.mark.parametrize(
    ("site", "counts"),
    [("cross-site", False), ("same-site", False), ("same-origin", True), ("none", True), ("", True)],
)
def test_a_strangers_link_has_no_cookie(site: str, counts: bool) -> None:
    """A link or a redirect names no origin; the browser says all the same whose page it was on."""
    headers = {"host": "chat.example", "cookie": "duologue_session=two", "sec-fetch-site": site}
    assert bool(find(headers, Origins())) is counts
    assert find({**headers, "authorization": "Bearer one"}, Origins()) is not None


def test_an_origin_says_more_than_the_site() -> None:
    """A listed page stays ours, though the browser calls it another site."""
    headers = {"host": "10.0.0.7", "origin": "https://chat.example", "cookie": "duologue_session=two"}
    assert find({**headers, "sec-fetch-site": "cross-site"}, Origins(["https://chat.example"]))


def test_listed_origins_are_ours() -> None:
    """For a proxy that rewrites ``Host``."""
    headers = {"host": "10.0.0.7:8000", "origin": "https://chat.example", "cookie": "duologue_session=two"}
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
    assert cookie(header) == value


def test_the_cookie_is_out_of_reach_of_scripts() -> None:
    """HttpOnly and SameSite always, Secure behind TLS only: a browser drops a Secure cookie of plain HTTP."""
    plain = set_cookie("t", 60, secure=False)
    assert plain == "duologue_session=t; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"
    assert set_cookie("t", 60, secure=True) == plain + "; Secure"
