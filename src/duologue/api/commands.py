"""The commands: one table of what each reads, what it counts as, and what it calls.

To add a command: write its body (a ``Body``), its call, and a row of ``COMMANDS``; then describe it in
``protocol/openapi.yaml``. A call gets a known caller and a body within its bounds.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Annotated, Any, Literal, NamedTuple, Protocol

import msgspec

from duologue.api.exchange import Body, Endpoint, Exchange, HttpReply, parse
from duologue.api.fields import (
    UNSET,
    Id,
    Intent,
    Language,
    Milliseconds,
    Pool,
    Tags,
    Terms,
    Text,
    UnsetType,
    tags_of,
)
from duologue.api.problems import Code, Problem, banned, report_not_kept, terms_not_agreed, warned
from duologue.api.services import Services
from duologue.delivery.frame import dress
from duologue.identity.limits import Kind
from duologue.identity.tokens import Session
from duologue.media.port import MediaPort
from duologue.pairing.vocabulary import (
    Barred,
    Comparison,
    MatchId,
    Media,
    NoRoom,
    Outcome,
    PersonId,
    ReportReason,
    SanctionKind,
)
from duologue.store.client import StoreFull


class Answer(NamedTuple):
    """A command's outcome, the caller's state as the script wrote it, and for a message its number."""

    outcome: Outcome
    state: bytes
    n: int | None = None


# --- join, skip, leave, ack ----------------------------------------------------------------


class JoinBody(Body):
    """The press of Start, and whom the caller would like to meet."""

    intent: Intent
    pool: Pool | UnsetType = UNSET
    tags: Tags = msgspec.field(default_factory=list)
    language: Language | UnsetType = UNSET
    auto_next: bool = True
    media: Literal["text"] | UnsetType = UNSET
    """``text``: this page cannot have a call (it has no WebRTC), so its matches are without one."""
    terms: Terms | UnsetType = UNSET
    """The version of the rules to which the caller agreed."""


async def join(services: Services, caller: Session, body: JoinBody) -> Answer:
    """Queue the caller: ``waiting`` or ``matched``; ``stale`` if a later press decided otherwise.

    Raises ``Problem`` when the caller did not agree to the present rules; then nothing is changed.
    """
    if services.terms_version and body.terms != services.terms_version:
        raise terms_not_agreed(services.terms_version)
    await services.subjects.keep(caller)
    joined = await services.machine.join(
        PersonId(caller.person),
        intent=body.intent,
        pool=pool_of(services, caller, body),
        tags=tags_of(body.tags),
        # Language tags do not depend on case (RFC 5646 section 2.1.1); the scripts compare bytes.
        language="" if body.language is UNSET else body.language.lower(),
        auto_next=body.auto_next,
        alias=caller.alias,
        text_only=body.media == "text",
    )
    if isinstance(joined, Barred):
        raise (warned if _kind(joined) is SanctionKind.WARN else banned)(joined.sanction)
    return Answer(joined.outcome, joined.state)


class _Sanction(msgspec.Struct):
    kind: SanctionKind


def _kind(barred: Barred) -> SanctionKind:
    return msgspec.json.decode(barred.sanction, type=_Sanction).kind


class ConfirmBody(Body):
    """The warning that its person has read."""

    sanction: Id


async def confirm(services: Services, caller: Session, body: ConfirmBody) -> Answer:
    """Note that the caller has read a warning; ``stale`` if there is another one, or none."""
    reply = await services.machine.moderation.confirm(PersonId(caller.person), body.sanction)
    return Answer(reply.outcome, reply.state)


def pool_of(services: Services, caller: Session, body: JoinBody) -> str:
    """Return the pool of the request, of the token, or the first one. Raises ``Problem`` for a pool that
    does not exist (race S9)."""
    default = services.pools[0] if caller.pool is None else caller.pool
    pool = default if body.pool is UNSET else body.pool
    if pool not in services.pools or (caller.pool is not None and pool != caller.pool):
        raise Problem(
            Code.UNKNOWN_POOL, "this pool does not exist, or this token may not use it", field="pool"
        )
    return pool


class SkipBody(Body):
    """The match that the caller means, which may have ended already."""

    match: Id


async def skip(services: Services, caller: Session, body: SkipBody) -> Answer:
    """End the match: both are in the queue again, or in a new match; ``stale`` changes nothing."""
    reply = await services.machine.skip(PersonId(caller.person), MatchId(body.match))
    services.metrics.skip(reply.outcome)
    return Answer(reply.outcome, reply.state)


class LeaveBody(Body):
    """The press of Stop. It names no match, and ends the present one, if there is one."""

    intent: Intent


async def leave(services: Services, caller: Session, body: LeaveBody) -> Answer:
    """Make the caller idle, and queue the partner; ``stale`` if a later press decided otherwise."""
    reply = await services.machine.leave(PersonId(caller.person), body.intent)
    return Answer(reply.outcome, reply.state)


class AckBody(Body):
    """The match whose room was left (LiveKit media). It has ended already."""

    match: Id
    of: Literal["room-closing"]


async def ack(services: Services, caller: Session, body: AckBody) -> Answer:
    """Note that the caller left the room; ``stale`` if it is not one of the caller's last matches."""
    reply = await services.machine.ack(PersonId(caller.person), MatchId(body.match))
    return Answer(reply.outcome, reply.state)


