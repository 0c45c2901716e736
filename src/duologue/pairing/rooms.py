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
    RoomRound,
    RoomsDue,
    RoomsKnown,
    RoomsSeen,
    RoomWork,
    RoomWorkKind,
    Side,
)

WORKS_A_CALL = 64
ROOMS_A_CALL = 100
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

    async def look(self, asked: Sequence[str] = (), most: int = 0) -> RoomsSeen:
        """How rooms are now; of the matches asked about (200 at most), those that live in an open room.

        ``most``: that many of the matches whose media is due are the caller's to look at; the next call, of
        whichever process, gets those that come after them. Each has its turn every 2 s.
        """
        reply = await self._transition("room_look", self._keys.rooms, most, *asked)
        now, down, owned, closing, live, awaited, wall, more = reply[3:]
        return RoomsSeen(
            now_ms=int(now),
            wall_ms=int(wall),
            is_video_down=down == 1,
            owned=owned,
            closing=closing,
            live=[match.decode() for match in live],
            awaited=[match.decode() for match in awaited],
            more=more == 1,
        )

    async def hint(self, match: str, side: Side, fact: ParticipantFact, event: str = "") -> bool:
        """LiveKit says so of a live match's participant; ``event`` is a webhook's id, heard once.

        At worst, somebody who is there owes a sign of life. False: nothing changed.
        """
        return await self._ok("room_hint", match, side, fact, event, ids=IDS_A_HINT)

    async def stray(self, match: str) -> None:
        """There is such a room, and somebody in it: if no live match owns it, it is deleted now."""
        await self._transition("room_audit", self._keys.rooms, "", match, OLD_MS)

    async def _lost(self, match: str, why: str, since_ms: int, round_: str = "") -> RoomLoss:
        args = (match, why, since_ms, round_)
        reply = await self._transition("room_lost", self._keys.rooms, *args, ids=IDS_AN_ENDING)
        return RoomLoss(reply[0].decode())

    async def solo(self, match: str, since_ms: int) -> RoomLoss:
        """The room has held one person, or nobody, since then (the store's time): after 8 s, the match ends.

        Reason: ``media-failed``. Not while its media deadline runs: whoever just came back has that long.
        """
        return await self._lost(match, "solo", since_ms)

    async def vanished(self, match: str, began_ms: int) -> RoomLoss:
        """LiveKit was asked for this room at ``began_ms`` (the store's time) and has none: the match ends."""
        return await self._lost(match, "vanished", began_ms)

    # --- the reconciler's round ------------------------------------------------------

    async def begin_round(self, last: str = "") -> RoomRound:
        """Claim the round if it is due and no other process has it.

        ``last``: the generation of the caller's own last round. The claim lapses after ``round_lapse_ms``
        without a step, and then another process may claim it: what the first one still says is refused.
        """
        return await self._round("begin", last, ids=1)

    async def keep_round(self, generation: str) -> bool:
        """Return whether the round is still the caller's, and make the claim last longer."""
        return bool((await self._round("keep", generation)).generation)

    async def end_round(self, generation: str, listed: int | None) -> None:
        """End the round; ``listed`` is how many rooms there are. ``None``: LiveKit did not answer.

        After a failure another process may try at once: it may be this one that does not reach LiveKit.
        """
        await self._round("end", generation, -1 if listed is None else listed)

    async def _round(self, word: str, generation: str, listed: int = -1, *, ids: int = 0) -> RoomRound:
        args = (word, generation, listed)
        reply = await self._transition("room_round", self._keys.rooms, *args, ids=ids)
        claimed, wait_ms, now, wall, owned, closing, seen = reply[3:]
        return RoomRound(claimed.decode(), int(wait_ms), int(now), int(wall), owned, closing, seen)

    async def reconcile(
        self, began_ms: int, listed: Mapping[str, int], known: RoomsKnown | None = None, *, round_: str = ""
    ) -> Audit | None:
        """Hold the rooms that LiveKit listed, by match with their age in ms, against what is known.

        ``began_ms``: the store's time before the rooms were listed. ``known``: what :meth:`known` said after
        that. Rooms that nobody owns are in the outbox then, to be deleted; live matches whose room is not
        listed have ended, so a listing that failed must not be told as an empty one.
        ``round_``: the claim of it; ``None``: the round is another process's by now.
        """
        known = known or await self.known()
        owned = set(known.open)
        odd = {match: age for match, age in listed.items() if match not in owned}
        odd |= {match: OLD_MS for match in known.lost if match not in odd}
        orphaned = await self._audit(odd, round_)
        if orphaned is None:
            return None
        vanished = 0
        for match in known.open:
            if match not in listed:
                loss = await self._lost(match, "vanished", began_ms, round_)
                if loss is RoomLoss.TAKEN_OVER:
                    return None
                vanished += loss is RoomLoss.ENDED
        return Audit(orphaned, vanished)

    async def _audit(self, odd: Mapping[str, int], round_: str) -> int | None:
        """Only rooms that are not those of open matches: the others need no look."""
        orphaned, names = 0, list(odd)
        for at in range(0, len(names), ROOMS_A_CALL):
            rows = [arg for match in names[at : at + ROOMS_A_CALL] for arg in (match, odd[match])]
            reply = await self._transition("room_audit", self._keys.rooms, round_, *rows)
            if reply[0] == b"stale":
                return None
            orphaned += reply[3]
        return orphaned

    async def open(self) -> Sequence[str]:
        """The matches whose room is open, as far as we know."""
        return (await self.known()).open

    async def known(self) -> RoomsKnown:
        """Return the matches whose room is open; 500 a call."""
        found = RoomsKnown([], [])
        page = 0
        while True:
            reply = await self._transition("room_list", self._keys.rooms, page)
            found.open.extend(match.decode() for match in reply[3])
            found.lost.extend(match.decode() for match in reply[5])
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
