"""LiveKit without a server: names, addresses, and what a state shows."""

import pytest

from duologue.media.livekit.grants import Grants
from duologue.media.livekit.namespace import Namespace, identity, side_of
from duologue.media.livekit.project import Project
from duologue.media.port import MediaPort
from duologue.pairing.vocabulary import MatchId, MediaKind, Side

MATCH = MatchId("m_0123456789abcdef")
OURS = Namespace("ours")
PROJECT = Project("wss://livekit.example.org", "key", "s" * 32)


class TestNames:
    def test_a_match_and_its_room(self) -> None:
        """There and back."""
        assert OURS.room(MATCH) == f"ours_{MATCH}"
        assert OURS.match_of(OURS.room(MATCH)) == MATCH
        assert OURS.owns(OURS.room(MATCH))

    def test_a_canary(self) -> None:
        """Ours, of no match, and never the same."""
        first, second = OURS.fresh_canary(), OURS.fresh_canary()
        assert first != second
        assert OURS.owns(first)
        assert OURS.match_of(first) is None

    @pytest.mark.parametrize(
        "room",
        [
            "",
            "ours",
            "ours_",
            "lobby",
            MATCH,
            f"_{MATCH}",
            f"ours-{MATCH}",
            f"ours2_{MATCH}",
            f"our_{MATCH}",
            f"OURS_{MATCH}",
            f"ours_x_{MATCH}",
            f"ours_{MATCH}x",
            f"ours_{MATCH}_2",
            f"ours_{MATCH}\n",
            f"ours_{MATCH[:-1]}",
            f"ours_{MATCH[:-1]}é",
            "ours_canary-",
            "ours_canary-short",
            "ours_canary",
        ],
    )
    def test_what_is_not_ours(self, room: str) -> None:
        """Whatever it resembles."""
        assert not OURS.owns(room)
        assert OURS.match_of(room) is None

    @pytest.mark.parametrize("name", ["", "a_b", "a b", "é", "a" * 33, "a\n", "a.b"])
    def test_no_namespace(self, name: str) -> None:
        """An underscore, above all, would let two of them share a room."""
        with pytest.raises(ValueError, match="namespace"):
            Namespace(name)

    def test_who_somebody_is(self) -> None:
        """By their identity, in this match only."""
        assert side_of(identity(MATCH, "impolite"), MATCH) is Side.IMPOLITE
        for other in (
            "",
            MATCH,
            f"{MATCH}.",
            f"{MATCH}.host",
            f"{MATCH}x.polite",
            f"x{MATCH}.polite",
            ".polite",
        ):
            assert side_of(other, MATCH) is None


class TestProject:
    @pytest.mark.parametrize(
        ("url", "http", "ws"),
        [
            ("ws://a:7880", "http://a:7880", "ws://a:7880"),
            ("wss://a", "https://a", "wss://a"),
            ("http://a/", "http://a", "ws://a"),
            ("https://a/livekit/", "https://a/livekit", "wss://a/livekit"),
        ],
    )
    def test_one_address_for_calls_and_browsers(self, url: str, http: str, ws: str) -> None:
        """Encrypted if it says so."""
        project = Project(url, "key", "secret")
        assert (project.http_url, project.ws_url) == (http, ws)

    @pytest.mark.parametrize("url", ["", "a:7880", "livekit.example.org", "ftp://a", "ws://"])
    def test_no_address(self, url: str) -> None:
        """In one line, without the secret."""
        with pytest.raises(ValueError, match="LiveKit URL") as caught:
            Project(url, "key", "the-secret")
        assert "the-secret" not in str(caught.value)

    @pytest.mark.parametrize(("key", "secret"), [("", "s"), ("k", "")])
    def test_no_key(self, key: str, secret: str) -> None:
        """Both are needed."""
        with pytest.raises(ValueError, match="API key"):
            Project("ws://a", key, secret)

    def test_the_secret_is_not_shown(self) -> None:
        """Nor logged with the rest."""
        assert "s" * 32 not in repr(PROJECT)


class TestStates:
    def test_no_grant_before_the_room_is_open(self) -> None:
        """Nor an address, nor a room: there is nothing to be joined yet."""
        stored = {"kind": "livekit", "role": "polite", "ready": False}
        assert Grants(PROJECT, OURS).dress(stored, MATCH) == {"kind": "livekit", "ready": False}
        assert stored == {"kind": "livekit", "role": "polite", "ready": False}

    def test_a_grant_once_it_is(self) -> None:
        """With where, and which room; the role is in the identity."""
        port: MediaPort = Grants(PROJECT, OURS)
        stored = {"kind": "livekit", "role": "polite", "ready": True}
        dressed = port.dress(stored, MATCH)
        assert set(dressed) == {"kind", "ready", "url", "room", "token"}
        assert (dressed["url"], dressed["room"]) == ("wss://livekit.example.org", f"ours_{MATCH}")
        assert stored == {"kind": "livekit", "role": "polite", "ready": True}
        assert port.kind is MediaKind.LIVEKIT

    def test_browsers_may_need_another_address(self) -> None:
        """Where ours is one of an inner network."""
        grants = Grants(Project("http://livekit:7880", "key", "s" * 32), OURS, public_url="wss://a.example")
        assert (
            grants.dress({"kind": "livekit", "role": "polite", "ready": True}, MATCH)["url"]
            == "wss://a.example"
        )