# --- pulse and signal ----------------------------------------------------------------------

MEASURES = ("told", "alone", "next_face")
"""The fields of a pulse that carry a measurement, without their unit."""


class Told(Body):
    """What a page sees of its partner, and what it measured."""

    media: Media | UnsetType = UNSET
    told_ms: Milliseconds | UnsetType = UNSET
    alone_ms: Milliseconds | UnsetType = UNSET
    next_face_ms: Milliseconds | UnsetType = UNSET


class PulseBody(Told):
    """A sign of life, in a match or without one."""

    match: Id | UnsetType = UNSET


async def pulse(services: Services, caller: Session, body: PulseBody) -> Answer:
    """Note the sign of life; ``stale`` if it names another match, and then it does not count as a sign."""
    if body.media is not UNSET and body.match is UNSET:
        raise Problem(
            Code.MISSING_FIELD, "media needs a match: name the match that it is about", field="match"
        )
    reply = await services.machine.pulse(
        PersonId(caller.person),
        None if body.match is UNSET else MatchId(body.match),
        None if body.media is UNSET else body.media,
    )
    await measured(services, caller, body)
    return Answer(reply.outcome, reply.state)


def pulse_counts(body: Told) -> tuple[Kind, ...]:
    """Count what a pulse says of its media: ``failed`` can end a conversation, so it is a skip."""
    if body.media is Media.FAILED:
        return (Kind.SKIPS,)
    return (Kind.SILENCES,) if body.media is Media.SILENT else ()


async def measured(services: Services, caller: Session, body: Told) -> None:
    """Hand what the client measured to the metrics, unless this person has told too much this minute."""
    told = {name: ms for name in MEASURES if (ms := getattr(body, f"{name}_ms")) is not UNSET}
    if told and await services.gate.counts(Kind.MEASURES, {}, caller.person):
        for name, ms in told.items():
            services.metrics.measured(name, ms / 1000)


Candidate = Annotated[dict[str, str | int | None], msgspec.Meta(max_length=16)]
"""An RTCIceCandidateInit. Browsers decide about its fields and may add some, so it is any flat object."""


Candidates = Annotated[list[Candidate], msgspec.Meta(min_length=1, max_length=64)]
"""The candidates that a page found at about the same moment."""


class Description(Body):
    """An RTCSessionDescriptionInit."""

    type: Literal["offer", "answer", "pranswer", "rollback"]
    sdp: str = ""


