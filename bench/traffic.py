"""What a skip costs with the signals of browsers, and with rooms on LiveKit."""

import contextlib

from bench.contestants import ours
from bench.figures import Figures
from bench.livekit import livekit
from bench.sizes import Size
from bench.speed import Running, costs
from duologue.bench.crowd import Crowd, Traffic

PEER, LIVEKIT = "ours, peer-like", "ours, LiveKit-like"
LIVEKIT_AT_A_TIME = 8
"""Skips under way there: the fake LiveKit is a Python process, and must not be what limits."""


async def measure(size: Size, figures: Figures) -> None:
    """Add what a skip costs at full load, in turn with each kind of traffic."""
    async with contextlib.AsyncExitStack() as stack:
        peer = await _begin(stack, PEER, Traffic.PEER, {}, size)
        rooms = await _begin(stack, LIVEKIT, Traffic.LIVEKIT, stack.enter_context(livekit()), size)
        for number in range(size.rounds):
            for each, at_a_time in ((peer, size.at_a_time), (rooms, LIVEKIT_AT_A_TIME)):
                sample = await each.full(size, size.seconds, at_a_time)
                figures.sample(each.contestant.name, "full", number, sample)
                costs(figures, each.contestant.name, sample)
                figures.add(each.contestant.name, "signals", sample.signals / sample.skips)


async def _begin(
    stack: contextlib.AsyncExitStack,
    name: str,
    traffic: Traffic,
    environment: dict[str, str],
    size: Size,
) -> Running:
    contestant = stack.enter_context(ours(name=name, environment=environment))
    crowd = await stack.enter_async_context(Crowd(contestant.urls, traffic=traffic))
    await crowd.come(size.people)
    await crowd.settle()
    return Running(contestant, crowd)
