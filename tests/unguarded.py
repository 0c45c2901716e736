"""``python -m tests.unguarded serve …``: the real command, which believes what its parser reads.

The control of the tests of framing: what they show is the guard's doing, and not the proxy's or the parser's.
"""

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from duologue.api.guard import Guard
from duologue.cli import main


def unguard(put: Callable[[type, str, Any], None] = setattr) -> None:
    """Read as plain uvicorn does; ``put`` may be a monkeypatch's."""
    for name in ("data_received", "send_400_response", "on_headers_complete", "on_message_complete"):
        put(Guard, name, getattr(HttpToolsProtocol, name))


if __name__ == "__main__":
    unguard()
    main()
