"""A network of its own for one browser, and the two ways in which it goes away.

A bridge on this machine (``10.77.n.1``) with one leg in a network namespace (``10.77.n.2``).
`unplug` is a phone that leaves the wifi: its browser knows. `mute` is a router that dies: all links
stay up and nothing arrives. In neither does anybody get a reset or a close. (The kernel has no netem.)
"""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.e2e.waiting import until

UP_S = 5
PREFIX = "duo"
"""Of namespaces, followed by the process that made them: what a killed test run left is found and removed."""


@dataclass(frozen=True, slots=True)
class Network:
    """A namespace with its link; made and removed by `network`."""

    name: str
    bridge: str
    outer: str
    host: str
    guest: str

    def command(self) -> list[str]:
        """What stands before a command that is to run inside."""
        return ["ip", "netns", "exec", self.name]

    def unplug(self) -> None:
        """The link goes down, and the namespace knows."""
        run("ip", "-n", self.name, "link", "set", "eth0", "down")

    def mute(self) -> None:
        """Nothing passes any more; both ends believe in their link."""
        run("bridge", "link", "set", "dev", self.outer, "state", "0")

    def restore(self) -> None:
        """All is well again; can be repeated."""
        run("ip", "-n", self.name, "link", "set", "eth0", "up")
        # The outer end learns a moment later that its link is up, and until then refuses the state.
        until(self._forwards, UP_S, "the link is up")

    def _forwards(self) -> bool:
        try:
            run("bridge", "link", "set", "dev", self.outer, "state", "3")
        except RuntimeError:
            return False
        return True


@contextlib.contextmanager
def network() -> Iterator[Network]:
    """A network that works, for as long as the context lasts. Needs root and iproute2."""
    _sweep()
    number = _unused()
    tag = f"{PREFIX}{os.getpid()}"
    net = Network(tag, f"b{tag}", f"o{tag}", f"10.77.{number}.1", f"10.77.{number}.2")
    try:
        run("ip", "netns", "add", net.name)
        run("ip", "link", "add", net.bridge, "type", "bridge", "stp_state", "0", "forward_delay", "0")
        run("ip", "link", "add", net.outer, "type", "veth", "peer", "name", "eth0", "netns", net.name)
        run("ip", "link", "set", net.outer, "master", net.bridge, "up")
        run("ip", "addr", "add", f"{net.host}/24", "dev", net.bridge)
        run("ip", "link", "set", net.bridge, "up")
        run("ip", "-n", net.name, "addr", "add", f"{net.guest}/24", "dev", "eth0")
        run("ip", "-n", net.name, "link", "set", "eth0", "up")
        run("ip", "-n", net.name, "link", "set", "lo", "up")
        yield net
    finally:
        _remove(net.name)


def missing() -> str | None:
    """Why no network can be made here, if none can."""
    if os.geteuid() != 0:
        return "a network of its own needs root"
    if not (shutil.which("ip") and shutil.which("bridge")):
        return "a network of its own needs iproute2"
    return None


def run(*command: str) -> str:
    """What the command says; raises with what it complained of."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def _remove(tag: str) -> None:
    with contextlib.suppress(RuntimeError):
        for pid in run("ip", "netns", "pids", tag).split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
    for command in (
        ("ip", "link", "del", f"b{tag}"),
        ("ip", "link", "del", f"o{tag}"),
        ("ip", "netns", "del", tag),
    ):
        with contextlib.suppress(RuntimeError):
            run(*command)


def _sweep() -> None:
    """Removes what a test run that was killed could not."""
    folder = Path("/run/netns")
    for each in folder.glob(f"{PREFIX}*") if folder.exists() else ():
        pid = each.name.removeprefix(PREFIX)
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            _remove(each.name)


def _unused() -> int:
    taken = {a.address for of in psutil.net_if_addrs().values() for a in of}
    return next(n for n in range(256) if f"10.77.{n}.1" not in taken)
