"""The real ``livekit-server`` beside ours, a room on it that is not ours, and what it says of its rooms."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
import yaml

from tests.e2e.chromium import Chromium
from tests.e2e.serving import Serving, free_port
from tests.e2e.tab import ChromiumTab
from tests.e2e.waiting import until
from tests.livekit.ground import KEY, SECRET
from tests.livekit.real import READY_S, ROOT, binary, configuration

NAMESPACE = "e2e"
CLIENT = ROOT / "node_modules" / "livekit-client" / "dist" / "livekit-client.umd.js"
FOREIGN = "somebody-elses"
"""A room of another app's, in the same project."""

JOIN = """const room = new LivekitClient.Room();
window.gone = null;
room.on("participantDisconnected", () => (window.gone = performance.timeOrigin + performance.now()));
return room.connect(a, b).then(() => (window.room = room) && true);"""


class LivekitServer:
    """One server on this machine's loopback, for a Duologue server that is to start."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where browsers find it."""
        return f"ws://127.0.0.1:{self.port}"

    def environment(self, namespace: str = NAMESPACE) -> Mapping[str, str]:
        """What a Duologue server has to be told of it."""
        return {
            "DUOLOGUE_MEDIA": "livekit",
            "DUOLOGUE_LIVEKIT_URL": self.url,
            "DUOLOGUE_LIVEKIT_API_KEY": KEY,
            "DUOLOGUE_LIVEKIT_API_SECRET": SECRET,
            "DUOLOGUE_LIVEKIT_NAMESPACE": namespace,
        }

    def start(self, serving: Serving) -> None:
        """Returns when it answers; its webhooks go to ``serving``. Can be repeated after `stop`."""
        program = binary()
        assert program is not None
        config = configuration(
            self.port, _free_udp_port(), f"{serving.url}/v1/livekit/webhook", auto_create=False
        )
        path = self._folder / "livekit.yaml"
        path.write_text(yaml.safe_dump(config))
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, "--config", str(path)], stdout=log, stderr=subprocess.STDOUT
            )
        until(self._answers, READY_S, "LiveKit answers", last=self.said)

    def stop(self) -> None:
        """SIGKILL; can be repeated."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def said(self) -> str:
        """The end of its log."""
        return (self._folder / "log").read_text(errors="replace")[-2_000:]

    def ask(self, method: str, **body: Any) -> dict[str, Any]:
        """One call of its room service."""
        grant = {"roomCreate": True, "roomList": True, "roomAdmin": True, "room": body.get("room", "")}
        headers = {"Authorization": f"Bearer {signed(grant)}", "Content-Type": "application/json"}
        url = f"http://127.0.0.1:{self.port}/twirp/livekit.RoomService/{method}"
        request = urllib.request.Request(url, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=5) as answer:
            read: dict[str, Any] = json.load(answer)
            return read

    def rooms(self) -> set[str]:
        """The names of those that exist."""
        return {each["name"] for each in self.ask("ListRooms").get("rooms", [])}

    def ours(self) -> set[str]:
        """Those of the Duologue server's matches: its canaries come and go."""
        return {name for name in self.rooms() if name.startswith(f"{NAMESPACE}_m_")}

    def people(self, match: str) -> set[str]:
        """Return the people in the room of a match, as LiveKit sees it; none without a room."""
        return self.guests(f"{NAMESPACE}_{match}")

    def guests(self, room: str) -> set[str]:
        """The same, of any room."""
        if room not in self.rooms():
            return set()
        found = self.ask("ListParticipants", room=room).get("participants", [])
        return {each["identity"] for each in found}

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"LiveKit ended:\n{self.said()}"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


class Foreigners:
    """Two people of another app, each in a tab of our browsers: what LiveKit alone makes of a fault."""

    def __init__(self, livekit: LivekitServer, stays: Chromium, goes: Chromium, url: str) -> None:
        """``goes``: the browser that something will happen to. ``url``: any page that scripts may run on."""
        self._livekit = livekit
        self._watcher = self._come(stays, url, "stays")
        self._come(goes, url, "goes")
        until(lambda: livekit.guests(FOREIGN) == {"stays", "goes"}, 10, "both foreigners are in their room")

    def missed_s(self, since_ms: float, within_s: float) -> float:
        """How long after ``since_ms`` LiveKit told the one who stays that the other is gone."""
        gone = until(lambda: self._watcher.ask("return window.gone"), within_s, "LiveKit notices")
        return (float(gone) - since_ms) / 1000

    def _come(self, browser: Chromium, url: str, name: str) -> ChromiumTab:
        tab = ChromiumTab(browser.browser.new_context().new_page())
        tab.open(url)
        tab.page.add_script_tag(path=CLIENT)
        assert tab.ask(JOIN, self._livekit.url, signed({"roomJoin": True, "room": FOREIGN}, name))
        return tab


def signed(grant: Mapping[str, object], name: str = "") -> str:
    """A token of the project's, as any app with its key makes them."""
    now = int(time.time())
    claims = {"iss": KEY, "sub": name, "nbf": now - 5, "exp": now + 600, "video": dict(grant)}
    return jwt.encode(claims, SECRET, algorithm="HS256")


def missing() -> str:
    """Why there is no LiveKit here; empty when there is."""
    return "" if binary() else "no livekit-server (make livekit builds one with Go 1.21+)"


def _free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port
