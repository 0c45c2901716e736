"""Debian's coturn on loopback, with the configuration of `deploy/coturn`: what is tested is copied."""

import contextlib
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.waiting import until

SECRET = "a-secret-of-the-tests-own-0123456789"
CONFIGURATION = Path(__file__).parents[1] / "deploy" / "coturn" / "turnserver.conf"
REALM = "turn.example.org"
READY_S = 15
TRIES = 100
HERE = "127.0.0.1"
BINDING = bytes.fromhex("000100002112a442") + b"are-you-here"
"""A STUN request: ready is who answers one."""


@dataclass(frozen=True, slots=True)
class Coturn:
    """A server that runs."""

    port: int
    log: Path

    @property
    def url(self) -> str:
        """For ``--ice-servers``."""
        return f"turn:{HERE}:{self.port}"


def binary() -> str | None:
    """Debian's, or whatever goes by the name."""
    return shutil.which("turnserver")


@contextlib.contextmanager
def coturn(
    folder: Path,
    *options: str,
    configuration: Path = CONFIGURATION,
    peers: Sequence[str] = (HERE,),
    port: int = 0,
    secret: str = SECRET,
    under: Sequence[str] = (),
) -> Iterator[Coturn]:
    """Run one within the context. ``options`` go before what the file says.

    The people of the tests are on this machine, which the file denies them: ``peers`` are let through.
    ``under``: a command to run it by.
    """
    folder.mkdir(parents=True, exist_ok=True)
    server = Coturn(port or _free_port(), folder / "coturn.log")
    program = binary()
    assert program is not None
    own = {
        "listening-ip": HERE,
        "listening-port": str(server.port),
        "userdb": str(folder / "turndb"),
        "pidfile": str(folder / "turn.pid"),
        "log-file": "stdout",
    }
    if secret:
        own["static-auth-secret"] = secret
    given = [f"--{name}={value}" for name, value in own.items()]
    if not any(each.startswith("--relay-ip") for each in options):
        given.append(f"--relay-ip={HERE}")
    given += ["--simple-log", "--no-tls", "--no-dtls", *options]
    if peers:
        given += ["--allow-loopback-peers", *(f"--allowed-peer-ip={each}" for each in peers)]
    with server.log.open("wb") as output:
        process = subprocess.Popen(
            [*under, program, "-c", str(configuration), *given], stdout=output, stderr=subprocess.STDOUT
        )
    try:
        until(lambda: _answers(server.port), READY_S, "coturn answers", last=server.log.read_text)
        yield server
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.5)
        asking.connect((HERE, port))
        asking.send(BINDING)
        return bool(asking.recv(1024))
    return False


def _free_port() -> int:
    """Return a port that is free for UDP and for TCP; one that is free for UDP may be taken for TCP."""
    for _ in range(TRIES):
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
            socket.socket() as tcp,
        ):
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # A closed connection does not hold it.
            udp.bind((HERE, 0))
            port: int = udp.getsockname()[1]
            tcp.bind((HERE, port))
            return port
    raise AssertionError(f"no port of {TRIES} was free for UDP and TCP")
