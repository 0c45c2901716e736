"""``make run-livekit``: a LiveKit server on this machine's loopback, and Duologue on it, until Ctrl-C.

The configuration is docs/livekit.yaml kept to one machine; the key is made anew each time.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

BUILT = Path(__file__).parent / "bin" / "livekit-server"
READY_S = 20
MEDIA_PORT = 7882


def configuration(port: int, key: str, secret: str, webhook: str) -> str:
    """JSON, which YAML understands."""
    return json.dumps(
        {
            "port": port,
            "bind_addresses": ["127.0.0.1"],
            "rtc": {
                "udp_port": MEDIA_PORT,
                "tcp_port": 0,
                "use_external_ip": False,
                "node_ip": "127.0.0.1",
                "enable_loopback_candidate": True,
                "ips": {"includes": ["127.0.0.0/8"]},
                "stun_servers": ["127.0.0.1:9"],  # none at all would hand public servers to the page
                "congestion_control": {"allow_pause": True},
            },
            "room": {
                "auto_create": False,
                "max_participants": 2,
                "empty_timeout": 30,
                "departure_timeout": 10,
            },
            "keys": {key: secret},
            "webhook": {"api_key": key, "urls": [webhook]},
        }
    )


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as it:
        return it.connect_ex(("127.0.0.1", port)) == 0


def until_ready(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Ends the program in one line if it does not come."""
    give_up = time.monotonic() + READY_S
    while not answers(port):
        if server.poll() is not None or time.monotonic() > give_up:
            sys.exit(f"duologue: the LiveKit server does not start; see {log}")
        time.sleep(0.05)


def main() -> int:
    """The exit code of ``duologue serve``."""
    port, page_port, data, more = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4:]
    binary = shutil.which(BUILT) or shutil.which("livekit-server")
    if binary is None:
        sys.exit("duologue: no livekit-server here; make livekit builds one with Go")
    if answers(port):
        sys.exit(f"duologue: port {port} is taken; make run-livekit LIVEKIT_PORT={port + 10}")
    data.mkdir(parents=True, exist_ok=True)
    key, secret, log = "duologue", secrets.token_urlsafe(32), data / "livekit.log"
    body = configuration(port, key, secret, f"http://127.0.0.1:{page_port}/v1/livekit/webhook")
    with log.open("wb") as said:
        # In a session of its own: Ctrl-C must not take it before Duologue has deleted its rooms.
        server = subprocess.Popen(  # noqa: S603 # what make livekit built
            [binary, "--config-body", body], stdout=said, stderr=said, start_new_session=True
        )
    try:
        until_ready(server, port, log)
        return serve(port, page_port, data, key, secret, more)
    finally:
        server.terminate()
        server.wait()


def serve(port: int, page_port: str, data: Path, key: str, secret: str, more: list[str]) -> int:
    """Until it ends by itself: Ctrl-C and SIGTERM are its own to obey."""
    duologue = subprocess.Popen(  # noqa: S603 # ourselves
        [sys.executable, "-m", "duologue", "serve", "--port", page_port, "--data", str(data),
         "--media", "livekit", "--livekit-url", f"ws://127.0.0.1:{port}", *more],
        env={**os.environ, "LIVEKIT_API_KEY": key, "LIVEKIT_API_SECRET": secret},
    )  # fmt: skip
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: duologue.terminate())
    return duologue.wait()


if __name__ == "__main__":
    sys.exit(main())
