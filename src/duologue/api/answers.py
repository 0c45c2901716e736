"""What commands answer, as JSON."""

from typing import NamedTuple

from starlette.responses import Response

from duologue.delivery.frame import dress
from duologue.media.port import MediaPort
from duologue.pairing.vocabulary import Outcome

HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Answer(NamedTuple):
    """A command's outcome, the caller's state as the script wrote it, and for a message its number."""

    outcome: Outcome
    state: bytes
    n: int | None = None


def as_json(body: bytes, status_code: int = 200) -> Response:
    """A JSON answer that nobody keeps."""
    return Response(body, status_code=status_code, headers=HEADERS, media_type="application/json")


def render(answer: Answer, media: MediaPort) -> Response:
    """``{"outcome": …, "state": …}``; the state is spliced in, not parsed again."""
    number = b"" if answer.n is None else b',"n":%d' % answer.n
    outcome = answer.outcome.encode()
    return as_json(b'{"outcome":"%b"%b,"state":%b}' % (outcome, number, dress(answer.state, media)))
