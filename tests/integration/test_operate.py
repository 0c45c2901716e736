"""What docs/operate.md tells operators to do."""

import re
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.serving import COMMAND, clean_environment, data_folder, serving

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy" / "systemd" / "duologue.service"


def test_a_backup_is_restored() -> None:
    """Sessions hold, and the people are known, after a lost data folder was replaced by its copy."""
    with data_folder() as folder:
        data, backup = folder / "data", folder / "backup"
        with serving("--no-page", "--data", str(data)) as server:
            token = httpx.post(f"{server.url}/v1/sessions", json={}).json()["token"]
            headers = {"Authorization": f"Bearer {token}"}
            joined = httpx.post(f"{server.url}/v1/join", json={"intent": 7}, headers=headers)
            assert joined.json()["outcome"] == "waiting"
            assert server.stop() == 0
        subprocess.run(["cp", "-a", data, backup], check=True)
        shutil.rmtree(data)
        with serving("--no-page", "--data", str(data)) as empty:
            assert httpx.get(f"{empty.url}/v1/state", headers=headers).status_code == 401
            assert empty.stop() == 0
        shutil.rmtree(data)
        subprocess.run(["cp", "-a", backup, data], check=True)
        with serving("--no-page", "--data", str(data)) as restored:
            state = httpx.get(f"{restored.url}/v1/state", headers=headers)
            assert state.status_code == 200
            assert state.json()["state"]["intent"] == 7
            assert restored.stop() == 0


def test_the_unit_uses_options_that_there_are(tmp_path: Path) -> None:
    """Its command is accepted, except that its port and folder are the test's own."""
    found = re.search(r"^ExecStart=\S+ serve (.+)$", UNIT.read_text(), re.MULTILINE)
    assert found
    options = found[1].replace("/var/lib/duologue", str(tmp_path)).split()
    assert set(options) >= {"--port", "--data", "--log-format"}
    with data_folder() as folder:
        options[options.index("--data") + 1] = str(folder)
        options[options.index("--port") + 1] = "0"
        process = subprocess.Popen(
            [*COMMAND, "--no-page", "--ops-port", "0", *options],
            env=clean_environment({}),
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stderr
        line = next(line for line in process.stderr if '"serving"' in line)
        process.terminate()
        said, _ = process.communicate(timeout=20)
        assert process.returncode == 0
        assert said == ""
    assert '"address": "http://localhost:' in line


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="no systemd-analyze: the unit is not checked"
)
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    """Each line is known; a misspelt one is found."""
    text = UNIT.read_text().replace("/opt/duologue/bin/duologue", "/bin/true")
    for name, unit, is_good in (("good", text, True), ("bad", text.replace("Restart=", "Restrat="), False)):
        file = tmp_path / f"{name}.service"
        file.write_text(unit)
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", file], capture_output=True, text=True, check=False
        )
        assert (f"{name}.service" not in done.stderr) is is_good, done.stderr
