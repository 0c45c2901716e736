"""An intent has an age: after a sleep, or a long time away, a person is asked before they meet the next
partner."""

from dataclasses import replace

from duologue.client.model import Model, Press, SleepMark
from duologue.client.vocabulary import State, Wish

AWAY_S = 5.0
"""A program that did not run for longer was away: as long as the server waits for a person whose connection
dropped (``away_bucket_ms``)."""
ENDED_MS = 60_000
"""How long a wish to talk that the server ended is renewed: as long as the server keeps the place
(``away_keep_ms``)."""
FORGOTTEN_MS = 300_000
"""How long a wish to talk is sent again to a server that lost it or never had it."""


def slept(model: Model) -> Model:
    """Note that the program slept: earlier states decide nothing, and the server is asked."""
    if not model.asks or _wish(model) is not Wish.TALK:
        return model
    before = model.slept or SleepMark(model.match_id, stood=False)
    mark = replace(before, stood=before.stood or model.speaks)
    pulses = model.pulses if model.state is None else replace(model.pulses, due=True)
    # Replies under way are from before: what they say may be long over.
    return replace(model, slept=mark, pulses=pulses, snapshots=model.snapshots + 1)


def confirm(model: Model, now_ms: int) -> Model:
    """Note an answer of the server in which the person is where they want to be: the wish is as young as
    the answer."""
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
    """Give up a wish to talk that is too old, or from before a sleep. The same conversation goes on.

    ``fresh``: the state is the answer to a command that was sent after the sleep.
    """
    if not model.asks or model.state is None or not model.speaks:
        return model
    if _wish(model) is not Wish.TALK:
        return replace(_followed(model), slept=None)
    if (model.slept is not None and _missed(model, model.slept)) or _is_too_old(model, now_ms):
        return _let_go(model)
    return replace(model, slept=None) if fresh else model


def _let_go(model: Model) -> Model:
    """Rest until the next press, and send a leave if the server still has the person in the queue or in a
    match."""
    gone = replace(model, let_go="away", slept=None, press=None)
    own = model.own
    if model.state is not None and model.state.state is State.IDLE and not _asks_to_talk(model):
        return replace(gone, own=None)
    return replace(gone, press=Press(Wish.REST, own.preferences)) if own else gone


def _wish(model: Model) -> Wish | None:
    last = model.press or model.own
    return last.wish if last else None


def _asks_to_talk(model: Model) -> bool:
    """Return whether a join is in progress."""
    own = model.own
    return own is not None and model.asking == own.intent and own.wish is Wish.TALK


def _followed(model: Model) -> Model:
    """Return whether the person continued on another page."""
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
