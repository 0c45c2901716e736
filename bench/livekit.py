"""A fake LiveKit in a process of its own, whose processor time is not counted (`python -m bench.livekit`)."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator

from tests.livekit.fake.server import FakeServer
from tests.livekit.ground import KEY, SECRET
from tests.livekit.mailbox import Mailbox


@contextlib.contextmanager
def livekit() -> Iterator[dict[str, str]]:
    """Run it, and return the settings of a server that uses it."""
    child = subprocess.Popen(
        [sys.executable, "-m", "bench.livekit"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdin is not None
    try:
        url = child.stdout.readline().strip()
        yield {
            "DUOLOGUE_MEDIA": "livekit",
            "DUOLOGUE_LIVEKIT_URL": url,
            "DUOLOGUE_LIVEKIT_API_KEY": KEY,
            "DUOLOGUE_LIVEKIT_API_SECRET": SECRET,
        }
    finally:
        child.stdin.close()
        child.stdout.close()
        child.kill()
        child.wait()


async def _serve() -> None:
    mailbox = Mailbox()
    async with mailbox.running(), FakeServer(mailbox).running() as fake:
        sys.stdout.write(fake.project.ws_url + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
