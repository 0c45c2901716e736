"""Peer media."""

import itertools
from typing import Any

from duologue.media.peer import Peer
from duologue.media.port import MediaPort
from duologue.media.turn import TTL_S, credentials
from duologue.pairing.vocabulary import MediaKind


def test_ice_servers_are_added_and_nothing_is_changed() -> None:
    """What the scripts wrote stays as it was; both people get the same servers."""
    port: MediaPort = Peer([{"urls": "turn:t", "username": "u", "credential": "c"}])
    stored = {"kind": "peer", "role": "polite"}
    dressed = port.dress(stored, "m_1")
    assert dressed == {**stored, "ice_servers": [{"urls": "turn:t", "username": "u", "credential": "c"}]}
    assert stored == {"kind": "peer", "role": "polite"}
    assert port.kind is MediaKind.PEER


class TestTurn:
    SECRET = "north"
    SERVERS: tuple[dict[str, Any], ...] = (
        {"urls": ["stun:s"]},
        {"urls": ["turn:t?transport=udp", "turns:t"]},
        {"urls": "turn:t"},
    )

    def test_credentials_of_a_known_example(self) -> None:
        """As coturn computes them: base64 of HMAC-SHA1 over the user name."""
        assert credentials("north", "m_1.polite", 1_764_000_000) == {
            "username": "1764000000:m_1.polite",
            # printf 1764000000:m_1.polite | openssl dgst -sha1 -hmac north -binary | base64
            "credential": "Ucmz0XXntzD3k9o42YQzysmKRSU=",
        }

    def test_they_are_made_for_turn_servers_of_the_secret(self) -> None:
        """For this match and side, and for a time; the others are left as they are."""
        own = {"urls": ["turn:own"], "username": "u", "credential": "c"}
        peer = Peer([*self.SERVERS, own], turn_secret=self.SECRET, now_s=lambda: 1_764_000_000.9)
        dressed = peer.dress({"kind": "peer", "role": "polite"}, "m_1")
        made = credentials(self.SECRET, "m_1.polite", 1_764_000_000 + TTL_S)
        stun, *turn = self.SERVERS
        assert dressed["ice_servers"] == [stun, *({**each, **made} for each in turn), own]
        assert "ice_transport_policy" not in dressed

    def test_nothing_is_kept(self) -> None:
        """Another match, side or second has other credentials, and the servers stay as they were given."""
        now_s = itertools.count(1_764_000_000)
        peer = Peer(self.SERVERS, turn_secret=self.SECRET, now_s=lambda: next(now_s))
        names = {
            server["username"]
            for match, role in (("m_1", "polite"), ("m_1", "impolite"), ("m_2", "polite"), ("m_2", "polite"))
            for server in peer.dress({"kind": "peer", "role": role}, match)["ice_servers"][1:]
        }
        assert len(names) == 8
        assert all(set(each) == {"urls"} for each in self.SERVERS)

    def test_relay_only(self) -> None:
        """The page is told so."""
        dressed = Peer(self.SERVERS, relay_only=True).dress({"kind": "peer", "role": "polite"}, "m_1")
        assert dressed["ice_transport_policy"] == "relay"
