"""Several kinds of media in one process."""

import math

from duologue.media.kinds import Kinds
from duologue.media.livekit.grants import Grants
from duologue.media.livekit.namespace import Namespace
from duologue.media.livekit.project import Project
from duologue.media.peer import Peer
from duologue.media.port import MediaPort
from duologue.media.text import Text
from duologue.media.turn import RENEW_S
from duologue.pairing.vocabulary import MediaKind

MATCH = "m_0123456789abcdef"
GRANTS = Grants(Project("ws://a", "key", "s" * 32), Namespace("ours"))
PEER = {"kind": "peer", "role": "polite"}
ROOM = {"kind": "livekit", "role": "polite", "ready": True}


def test_each_match_has_its_own_kind() -> None:
    """Whatever new ones get."""
    port: MediaPort = Kinds([GRANTS, Peer([{"urls": "stun:s"}])])
    assert port.kind is MediaKind.LIVEKIT
    assert port.dress(PEER, MATCH) == PEER | {"ice_servers": [{"urls": "stun:s"}]}
    assert port.dress(ROOM, MATCH)["room"] == f"ours_{MATCH}"


def test_a_kind_that_nobody_serves_any_more() -> None:
    """Its last matches end as usual; nothing fails, and nothing is disclosed."""
    stored = dict(ROOM)
    assert Kinds([Peer()]).dress(stored, MATCH) == ROOM
    assert stored == ROOM


def test_several_kinds_are_renewed_as_often_as_one_needs() -> None:
    """Rooms need nothing, and their fallback may."""
    turn = Peer([{"urls": "turn:t"}], turn_secret="north")
    assert Kinds([GRANTS, turn]).renew_ms == turn.renew_ms == RENEW_S * 1000
    assert Kinds([GRANTS, Peer()]).renew_ms == math.inf


def test_text_grants_nothing() -> None:
    """Such a match has no server and no role, because no call is made."""
    port: MediaPort = Kinds([Peer([{"urls": "stun:s"}]), Text()])
    assert port.kind is MediaKind.PEER
    assert port.renew_ms == math.inf
    assert port.dress({"kind": "text", "role": "polite"}, MATCH) == {"kind": "text"}
