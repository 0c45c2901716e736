"""The event stream as it arrives at a client that would rather have it compressed."""

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

FIRST_S = 5


class Stream:
    """One open stream; frames as they come."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.encoding = response.headers.get("Content-Encoding", "identity")
        self._response = response

    def until(self, kind: str) -> tuple[dict[str, Any], float]:
        """The next frame of this type, and when its last byte was here (``time.monotonic``)."""
        while line := self._response.readline():
            if line.startswith(b"data:"):
                frame: dict[str, Any] = json.loads(line[5:])
                if frame["type"] == kind:
                    return frame, time.monotonic()
        raise AssertionError(f"the stream ended before a {kind}")


@contextmanager
def stream(port: int, token: str, page: str) -> Iterator[Stream]:
    """Open for as long as the context lasts; no byte for 5 s is a failure."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=FIRST_S)
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip, br"}
    connection.request("GET", f"/v1/events?page={page}", headers=headers)
    response = connection.getresponse()
    try:
        assert response.status == 200, response.read()
        yield Stream(response)
    finally:
        response.close()
        connection.close()


def call(port: int, method: str, path: str, token: str = "", body: object = None) -> tuple[int, bytes, str]:
    """One request: status, body, and how the body was encoded."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=FIRST_S)
    headers = {"Accept-Encoding": "gzip", "Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    response = connection.getresponse()
    answer = response.status, response.read(), response.headers.get("Content-Encoding", "identity")
    connection.close()
    return answer
