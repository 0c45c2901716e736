"""The whole behaviour of a client, without a clock, a network or media.

It acts on the state, never on the type of a frame, so only the newest frame matters.
"""

from dataclasses import replace
from typing import assert_never

from duologue.client.absence import confirm, settle_absence, slept
from duologue.client.intent import asked, not_asked, settle_intent
from duologue.client.measures import time_alone, time_face, time_frame, time_reply
from duologue.client.model import (
    Blocked,
    Chat,
    Command,
    Effect,
    FaceSeen,
    Failed,
    FrameRead,
    Hear,
    Input,
    Later,
    Link,
    LinkChanged,
    MediaBook,
    MediaSaid,
    Message,
    Model,
    NewPage,
    NextPressed,
    Press,
    Pressed,
    PulseBook,
    ReadState,
    RepeatDue,
    Replied,
    Send,
    Slept,
    StateRead,
    Step,
    TimerFired,
    Vouched,
)
from duologue.client.pulses import is_current, pulse_failed, pulse_ok, pulse_stale, settle_pulse, want_pulse
from duologue.client.reading import read_reply, read_snapshot, read_state
from duologue.client.vocabulary import Frame, MediaWord, Outcome

SILENT = frozenset({"unavailable", "reconnect", "taken-over", "session-ended"})
"""Frames that do not say where the person is."""


def reduce(model: Model, event: Input, now_ms: int) -> Step:
    """Return the next model, and what is to be done. ``now_ms`` is the clock of the device."""
    taken, effects = _take(model, event, now_ms)
    timed = time_alone(model, taken, now_ms)
    fresh = isinstance(event, Replied | StateRead) and event.snapshots == model.snapshots
    heard = fresh or (isinstance(event, FrameRead) and event.frame.type not in SILENT)
    there = settle_absence(confirm(timed, now_ms) if heard else timed, now_ms, fresh=fresh)
    healed, healing = settle_intent(there, now_ms)
    settled, pulsing = settle_pulse(healed)
    return settled, (*effects, *healing, *pulsing)


def _take(model: Model, event: Input, now_ms: int) -> Step:  # noqa: C901, PLR0911, PLR0912 # one line an input
    match event:
        case FrameRead(frame):
            kept_out = frame.reason if frame.type == "reconnect" else ""
            timed = time_frame(model.measures, frame, now_ms)
            return _frame(replace(model, kept_out=kept_out, measures=timed), frame)
        case Replied():
            return _replied(model, event)
        case StateRead(state, snapshots):
            return read_reply(replace(model, reading=False), state, snapshots)
        case Failed():
            return _failed(model, event)
        case Blocked(blocked):
            return replace(model, is_blocked=blocked), ()
        case LinkChanged(link, by):
            return replace(model, link=link, by=by), ()
        case NewPage(page):
            return _new_page(model, page), ()
        case Pressed(wish, preferences):
            press = Press(wish, preferences, at_ms=now_ms)
            return replace(model, press=press, refusal=None, slept=None, let_go=""), ()
        case NextPressed():
            return _skip(model, now_ms)
        case FaceSeen(match):
            return _face(model, match, now_ms), ()
        case MediaSaid():
            return _media(model, event), ()
        case Vouched(match):
            return _vouched(model, match), ()
        case Slept():
            return slept(model), ()
        case RepeatDue():
            return want_pulse(model), ()
        case TimerFired(what):
            return _timer(model, what), ()
        case _:
            assert_never(event)


def _new_page(model: Model, page: str) -> Model:
    """Begin as a new page: everything of the old connection is dropped, and the person's wish stays."""
    return replace(
        model,
        page=page,
        link=Link.CONNECTING,
        kept_out="",
        is_blocked=False,
        state=None,
        snapshots=model.snapshots + 1,
        asking=None,
        healed=None,
        skipping="",
        reading=False,
        pulses=PulseBook(),
        media=MediaBook(),
        signal_n=0,
        signal_at_ms=0,
    )


def _frame(model: Model, frame: Frame) -> Step:
    if frame.people_online is not None:
        model = replace(model, people_online=frame.people_online)
    if frame.sanction is not None:  # of the last frame of a session; a state has its own
        model = replace(model, sanction=frame.sanction)
    match frame.type:
        case "snapshot" if frame.state is not None:
            return read_snapshot(model, frame.state)
        case "heartbeat":
            return _heartbeat(model, frame.version)
        case "message":
            return _message(model, frame), ()
        case "peer-signal":
            return _signal(model, frame)
        case "room-closing" if frame.match:
            ack = Send(Command("ack", frame.match), {"match": frame.match, "of": "room-closing"})
            next_model, effects = read_state(model, frame.state) if frame.state else (model, ())
            return next_model, (*effects, ack)
        case _:
            # Whatever else carries a state: known types and those to come.
            return read_state(model, frame.state) if frame.state else (model, ())


