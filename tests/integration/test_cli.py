"""The real command: what it serves on, how it stops, and the one line for each thing that can be wrong."""

import contextlib
import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

import duologue
from tests.servers import StoreServer, store_server, valkey9_binary
from tests.serving import (
    COMMAND,
    STOP_S,
    Serving,
    clean_environment,
    data_folder,
    is_alive,
    refused,
    serving,
    working_in,
)

SECRET = "s" * 32


@pytest.fixture
def data() -> Iterator[Path]:
    """A data folder whose store must be gone at the end."""
    with data_folder() as folder:
        yield folder


def guest(url: str) -> str:
    """A new guest's token."""
    answer = httpx.post(f"{url}/v1/sessions", json={})
    assert answer.status_code == 201
    return str(answer.json()["token"])


def joined(url: str, token: str) -> httpx.Response:
    """The answer to a join."""
    return httpx.post(f"{url}/v1/join", json={"intent": 1}, headers={"Authorization": f"Bearer {token}"})


def test_it_serves_on_the_embedded_store_and_leaves_nothing(data: Path) -> None:
    """It says where it is and what it runs on; SIGTERM ends it with 0, and the store's process with it."""
    with serving("--no-page", "--data", str(data)) as server:
        assert httpx.get(f"{server.url}/healthz").status_code == 200
        assert joined(server.url, guest(server.url)).json()["outcome"] == "waiting"
        assert len(working_in(data)) == 1
        assert server.stop() == 0
        assert not working_in(data)
    assert "store  Valkey 9" in "".join(server.said)
    assert f"embedded, in {data}" in "".join(server.said)
    assert "media  browser to browser" in "".join(server.said)
    assert "page   off" in "".join(server.said)
    assert "guests off" not in "".join(server.said)


def test_a_trial_is_named_as_one(data: Path) -> None:
    """Say at the start that waits tell blocks, as they do under ``make run``, which takes this option."""
    for option, named in (("--no-relax-drawn", True), ("--relax-drawn", False)):
        with serving("--no-page", option, "--data", str(data)) as server:
            assert server.stop() == 0
        assert ("tells a block from a skip (--no-relax-drawn)" in "".join(server.said)) is named


