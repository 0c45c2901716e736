"""A browser and a server for the examples, and the package as people install it."""

import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import artifacts, browser, livekit, playwright, serving
from tests.examples.program import ROOT, npm

__all__ = ["artifacts", "browser", "livekit", "playwright", "serving"]


@pytest.fixture(scope="session")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``npm publish`` would upload."""
    folder = tmp_path_factory.mktemp("tarball")
    command = [*npm(), "pack", "--workspace", "clients/js", "--pack-destination", str(folder), "--silent"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=180)
    (packed,) = folder.glob("duologue-*.tgz")
    return packed
