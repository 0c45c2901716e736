"""What the operating system has to bring: another apt's lock is waited for, and a failure is said aloud."""

import os
import subprocess
from pathlib import Path

import pytest

SYSTEM = Path(__file__).parents[2] / ".ci" / "system"
HELD = "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 1 (apt-get)"


def program(folder: Path, name: str, text: str) -> None:
    """Make a program on the only PATH."""
    file = folder / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the folder that is PATH: root, nothing that the tests need, and a sleep that takes no time."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "cat"):
        (folder / name).symlink_to(f"/bin/{name}")
    program(folder, "id", "echo 0")
    program(folder, "sleep", "exit 0")
    return folder


def run(path: Path, kind: str = "tests", **more: str) -> subprocess.CompletedProcess[str]:
    """Run the script and return what it said."""
    given = {"PATH": str(path), **more}
    return subprocess.run(
        ["/bin/sh", SYSTEM, kind], env=given, capture_output=True, text=True, timeout=30, check=False
    )


def apt_get(path: Path, *, held: int, notes: Path) -> None:
    """Fake an ``apt-get`` that finds the lock held so many times, and notes how it was called."""
    program(
        path,
        "apt-get",
        f'echo "$@" >> {notes}\nread n < {notes}.n 2>/dev/null || n={held}\n'
        f'[ "$n" -gt 0 ] || exit 0\necho $((n - 1)) > {notes}.n\necho "{HELD}"\nexit 100',
    )


@pytest.mark.parametrize(
    "wait_s",
    [
        "20",
        pytest.param(
            "0", marks=pytest.mark.xfail(strict=True, raises=AssertionError, reason="the negative control")
        ),
    ],
)
def test_another_apt_is_waited_for(path: Path, tmp_path: Path, wait_s: str) -> None:
    """The lists are locked three times in a row; then both commands run, with dpkg's own timeout."""
    notes = tmp_path / "notes"
    apt_get(path, held=3, notes=notes)
    done = run(path, SYSTEM_WAIT_S=wait_s, CI="1")
    calls = notes.read_text().splitlines()
    assert done.returncode == 0, done.stderr
    assert [call.split()[2] for call in calls] == ["update"] * 4 + ["install"]
    assert all("DPkg::Lock::Timeout=" in call for call in calls)
    assert done.stderr.count("Waiting for another apt") == 3


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("1", 1)])
def test_what_could_not_be_installed_is_said_aloud(path: Path, tmp_path: Path, ci: str, code: int) -> None:
    """The lock is never free: what apt said and what is missing stand on the screen, and CI stops."""
    apt_get(path, held=1_000, notes=tmp_path / "notes")
    done = run(path, SYSTEM_WAIT_S="3", CI=ci)
    assert done.returncode == code
    assert HELD in done.stderr
    assert "NOT INSTALLED: redis-server" in done.stderr


def test_another_failure_is_not_waited_for(path: Path, tmp_path: Path) -> None:
    """No network, or no such package: waiting would change nothing."""
    program(path, "apt-get", f'echo "$@" >> {tmp_path}/notes\necho "E: Unable to fetch"\nexit 100')
    done = run(path, SYSTEM_WAIT_S="20", CI="1")
    assert done.returncode == 1
    assert len((tmp_path / "notes").read_text().splitlines()) == 1
    assert "E: Unable to fetch" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may lock apt's lists")
def test_the_words_of_a_real_apt(tmp_path: Path) -> None:
    """The lists of a folder of its own are locked by this test: apt says what the script looks for."""
    lists = tmp_path / "lists"
    (lists / "partial").mkdir(parents=True)
    command = ["apt-get", "-o", f"Dir::State::lists={lists}", "-o", "DPkg::Lock::Timeout=1", "update"]
    with (lists / "lock").open("w") as lock:
        import fcntl

        fcntl.lockf(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
    assert done.returncode != 0
    assert "ould not get lock" in done.stderr or "nable to lock" in done.stderr
