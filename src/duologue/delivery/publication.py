"""What the scripts publish on a process's channel, read.

One call of a script publishes once per process: ``N <number>``, then a blank line and a part for each thing
that it says. A part's first line is a letter and fields; then frames as JSON, one per line. The letters:
``S`` state frames, ``M`` a message, ``G`` a peer signal, ``T`` taken over by another page, ``E`` replaced by
its own page, ``B`` kept out by a moderator, ``R`` work on rooms. Only our own echo, ``P``, is a publication
without a number.
"""

from dataclasses import dataclass

from duologue.pairing.vocabulary import ConnectionId


class MalformedPublication(Exception):
    """Not of a form above: scripts and process are of different versions."""


@dataclass(frozen=True, slots=True)
class StateFrames:
    """One transition of one person: its frames in order, each to be completed with the state."""

    connection: ConnectionId
    version: int
    state: bytes
    frames: list[bytes]


@dataclass(frozen=True, slots=True)
class Message:
    """A text message, numbered in its match."""

    connection: ConnectionId
    match: str
    n: int
    frame: bytes


@dataclass(frozen=True, slots=True)
class Signal:
    """A peer signal, numbered per recipient; ``to_page`` is ``""`` for any page."""

    connection: ConnectionId
    match: str
    n: int
    to_page: str
    frame: bytes


@dataclass(frozen=True, slots=True)
class Superseded:
    """The person has a later connection: of another page (``taken_over``) or of this very one."""

    connection: ConnectionId
    taken_over: bool


@dataclass(frozen=True, slots=True)
class KeptOut:
    """A moderator keeps the person out: the connection ends."""

    connection: ConnectionId
    sanction: bytes
    """What the person reads of it, as JSON."""


@dataclass(frozen=True, slots=True)
class Echo:
    """Our own probe came back over our own subscription."""

    token: str
    count: int
    """How many publications were made on this channel before it."""


@dataclass(frozen=True, slots=True)
class RoomWake:
    """A room is to be opened or deleted: the workers of rooms need not wait for their next round."""


ForConnection = StateFrames | Message | Signal | Superseded | KeptOut
Publication = ForConnection | Echo | RoomWake


def numbered(raw: bytes) -> tuple[int, list[bytes]]:
    """Return the number of what was published, and its parts for ``parse``; 0: it has no number.

    Raises :exc:`MalformedPublication`.
    """
    head, *parts = raw.split(b"\n\n")
    if not head.startswith(b"N "):
        return 0, [raw]
    try:
        return int(head[2:]), parts
    except ValueError as error:
        raise MalformedPublication(f"{len(raw)} bytes that begin with {raw[:1]!r}") from error


def read(raw: bytes) -> tuple[int, list[Publication]]:
    """Read all of what was published, with its number (0: it has none), or raise
    :exc:`MalformedPublication`."""
    number, parts = numbered(raw)
    return number, [parse(part) for part in parts]


def parse(raw: bytes) -> Publication:
    """Read one part of a publication, or raise :exc:`MalformedPublication`."""
    head, *lines = raw.split(b"\n")
    try:
        fields = head.decode("ascii").split(" ")
        match fields:
            case ["S", _, connection, version] if lines:
                state, *frames = lines
                found: Publication = StateFrames(ConnectionId(connection), int(version), state, frames)
            case ["M", _, connection, match, n]:
                (frame,) = lines
                found = Message(ConnectionId(connection), match, int(n), frame)
            case ["G", _, connection, match, n, to_page]:
                (frame,) = lines
                to = "" if to_page == "-" else to_page
                found = Signal(ConnectionId(connection), match, int(n), to, frame)
            case ["T" | "E" as letter, _, connection]:
                found = Superseded(ConnectionId(connection), letter == "T")
            case ["B", _, connection]:
                (sanction,) = lines
                found = KeptOut(ConnectionId(connection), sanction)
            case ["P", token, count]:
                found = Echo(token, int(count))
            case ["R"]:
                found = RoomWake()
            case _:
                raise MalformedPublication(f"{len(raw)} bytes that begin with {raw[:1]!r}")
    except ValueError as error:
        raise MalformedPublication(f"{len(raw)} bytes that begin with {raw[:1]!r}") from error
    return found
