"""The outbox of LiveKit rooms, as those call it who work on rooms (mechanism 8).

``machine.rooms``. A worker's round is: :meth:`Rooms.due`, do what it says, tell how each went. Nobody's
state waits for any of it, and a worker that dies in between is replaced: its claim runs out.
All calls can be repeated; if the answer to a claim is lost, its work comes again when it has run out.
"""

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Protocol

from duologue.pairing.keys import Keys
from duologue.pairing.vocabulary import (
    Audit,
    Deletion,
    ParticipantFact,
    RoomLoss,
    RoomsDue,
    RoomsSeen,
    RoomWork,
    RoomWorkKind,
    Side,
)

WORKS_A_CALL = 64
ROOMS_A_CALL = 200
OLD_MS = 3_600_000
"""No room that is just being made."""
IDS_A_HINT = 1
IDS_AN_ENDING = 8


class Transition(Protocol):
    """``Machine``'s way to run one script: its reply, the facts observed."""

    def __call__(self, name: str, key: str, *args: str | int | bytes, ids: int = 0) -> Awaitable[Any]: ...


class Rooms:
    """Rooms are named by their match; names at the LiveKit server are the adapter's business."""

    def __init__(self, transition: Transition, keys: Keys) -> None:
        self._transition = transition
        self._keys = keys

    async def _ok(self, name: str, match: str, *args: str | int, ids: int = 0) -> bool:
        reply = await self._transition(name, self._keys.rooms, match, *args, ids=ids)
        return bool(reply[0] == b"ok")

    async def due(self, kind: RoomWorkKind, most: int = WORKS_A_CALL) -> RoomsDue:
        """What is to be opened, or deleted, now: for ``claim_ms`` the caller's, and nobody else gets it.

        Take no more than can be begun at once; in two loops, for no opening may wait behind deletions.
        """
        key = self._keys.closing if kind is RoomWorkKind.CLOSE else self._keys.rooms
        word, _, _, now, rows = await self._transition("room_claim", key, ids=most)
        works = [
            RoomWork(RoomWorkKind(word.decode()), match.decode(), generation.decode())
            for word, match, generation in rows
        ]
        return RoomsDue(works, int(now), word == b"more")

    async def opened(self, match: str, generation: str) -> bool:
        """The room is there, and its people read so: true. Else the match was over: it will be deleted."""
        return await self._ok("room_opened", match, generation)

    async def failed(self, match: str, generation: str) -> bool:
        """It did not work, as far as is known; it comes again, later each time. False: another's by now."""
        return await self._ok("room_failed", match, generation)

    async def gone(self, match: str, generation: str, *, found: bool) -> Deletion:
        """It was deleted, or was not there (``found`` false)."""
        reply = await self._transition("room_gone", self._keys.rooms, match, generation, int(found))
        return Deletion(reply[0].decode())

    async def look(self, asked: Sequence[str] = ()) -> RoomsSeen:
        """How rooms are now; of the matches asked about (200 at most), those that live in an open room."""
        reply = await self._transition("room_look", self._keys.rooms, *asked)
        now, down, owned, closing, live, awaited, wall = reply[3:]
        return RoomsSeen(
            now_ms=int(now),
            wall_ms=int(wall),
            is_video_down=down == 1,
            owned=owned,
            closing=closing,
            live=[match.decode() for match in live],
            awaited=[match.decode() for match in awaited],
        )

    async def hint(self, match: str, side: Side, fact: ParticipantFact, event: str = "") -> bool:
        """LiveKit says so of a live match's participant; ``event`` is a webhook's id, heard once.

        At worst, somebody who is there owes a sign of life. False: nothing changed.
        """
        return await self._ok("room_hint", match, side, fact, event, ids=IDS_A_HINT)

    async def stray(self, match: str) -> None:
        """There is such a room, and somebody in it: if no live match owns it, it is deleted now."""
        await self._transition("room_audit", self._keys.rooms, match, OLD_MS)

    async def _lost(self, match: str, why: str, since_ms: int) -> RoomLoss:
        reply = await self._transition("room_lost", self._keys.rooms, match, why, since_ms, ids=IDS_AN_ENDING)
        return RoomLoss(reply[0].decode())

    async def solo(self, match: str, since_ms: int) -> RoomLoss:
        """The room has held one person, or nobody, since then (the store's time): after 8 s, the match ends.

        Reason: ``media-failed``. Not while its media deadline runs: whoever just came back has that long.
        """
        return await self._lost(match, "solo", since_ms)

    async def vanished(self, match: str, began_ms: int) -> RoomLoss:
        """LiveKit was asked for this room at ``began_ms`` (the store's time) and has none: the match ends."""
        return await self._lost(match, "vanished", began_ms)

    async def reconcile(self, began_ms: int, listed: Mapping[str, int]) -> Audit:
        """What LiveKit listed against what is known: each room of ours by its match, with its age in ms.

        ``began_ms``: the store's time (``RoomsDue.now_ms``) before the rooms were listed. Rooms that nobody
        owns are in the outbox then, to be deleted; live matches whose room is not listed have ended, so a
        listing that failed must not be told as an empty one.
        """
        orphaned, vanished = 0, 0
        names = list(listed)
        for at in range(0, len(names), ROOMS_A_CALL):
            rows = [arg for match in names[at : at + ROOMS_A_CALL] for arg in (match, listed[match])]
            orphaned += (await self._transition("room_audit", self._keys.rooms, *rows))[3]
        for match in await self.open():
            if match not in listed:
                vanished += await self.vanished(match, began_ms) is RoomLoss.ENDED
        return Audit(orphaned, vanished)

    async def open(self) -> Sequence[str]:
        """The matches whose room is open, as far as we know."""
        found: list[str] = []
        page = 0
        while True:
            reply = await self._transition("room_list", self._keys.rooms, page)
            found += [match.decode() for match in reply[3]]
            page = reply[4]
            if page == 0:
                return found

    async def media_down(self, since_ms: int) -> bool:
        """Rooms begun since then (the store's time) do not open: nobody is paired. False: one did since.

        A match that had no room in time says so itself; where joining makes rooms, only a canary finds out.
        """
        return await self._video("down", since_ms)

    async def media_up(self, since_ms: int) -> bool:
        """A room begun then opened: people are paired again. False: it was found down later than that."""
        return await self._video("up", since_ms)

    async def _video(self, word: str, since_ms: int) -> bool:
        reply = await self._transition("video", self._keys.video, word, since_ms)
        return bool(reply[0] == b"ok")

    async def namespace(self, proposal: str) -> str:
        """What the names of this store's rooms begin with: the first proposal that anybody made."""
        reply = await self._transition("namespace", self._keys.namespace, proposal)
        return str(reply[3].decode())
