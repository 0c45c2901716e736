"""docs/python-client.md: the program that it shows runs as it is pasted."""

import re
import subprocess
import sys
from dataclasses import fields
from inspect import signature
from pathlib import Path

from duologue.client import Client, Timings
from tests.serving import data_folder, serving

PAGE = (Path(__file__).parents[2] / "docs" / "python-client.md").read_text()
[PROGRAM] = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
PASTED = "http://localhost:8000"
MOST_LINES = 25
"""Without empty ones."""


def test_the_program_runs_as_pasted(tmp_path: Path) -> None:
    """With the address of the server that it says to start."""
    assert PASTED in PROGRAM
    assert len([line for line in PROGRAM.splitlines() if line]) <= MOST_LINES
    program = tmp_path / "pasted.py"
    with data_folder() as data, serving("--data", str(data), "--no-page") as server:
        program.write_text(PROGRAM.replace(PASTED, server.url))
        done = subprocess.run(
            [sys.executable, str(program)], capture_output=True, text=True, timeout=60, check=False
        )
        server.stop()
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "Ada met Grace",
        "Grace reads Hello!",
        "Grace is told partner-skipped and waits for the next",
    ]


def test_the_page_names_every_option() -> None:
    """And each timing with its default."""
    options = [name for name in signature(Client).parameters if name != "transport"]
    assert [name for name in options if f"`{name}`" not in PAGE] == []
    for timing in fields(Timings):
        default = f"`{timing.default}`" if timing.default is None else f"{timing.default:g}"
        assert f"`{timing.name}` {default}" in PAGE, timing.name
