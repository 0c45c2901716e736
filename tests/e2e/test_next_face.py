"""From a press of Next to the next face, on peer media: how many requests it takes, and how long."""

from collections.abc import Iterator

import pytest

from tests.e2e.chromium import Chromium
from tests.e2e.conftest import Arrive
from tests.e2e.cutter import Cutter
from tests.e2e.faces import Faces
from tests.e2e.person import MEET_S, Person
from tests.e2e.serving import Serving
from tests.e2e.test_never_alone import together
from tests.e2e.traffic import Traffic, listen
from tests.e2e.waiting import until
from tests.relay import CALM, Weather

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

MOST_REQUESTS = 6
"""Of one side, from the match until both have a picture."""
PRESSES, PRESSES_WHOLE = 3, 15
FAR = Weather(100, 0)
"""Added each way between a page and its server."""


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server at which two people are enough: they may meet again at once."""
    with Serving(tmp_path_factory.mktemp("server"), options=("--rematch-ms", "1")).running() as server:
        yield server


@pytest.mark.parametrize(("name", "weather"), [("peer", CALM), ("peer, 100 ms added each way", FAR)])
def test_the_next_face(
    name: str,
    weather: Weather,
    arrive: Arrive,
    browser: Chromium,
    serving: Serving,
    faces: Faces,
    whole: bool,
) -> None:
    """Each side says what it has to say in six requests; how long it takes is a benchmark."""
    with Cutter((serving.host, serving.port), weather).running() as relay:
        url = f"http://127.0.0.1:{relay.port}"
        a, b = arrive("A", browser, url), arrive("B", browser, url)
        said = (listen(a), listen(b))
        match = together(a, b)
        counts = []
        for n in range(PRESSES_WHOLE if whole else PRESSES):
            a.next()
            match = a.meets(other_than=match)
            counts.append(requests((a, b), said, match))
            face_told(a, said[0], n + 1)
        a.stop()
        faces.note(name, said[0].faces_ms)
    assert max(map(max, counts)) <= MOST_REQUESTS, [said[0].of(match), said[1].of(match), counts]


def requests(people: tuple[Person, Person], said: tuple[Traffic, Traffic], match: str) -> tuple[int, int]:
    """Return how many each of them sent by the time that both see the other."""
    for each in people:
        each.watches()
    return said[0].of(match).total(), said[1].of(match).total()


def face_told(a: Person, traffic: Traffic, faces: int) -> None:
    """Wait until the page has told how long so many faces took.

    What it sends is heard only while it is asked something.
    """
    until(
        lambda: a.now().match and len(traffic.faces_ms) >= faces,
        MEET_S,
        f"{faces} faces",
        last=lambda: traffic.faces_ms,
    )
