"""What can be checked of the container files without an engine."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from duologue import wiring
from duologue.settings import Settings, flag, variable
from tests.serving import data_folder, serving

DEPLOY = Path(__file__).parents[2] / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
GIVEN = {"DOMAIN": "chat.example.org", "DUOLOGUE_SECRET": "s" * 32, "DUOLOGUE_TURN_SECRET": "t" * 32}


def instruction(name: str) -> list[str]:
    """Return the arguments of an instruction in its JSON form."""
    found = re.search(rf"^\s*{name} (\[.+\])$", DOCKERFILE, re.MULTILINE)
    assert found, name
    arguments: list[str] = json.loads(found[1])
    return arguments


def compose() -> Any:
    """Return the compose file with the variables of an operator in their places."""
    text = (DEPLOY / "compose.yaml").read_text()
    text = re.sub(r"\$\{(\w+)(?::[-?]([^}]*))?\}", lambda found: GIVEN.get(found[1], ""), text)
    return yaml.safe_load(text)


def test_both_files_say_that_they_are_untested() -> None:
    """Nobody takes them for what the tests run."""
    for name in ("Dockerfile", "compose.yaml"):
        assert (DEPLOY / name).read_text().startswith("# Untested")


def test_the_image_uses_options_that_there_are() -> None:
    """It runs as a user other than root, from the hashes of the locks."""
    entry = instruction("ENTRYPOINT")
    assert entry[1] == "serve"
    known = {flag(each.name) for each in Settings.options()}
    assert {each for each in entry if each.startswith("--")} <= known
    user = re.search(r"^USER (\d+)", DOCKERFILE, re.MULTILINE)
    assert user
    assert int(user[1]) > 0
    locks = re.findall(r"-r (\S+\.lock)", DOCKERFILE)
    assert locks
    assert all((DEPLOY.parent / lock).exists() for lock in locks)
    assert "--require-hashes" in DOCKERFILE


def test_the_health_check_tells_a_server_that_serves() -> None:
    """Its command ends with 0 while the server is ready, and not when nobody is there."""
    _, option, program = instruction("CMD")
    with data_folder() as data, serving("--no-page", "--data", str(data)) as server:
        ask = program.replace("127.0.0.1:8000", f"127.0.0.1:{server.port}")
        assert ask != program
        check = [sys.executable, option, ask]
        assert subprocess.run(check, capture_output=True, check=False).returncode == 0
        assert server.stop() == 0
        assert subprocess.run(check, capture_output=True, check=False).returncode != 0


def test_the_apps_of_the_compose_file_would_start() -> None:
    """Their variables are settings that fit together; the proxy's network is trusted."""
    known = {variable(each.name): each.name for each in Settings.options()}
    found = compose()
    for name in ("app1", "app2"):
        environment = found["services"][name]["environment"]
        assert set(environment) <= set(known)
        given = {known[each]: value or None for each, value in environment.items()}
        settings = Settings.parse({**given, "media": "peer", "page": False})
        wiring.check(settings)
        assert [config["subnet"] for config in found["networks"]["inside"]["ipam"]["config"]] == [
            settings.trusted_proxies
        ]


def test_the_apps_may_write_nothing_but_their_folders() -> None:
    """No privilege, and every file that is mounted exists."""
    found = compose()
    for name, service in found["services"].items():
        assert "privileged" not in service, name
        if name.startswith("app"):
            assert service["read_only"] is True
            assert service["cap_drop"] == ["ALL"]
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            if source.startswith("."):
                assert (DEPLOY / source).exists(), volume
            else:
                assert source in found["volumes"], volume
