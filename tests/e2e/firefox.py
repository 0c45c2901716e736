"""Debian's Firefox, driven by Marionette: the protocol that it speaks itself, so that no driver is needed.

Playwright drives only a Firefox of its own making, and geckodriver would be one more binary to come by. What
the tests do to a page is a handful of WebDriver commands: JSON with its length in front, over a local socket.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.e2e.tab import WATCH
from tests.e2e.waiting import until

PREFERENCES = {
    "marionette.port": 0,
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.autoplay.default": 0,
    # The addresses of this machine, loopback too, and nothing that goes out to a network.
    "media.peerconnection.ice.loopback": True,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.proxy.type": 0,
    "app.update.enabled": False,
    "app.normandy.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "services.settings.server": "data:,",
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
}
READY_S = 40
ANSWER_S = 30
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""The name that WebDriver gives to a reference to an element."""


class MarionetteError(Exception):
    """Firefox refused a command."""


class Marionette:
    """One connection; commands one by one."""

    def __init__(self, port: int) -> None:
        """Connects and begins a session."""
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S)
        self._stream = self._socket.makefile("rb")
        self._count = 0
        self._read()
        self.send("WebDriver:NewSession", capabilities={})

    def send(self, command: str, **parameters: Any) -> Any:
        """What it answers. Raises ``MarionetteError``."""
        self._count += 1
        text = json.dumps([0, self._count, command, parameters])
        self._socket.sendall(f"{len(text.encode())}:{text}".encode())
        _, _, error, result = self._read()
        if error:
            raise MarionetteError(f"{command}: {error['error']}: {error['message']}")
        return result["value"] if isinstance(result, dict) and set(result) == {"value"} else result

    def close(self) -> None:
        """Hangs up."""
        self._stream.close()
        self._socket.close()

    def _read(self) -> Any:
        length = b""
        while (byte := self._stream.read(1)) != b":":
            if not byte:
                raise MarionetteError("Firefox hung up")
            length += byte
        return json.loads(self._stream.read(int(length)))


class FirefoxTab:
    """A window of its own, so that none is in the background."""

    def __init__(self, marionette: Marionette, handle: str) -> None:
        """``handle``: of an open window."""
        self._marionette = marionette
        self._handle = handle

    def open(self, url: str) -> None:
        self._send("WebDriver:Navigate", url=url)
        self._watch()

    def ask(self, script: str, *values: Any) -> Any:
        names = ", ".join("abcdef"[: len(values)])
        body = f"return (({names}) => {{ {script} }})(...arguments)"
        return self._send("WebDriver:ExecuteScript", script=body, args=list(values), sandbox=None)

    def press(self, selector: str) -> None:
        self._send("WebDriver:ElementClick", id=self._find(selector))

    def write(self, selector: str, text: str) -> None:
        element = self._find(selector)
        self._send("WebDriver:ElementClear", id=element)
        self._send("WebDriver:ElementSendKeys", id=element, text=text)

    def reload(self) -> None:
        self._send("WebDriver:Refresh")
        self._watch()

    def close(self) -> None:
        self._send("WebDriver:CloseWindow")

    def _send(self, command: str, **parameters: Any) -> Any:
        self._marionette.send("WebDriver:SwitchToWindow", handle=self._handle)
        return self._marionette.send(command, **parameters)

    def _find(self, selector: str) -> str:
        found = self._send("WebDriver:FindElement", using="css selector", value=selector)
        return str(found[ELEMENT])

    def _watch(self) -> None:
        self._send("WebDriver:ExecuteScript", script=WATCH, args=[], sandbox=None)


class Firefox:
    """One browser, and so one cookie jar."""

    def __init__(self, marionette: Marionette) -> None:
        """Of a session that has begun."""
        self._marionette = marionette

    def tab(self) -> FirefoxTab:
        """A new window."""
        made = self._marionette.send("WebDriver:NewWindow", type="window", focus=True)
        return FirefoxTab(self._marionette, made["handle"])


def binary() -> str | None:
    """Debian's, or whatever goes by the name."""
    return shutil.which("firefox-esr") or shutil.which("firefox")


@contextlib.contextmanager
def firefox(folder: Path) -> Iterator[Firefox]:
    """A browser with a fresh profile for as long as the context lasts; leaves no process."""
    program = binary()
    assert program is not None
    profile = folder / "profile"
    profile.mkdir(parents=True)
    lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items())
    (profile / "user.js").write_text("".join(lines))
    command = [program, "--headless", "--no-remote", "--marionette", "--profile", str(profile), "about:blank"]
    with (folder / "firefox.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        marionette: Marionette | None = None
        try:
            port = until(lambda: _port(profile), READY_S, "Firefox says where it listens")
            marionette = Marionette(port)
            yield Firefox(marionette)
        finally:
            if marionette is not None:
                with contextlib.suppress(MarionetteError, OSError):
                    marionette.send("Marionette:Quit", flags=["eForceQuit"])
                marionette.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()
            process.wait()


def _port(profile: Path) -> int:
    file = profile / "MarionetteActivePort"
    text = file.read_text() if file.exists() else ""
    return int(text) if text.isdigit() else 0
