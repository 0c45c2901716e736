"""The real ``livekit-server`` on loopback, with the configuration that the docs recommend, and its guests."""

import asyncio
import contextlib
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from livekit import rtc

from duologue.media.livekit.project import Project
from tests import freezing
from tests.livekit.ground import KEY, SECRET, Guest, JoinRefused
from tests.livekit.mailbox import Mailbox
from tests.livekit.waiting import until

ROOT = Path(__file__).parents[2]
RECOMMENDED = ROOT / "docs" / "livekit.yaml"
READY_S = 20
PORTS_TRIED = 3
"""A port that was free may be taken by the time that it is used."""


def binary() -> str | None:
    """The one that ``make livekit`` built, or one on PATH."""
    return shutil.which(ROOT / "tools" / "bin" / "livekit-server") or shutil.which("livekit-server")


def configuration(port: int, media_port: int, webhook_url: str, *, auto_create: bool) -> dict[str, Any]:
    """The recommended one, kept to this machine: addresses, ports, key and webhook are the tests' own."""
    config: dict[str, Any] = yaml.safe_load(RECOMMENDED.read_text())
    config["port"] = port
    config["bind_addresses"] = ["127.0.0.1"]
    config["rtc"] = {
        "udp_port": media_port,
        "tcp_port": 0,  # bind_addresses would not hold for it
        "use_external_ip": False,
        "congestion_control": config["rtc"]["congestion_control"],
        "node_ip": "127.0.0.1",
        "enable_loopback_candidate": True,
        "ips": {"includes": ["127.0.0.0/8"]},
        # None at all would hand public servers to the clients; nobody listens on this one.
        "stun_servers": ["127.0.0.1:9"],
    }
    config["keys"] = {KEY: SECRET}
    config["webhook"] = {"api_key": KEY, "urls": [webhook_url]}
    config["room"]["auto_create"] = auto_create
    return config


class RealServer:
    """A server process; the tests' ``Ground``."""

    def __init__(self, folder: Path, mailbox: Mailbox, *, auto_create: bool) -> None:
        self.mailbox = mailbox
        self.project = Project("ws://127.0.0.1:1", KEY, SECRET)
        self._folder = folder
        self._auto_create = auto_create
        self._process: subprocess.Popen[bytes] | None = None
        self._guests: list[SdkGuest] = []

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["RealServer"]:
        """It serves within it; leaves no process and no guest."""
        try:
            await self._start_somewhere()
            yield self
        finally:
            self.thaw()
            for guest in self._guests:
                await guest.leave()
            await self.stop()

    async def join(self, token: str) -> Guest:
        """With LiveKit's own client for Python."""
        guest = SdkGuest()
        await guest.join(self.project.ws_url, token)
        self._guests.append(guest)
        return guest

    def freeze(self) -> None:
        """SIGSTOP: the kernel still accepts connections for it."""
        if self._process is not None and self._process.poll() is None:
            freezing.freeze(self._process.pid)

    def thaw(self) -> None:
        """SIGCONT."""
        if self._process is not None and self._process.poll() is None:
            freezing.thaw(self._process.pid)

    async def stop(self) -> None:
        """SIGKILL; can be repeated."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    async def start(self) -> None:
        """On the ports that it had."""
        self._process = self._spawned()
        await until(self._answers, f"LiveKit answers:\n{self._said()}", within_s=READY_S)

    def _spawned(self) -> subprocess.Popen[bytes]:
        command = [_program(), "--config", str(self._folder / "livekit.yaml")]
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)

    async def _start_somewhere(self) -> None:
        for tried in range(1, PORTS_TRIED + 1):
            port, media_port = _free_port(socket.SOCK_STREAM), _free_port(socket.SOCK_DGRAM)
            config = configuration(port, media_port, self.mailbox.url, auto_create=self._auto_create)
            (self._folder / "livekit.yaml").write_text(yaml.safe_dump(config))
            self.project = Project(f"ws://127.0.0.1:{port}", KEY, SECRET)
            try:
                await self.start()
            except ProcessLookupError:
                if tried == PORTS_TRIED:
                    raise
            else:
                return

    async def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise ProcessLookupError(f"LiveKit ended:\n{self._said()}")
        async with aiohttp.ClientSession() as session:
            try:
                async with session.get(self.project.http_url) as answer:
                    return answer.status == 200
            except aiohttp.ClientError:
                return False

    def _said(self) -> str:
        return (self._folder / "log").read_text(errors="replace")[-2_000:]


class SdkGuest:
    """A person in a room of a real server."""

    def __init__(self) -> None:
        self.sent_away = asyncio.Event()
        self._room = rtc.Room()
        self._room.on("disconnected", lambda _reason: self.sent_away.set())

    async def join(self, url: str, token: str) -> None:
        """Raises ``JoinRefused``."""
        try:
            await self._room.connect(url, token)
        except rtc.ConnectError as error:
            raise JoinRefused(str(error)) from error

    async def publish(self) -> None:
        """A picture of their own making."""
        track = rtc.LocalVideoTrack.create_video_track("camera", rtc.VideoSource(64, 48))
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA)
        await self._room.local_participant.publish_track(track, options)

    async def leave(self) -> None:
        """Says goodbye."""
        await self._room.disconnect()


def _program() -> str:
    found = binary()
    assert found is not None
    return found


def _free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port
