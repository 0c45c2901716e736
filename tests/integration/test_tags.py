"""Interests over the real interface: two people who mean the same meet at once, however each typed it."""

from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from tests.serving import data_folder, serving


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The real command, on which tags never relax: people who meet have one in common."""
    with data_folder() as data, serving("--no-page", "--strict-tags", "--data", str(data)) as server:
        yield server.url
        assert server.stop() == 0


@pytest.fixture
def two(url: str) -> Iterator[list[httpx.Client]]:
    """Two guests with streams, who leave at the end."""
    with ExitStack() as stack:
        reading: list[Iterator[bytes]] = []
        people = [stack.enter_context(httpx.Client(base_url=url, timeout=15)) for _ in range(2)]
        for each in people:
            token = each.post("/v1/sessions", json={"cookie": False}).json()["token"]
            each.headers["Authorization"] = f"Bearer {token}"
            read = stack.enter_context(each.stream("GET", "/v1/events?page=p1")).iter_raw()
            reading.append(read)  # a reader that is collected closes its stream
            next(read)
        yield people
        for each in people:
            each.post("/v1/leave", json={"intent": 9}).raise_for_status()


def joined(two: list[httpx.Client], one: list[str], other: list[str]) -> str:
    """What the second of them is told."""
    outcomes = [
        each.post("/v1/join", json={"intent": 1, "tags": tags}).raise_for_status().json()["outcome"]
        for each, tags in zip(two, (one, other), strict=True)
    ]
    assert outcomes[0] == "waiting"
    return str(outcomes[1])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["音乐，旅行"], ["音乐"]),
        (["音楽、旅行"], ["旅行"]),
        (["#Music"], ["music"]),
        (["ＭＵＳＩＣ; art"], ["food", "music"]),
        (["Straße"], ["STRASSE"]),
        (["موسيقى، سفر"], ["سفر"]),
        (["deep  learning"], ["Deep\u3000Learning"]),
    ],
)
def test_what_means_the_same_meets_at_once(two: list[httpx.Client], one: list[str], other: list[str]) -> None:
    """The server takes them apart and compares one form, so clients need not agree on it."""
    assert joined(two, one, other) == "matched"


def test_control_other_interests_wait(two: list[httpx.Client]) -> None:
    """The control: tags keep these two apart, so it is the common one that brought the others together."""
    assert joined(two, ["音乐"], ["旅行"]) == "waiting"


@pytest.mark.parametrize(
    ("tags", "code", "field", "words"),
    [
        (["music", "，#"], "bad-name", "tags[1]", "other than spaces, commas and a leading #"),
        ([",".join(f"t{n}" for n in range(17))], "bad-field", "tags", "at most 16 tags are allowed, not 17"),
        (["music," + "x" * 65], "bad-field", "tags[0]", "65 characters, and may have 64"),
        (["mus\u200bic"], "bad-name", "tags[0]", "cannot be seen"),
    ],
)
def test_what_is_refused_says_why(
    two: list[httpx.Client], tags: list[str], code: str, field: str, words: str
) -> None:
    """The bounds hold for what the commas make of it."""
    answer = two[0].post("/v1/join", json={"intent": 1, "tags": tags})
    told = answer.json()
    assert (answer.status_code, told["code"], told["field"]) == (422, code, field)
    assert words in told["detail"]
