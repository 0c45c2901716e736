"""Webhooks as they really come; and each way in which one may be no webhook at all (race S4)."""

import json
import time
from collections.abc import Callable, Mapping

import jwt
import pytest

from duologue.media.livekit.errors import WebhookRefused
from duologue.media.livekit.grants import Grants
from duologue.media.livekit.namespace import Namespace, identity
from duologue.media.livekit.project import Project
from duologue.media.livekit.rooms import LiveKitRooms
from duologue.media.livekit.webhooks import LEEWAY_S, Fact, FactKind, Webhooks
from duologue.pairing.vocabulary import MatchId, Side
from tests.livekit.conftest import NAMESPACE
from tests.livekit.fake.post import VALID_S, signature
from tests.livekit.ground import KEY, SECRET, Ground
from tests.livekit.mailbox import Letter, Mailbox

MATCH = MatchId("m_0123456789abcdef")
ROOM = NAMESPACE.room(MATCH)


async def test_a_conversation_in_facts(server: Ground, rooms: LiveKitRooms, mailbox: Mailbox) -> None:
    """Each kind comes, is genuine, and says what it is about."""
    made = await rooms.create(ROOM)
    guest = await server.join(Grants(server.project, NAMESPACE).mint(ROOM, identity(MATCH, "polite")))
    await guest.publish()
    await mailbox.first("track_published", ROOM)
    await rooms.delete(ROOM)
    await mailbox.first("room_finished", ROOM)

    webhooks = Webhooks(server.project, NAMESPACE)
    facts = [webhooks.read(*letter) for letter in mailbox.letters]
    told = {fact.kind: fact for fact in facts if fact is not None}
    assert set(told) == {
        FactKind.ROOM_STARTED,
        FactKind.PARTICIPANT_JOINED,
        FactKind.TRACK_PUBLISHED,
        FactKind.TRACK_UNPUBLISHED,
        FactKind.PARTICIPANT_LEFT,
        FactKind.ROOM_FINISHED,
    }
    for kind, fact in told.items():
        assert (fact.match, fact.room_sid) == (MATCH, made.sid)
        assert fact.side == (None if kind.startswith("room") else Side.POLITE)
        assert abs(fact.at_ms - time.time() * 1000) < 60_000
    assert len({fact.id for fact in told.values()}) == len(told)


@pytest.fixture
async def letter(rooms: LiveKitRooms, mailbox: Mailbox) -> Letter:
    """A genuine one."""
    await rooms.create(ROOM)
    return await mailbox.first("room_started", ROOM)


def claims(letter: Letter) -> dict[str, object]:
    """What its signature says."""
    read: dict[str, object] = jwt.decode(letter.authorization, SECRET, algorithms=["HS256"])
    return read


def signed(said: dict[str, object], secret: str = SECRET, algorithm: str = "HS256") -> str:
    """A signature that says so."""
    return jwt.encode(said, secret, algorithm=algorithm)


FORGERIES: dict[str, Callable[[Letter], tuple[bytes, str]]] = {
    "altered body": lambda it: (it.body.replace(b"room_started", b"room_finished"), it.authorization),
    "body with a space more": lambda it: (it.body + b" ", it.authorization),
    "another body of the same length": lambda it: (it.body.replace(b"m_0", b"m_1"), it.authorization),
    "no body": lambda it: (b"", it.authorization),
    "no signature": lambda it: (it.body, ""),
    "no JWT": lambda it: (it.body, "Bearer of good news"),
    "not ASCII": lambda it: (it.body, "ä.ö.ü"),
    "another secret": lambda it: (it.body, signed(claims(it), "another-secret-of-32-characters-or-more")),
    "another key": lambda it: (it.body, signed(claims(it) | {"iss": "nobody"})),
    "no key": lambda it: (it.body, signed({k: v for k, v in claims(it).items() if k != "iss"})),
    "no algorithm": lambda it: (it.body, jwt.encode(claims(it), "", algorithm="none")),
    "another algorithm": lambda it: (it.body, signed(claims(it), SECRET * 2, "HS512")),
    "no expiry": lambda it: (it.body, signed({k: v for k, v in claims(it).items() if k != "exp"})),
    "expired": lambda it: (
        it.body,
        signature(_ours(), it.body, signed_at=time.time() - VALID_S - LEEWAY_S - 1),
    ),
    "not valid yet": lambda it: (it.body, signature(_ours(), it.body, signed_at=time.time() + LEEWAY_S + 60)),
    "no hash": lambda it: (it.body, signed({k: v for k, v in claims(it).items() if k != "sha256"})),
    "a hash that is no text": lambda it: (it.body, signed(claims(it) | {"sha256": ["x"]})),
    "a person's own grant": lambda it: (
        it.body,
        Grants(_ours(), NAMESPACE).mint(ROOM, identity(MATCH, "polite")),
    ),
}


class TestForged:
    @pytest.mark.parametrize("how", FORGERIES)
    async def test_refused(self, letter: Letter, how: str) -> None:
        """Whatever was done to it; the untouched one is believed."""
        webhooks = Webhooks(_ours(), NAMESPACE)
        with pytest.raises(WebhookRefused) as caught:
            webhooks.read(*FORGERIES[how](letter))
        assert SECRET not in str(caught.value)
        assert webhooks.read(*letter) is not None

    async def test_the_same_twice(self, letter: Letter) -> None:
        """It is accepted twice, with the same id, so its reader can recognise it."""
        webhooks = Webhooks(_ours(), NAMESPACE)
        assert webhooks.read(*letter) == webhooks.read(*letter)


class TestNotAboutUs:
    def test_genuine_and_foreign(self) -> None:
        """Another app's room, another Duologue's, a test room of ours, or another kind of event is not a
        fact."""
        twin = Namespace(NAMESPACE.name + "-2")
        for room in ("lobby", twin.room(MATCH), NAMESPACE.fresh_canary(), f"{ROOM}x", ""):
            assert self._read({"event": "room_started", "id": "EV_1", "room": {"name": room}}) is None
        for kind in ("egress_started", "ingress_ended", "", "a_new_one"):
            assert self._read({"event": kind, "id": "EV_1", "room": {"name": ROOM}}) is None
        assert self._read({"event": "egress_started", "id": "EV_1"}) is None

    def test_somebody_whom_we_did_not_let_in(self) -> None:
        """A fact about our room, and about neither side."""
        joined = {"event": "participant_joined", "id": "EV_1", "room": {"name": ROOM}}
        fact = self._read({**joined, "participant": {"identity": "recorder"}})
        assert fact is not None
        assert fact.side is None

    def test_both_forms_of_a_number(self) -> None:
        """Protobuf writes 64-bit numbers as text; others need not."""
        for at in ("1764000000", 1764000000):
            fact = self._read({"event": "room_started", "id": "E", "room": {"name": ROOM}, "createdAt": at})
            assert fact is not None
            assert fact.at_ms == 1_764_000_000_000

    @pytest.mark.parametrize(
        "body", [b"", b"[]", b"null", b"\xff", b'{"event":1}', b'{"room":"x"}', b'{"createdAt":"soon"}']
    )
    def test_genuine_and_no_event(self, body: bytes) -> None:
        """Refused, and nothing else happens."""
        with pytest.raises(WebhookRefused):
            Webhooks(_ours(), NAMESPACE).read(body, signature(_ours(), body))

    def _read(self, event: Mapping[str, object]) -> Fact | None:
        body = json.dumps(event).encode()
        return Webhooks(_ours(), NAMESPACE).read(body, signature(_ours(), body))


def _ours() -> Project:
    return Project("ws://localhost", KEY, SECRET)
