"""Several kinds of media in one process."""

from duologue.media.kinds import Kinds
from duologue.media.livekit.grants import Grants
from duologue.media.livekit.namespace import Namespace
from duologue.media.livekit.project import Project
from duologue.media.peer import Peer
from duologue.media.port import MediaPort
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
    """Its last matches end by themselves; nothing fails, and nothing is given away."""
    stored = dict(ROOM)
    assert Kinds([Peer()]).dress(stored, MATCH) == ROOM
    assert stored == ROOM