class SignalData(Body, rename={"sender": "from", "receiver": "to"}):
    """A signal from one page, perhaps to one page, with exactly one content. ``lists``: that page reads
    ``candidates``."""

    sender: Id
    receiver: Id | UnsetType = UNSET
    hello: bool | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    candidate: Candidate | UnsetType = UNSET
    candidates: Candidates | UnsetType = UNSET
    bye: bool | UnsetType = UNSET
    lists: bool | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Check what a type cannot say. A ``ValueError`` here becomes a ``bad-field`` at ``data``."""
        kinds = (self.hello, self.description, self.candidate, self.candidates, self.bye)
        said = [one for one in kinds if one is not UNSET]
        if len(said) != 1:
            raise ValueError("exactly one of hello, description, candidate, candidates, bye is needed")
        if said[0] is False or self.lists is False:
            raise ValueError("hello, bye and lists are true")


class SignalBody(Body):
    """A signal to the partner's page. ``key`` is chosen by the client; a repeat is not sent twice.

    ``pulse``: what a pulse of the same match would say now, so that one request does both.
    """

    match: Id
    key: Id
    data: SignalData
    pulse: Told | UnsetType = UNSET


def signal_counts(body: SignalBody) -> tuple[Kind, ...]:
    """Count the pulse in a signal as a pulse, and as what it says of its media."""
    return () if body.pulse is UNSET else (Kind.PULSES, *pulse_counts(body.pulse))


async def signal(services: Services, caller: Session, body: SignalBody) -> Answer:
    """Send what two browsers must tell each other before they see each other: ``sent``, or ``stale``.

    A signal is already a sign of life, so only what the pulse says of its media needs another script.
    """
    data: dict[str, Any] = msgspec.to_builtins(body.data)
    if len(msgspec.json.encode(data)) > (most := services.sizes.signal_bytes):
        raise Problem(Code.BAD_FIELD, f"a signal may have at most {most} bytes", field="data")
    person, match = PersonId(caller.person), MatchId(body.match)
    if body.pulse is not UNSET and body.pulse.media is not UNSET:
        pulsed = await services.machine.pulse(person, match, body.pulse.media)
        if pulsed.outcome is Outcome.STALE:
            return Answer(pulsed.outcome, pulsed.state)
    to_page = "" if body.data.receiver is UNSET else body.data.receiver
    sent = await services.machine.signal(person, match, body.key, data, body.data.sender, to_page)
    if body.pulse is not UNSET:
        await measured(services, caller, body.pulse)
    return Answer(sent.outcome, sent.state)


# --- messages, blocks, reports -------------------------------------------------------------


class MessageBody(Body):
    """A message to the partner. ``key`` is chosen by the client; a repeat is not sent twice."""

    match: Id
    key: Id
    text: Text


async def message(services: Services, caller: Session, body: MessageBody) -> Answer:
    """Answer ``sent`` and the message's number in the match, or ``stale``."""
    if len(body.text) > (most := services.sizes.message_chars):
        raise Problem(Code.BAD_FIELD, f"a message may have at most {most} characters", field="text")
    sent = await services.machine.message(PersonId(caller.person), MatchId(body.match), body.key, body.text)
    if isinstance(sent, NoRoom):
        raise Problem(
            Code.CONVERSATION_FULL,
            "you have written as much as one conversation can hold: go on talking, or press Next",
        )
    return Answer(sent.outcome, sent.state, sent.n if sent.outcome is Outcome.SENT else None)


class Skips(Protocol):
    """A body that can also ask for a skip."""

    @property
    def skip(self) -> bool: ...


def skip_counts(body: Skips) -> tuple[Kind, ...]:
    """Count a block or a report that ends the conversation as a skip, too."""
    return (Kind.SKIPS,) if body.skip else ()


class BlockBody(Body):
    """The match whose partner is blocked: the present one or one of the last."""

    match: Id
    skip: bool = False


async def block(services: Services, caller: Session, body: BlockBody) -> Answer:
    """Keep the two apart from now on; a live match goes on unless ``skip``. The other side is never told."""
    reply = await services.machine.block(PersonId(caller.person), MatchId(body.match), body.skip)
    return Answer(reply.outcome, reply.state)


class ReportBody(Body):
    """What was wrong; the messages of the match are kept with it. A report implies a block."""

    match: Id
    key: Id
    reason: ReportReason
    text: Text | UnsetType = UNSET
    skip: bool = False


