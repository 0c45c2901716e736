"""The alert rules and the dashboard of ``deploy``, with Debian's Prometheus and a server that runs."""

import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.serving import data_folder, serving

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "alerts.yml"
DASHBOARD = DEPLOY / "grafana" / "dashboard.json"
MISSING = "no promtool or prometheus (Debian: apt-get install prometheus): the rules are not checked"
NAME = re.compile(r"\b(?:duologue|process)_\w+|\bup\b")

pytestmark = pytest.mark.skipif(
    shutil.which("promtool") is None or shutil.which("prometheus") is None, reason=MISSING
)


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run promtool beside the rules."""
    return subprocess.run(
        ["promtool", *arguments], cwd=RULES.parent, capture_output=True, text=True, check=False
    )


def of_rules() -> list[str]:
    """Return the queries of the rules."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


def of_dashboard() -> list[str]:
    """Return the queries of the dashboard."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def unknown(query: str, known: set[str]) -> list[str]:
    """Return the metrics of a query that no server has."""
    return [name for name in NAME.findall(query) if name not in known]


def test_the_rules_are_valid_and_fire_when_they_should() -> None:
    """Each alert of the unit tests fires after its time, and not before."""
    for arguments in (("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")):
        done = promtool(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_rule_that_never_fires_is_found(tmp_path: Path) -> None:
    """Control: with another threshold the unit tests of the rules fail."""
    broken = RULES.read_text().replace("min(duologue_video_up) == 0", "min(duologue_video_up) == 2")
    (tmp_path / "alerts.yml").write_text(broken)
    (tmp_path / "alerts_test.yml").write_text((RULES.parent / "alerts_test.yml").read_text())
    done = subprocess.run(
        ["promtool", "test", "rules", "alerts_test.yml"], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode != 0


@contextmanager
def prometheus(target: str, folder: Path) -> Iterator[httpx.Client]:
    """Run a Prometheus that has read the server."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    jobs = [{"job_name": "duologue", "static_configs": [{"targets": [target]}]}]
    config = {
        "global": {"scrape_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": jobs,
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    options = (
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/tsdb",
        f"--web.listen-address={address}",
    )
    process = subprocess.Popen(["prometheus", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://{address}") as client:
            deadline = time.monotonic() + 30
            while not any(float(each["value"][1]) for each in answer(client, "up") or []):
                assert time.monotonic() < deadline, "it does not read the server"
            yield client
    finally:
        process.terminate()
        process.wait(20)


def answer(client: httpx.Client, query: str) -> list[Any] | None:
    """Return the result of a query; ``None``: Prometheus does not answer yet."""
    try:
        said = client.get("/api/v1/query", params={"query": query}).json()
    except (httpx.TransportError, ValueError):
        return None
    if said["status"] != "success":
        return None
    return list(said["data"]["result"])


def test_each_query_is_answered_by_a_live_server(tmp_path: Path) -> None:
    """Prometheus accepts each query, and a server has each metric in it; a wrong name is found."""
    with data_folder() as data, serving("--no-page", "--data", str(data)) as server:
        said = httpx.get(f"{server.ops_url}/metrics").text
        declared = dict(re.findall(r"^# TYPE (\S+) (\w+)$", said, re.MULTILINE))
        endings = {"histogram": ("_bucket", "_sum", "_count")}
        known = {name + end for name, kind in declared.items() for end in endings.get(kind, ("",))} | {"up"}
        assert unknown("rate(duologue_skipped_total[5m])", known) == ["duologue_skipped_total"]
        with prometheus(server.ops_url.removeprefix("http://"), tmp_path) as client:
            for query in (*of_rules(), *of_dashboard()):
                assert unknown(query, known) == [], query
                assert answer(client, query) is not None, query
            assert answer(client, "max(duologue_people_online)")
            assert answer(client, 'process_resident_memory_bytes{job="duologue"}')
            assert answer(client, "sum(rate(") is None
        assert server.stop() == 0
