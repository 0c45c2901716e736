"""What the way from a request to a script and back costs the server, before a store that answers at once.

    python -m bench.api                        # this tree
    DUOLOGUE_LOG_LEVEL=debug python -m bench.api   # with a line of the log for each match and end
    python -m bench.api --beside ../other      # and another tree of the repository, in turn, as a ratio

It starts real server processes with their shipped settings. Only the store is replaced: it lives in the
process of the server and has an answer ready for each script. So only the work of the server is counted.
"""

import argparse
import asyncio
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import uvloop

from duologue.bench.machine import cpu_s
from duologue.bench.wire import Lines, Target
from duologue.identity.addresses import Proxies
from duologue.identity.keyring import Keyring
from duologue.identity.networks import Networks
from duologue.identity.tokens import Tokens
from duologue.metrics import Metrics

HERE = Path(__file__).resolve().parents[1]
SECRET = "bench " * 8
SOCKETS = 16
STATE = (
    b'{"state":"matched","version":1764000000123,"since_ms":1764000000000,"intent":1764000000000,"wish":"talk",'
    b'"pool":"main","match":{"match":"m_abcdefghijklmnop","started_at_ms":1764000000000,"partner":{"alias":"Ada",'
    b'"away_until_ms":null},"media":{"kind":"peer","role":"polite","page":"pg_abcdefghijkl"},'
    b'"messages":{"first":1,"last":0}},"ended":{"match":"m_qrstuvwxyzabcdef","reason":"skipped","at_ms":1764000000000}}'
)
IDS = b"m_qrstuvwxyzabcdef"
FACTS = [
    b"ended skipped 1200 %b abcdefghijklmnop qrstuvwxyzabcdef" % IDS,
    b"matched 300 %b abcdefghijklmnop main" % IDS,
    b"matched 20 %b qrstuvwxyzabcdef main" % IDS,
]
REPLIES: dict[str, list[Any]] = {
    "spend": [0, 0],
    "skip": [b"skipped", STATE, FACTS],
    "pulse": [b"ok", STATE, []],
    "message": [b"sent", STATE, [], 7],
    "read": [b"ok", STATE, []],
}
"""By script, what the store would say. The facts of a skip are those of one that makes a match."""
REQUESTS: dict[str, tuple[str, str, dict[str, Any] | None]] = {
    "skip": ("POST", "/v1/skip", {"match": "m_qrstuvwxyzabcdef"}),
    "pulse": ("POST", "/v1/pulse", {"match": "m_abcdefghijklmnop", "media": "open"}),
    "message": ("POST", "/v1/messages", {"match": "m_abcdefghijklmnop", "key": "k1", "text": "hello"}),
    "state": ("GET", "/v1/state", None),
}
BROWSER = (
    "Host: chat.example\r\nConnection: keep-alive\r\n"
    'sec-ch-ua-platform: "Linux"\r\nsec-ch-ua: "Chromium";v="141", "Not?A_Brand";v="8"\r\n'
    "sec-ch-ua-mobile: ?0\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 "
    "(KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36\r\n"
    "Accept: */*\r\nOrigin: https://chat.example\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\n"
    "Sec-Fetch-Dest: empty\r\nReferer: https://chat.example/\r\nAccept-Encoding: gzip, deflate, br\r\n"
    "Accept-Language: en-GB,en;q=0.9\r\nX-Forwarded-Proto: https\r\n"
)
"""What a browser sends through a proxy that ends TLS."""


class Ready:
    """Answers each script at once, in place of the store."""

    async def run(self, script: Any, *_: object, **__: object) -> Any:
        """Return the reply that is ready for this script."""
        return REPLIES[script.name]

    def __getattr__(self, name: str) -> Any:
        """Return a function that does nothing: the loops that use the rest of the store do not run here."""
        return lambda *_, **__: None


async def serve(listening: socket.socket) -> None:
    """Serve the public's listener over the store that answers at once, until told to stop."""
    from duologue import logs  # noqa: PLC0415 # with --beside it is another tree's
    from duologue.delivery.clock import SystemClock  # noqa: PLC0415 # with --beside it is another tree's
    from duologue.delivery.contact import Contact  # noqa: PLC0415 # with --beside it is another tree's
    from duologue.settings import Settings  # noqa: PLC0415 # with --beside it is another tree's
    from duologue.wiring import Process, Signals  # noqa: PLC0415 # with --beside it is another tree's

    level = os.environ.get("DUOLOGUE_LOG_LEVEL", "info")
    shipped = {"secret": SECRET, "page": False, "trusted_proxies": "127.0.0.1"}
    settings = Settings.parse({**shipped, "log_level": level})
    logs.configure(level, "json")
    # No limit that one address of this benchmark would meet; all are counted as shipped.
    proxies, metrics = Proxies.parse(settings.trusted_proxies), Metrics()
    process = Process(
        settings,
        Ready(),  # type: ignore[arg-type] # as much of a store as commands need
        Contact(SystemClock(), metrics),
        metrics,
        networks=Networks(b"k" * 32, proxies),
        started=lambda: print("ready", flush=True),
    )
    with Signals() as signals:
        signals.lead_to(process.server.stop)
        await process.server.serve([listening])


