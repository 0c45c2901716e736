"""What a page measures for the operator of its server (protocol: Measurements)."""

from dataclasses import replace

from duologue.client.model import Measures, Model
from duologue.client.vocabulary import Frame

PRESSED = ("partner-skipped", "partner-left")
"""The reasons that count for "told": only a press has an exact instant, a fault has none."""


def time_frame(measures: Measures, frame: Frame, now_ms: int) -> Measures:
    """Estimate the offset of the clocks, and return how long after the partner's press this page knew of
    it.

    Clocks differ, so an instant of the server is compared with the quickest frame so far, which took about
    half of the quickest command's way there and back.
    """
    lag_ms = now_ms - frame.at_ms
    least_ms = lag_ms if measures.least_lag_ms is None else min(lag_ms, measures.least_lag_ms)
    timed = replace(measures, least_lag_ms=least_ms)
    if frame.type != "force-disconnect" or frame.reason not in PRESSED:
        return timed
    return replace(timed, told_ms=round(lag_ms - least_ms + (measures.least_trip_ms or 0) / 2))


def time_reply(measures: Measures, took_ms: float | None) -> Measures:
    """Note the time of a reply; the quickest one counts."""
    if took_ms is None:
        return measures
    least_ms = took_ms if measures.least_trip_ms is None else min(took_ms, measures.least_trip_ms)
    return replace(measures, least_trip_ms=least_ms)


def time_face(measures: Measures, now_ms: int) -> Measures:
    """Measure the first picture after a press of Next; without a press it is not measured."""
    if measures.next_pressed_ms is None:
        return measures
    took_ms = max(0, now_ms - measures.next_pressed_ms)
    return replace(measures, next_face_ms=took_ms, next_pressed_ms=None)


def time_alone(before: Model, model: Model, now_ms: int) -> Model:
    """Start or stop the time in which the page shows a partner who is not there, compared with ``before``."""
    since_ms = before.media.gone_since_ms
    same, gone = before.media.match == model.media.match, model.media.gone
    began_ms = (since_ms if same and since_ms is not None else now_ms) if gone else None
    # Without a state the page itself was away: what passed meanwhile nobody looked at.
    if since_ms is not None and not (same and gone) and model.state is not None:
        alone_ms = (model.measures.alone_ms or 0) + max(0, now_ms - since_ms)
        model = replace(model, measures=replace(model.measures, alone_ms=alone_ms))
    if began_ms == model.media.gone_since_ms:
        return model
    return replace(model, media=replace(model.media, gone_since_ms=began_ms))


def untold(measures: Measures) -> Measures:
    """Remove the measurements that a pulse took along."""
    return replace(measures, told_ms=None, alone_ms=None, next_face_ms=None)


def tell_again(measures: Measures, carried: Measures) -> Measures:
    """Send them again after that pulse failed; newer measurements win."""
    found = {
        name: getattr(carried, name) if getattr(measures, name) is None else getattr(measures, name)
        for name in ("told_ms", "alone_ms", "next_face_ms")
    }
    return replace(measures, **found)


def words(measures: Measures) -> dict[str, int]:
    """Return the fields of a pulse."""
    found = {
        "told_ms": measures.told_ms,
        "alone_ms": measures.alone_ms,
        "next_face_ms": measures.next_face_ms,
    }
    return {name: value for name, value in found.items() if value is not None}
