"""A stage with rooms: LiveKit media, a media server that the play can stop, and workers that it can kill."""

from collections.abc import Iterable

import redis

from duologue.pairing.timings import RoomRules, Timings
from duologue.pairing.vocabulary import (
    Audit,
    Deletion,
    Media,
    MediaKind,
    Outcome,
    ParticipantFact,
    PersonId,
    RoomLoss,
    RoomWork,
    RoomWorkKind,
    Side,
)
from tests.races.direct import play
from tests.races.stage import Socket, Stage

OPEN, CLOSE = RoomWorkKind.OPEN, RoomWorkKind.CLOSE


class RoomStage(Stage):
    """Rooms are worked on at once after each command, and with each sweep, unless ``serves`` is false."""

    def __init__(
        self,
        client: redis.Redis,
        without: Iterable[str] = (),
        *,
        rules: RoomRules | None = None,
        timings: Timings | None = None,
        serves: bool = True,
    ) -> None:
        self.rooms: dict[str, int] = {}
        """At the media server, by match: since when."""
        self.media_server_is_up = True
        self.serves = serves
        self.deleted: list[str] = []
        super().__init__(client, without, media=MediaKind.LIVEKIT, rules=rules, timings=timings)

    # What people do, with the workers on the spot

    def attach(self, person: str, *, page: str = "", process: str = "s1") -> Socket | None:
        socket = super().attach(person, page=page, process=process)
        self.serve()
        return socket

    def join(
        self,
        person: str,
        *,
        intent: int = 0,
        pool: str = "main",
        language: str = "",
        tags: tuple[str, ...] = (),
        auto_next: bool = True,
        text_only: bool = False,
    ) -> Outcome | None:
        outcome = super().join(
            person,
            intent=intent,
            pool=pool,
            language=language,
            tags=tags,
            auto_next=auto_next,
            text_only=text_only,
        )
        self.serve()
        return outcome

    def skip(self, person: str, match: str = "") -> Outcome:
        outcome = super().skip(person, match)
        self.serve()
        return outcome

    def pulse(self, person: str, match: str | None = None, media: Media | None = None) -> Outcome:
        outcome = super().pulse(person, match, media)
        self.serve()
        return outcome

    def work(self) -> None:
        super().work()
        self.serve()

    def ack(self, person: str, match: str) -> Outcome:
        outcome = play(self.machine.ack(PersonId(person), match)).outcome
        self.serve()
        return outcome

    # The workers

    def serve(self) -> None:
        if self.serves:
            self.work_on_rooms()

    def work_on_rooms(self) -> None:
        """One worker's round."""
        for work in self.claim():
            self.do(work)

    def claim(self) -> list[RoomWork]:
        return [work for kind in (OPEN, CLOSE) for work in play(self.machine.rooms.due(kind)).works]

    def do(self, work: RoomWork) -> None:
        """As a worker does, and reports."""
        if not self.media_server_is_up:
            play(self.machine.rooms.failed(work.match, work.generation))
        elif work.kind is OPEN:
            self.create(work.match)
            self.opened(work)
        else:
            self.gone(work, found=self.delete(work.match))

    def create(self, match: str) -> None:
        self.rooms.setdefault(match, self.clock())

    def delete(self, match: str) -> bool:
        """False: it was not there."""
        self.deleted.append(match)
        return self.rooms.pop(match, None) is not None

    def opened(self, work: RoomWork) -> bool:
        return play(self.machine.rooms.opened(work.match, work.generation))

    def gone(self, work: RoomWork, *, found: bool) -> Deletion:
        return play(self.machine.rooms.gone(work.match, work.generation, found=found))

    def side(self, person: str) -> Side:
        """Return which of the two of their match the person is."""
        role = self.state(person)["match"]["media"]["role"]
        return Side.POLITE if role == "polite" else Side.IMPOLITE

    def hint(self, match: str, side: Side, fact: ParticipantFact, event: str = "") -> bool:
        return play(self.machine.rooms.hint(match, side, fact, event))

    def solo(self, match: str, since_ms: int) -> RoomLoss:
        return play(self.machine.rooms.solo(match, since_ms))

    def reconcile(self, *, began_ms: int | None = None, listed: dict[str, int] | None = None) -> Audit:
        """With what is listed now, unless the play listed earlier; without a claim."""
        audit = self.tell("", began_ms=began_ms, listed=listed)
        assert audit is not None
        return audit

    def tell(
        self, round_: str, *, began_ms: int | None = None, listed: dict[str, int] | None = None
    ) -> Audit | None:
        """What a process with this claim tells; ``None``: it has the round no more."""
        began = self.clock() if began_ms is None else began_ms
        there = self.list_rooms() if listed is None else listed
        return play(self.machine.rooms.reconcile(began, there, round_=round_))

    def begin(self, last: str = "") -> str:
        """Claim the reconciler's round; the generation, or ``""``."""
        return play(self.machine.rooms.begin_round(last)).generation

    def end(self, generation: str, *, failed: bool = False) -> None:
        """End it, as a process does after its last step."""
        play(self.machine.rooms.end_round(generation, None if failed else len(self.rooms)))

    def list_rooms(self) -> dict[str, int]:
        """Each room's age."""
        return {match: self.clock() - since for match, since in self.rooms.items()}

    def media_down(self, since_ms: int) -> bool:
        return play(self.machine.rooms.media_down(since_ms))

    def media_up(self, since_ms: int) -> bool:
        return play(self.machine.rooms.media_up(since_ms))

    # What is seen

    def ready(self, person: str) -> bool:
        return bool(self.state(person)["match"]["media"]["ready"])

    def video(self, person: str) -> bool:
        """Return what a waiting person reads: whether there is video."""
        return bool(self.state(person).get("media_available", True))

    def outbox(self) -> list[str]:
        """The matches that have an entry."""
        keys: list[bytes] = self.client.keys("{0}room:*")  # type: ignore[assignment]  # the library's own gap
        return sorted(key.decode().removeprefix("{0}room:") for key in keys)