def test_ctrl_c_is_an_orderly_stop(data: Path) -> None:
    """The signal reaches the whole group of the terminal; the store lives until the server is done."""
    with serving("--no-page", "--data", str(data)) as server:
        server.interrupt()
        assert server.wait() == 0
    assert "Traceback" not in "".join(server.said)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_sends_streams_elsewhere_and_waits_for_none(data: Path, number: signal.Signals) -> None:
    """An open stream, which uvicorn would wait for, reads ``reconnect`` and its end."""
    with serving("--no-page", "--data", str(data)) as server:
        headers = {"Authorization": f"Bearer {guest(server.url)}"}
        with httpx.stream("GET", f"{server.url}/v1/events?page=p1", headers=headers, timeout=15) as stream:
            frames = (json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: "))
            assert next(frames)["type"] == "snapshot"
            server.signal(number)
            assert [frame["type"] for frame in frames] == ["reconnect"]
        assert server.wait() == 0


def test_a_start_that_is_told_to_stop_again_and_again_leaves_nothing(data: Path) -> None:
    """The signals after the first one do not interrupt what the first one began."""
    server = Serving("--no-page", "--port", "0", "--data", str(data))
    try:
        while not (store := working_in(data)):
            assert server.is_running, server.said
        while server.is_running:
            server.signal(signal.SIGTERM)
        server.wait()
        assert not is_alive(store[0].pid)
    finally:
        server.kill()


def test_a_terminal_that_closes_is_an_orderly_stop(data: Path) -> None:
    """SIGHUP is an orderly stop, and later output to the closed terminal stops nothing."""
    ours, its = pty.openpty()
    command = [*COMMAND, "--no-page", "--port", "0", "--data", str(data), "--log-level", "debug"]
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup ignores it, and so would the server
    process = subprocess.Popen(command, env=clean_environment({}), stdout=its, stderr=its)
    signal.signal(signal.SIGHUP, before)
    try:
        os.close(its)
        said = b""
        while b"Ctrl-C" not in said:
            said += os.read(ours, 1024)
        (store,) = working_in(data)
        with serving("--no-page", "--data", str(data)) as other:  # so that it has something to say at its end
            os.close(ours)
            process.send_signal(signal.SIGHUP)
            process.wait(STOP_S)
            assert is_alive(store.pid)
            assert other.stop() == 0
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0


def test_a_killed_server_leaves_its_store_and_the_next_one_takes_it(data: Path) -> None:
    """kill -9, and a start: the same store process, the same people, the same signing key."""
    with serving("--no-page", "--data", str(data)) as server:
        token = guest(server.url)
        before = joined(server.url, token).json()["state"]
        (store,) = working_in(data)
        server.kill()
        assert is_alive(store.pid)
    with serving("--no-page", "--data", str(data)) as server:
        assert [process.pid for process in working_in(data)] == [store.pid]
        after = httpx.get(f"{server.url}/v1/state", headers={"Authorization": f"Bearer {token}"}).json()
        assert after["state"]["since_ms"] == before["since_ms"]
        assert server.stop() == 0


def test_two_servers_share_a_folder(data: Path) -> None:
    """They see the same people; the first to stop leaves the store to the other."""
    with serving("--no-page", "--data", str(data)) as one, serving("--no-page", "--data", str(data)) as two:
        assert len(working_in(data)) == 1
        token = guest(one.url)
        assert one.stop() == 0
        assert joined(two.url, token).status_code == 200
        assert two.stop() == 0


def test_a_killed_store_is_back_by_itself(data: Path) -> None:
    """kill -9 of the embedded store: commands get 503 at worst, then work, with the same people."""
    with serving("--no-page", "--data", str(data)) as server:
        token = guest(server.url)
        before = joined(server.url, token).json()["state"]
        working_in(data)[0].kill()
        while (answer := joined(server.url, token)).status_code == 503:
            assert answer.headers["Retry-After"]
        assert answer.json()["state"]["since_ms"] == before["since_ms"]
        assert server.stop() == 0


def test_it_serves_on_a_given_store(store_server_each: StoreServer) -> None:
    """REDIS_URL in place of the embedded one; the password would not be shown, and nothing is ended."""
    with serving("--no-page", REDIS_URL=store_server_each.url, DUOLOGUE_SECRET=SECRET) as server:
        assert joined(server.url, guest(server.url)).json()["outcome"] == "waiting"
        assert server.stop() == 0
    kind = "Redis 7" if store_server_each.kind == "redis7" else "Valkey 9"
    assert f"store  {kind}" in "".join(server.said)
    assert is_alive(store_server_each.pid)


def test_a_store_that_forgets_is_warned_of(valkey9: StoreServer) -> None:
    """A policy of throwing keys away when memory is full would lose people at random."""
    with valkey9.client() as plain:
        plain.config_set("maxmemory-policy", "allkeys-lru")
        try:
            with serving("--no-page", REDIS_URL=valkey9.url, DUOLOGUE_SECRET=SECRET) as server:
                assert server.stop() == 0
        finally:
            plain.config_set("maxmemory-policy", "noeviction")
    assert "allkeys-lru" in "".join(server.said)


def test_options_come_from_the_environment_and_the_command_line_wins(data: Path) -> None:
    """Both spell a setting the same way."""
    with serving("--no-page", "--pools", "de", DUOLOGUE_DATA=str(data), DUOLOGUE_POOLS="fr") as server:
        headers = {"Authorization": f"Bearer {guest(server.url)}"}
        state = httpx.get(f"{server.url}/v1/state", headers=headers).json()["state"]
        assert state["pool"] == "de"
        assert server.stop() == 0


# --- what can be wrong -------------------------------------------------------------------


def test_how_people_are_reached_is_told(valkey9: StoreServer) -> None:
    """``duologue transports`` of a running server prints a table and one sentence; without a server, one
    line."""
    store = {"REDIS_URL": valkey9.url, "DUOLOGUE_SECRET": SECRET}
    with serving("--no-page", **store) as server:
        me = {"Authorization": f"Bearer {guest(server.url)}"}
        httpx.post(f"{server.url}/v1/comparisons", json={"same": 41}, headers=me)
        url = server.ops_url
        said = subprocess.check_output([*COMMAND[:-1], "transports", url], text=True, timeout=30)
        public = httpx.get(f"{server.url}/transports")
        mistaken = subprocess.run(
            [*COMMAND[:-1], "transports", server.url], capture_output=True, text=True, timeout=30, check=False
        )
    assert said.splitlines()[0] == "both; people on streams: 0, polling: 0"
    assert said.splitlines()[2].split()[:3] == ["the", "same", "41"]
    assert "Not safe to switch polling off: 1 person was compared" in said
    assert public.status_code == 404
    assert (mistaken.returncode, mistaken.stderr.count("\n")) == (1, 1)
    assert "a port of their own" in mistaken.stderr
    assert "--ops-port" in mistaken.stderr
    gone = subprocess.run(
        [*COMMAND[:-1], "transports", url], capture_output=True, text=True, timeout=30, check=False
    )
    assert (gone.returncode, gone.stderr.count("\n")) == (1, 1)
    assert gone.stderr.startswith(f"duologue: {url}/transports does not answer")


def test_a_taken_port(data: Path) -> None:
    """Told before a store is started, with a port to try."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, line = refused("--no-page", "--port", str(port), "--data", str(data))
    assert code == 1
    assert f"port {port} is taken" in line
    assert f"--port {port + 10}" in line
    assert not working_in(data)


def test_a_taken_port_of_the_operators_pages(data: Path) -> None:
    """One line that names the option; nothing was served, and no store was started."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, line = refused("--no-page", "--port", "0", "--ops-port", str(port), "--data", str(data))
    assert code == 1
    assert f"port {port}, for the operator's pages, is taken" in line
    assert f"--ops-port {port + 10} (make run DUOLOGUE_OPS_PORT={port + 10})" in line
    assert not working_in(data)


def test_the_operators_pages_are_the_port_after(data: Path) -> None:
    """Unless told otherwise, and on this machine only, wherever the public's listener is."""
    with two_free_ports() as port:
        pass
    server = Serving("--no-page", "--host", "0.0.0.0", "--port", str(port), "--data", str(data), ops=())
    try:
        server.ready()
        assert (server.port, server.ops_url) == (port, f"http://127.0.0.1:{port + 1}")
        connections = psutil.Process(server.pid).net_connections("tcp")
        listening = {tuple(each.laddr) for each in connections if each.status == psutil.CONN_LISTEN}
        assert listening == {("0.0.0.0", port), ("127.0.0.1", port + 1)}
        assert server.stop() == 0
    finally:
        server.kill()


HALF = (
    b"POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{"
)
"""A request without its last byte."""


def test_the_operators_pages_are_read_to_the_end(data: Path) -> None:
    """They stay readable while the public listener refuses new connections and a command is in progress."""
    with serving("--no-page", "--data", str(data), "--drain-s", "5") as server:
        with socket.create_connection(("127.0.0.1", server.port)) as half:
            half.sendall(HALF)
            server.signal(signal.SIGTERM)
            until_refused(server.port)
            told = httpx.get(f"{server.ops_url}/readyz")
            counted = httpx.get(f"{server.ops_url}/metrics")
            half.sendall(b"}")
            assert half.recv(12) == b"HTTP/1.1 201"
        assert (told.status_code, told.json()["code"]) == (503, "unavailable")
        assert counted.status_code == 200
        assert server.wait() == 0


def until_refused(port: int) -> None:
    """Wait until new connections are refused there; fail if they are accepted for too long."""
    give_up = time.monotonic() + STOP_S
    while time.monotonic() < give_up:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionError:
            return
    raise AssertionError(f"port {port} is still open")


@contextlib.contextmanager
def two_free_ports() -> Iterator[int]:
    """Return the first of two free ports in a row."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as first:
            port: int = first.getsockname()[1]
            try:
                with socket.create_server(("127.0.0.1", port + 1)):
                    yield port
                    return
            except (OSError, OverflowError):
                continue


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1"])
def test_a_host_that_is_not_ours(host: str) -> None:
    """There is no such name, or it is the address of another machine."""
    code, line = refused("--no-page", "--host", host)
    assert code == 1
    assert f"{host} is not an address of this machine" in line


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://localhost", "redis://"),
        ("localhost:6379", "redis://"),
        ("redis://localhost:port", "redis://"),
        ("redis://127.0.0.1:1", "does not answer"),
        ("redis://no.such.host.invalid", "does not answer"),
        ("unix:///no/such/socket", "does not answer"),
    ],
)
def test_a_wrong_redis_url(url: str, words: str) -> None:
    """Without a valid address, or without a server there, the line names the variable and the option."""
    code, line = refused("--no-page", "--port", "0", REDIS_URL=url, DUOLOGUE_SECRET=SECRET)
    assert code == 1
    assert words in line
    assert "REDIS_URL (--redis-url)" in line


def test_a_wrong_password() -> None:
    """Refused is told apart from away, and the password is not shown."""
    with store_server("valkey9", valkey9_binary(), "--requirepass", "right") as server:
        path = server.url.removeprefix("unix://")
        for url in (f"unix://:hush@{path}", f"unix://{path}"):
            code, line = refused("--no-page", "--port", "0", REDIS_URL=url, DUOLOGUE_SECRET=SECRET)
            assert code == 1
            assert "refused the user name or password" in line
            assert "hush" not in line


def test_redis_without_a_signing_key(valkey9: StoreServer) -> None:
    """The line says how to make one."""
    code, line = refused("--no-page", "--redis-url", valkey9.url)
    assert code == 2
    assert "set DUOLOGUE_SECRET" in line


def test_a_signing_key_that_is_too_short() -> None:
    """Not shown, but told how to make a better one."""
    code, line = refused("--no-page", DUOLOGUE_SECRET="hush")
    assert code == 2
    assert "32" in line
    assert "hush" not in line


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """Named, with the option that chooses another; root included, so the folder is in a file."""
    (tmp_path / "file").touch()
    code, line = refused("--no-page", "--port", "0", "--data", str(tmp_path / "file" / "data"))
    assert code == 1
    assert "cannot be written" in line
    assert "--data" in line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--prot", "1"), "--port"),
        (("--port", "x"), "--port"),
        (("--port",), "--port"),
        (("--port", "65536"), "--port"),
        (("--port", "65535", "--data", "/nowhere"), "--ops-port"),
        (("--port", "9000", "--ops-port", "9000"), "--ops-port"),
        (("--ops-port", "x"), "--ops-port"),
        (("--pools", "a b"), "--pools"),
        (("--pools", "a,a"), "--pools"),
        (("--ice-servers", "example.org"), "--ice-servers"),
        (("--owed-ms", "500"), "--owed-ms"),
        (("--log-level", "loud"), "--log-level"),
        (("extra",), "extra"),
    ],
)
def test_an_option_that_there_is_not(arguments: tuple[str, ...], words: str) -> None:
    """A name or a value: the line names the option that is meant."""
    code, line = refused("--no-page", *arguments)
    assert code == 2
    assert words in line


def test_a_page_that_was_not_built(tmp_path: Path) -> None:
    """A package without its page says how to get one, and how to do without."""
    source = Path(duologue.__file__).parent
    shutil.copytree(source, tmp_path / "duologue", ignore=shutil.ignore_patterns("web", "__pycache__"))
    code, line = refused("--port", "0", PYTHONPATH=str(tmp_path))
    assert code == 2
    assert "the page is not built" in line
    assert "--no-page" in line


def test_a_misspelt_variable_is_told_and_does_not_stop_it(data: Path) -> None:
    """It would silently not hold."""
    with serving("--no-page", "--data", str(data), DUOLOGUE_POOL="de") as server:
        assert server.stop() == 0
    assert "did you mean DUOLOGUE_POOLS?" in "".join(server.said)


def test_kubernetes_own_variables_are_in_nobodys_way(data: Path) -> None:
    """A service called duologue puts these beside every pod of its namespace."""
    theirs = {"DUOLOGUE_PORT": "tcp://10.0.0.1:8000", "DUOLOGUE_SERVICE_HOST": "10.0.0.1"}
    with serving("--no-page", "--data", str(data), **theirs) as server:
        assert server.stop() == 0
    assert "there is no setting" not in "".join(server.said)


def test_the_installed_command_is_the_same() -> None:
    """``duologue`` beside the interpreter, as the README says."""
    command = Path(sys.executable).parent / "duologue"
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == duologue.__version__
    assert os.access(command, os.X_OK)
