"""Peer media."""

from duologue.media.peer import Peer
from duologue.media.port import MediaPort
from duologue.pairing.vocabulary import MediaKind


def test_ice_servers_are_added_and_nothing_is_changed() -> None:
    """What the scripts wrote stays as it was; both people get the same servers."""
    port: MediaPort = Peer([{"urls": "turn:t", "username": "u", "credential": "c"}])
    stored = {"kind": "peer", "role": "polite"}
    dressed = port.dress(stored, "m_1")
    assert dressed == {**stored, "ice_servers": [{"urls": "turn:t", "username": "u", "credential": "c"}]}
    assert stored == {"kind": "peer", "role": "polite"}
    assert port.kind is MediaKind.PEER