async def report(services: Services, caller: Session, body: ReportBody) -> Answer:
    """Keep the report for the operator; a live match goes on unless ``skip``. The other side is never told.

    Raises ``Problem`` when there is no room for the report. The block holds even then.
    """
    text = "" if body.text is UNSET else body.text
    try:
        reply = await services.machine.report(
            PersonId(caller.person), MatchId(body.match), body.key, body.reason, text, body.skip
        )
    except StoreFull as full:  # raised by the report alone: the block before it runs in a full store
        raise report_not_kept() from full
    if isinstance(reply, NoRoom):
        raise report_not_kept()
    return Answer(reply.outcome, reply.state)


# --- comparisons ---------------------------------------------------------------------------

Count = Annotated[int, msgspec.Meta(ge=0, le=10_000)]


class ComparisonBody(Body):
    """How often the event stream and a read of the state agreed, since the last such report of the client."""

    same: Count = 0
    stream_first: Count = 0
    poll_first: Count = 0
    missed: Count = 0
    differ: Count = 0


async def compare(services: Services, caller: Session, body: ComparisonBody) -> Answer:
    """Add the counts to the sums of the day. It is not a sign of life."""
    found = Comparison(body.same, body.stream_first, body.poll_first, body.missed, body.differ)
    reply = await services.machine.compare(PersonId(caller.person), found)
    return Answer(reply.outcome, reply.state)


# --- the table -----------------------------------------------------------------------------


class Command(NamedTuple):
    """One row: what a command reads, what it counts as, and what it calls."""

    body: type[Body]
    kind: Kind
    """The kind of limit. It is counted before the body is read, so a refused request costs little."""
    call: Callable[[Services, Session, Any], Awaitable[Answer]]
    also: Callable[[Any], Iterable[Kind]] | None = None
    """A further kind of limit, which depends on the body."""


COMMANDS: Mapping[str, Command] = {
    "/v1/join": Command(JoinBody, Kind.JOINS, join),
    "/v1/skip": Command(SkipBody, Kind.SKIPS, skip),
    "/v1/leave": Command(LeaveBody, Kind.PULSES, leave),
    "/v1/pulse": Command(PulseBody, Kind.PULSES, pulse, also=pulse_counts),
    "/v1/confirm": Command(ConfirmBody, Kind.PULSES, confirm),
    "/v1/ack": Command(AckBody, Kind.PULSES, ack),
    "/v1/signal": Command(SignalBody, Kind.SIGNALS, signal, also=signal_counts),
    "/v1/messages": Command(MessageBody, Kind.MESSAGES, message),
    "/v1/blocks": Command(BlockBody, Kind.REPORTS, block, also=skip_counts),
    "/v1/reports": Command(ReportBody, Kind.REPORTS, report, also=skip_counts),
    "/v1/comparisons": Command(ComparisonBody, Kind.READS, compare),
}


def commands(services: Services) -> dict[str, Endpoint]:
    """Return the endpoints of all commands, by their paths."""
    return {path: Endpoint("POST", _handler(services, command)) for path, command in COMMANDS.items()}


def _handler(services: Services, command: Command) -> Callable[[Exchange], Awaitable[HttpReply]]:
    gate, media, most = services.gate, services.media, services.sizes.body_bytes
    decoder = msgspec.json.Decoder(command.body)
    kind, call, also = command.kind, command.call, command.also

    async def handle(exchange: Exchange) -> HttpReply:
        exchange.must_be_json()
        caller = services.caller(exchange.headers, secure=exchange.secure)
        await gate.admit(kind, exchange.scope, caller.person)
        body = parse(await exchange.content(most), decoder)
        if also is not None:
            for besides in also(body):
                await gate.admit(besides, exchange.scope, caller.person)
        return HttpReply(rendered(await call(services, caller, body), media))

    return handle


def rendered(answer: Answer, media: MediaPort) -> bytes:
    """Return ``{"outcome": …, "state": …}``; the state is spliced in, not parsed again."""
    number = b"" if answer.n is None else b',"n":%d' % answer.n
    return b'{"outcome":"%b"%b,"state":%b}' % (answer.outcome.encode(), number, dress(answer.state, media))