def request(name: str, token: str, number: int) -> bytes:
    """Return a request as a browser would send it, from an address of the person's own."""
    method, path, said = REQUESTS[name]
    body = b"" if said is None else json.dumps(said).encode()
    more = f"X-Forwarded-For: 198.18.{number // 250}.{number % 250}\r\n"
    more += f"Cookie: theme=dark; __Host-duologue_session={token}\r\n"
    if said is not None:
        more += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"{method} {path} HTTP/1.1\r\n{BROWSER}{more}\r\n".encode() + body


async def stretch(lines: Lines, requests: Sequence[bytes], count: int, expected: int = 200) -> None:
    """Send so many requests, a few at a time; each must be answered 200."""
    left, done = count, asyncio.get_running_loop().create_future()
    answered = 0

    def ask(number: int) -> None:
        nonlocal left
        if left:
            left -= 1
            lines.ask(requests[number % len(requests)], lambda status, body: then(number, status, body))

    def then(number: int, status: int, body: bytes) -> None:
        nonlocal answered
        answered += 1
        if status != expected and not done.done():
            done.set_exception(RuntimeError(f"{status}: {body[:200]!r}"))
        elif answered == count and not done.done():
            done.set_result(None)
        ask(number + SOCKETS)

    for number in range(SOCKETS):
        ask(number)
    await done


@contextlib.contextmanager
def server(tree: Path) -> Iterator[tuple[int, Target]]:
    """Run a server of this tree; its process id and where it listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number = listening.fileno()
        path = os.pathsep.join((str(tree / "src"), str(HERE)))
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.api", "--serve", str(number)],
            env={**os.environ, "PYTHONPATH": path},
            pass_fds=[number],
            stdout=subprocess.PIPE,
            text=True,
            cwd=HERE,
        )
        try:
            assert process.stdout is not None
            if process.stdout.readline().strip() != "ready":
                raise RuntimeError(f"the server of {tree} did not start")
            yield process.pid, Target("127.0.0.1", listening.getsockname()[1])
        finally:
            process.terminate()
            process.wait()


async def measure(trees: Sequence[Path], rounds: int, count: int, names: Sequence[str], crowd: int) -> None:
    """Print the server's µs per request, tree by tree, and the ratio to the last tree."""
    tokens = Tokens(Keyring.parse(SECRET))
    people = [tokens.start("Ada").token for _ in range(crowd)]
    requests = {name: [request(name, one, at) for at, one in enumerate(people)] for name in names}
    found: dict[tuple[str, int], list[float]] = {}
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(server(tree)) for tree in trees]
        lines = [Lines(target) for _, target in servers]
        for number in range(rounds + 1):
            for name in names:
                for at, (pid, _) in enumerate(servers):
                    before = cpu_s([pid])
                    await stretch(lines[at], requests[name], count)
                    if number:  # the first round fills caches
                        found.setdefault((name, at), []).append(1e6 * (cpu_s([pid]) - before) / count)
        for each in lines:
            await each.close()
    for name in names:
        columns = [found[name, at] for at in range(len(trees))]
        shown = [f"{statistics.median(each):6.1f} ({min(each):.1f}–{max(each):.1f})" for each in columns]
        ratio = statistics.median(one / other for one, other in zip(columns[0], columns[-1], strict=True))
        beside = f"   ratio {ratio:.2f}" if len(trees) > 1 else ""
        print(f"{name:8} µs of server  {'   '.join(shown)}{beside}")


def main(arguments: Sequence[str]) -> None:
    """Read the command line and measure, or serve."""
    parser = argparse.ArgumentParser(prog="python -m bench.api", description=__doc__)
    parser.add_argument("--beside", type=Path, help="another tree of the repository")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--count", type=int, default=4000, help="requests in a stretch")
    parser.add_argument("--people", type=int, default=1_000, help="each with a token and an address")
    parser.add_argument("--only", nargs="*", choices=[*REQUESTS], default=[*REQUESTS])
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.serve is not None:
        uvloop.run(serve(socket.socket(fileno=given.serve)))
        return
    trees = [HERE, *([given.beside.resolve()] if given.beside else [])]
    uvloop.run(measure(trees, given.rounds, given.count, given.only, given.people))


if __name__ == "__main__":
    main(sys.argv[1:])