def _heartbeat(model: Model, version: int) -> Step:
    """Answer a heartbeat with a sign of life while waiting; its version shows whether a frame was lost."""
    next_model = want_pulse(model) if model.waiting else model
    if model.state is None or version <= model.state.version or model.reading:
        return next_model, ()
    return replace(next_model, reading=True), (ReadState(),)


def _message(model: Model, frame: Frame) -> Model:
    """Read a message once, by its number; the last text of a number counts, because a store may have fallen
    back."""
    chat = model.chat
    if frame.match != chat.match:
        return model
    others = (known for known in chat.messages if known.n != frame.n)
    messages = (*others, Message(frame.n, frame.sender, frame.text))
    return replace(model, chat=Chat(chat.match, tuple(sorted(messages, key=lambda one: one.n))))


def _signal(model: Model, frame: Frame) -> Step:
    """Pass on a signal; ignore those that were seen, are of another match, or are for another page.

    A lower number with a later instant is new: the store fell back and used the number again.
    """
    if not frame.match or frame.match != model.match_id or frame.data is None:
        return model, ()
    if frame.n <= model.signal_n and frame.at_ms <= model.signal_at_ms:
        return model, ()
    seen = replace(model, signal_n=frame.n, signal_at_ms=max(frame.at_ms, model.signal_at_ms))
    elsewhere = frame.data.get("to") not in (None, model.page)
    return seen, () if elsewhere else (Hear(frame.match, frame.data),)


def _replied(model: Model, event: Replied) -> Step:
    timed = replace(model, measures=time_reply(model.measures, event.took_ms))
    read, effects = read_reply(timed, event.reply.state, event.snapshots)
    more: tuple[Effect, ...] = ()
    match event.to.name:
        case "pulse" if is_current(read, event.to.match):
            if event.reply.outcome is Outcome.OK:
                read = pulse_ok(read, snapshots=event.snapshots)
            else:
                read, more = pulse_stale(read, changed=read.state is not model.state)
        case "join" | "leave":
            read, more = asked(read, event.to.intent)
        case "skip" if read.skipping == event.to.match:
            read = replace(read, skipping="")
        case _:
            pass
    return read, (*effects, *more)


def _failed(model: Model, event: Failed) -> Step:
    """Handle a command that failed for good or was given up."""
    if event.status not in (0, 401):
        model = replace(model, refusal=(event.to.name, event.code))
    match event.to.name:
        case "pulse":
            return pulse_failed(model) if is_current(model, event.to.match) else (model, ())
        case "join" | "leave":
            return not_asked(model, event.to.intent, event.status)
        case "skip" if model.skipping == event.to.match:
            return replace(model, skipping=""), ()
        case "state":
            return replace(model, reading=False), ()
        case _:
            return model, ()


def _skip(model: Model, now_ms: int) -> Step:
    """Skip the match on screen, once."""
    match = model.match_id
    if not match or model.skipping == match:
        return model, ()
    measures = replace(model.measures, next_pressed_ms=now_ms)
    pressed = replace(model, skipping=match, slept=None, measures=measures)
    return pressed, (Send(Command("skip", match), {"match": match}),)


def _face(model: Model, match: str, now_ms: int) -> Model:
    """Report the first picture with an extra pulse, because a good call needs no others."""
    measures = time_face(model.measures, now_ms)
    if match != model.match_id or measures == model.measures:
        return model
    return want_pulse(replace(model, measures=measures))


def _media(model: Model, event: MediaSaid) -> Model:
    if not event.match or event.match != model.media.match:
        return model
    ever_open = model.media.ever_open or event.word is MediaWord.OPEN
    next_model = replace(model, media=replace(model.media, word=event.word, ever_open=ever_open))
    return next_model if event.word is None else want_pulse(next_model)


def _vouched(model: Model, match: str) -> Model:
    book = model.media
    if match != book.match or book.away_until_ms is None:
        return model
    return want_pulse(replace(model, media=replace(book, vouched=True)))


def _timer(model: Model, what: Later) -> Model:
    if what is Later.PULSE:
        return replace(model, pulses=replace(model.pulses, resting=False))
    if what is Later.GONE:
        book = model.media
        return model if book.away_until_ms is None else replace(model, media=replace(book, unanswered=True))
    return replace(model, healed=None)
