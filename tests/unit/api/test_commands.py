"""Each command: what of the body reaches the state machine, and what is answered."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from duologue.api.fields import Sizes
from duologue.identity.tokens import Session, Tokens
from duologue.metrics import Metrics
from duologue.pairing.vocabulary import Outcome
from tests.unit.api.conftest import ICE, Connect
from tests.unit.api.recorder import IDLE, MATCHED, Recorder

DATA = {"from": "page1", "hello": True}

WHOLE: dict[str, tuple[dict[str, Any], str, list[Any]]] = {
    "/v1/join": (
        {
            "intent": 7,
            "pool": "de",
            "tags": ["a,B", "b", "#c  D"],
            "language": "de-AT",
            "auto_next": False,
            "media": "text",
            "terms": "2026-12",
        },
        "join",
        [7, "de", "de-at", 0, '"Ada"', 1, "a", "b", "c d"],
    ),
    "/v1/skip": ({"match": "m_1"}, "skip", ["m_1"]),
    "/v1/leave": ({"intent": 8}, "leave", [8]),
    "/v1/pulse": (
        {"match": "m_1", "media": "open", "told_ms": 5, "alone_ms": 0, "next_face_ms": 700},
        "pulse",
        ["m_1", "open"],
    ),
    "/v1/ack": ({"match": "m_1", "of": "room-closing"}, "ack", ["m_1"]),
    "/v1/signal": (
        {"match": "m_1", "key": "k1", "data": {**DATA, "to": "page2"}},
        "signal",
        ["m_1", "k1", '{"from":"page1","to":"page2","hello":true}', "page2", "page1"],
    ),
    "/v1/messages": (
        {"match": "m_1", "key": "k1", "text": 'é "\r\n\u0000{}'},
        "message",
        ["m_1", "k1", '"é \\"\\r\\n\\u0000{}"'],
    ),
    "/v1/blocks": ({"match": "m_1", "skip": True}, "block", ["m_1", 1]),
}
"""Path → a body with every field, the script, and its arguments after the person."""

LEAST: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "/v1/join": ({"intent": 0}, [0, "main", "", 1, '"Ada"', 0]),
    "/v1/pulse": ({}, ["", ""]),
    "/v1/blocks": ({"match": "m_1"}, ["m_1", 0]),
    "/v1/signal": (
        {"match": "m_1", "key": "k1", "data": DATA},
        ["m_1", "k1", '{"from":"page1","hello":true}', "", "page1"],
    ),
}


def person(tokens: Tokens, client: httpx.AsyncClient) -> str:
    session = tokens.read(client.headers["authorization"].removeprefix("Bearer "))
    assert isinstance(session, Session)
    return session.person


@pytest.mark.parametrize("path", WHOLE)
async def test_every_field_reaches_the_script(
    path: str, client: httpx.AsyncClient, recorder: Recorder, tokens: Tokens
) -> None:
    """One call a command, about the person of the token, with what the body says and nothing else."""
    body, script, arguments = WHOLE[path]
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    assert recorder.calls == [(script, [person(tokens, client), *arguments])]


@pytest.mark.parametrize("path", LEAST)
async def test_what_may_be_left_out(
    path: str, client: httpx.AsyncClient, recorder: Recorder, tokens: Tokens
) -> None:
    """The shortest body has the documented meaning."""
    body, arguments = LEAST[path]
    assert (await client.post(path, json=body)).status_code == 200
    assert recorder.calls[0][1] == [person(tokens, client), *arguments]


REPORT = {"match": "m_1", "key": "k1", "reason": "spam", "text": 'a "b"', "skip": True}


@pytest.fixture
def reporting(recorder: Recorder) -> Recorder:
    """A store that blocks and keeps reports."""
    recorder.words = {"block": Outcome.BLOCKED, "report": Outcome.REPORTED}
    return recorder


async def test_a_report_blocks_and_skips_first(
    client: httpx.AsyncClient, reporting: Recorder, tokens: Tokens
) -> None:
    """The safety of the reporter does not wait for room for the report."""
    answer = await client.post("/v1/reports", json=REPORT)
    assert (answer.status_code, answer.json()["outcome"]) == (200, "reported")
    me = person(tokens, client)
    assert reporting.calls == [
        ("block", [me, "m_1", 1]),
        ("report", [me, "m_1", "k1", "spam", '"a \\"b\\""']),
    ]


async def test_the_shortest_report(client: httpx.AsyncClient, reporting: Recorder, tokens: Tokens) -> None:
    """Without text, and the conversation goes on."""
    await client.post("/v1/reports", json={"match": "m_1", "key": "k1", "reason": "minor"})
    me = person(tokens, client)
    assert reporting.calls == [("block", [me, "m_1", 0]), ("report", [me, "m_1", "k1", "minor", '""'])]


async def test_a_report_of_an_unknown_match(client: httpx.AsyncClient, recorder: Recorder) -> None:
    """No person is blocked, so nothing is reported."""
    recorder.words = {"block": Outcome.UNKNOWN_MATCH}
    answer = await client.post("/v1/reports", json=REPORT)
    assert (answer.status_code, answer.json()["outcome"]) == (200, "unknown-match")
    assert [name for name, _ in recorder.calls] == ["block"]


@pytest.mark.parametrize("full", ["memory", "evidence"])
async def test_a_report_without_room(client: httpx.AsyncClient, reporting: Recorder, full: str) -> None:
    """503 with a code that says so, and when to send it again; the block took effect."""
    if full == "memory":
        reporting.full = frozenset({"report"})
    else:
        reporting.words["report"] = "no-room"
    answer = await client.post("/v1/reports", json=REPORT)
    assert (answer.status_code, answer.json()["code"]) == (503, "report-not-kept")
    assert answer.headers["retry-after"] == "1"
    assert [name for name, _ in reporting.calls] == ["block", "report"]


async def test_a_message_beyond_what_is_kept(client: httpx.AsyncClient, recorder: Recorder) -> None:
    """409, which no client sends again: later there is no more room than now."""
    recorder.word = "no-room"
    answer = await client.post("/v1/messages", json={"match": "m_1", "key": "k1", "text": "hello"})
    assert (answer.status_code, answer.json()["code"]) == (409, "conversation-full")


@pytest.mark.parametrize("word", Outcome)
async def test_every_outcome_is_an_answer(
    word: Outcome, client: httpx.AsyncClient, recorder: Recorder
) -> None:
    """A late command is not an error: the answer is 200, the outcome, and the caller's state."""
    recorder.word = word
    answer = await client.post("/v1/skip", json={"match": "m_1"})
    assert (answer.status_code, answer.json()) == (200, {"outcome": word, "state": IDLE})
    assert answer.headers["cache-control"] == "no-store"


