"""An intent has an age: after a sleep, or a long time away, a person is asked before the next stranger."""

from dataclasses import replace

from duologue.client.model import Model, Press, SleepMark
from duologue.client.vocabulary import State, Wish

AWAY_S = 5.0
"""A program that did not run for longer was away: as long as the server waits for somebody whose connection
dropped (``away_bucket_ms``)."""
ENDED_MS = 60_000
"""A wish to talk that the server ended is renewed for as long as it keeps the place (``away_keep_ms``)."""
FORGOTTEN_MS = 300_000
"""A wish to talk that the server forgot, or never heard of, is told again for this long."""


def slept(model: Model) -> Model:
    """Nothing is decided by what was known before: the server is asked."""
    if not model.asks or _wish(model) is not Wish.TALK:
        return model
    before = model.slept or SleepMark(model.match_id, stood=False)
    mark = replace(before, stood=before.stood or model.speaks)
    pulses = model.pulses if model.state is None else replace(model.pulses, due=True)
    # Replies under way are from before: what they say may be long over.
    return replace(model, slept=mark, pulses=pulses, snapshots=model.snapshots + 1)


def confirm(model: Model, now_ms: int) -> Model:
    """The server was heard, and has this person where they wish to be: the wish is as young as this."""
    own, state = model.own, model.state
    if (
        own is None
        or own.wish is not Wish.TALK
        or state is None
        or state.state is State.IDLE
        or not model.speaks
    ):
        return model
    return replace(model, own=replace(own, seen_ms=now_ms))


def settle_absence(model: Model, now_ms: int, *, fresh: bool) -> Model:
    """Let go of a wish to talk that is too old, or from before a sleep. The same conversation goes on.

    ``fresh``: the state is the answer to a command that was sent since.
    """
    if not model.asks or model.state is None or not model.speaks:
        return model
    if _wish(model) is not Wish.TALK:
        return replace(_followed(model), slept=None)
    if (model.slept is not None and _missed(model, model.slept)) or _is_too_old(model, now_ms):
        return _let_go(model)
    return replace(model, slept=None) if fresh else model


def _let_go(model: Model) -> Model:
    """Idle until the next press; the server is told where it has the person still."""
    gone = replace(model, let_go="away", slept=None, press=None)
    own = model.own
    if model.state is not None and model.state.state is State.IDLE and not _asks_to_talk(model):
        return replace(gone, own=None)
    return replace(gone, press=Press(Wish.REST, own.preferences)) if own else gone


def _wish(model: Model) -> Wish | None:
    last = model.press or model.own
    return last.wish if last else None


def _asks_to_talk(model: Model) -> bool:
    """Whether a join is under way."""
    own = model.own
    return own is not None and model.asking == own.intent and own.wish is Wish.TALK


def _followed(model: Model) -> Model:
    """The person went on from another page."""
    is_idle = model.state is not None and model.state.state is State.IDLE
    return model if is_idle or model.own or model.press else replace(model, let_go="")


def _missed(model: Model, mark: SleepMark) -> bool:
    """Return whether a state that came during the sleep changes the partner."""
    is_idle = model.state is not None and model.state.state is State.IDLE
    if model.press is not None or _asks_to_talk(model) or is_idle:
        return True
    return mark.stood and (not model.match_id or model.match_id != mark.match)


def _is_too_old(model: Model, now_ms: int) -> bool:
    own, state = model.own, model.state
    if model.press is not None:
        return now_ms - model.press.at_ms > FORGOTTEN_MS
    if own is None or model.asking is not None or state is None or state.state is not State.IDLE:
        return False
    ended = state.idle_reason == "you-were-away" and state.intent == own.intent
    return now_ms - own.seen_ms > (ENDED_MS if ended else FORGOTTEN_MS)
