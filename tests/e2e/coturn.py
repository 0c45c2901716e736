"""Debian's coturn on loopback: a TURN server that shares a secret, as `docs/turn.md` sets it up."""

import contextlib
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.waiting import until

SECRET = "a-secret-of-the-tests-own-0123456789"
READY_S = 15

CONFIGURATION = """\
realm=duologue.test
use-auth-secret
static-auth-secret={secret}
listening-ip=127.0.0.1
relay-ip=127.0.0.1
listening-port={port}
# The people of the tests are on this machine; elsewhere this would be a hole.
allow-loopback-peers
no-cli
no-tls
no-dtls
userdb={folder}/turndb
pidfile={folder}/turn.pid
log-file=stdout
simple-log
"""


def binary() -> str | None:
    """Debian's, or whatever goes by the name."""
    return shutil.which("turnserver")


@contextlib.contextmanager
def coturn(folder: Path) -> Iterator[str]:
    """The address of one that runs within the context: ``turn:127.0.0.1:<port>``."""
    folder.mkdir(parents=True, exist_ok=True)
    port, log = _free_port(), folder / "coturn.log"
    config = folder / "turnserver.conf"
    config.write_text(CONFIGURATION.format(secret=SECRET, port=port, folder=folder))
    program = binary()
    assert program is not None
    with log.open("wb") as output:
        process = subprocess.Popen([program, "-c", str(config)], stdout=output, stderr=subprocess.STDOUT)
    try:
        until(lambda: _answers(port), READY_S, "coturn answers", last=log.read_text)
        yield f"turn:127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _free_port() -> int:
    """Free for UDP and for TCP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        udp.bind(("127.0.0.1", 0))
        port: int = udp.getsockname()[1]
        tcp.bind(("127.0.0.1", port))
        return port
