"""Signs of life: what the state asks for, and what was answered."""

from dataclasses import replace
from typing import Any

from duologue.client.measures import tell_again, untold, words
from duologue.client.model import After, Answered, Command, Later, Model, Send, Step
from duologue.client.vocabulary import MediaWord

RETRY_S = 0.4
"""Pause after a pulse without an answer: several attempts fit into the 3 s of an owed sign."""
RETRY_MOST_S = 3.2


def asked_by_state(model: Model) -> Answered:
    """Return the match and the probe that need a pulse."""
    probe = model.state.probe if model.state else None
    return Answered(model.match_id, probe.probe if probe else "")


def owes(model: Model) -> bool:
    """Return whether a match or a probe is unanswered."""
    asked, answered = asked_by_state(model), model.pulses.answered
    return asked.match not in ("", answered.match) or asked.probe not in ("", answered.probe)


def want_pulse(model: Model) -> Model:
    """Ask for a pulse besides those that are owed."""
    return replace(model, pulses=replace(model.pulses, due=True))


def settle_pulse(model: Model) -> Step:
    """Return the pulse to send now, if any."""
    book = model.pulses
    if not model.speaks or book.sent is not None or book.resting or not (book.due or owes(model)):
        return model, ()
    body: dict[str, Any] = words(model.measures)
    if model.match_id:
        body["match"] = model.match_id
        if word := media_word(model):
            body["media"] = word.value
    book = replace(book, due=False, sent=asked_by_state(model), carried=model.measures)
    sent = replace(model, pulses=book, measures=untold(model.measures))
    return sent, (Send(Command("pulse", model.match_id), body),)


def is_current(model: Model, match: str) -> bool:
    """Return whether the pulse in progress is about this match (empty: about none) and was not given up."""
    return model.pulses.sent is not None and model.pulses.sent.match == match


def begin_pulses(model: Model) -> Model:
    """Begin with another match: its first pulse waits neither for a pulse about the match before nor for
    its pauses.

    Two media reports of one match must not cross; those of two matches cannot.
    """
    return replace(model, pulses=replace(model.pulses, sent=None, resting=False, tries=0))


def media_word(model: Model) -> MediaWord | None:
    """Return the media report. ``open`` answers for the partner, so while they are away it needs a new
    answer from them."""
    book = model.media
    unsure = book.word is MediaWord.OPEN and book.away_until_ms is not None and not book.vouched
    return None if unsure else book.word


def pulse_ok(model: Model, *, snapshots: int) -> Model:
    """Note that what was owed when the pulse was sent is answered, if no snapshot came since (race E35)."""
    book = model.pulses
    if snapshots != model.snapshots:
        return replace(model, pulses=replace(book, sent=None, due=True))
    return replace(model, pulses=replace(book, sent=None, answered=book.sent or book.answered, tries=0))


def pulse_stale(model: Model, *, changed: bool) -> Step:
    """Note that the pulse was not a sign of life. If its state is not newer, sending it again at once would
    be a loop."""
    next_model = replace(model, pulses=replace(model.pulses, sent=None))
    return (next_model, ()) if changed else _rest(next_model)


def pulse_failed(model: Model) -> Step:
    """Note that there was no answer: the measurements go with the next pulse."""
    measures = tell_again(model.measures, model.pulses.carried)
    return _rest(replace(model, measures=measures, pulses=replace(model.pulses, sent=None, due=True)))


def _rest(model: Model) -> Step:
    book = model.pulses
    seconds = min(RETRY_S * 2**book.tries, RETRY_MOST_S)
    return replace(model, pulses=replace(book, resting=True, tries=book.tries + 1)), (
        After(Later.PULSE, seconds),
    )