async def test_a_state_is_dressed(client: httpx.AsyncClient, recorder: Recorder) -> None:
    """What only the process knows is in the answer of a command and of a read; nothing else is changed."""
    recorder.state = MATCHED
    media = {"kind": "peer", "role": "polite", "ice_servers": ICE}
    dressed = {**MATCHED, "match": {**MATCHED["match"], "media": media}}  # type: ignore[dict-item]  # JSON
    assert (await client.post("/v1/pulse", json={})).json() == {"outcome": "ok", "state": dressed}
    assert (await client.get("/v1/state")).json() == {"state": dressed}


async def test_a_messages_number_is_answered(client: httpx.AsyncClient, recorder: Recorder) -> None:
    """``n`` when it was sent; a stale message has none."""
    body = {"match": "m_1", "key": "k1", "text": "hello"}
    recorder.word = Outcome.SENT
    assert (await client.post("/v1/messages", json=body)).json()["n"] == 7
    recorder.word = Outcome.STALE
    assert "n" not in (await client.post("/v1/messages", json=body)).json()


@pytest.mark.parametrize(
    "said",
    [
        {"hello": True},
        {"bye": True},
        {"description": {"type": "offer", "sdp": "v=0\r\n"}},
        {"description": {"type": "rollback", "sdp": ""}},
        {"candidate": {"candidate": "", "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": None}},
    ],
)
async def test_what_browsers_say_is_relayed(
    said: dict[str, Any], client: httpx.AsyncClient, recorder: Recorder
) -> None:
    """A description and a candidate arrive as the browser made them."""
    recorder.word = Outcome.SENT
    body = {"match": "m_1", "key": "k1", "data": {"from": "page1", **said}}
    answer = await client.post("/v1/signal", json=body)
    assert answer.json()["outcome"] == "sent"
    assert len(recorder.calls) == 1


