"""The state is at the server, and the intent at the client: so clients restore a store that lost
everything."""

from dataclasses import replace
from typing import Any

from duologue.client.model import After, Command, Later, Model, Own, Preferences, Press, Send, Step
from duologue.client.vocabulary import PersonState, State, Wish

INTENT_LIMIT = 10**14
"""The server refuses intents from here on."""
HEAL_AGAIN_S = 1.0
"""How long a second command for one state waits, because the frame of the first may be on its way."""


def adopt(model: Model, state: PersonState) -> Model:
    """Return the intent that counts: of two presses, on any page, the higher number; at the same number
    ``rest``."""
    own = model.own
    if own is None:
        return model
    same_but_rest = own.intent == state.intent and own.wish is Wish.TALK and state.wish is Wish.REST
    if own.intent < state.intent or same_but_rest:
        return replace(model, own=replace(own, intent=state.intent, wish=state.wish))
    return model


def settle_intent(model: Model, now_ms: int) -> Step:
    """Carry out a press that waited for the first state, or send the join or leave that state and wish
    need."""
    if model.state is None or not model.speaks:
        return model, ()
    if model.press is not None:
        return _take(model, model.press, model.state, now_ms)
    return _heal(model, model.state)


def _take(model: Model, press: Press, state: PersonState, now_ms: int) -> Step:
    # This device's clock may be behind that of the one that pressed last (race E32).
    last = model.own.intent if model.own else 0
    intent = min(max(now_ms, state.intent + 1, last + 1), INTENT_LIMIT - 1)
    own = Own(intent, press.wish, press.preferences, seen_ms=now_ms)
    return _ask(replace(model, press=None, healed=None, own=own), own)


def _heal(model: Model, state: PersonState) -> Step:
    own = model.own
    if own is None or model.asking is not None:
        return model, ()
    agree = (own.wish is Wish.TALK) == (state.state is not State.IDLE)
    here = (state.version, own.intent)
    if agree or model.healed == here:
        return model, ()
    return _ask(replace(model, healed=here), own)


def _ask(model: Model, own: Own) -> Step:
    name, body = ("join", join_body(own.preferences)) if own.wish is Wish.TALK else ("leave", {})
    command = Command(name, intent=own.intent)
    return replace(model, asking=own.intent), (Send(command, {"intent": own.intent, **body}),)


def join_body(preferences: Preferences) -> dict[str, Any]:
    """The fields of a join; an optional one is left out, never null."""
    body: dict[str, Any] = {}
    if preferences.pool:
        body["pool"] = preferences.pool
    if preferences.tags:
        body["tags"] = list(preferences.tags)
    if preferences.language:
        body["language"] = preferences.language
    if not preferences.auto_next:
        body["auto_next"] = False
    if preferences.text_only:
        body["media"] = "text"
    if preferences.terms:
        body["terms"] = preferences.terms
    return body


def asked(model: Model, intent: int) -> Step:
    """Note that the join or leave of that number is over. The end of an older one changes nothing."""
    if model.asking != intent:
        return model, ()
    again = () if model.healed is None else (After(Later.HEAL, HEAL_AGAIN_S),)
    return replace(model, asking=None), again


def not_asked(model: Model, intent: int, status: int) -> Step:
    """Note that it failed. After a final refusal it is not sent again: the page then has no intent."""
    if model.asking != intent:
        return model, ()
    if status not in (0, 401):
        return replace(model, asking=None, own=None), ()
    version = model.state.version if model.state else 0
    return asked(replace(model, healed=(version, intent)), intent)
