"""What a state changes: the rule about versions, and the present partner."""

from dataclasses import replace

from duologue.client.intent import adopt
from duologue.client.model import After, AskPartner, Chat, Later, MediaBook, Model, Step
from duologue.client.pulses import begin_pulses, want_pulse
from duologue.client.vocabulary import PersonState

UNANSWERED_S = 0.35
"""How long a ping to a partner who is said to be away may stay unanswered before the page shows it."""


def read_snapshot(model: Model, state: PersonState) -> Step:
    """Apply a snapshot, whatever its version is: the store may have been restored from an older copy (race
    E20)."""
    counted = replace(adopt(model, state), snapshots=model.snapshots + 1)
    # A probe that was answered before a restore may be unmet again (race E35).
    answered = replace(model.pulses.answered, probe="")
    counted = replace(counted, pulses=replace(model.pulses, answered=answered), chat=_kept(model.chat, state))
    next_model, effects = _apply(counted, state)
    return (want_pulse(next_model) if state.match else next_model), effects


def _kept(chat: Chat, state: PersonState) -> Chat:
    """Remove what a store that fell back no longer has; other messages have those numbers by now."""
    if state.match is None or state.match.match != chat.match:
        return chat
    last = state.match.messages.last
    return replace(chat, messages=tuple(message for message in chat.messages if message.n <= last))


def read_state(model: Model, state: PersonState) -> Step:
    """Apply the state of another frame, if it is newer. The intents are compared in any case (race E36)."""
    compared = adopt(model, state)
    if model.state is not None and state.version <= model.state.version:
        return compared, ()
    return _apply(compared, state)


def read_reply(model: Model, state: PersonState, snapshots: int) -> Step:
    """Apply the state of a reply, unless a snapshot came since its command was sent (race E33)."""
    return read_state(model, state) if snapshots == model.snapshots else (model, ())


def _apply(model: Model, state: PersonState) -> Step:
    match = state.match.match if state.match else ""
    next_model = replace(
        model,
        state=state,
        sanction=state.sanction,
        skipping=model.skipping if model.skipping == match else "",
    )
    if match != model.media.match:
        next_model = _enter(next_model, match)
    return _watch_partner(next_model, state)


def _enter(model: Model, match: str) -> Model:
    chat = Chat(match) if match and match != model.chat.match else model.chat
    return replace(begin_pulses(model), media=MediaBook(match), signal_n=0, signal_at_ms=0, chat=chat)


def _watch_partner(model: Model, state: PersonState) -> Step:
    """Read the partner's presence from the state, so that a lost frame leaves nothing wrong."""
    until_ms = state.match.partner.away_until_ms if state.match else None
    if until_ms == model.media.away_until_ms:
        return model, ()
    book = replace(model.media, away_until_ms=until_ms, vouched=False, unanswered=False)
    ask = () if until_ms is None else (AskPartner(book.match), After(Later.GONE, UNANSWERED_S))
    return want_pulse(replace(model, media=book)), ask