async def test_a_token_may_name_the_only_pool(
    connect: Connect, make_token: Callable[..., str], recorder: Recorder, tokens: Tokens
) -> None:
    """A person whose token names a pool goes there by default, and nowhere else."""
    mine = connect(token=make_token(pool="de"))
    assert (await mine.post("/v1/join", json={"intent": 1})).status_code == 200
    assert recorder.calls[0][1][2] == "de"
    refused = await mine.post("/v1/join", json={"intent": 1, "pool": "main"})
    assert refused.json()["code"] == "unknown-pool"
    gone = connect(token=make_token(pool="closed"))
    assert (await gone.post("/v1/join", json={"intent": 1})).json()["code"] == "unknown-pool"
    assert len(recorder.calls) == 1


@pytest.mark.parametrize("terms", [{}, {"terms": "2026-11"}])
async def test_a_join_needs_consent_to_the_present_rules(
    connect: Connect, make_token: Callable[..., str], recorder: Recorder, terms: dict[str, str]
) -> None:
    """A join without it, or with consent to older rules, changes nothing, and the answer names the rules."""
    mine = connect(token=make_token(), terms_version="2026-12")
    refused = await mine.post("/v1/join", json={"intent": 1, **terms})
    assert refused.status_code == 403
    said = refused.json()
    assert (said["code"], said["field"], said["terms_version"]) == ("terms-not-agreed", "terms", "2026-12")
    assert not recorder.calls
    assert (await mine.post("/v1/join", json={"intent": 1, "terms": "2026-12"})).status_code == 200
    assert [name for name, _ in recorder.calls] == ["join"]


async def test_a_server_without_a_version_of_its_rules_asks_for_none(client: httpx.AsyncClient) -> None:
    """A page that sends a version after the operator took the setting away still gets in."""
    assert (await client.post("/v1/join", json={"intent": 1, "terms": "2026-12"})).status_code == 200


async def test_what_a_client_measured_is_counted(
    client: httpx.AsyncClient, metrics: Metrics, recorder: Recorder
) -> None:
    """What a client measured reaches the metrics in seconds; of a clock that jumped, a bound."""
    await client.post("/v1/pulse", json={"told_ms": 40, "next_face_ms": 900, "alone_ms": 300})
    await client.post("/v1/pulse", json={"told_ms": 10**13, "next_face_ms": 10**13, "alone_ms": 10**13})
    recorder.word = Outcome.SKIPPED
    await client.post("/v1/skip", json={"match": "m_1"})
    value = metrics.registry.get_sample_value
    assert value("duologue_skip_told_seconds_sum", {"source": "client"}) == 10.04
    assert value("duologue_next_face_seconds_sum") == 60.9
    assert value("duologue_next_face_seconds_count") == 2
    assert value("duologue_client_alone_seconds_sum") == 60.3
    for what in ("told", "alone", "next_face"):
        assert value("duologue_client_outliers_total", {"what": what}) == 1
    assert value("duologue_skips_total", {"outcome": "skipped"}) == 1


@pytest.mark.parametrize(
    ("path", "body", "refused"),
    [
        ("/v1/messages", {"match": "m_1", "key": "k", "text": "x" * 11}, (422, "bad-field", "text")),
        ("/v1/messages", {"match": "m_1", "key": "k", "text": "🙂" * 10}, None),
        (
            "/v1/signal",
            {"match": "m_1", "key": "k", "data": {"from": "p", "candidate": {"candidate": "c" * 60}}},
            (422, "bad-field", "data"),
        ),
        ("/v1/skip", {"match": "m_" + "x" * 300}, (413, "body-too-large", None)),
        ("/v1/sessions", {"alias": "x" * 300}, (413, "body-too-large", None)),
    ],
)
async def test_an_operator_can_narrow_sizes(
    connect: Connect, tokens: Tokens, path: str, body: dict[str, Any], refused: tuple[int, str, str] | None
) -> None:
    """Of a body, a message (in code points) and a signal; what is larger is refused as ever."""
    small = Sizes(body_bytes=256, message_chars=10, signal_bytes=64)
    answer = await connect(token=tokens.start().token, sizes=small).post(path, json=body)
    if refused is None:
        assert answer.status_code == 200
    else:
        said = answer.json()
        assert (answer.status_code, said["code"], said.get("field")) == refused
