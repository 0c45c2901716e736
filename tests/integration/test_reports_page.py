"""docs/reports.md: the commands that it shows work as they are pasted."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.test_rewriting import KEPT, NEVER_S, talk, talking
from tests.serving import data_folder

PAGE = (Path(__file__).parents[2] / "docs" / "reports.md").read_text()
[READ] = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
[DECIDE] = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def run(*command: str, **environment: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=True, env=environment or None
    )
    return done.stdout


async def test_an_operator_reads_a_report_and_decides() -> None:
    """The lines print reporter, reason and what was said; the program decides, once it is told on what."""
    if not (client := shutil.which("redis-cli")):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("redis-cli is not installed")
    with data_folder() as data:
        async with talking(data, NEVER_S) as (own, machine):
            await talk(machine, KEPT, report=True)
            path = f"{Path(client).parent}:/usr/bin:/bin"
            shown = await asyncio.to_thread(run, "sh", "-c", READ, DATA=str(data), PATH=path)
            assert '"reason":"violence"' in shown
            assert KEPT in shown
            match = re.search(r"^== (m_\S+)$", shown, re.MULTILINE)
            assert match
            program = (sys.executable, "-c", DECIDE, own.url)
            assert await asyncio.to_thread(run, *program, match[1]) == "decided\n"
            assert await asyncio.to_thread(run, *program, "m_none") == "no report about that match\n"
            shown = await asyncio.to_thread(run, "sh", "-c", READ, DATA=str(data), PATH=path)
            assert "decided_at_ms" in shown
