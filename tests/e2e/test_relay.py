"""Peer media through a TURN server: real Chromium, Debian's coturn, credentials that the server made."""

import contextlib
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from duologue.media.turn import TTL_S, credentials
from tests import coturn
from tests.e2e.chromium import Chromium
from tests.e2e.conftest import Arrive, lacking
from tests.e2e.person import Person, meet
from tests.e2e.serving import Serving
from tests.e2e.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

KEEP = """const Real = window.RTCPeerConnection;
window.kept = [];
window.RTCPeerConnection = class extends Real {
  constructor(...given) { super(...given); kept.push(this); }
};"""

PAIR = """return (async () => {
  const stats = [];
  for (const pc of kept.filter((pc) => pc.connectionState === 'connected'))
    stats.push(...(await pc.getStats()).values());
  const pair = stats.find(
    (each) => each.type === 'candidate-pair' && each.nominated && each.state === 'succeeded');
  const own = stats.filter((each) => each.type === 'local-candidate').map((each) => each.candidateType);
  const kind = (id) => stats.find((each) => each.id === id)?.candidateType;
  return pair && { pair: [kind(pair.localCandidateId), kind(pair.remoteCandidateId)], own };
})()"""
"""What carries the media, and what addresses the page had to offer."""

OFFERED = """return kept.flatMap((pc) => pc.remoteDescription?.sdp.match(/a=candidate:.*/g) ?? [])"""
"""The addresses that the partner's page told."""

GATHER = """return (async () => {
  const pc = new RTCPeerConnection({ iceServers: [a], iceTransportPolicy: 'relay' });
  pc.createDataChannel('x');
  const found = [];
  const done = new Promise((resolve) => pc.onicecandidate = ({ candidate }) => {
    if (candidate === null) resolve();
    else if (candidate.candidate) found.push(candidate.type);
  });
  await pc.setLocalDescription();
  await done;
  pc.close();
  return found;
})()"""
"""Return the kinds of addresses that this server gives to a person with these credentials."""


@pytest.fixture(scope="module")
def turn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A TURN server of this module's own."""
    if coturn.binary() is None:
        lacking("coturn is not installed (make test installs it on Debian as root)")
    with coturn.coturn(tmp_path_factory.mktemp("coturn")) as server:
        yield server.url


@pytest.fixture(params=["relay-only", "any way"])
def relayed(
    request: pytest.FixtureRequest, turn: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Serving, bool]]:
    """A server that names the TURN server; and whether it allows nothing else."""
    only = request.param == "relay-only"
    server = Serving(
        tmp_path_factory.mktemp("server"),
        options=("--ice-servers", turn, *(["--relay-only"] if only else [])),
        environment={"DUOLOGUE_TURN_SECRET": coturn.SECRET},
    )
    try:
        server.start()
        yield server, only
    finally:
        server.stop()


def test_two_people_through_a_relay(arrive: Arrive, browser: Chromium, relayed: tuple[Serving, bool]) -> None:
    """They see each other, both sides of the way are the relay's, and neither learns another address.

    Where it is not asked for, the same two find the short way: what is asserted can be otherwise.
    """
    server, only = relayed
    a, b = (arrive(name, browser, server.url) for name in "AB")
    for each in (a, b):
        each.tab.ask(KEEP)
        each.start()
    meet(a, b)
    for each in (a, b):
        way = carried(each)
        assert (way["pair"] == ["relay", "relay"]) is only, way
        assert (set(way["own"]) == {"relay"}) is only, way
        told = each.tab.ask(OFFERED)
        assert told
        assert all(" typ relay raddr 0.0.0.0 rport 0 " in f"{line} " for line in told) is only, told


def test_credentials_are_looked_at(arrive: Arrive, browser: Chromium, serving: Serving, turn: str) -> None:
    """Ours open the relay; altered, run out, or of another secret they do not."""
    page = arrive("A", browser, serving.url).tab
    now_s = int(time.time())
    good = credentials(coturn.SECRET, "m_1.polite", now_s + 60)
    bad = {
        "altered": good | {"username": f"{now_s + 3_600}:m_1.polite"},
        "run out": credentials(coturn.SECRET, "m_1.polite", now_s - 60),
        "another secret": credentials("another", "m_1.polite", now_s + 60),
    }
    assert page.ask(GATHER, {"urls": turn, **good}) == ["relay"]
    for name, each in bad.items():
        assert page.ask(GATHER, {"urls": turn, **each}) == [], name


KEEP_ITS_FIRST = (
    KEEP
    + """
const set = RTCPeerConnection.prototype.setConfiguration;
RTCPeerConnection.prototype.setConfiguration = function (given) {
  if (this.getConfiguration().iceServers.length === 0) set.call(this, given);
};"""
)
"""The control: a page whose connections keep the first servers that they were given."""


@pytest.mark.parametrize(
    "script", [KEEP, pytest.param(KEEP_ITS_FIRST, marks=pytest.mark.whole)], ids=["newest", "control"]
)
def test_a_relay_that_was_restarted_is_used_with_the_newest_credentials(
    arrive: Arrive, browser: Chromium, tmp_path: Path, script: str
) -> None:
    """All allocations are lost; the conversation goes on, on the relay with credentials that end later."""
    with contextlib.ExitStack() as stack:
        with coturn.coturn(tmp_path / "before", "--verbose") as relay:
            server = Serving(
                tmp_path / "server",
                options=("--ice-servers", relay.url, "--relay-only"),
                environment={"DUOLOGUE_TURN_SECRET": coturn.SECRET},
            )
            stack.callback(server.stop)
            server.start()
            a, b = (arrive(name, browser, server.url) for name in "AB")
            for each in (a, b):
                each.tab.ask(script)
                each.start()
            match = meet(a, b)
            first = names(relay)
            # Each state has credentials that end later than those of the last second.
            until(lambda: time.time() + TTL_S > max(first.values()) + 1, 5, "a second is over")
        with coturn.coturn(tmp_path / "after", "--verbose", port=relay.port) as relay:
            for each in (a, b):
                each.watches(30)
                assert each.now().match == match
            again = names(relay)
    assert first.keys() == again.keys() == {f"{match}.polite", f"{match}.impolite"}
    is_later = [again[name] > first[name] for name in first]
    assert all(is_later) if script == KEEP else not any(is_later), (first, again)


def names(relay: coturn.Coturn) -> dict[str, int]:
    """Who allocated something, and until when their credentials were good, the latest."""
    found = re.findall(r"username=<(\d+):([^>]+)>", relay.log.read_text())
    return {name: max(int(ends_s) for ends_s, of in found if of == name) for _, name in found}


def carried(person: Person) -> dict[str, list[str]]:
    """By which way the person's media goes."""
    found: dict[str, list[str]] = until(
        lambda: person.tab.ask(PAIR), 10, f"{person.name} has a way that was chosen"
    )
    return found
