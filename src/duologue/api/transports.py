"""``GET /transports``: how people are reached, and whether polling can be switched off. For the operator."""

from typing import NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from duologue.api.answers import as_json
from duologue.api.desk import Desk
from duologue.api.paths import Exact
from duologue.pairing.vocabulary import Comparison, Usage

ENOUGH = 1000
"""Reads to be compared before their agreement says anything: a loss of one in a few hundred would show."""


class Verdict(NamedTuple):
    """Whether polling can be switched off now, and the one sentence that says why."""

    safe: bool
    why: str


def verdict(usage: Usage) -> Verdict:
    """Of the reads of today and yesterday; the first thing that speaks against it is said."""
    days = Comparison(*map(sum, zip(usage.today, usage.yesterday, strict=True)))
    compared = sum(days)
    if days.missed or days.differ:
        return Verdict(
            False,
            f"of {compared} reads {days.missed} knew what the stream never brought, and {days.differ} "
            "said something else: find out why",
        )
    if compared < ENOUGH:
        return Verdict(False, f"{compared} reads were compared since yesterday, and {ENOUGH} are needed")
    if usage.on_poll:
        poll = "1 person polls" if usage.on_poll == 1 else f"{usage.on_poll} people poll"
        return Verdict(False, f"{poll}: streams do not reach them")
    return Verdict(True, f"{compared} reads since yesterday agreed with the streams, and nobody polls")


def transports(desk: Desk) -> Route:
    """Counts only, as all that is for the operator."""

    async def endpoint(_: Request) -> Response:
        usage = await desk.machine.usage()
        found = verdict(usage)
        whole = {
            "transports": desk.offer.transports,
            "people": {"sse": usage.on_sse, "poll": usage.on_poll},
            "today": usage.today._asdict(),
            "yesterday": usage.yesterday._asdict(),
            "verdict": found._asdict(),
        }
        return as_json(msgspec.json.encode(whole))

    return Exact("/transports", endpoint, methods=["GET"])
