"""Mistakes that operators make: each ends in one line that says what to do, and in an exit code."""

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import jwt
import pytest

from tests.servers import StoreServer, store_server, valkey9_binary
from tests.serving import Serving, data_folder, refused, serving

SECRET, OTHER = "s" * 32, "t" * 32
USAGE, FAILURE = 2, 1
KEYS = {"LIVEKIT_API_KEY": "key", "LIVEKIT_API_SECRET": SECRET}


@pytest.fixture
def data() -> Iterator[Path]:
    """A data folder whose store must be gone at the end."""
    with data_folder() as folder:
        yield folder


def start(code: int, *words: str, arguments: str = "", port: str = "0", **environment: str) -> None:
    """Start a server that must be refused: exit code, and what its line says, without the secrets."""
    found, line = refused("--no-page", "--port", port, "--ops-port", "0", *arguments.split(), **environment)
    assert [word for word in words if word not in line] == [], line
    assert found == code, line
    assert not any(secret in line for secret in (SECRET, OTHER, "hush"))


class RefusingLiveKit(BaseHTTPRequestHandler):
    """Refuse each request as LiveKit does, which repeats the token in its answer."""

    def _refuse(self) -> None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        body = f"invalid token: {token}, error: go-jose/go-jose: error in cryptographic primitive".encode()
        self.send_response(401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _refuse  # noqa: N815 # the library's names

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def livekit() -> Iterator[str]:
    """Serve a LiveKit that refuses each key."""
    server = HTTPServer(("127.0.0.1", 0), RefusingLiveKit)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"ws://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_taken_port(data: Path) -> None:
    """The port is named, with the option that chooses another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        start(FAILURE, port, "--port", arguments=f"--data {data}", port=port)


def test_a_store_that_cannot_be_reached() -> None:
    """The address and the setting are named."""
    start(FAILURE, "127.0.0.1:1", "--redis-url", REDIS_URL="redis://127.0.0.1:1", DUOLOGUE_SECRET=SECRET)


def test_a_wrong_password_of_the_store() -> None:
    """Told apart from a store that is away."""
    with store_server("valkey9", valkey9_binary(), "--requirepass", "right") as server:
        url = f"unix://:hush@{server.url.removeprefix('unix://')}"
        start(
            FAILURE, "refused the user name or password", "REDIS_URL", REDIS_URL=url, DUOLOGUE_SECRET=SECRET
        )


def test_an_address_of_the_store_that_is_none() -> None:
    """The line shows what one looks like."""
    start(FAILURE, "redis://", "--redis-url", REDIS_URL="localhost:6379", DUOLOGUE_SECRET=SECRET)


def test_different_secrets(store_server_each: StoreServer) -> None:
    """The other server is named by host, port and process; its conversations go on."""
    with serving("--no-page", REDIS_URL=store_server_each.url, DUOLOGUE_SECRET=SECRET) as first:
        called = f"{socket.gethostname()}:{first.port} (process {first.pid})"
        given = {"REDIS_URL": store_server_each.url, "DUOLOGUE_SECRET": OTHER}
        start(USAGE, "DUOLOGUE_SECRET differs", called, "--rolling-change", **given)
        assert httpx.get(f"{first.url}/healthz").status_code == 200
        with store_server_each.client() as client:
            noted = json.dumps([each.decode() for each in client.hvals("{0}servers")])
        assert str(first.pid) in noted
        assert SECRET not in noted
        with serving("--no-page", "--rolling-change", **given) as second:
            assert second.stop() == 0
        assert first.stop() == 0
    with serving("--no-page", **given) as alone:
        assert alone.stop() == 0


def test_different_pools(valkey9: StoreServer) -> None:
    """Both lists are in the line. A server that was killed decides nothing, once it counts as started."""
    given = {"REDIS_URL": valkey9.url, "DUOLOGUE_SECRET": SECRET}
    with serving("--no-page", "--pools", "main,de", **given) as first:
        start(USAGE, "--pools differs: main here", "main,de in", "--rolling-change", **given)
        with serving("--no-page", "--pools", "main,de", **given) as same:
            assert same.stop() == 0
        first.kill()
        deadline = time.monotonic() + 20
        while not _starts("--no-page", **given):
            assert time.monotonic() < deadline


def _starts(*arguments: str, **environment: str) -> bool:
    server = Serving("--port", "0", *arguments, **environment)
    try:
        server.ready()
    except AssertionError:
        return False
    finally:
        server.kill()
    return True


def test_a_rotation_in_the_right_order_needs_no_option(valkey9: StoreServer) -> None:
    """Accept the new key, then sign with it."""
    first, second = f"old:{SECRET},new:{OTHER}", f"new:{OTHER},old:{SECRET}"
    with (
        serving("--no-page", REDIS_URL=valkey9.url, DUOLOGUE_SECRET=first),
        serving("--no-page", REDIS_URL=valkey9.url, DUOLOGUE_SECRET=second) as later,
    ):
        assert later.stop() == 0


def test_wrong_keys_of_livekit(data: Path) -> None:
    """The line names both variables; the token that LiveKit repeats is not in it."""
    with livekit() as url:
        arguments = ("--data", str(data), "--media", "livekit", "--livekit-url", url)
        for auto_create in ("ask", "on", "off"):
            code, line = refused(
                "--no-page", "--port", "0", "--ops-port", "0", *arguments,
                "--livekit-auto-create", auto_create, **KEYS,
            )  # fmt: skip
            assert code == USAGE
            assert f"LiveKit at {url}" in line
            assert "LIVEKIT_API_SECRET" in line
            assert "eyJ" not in line


def test_an_option_that_there_is_not() -> None:
    """The line proposes the nearest one."""
    start(USAGE, "--pools", arguments="--pool de")


def test_a_brand_file_that_is_no_toml(tmp_path: Path) -> None:
    """The file is named."""
    file = tmp_path / "brand.toml"
    file.write_text("name = ")
    code, line = refused("--port", "0", "--ops-port", "0", "--brand", str(file))
    assert code == USAGE
    assert str(file) in line
    assert "is not TOML" in line


def test_a_data_folder_that_is_a_file(tmp_path: Path) -> None:
    """The folder is named, with the option that chooses another."""
    (tmp_path / "file").touch()
    start(FAILURE, "file", "--data", arguments=f"--data {tmp_path / 'file'}")


def test_a_data_folder_that_another_server_uses(data: Path) -> None:
    """Two servers may share a folder, but not with other pools."""
    with serving("--no-page", "--data", str(data)) as first:
        start(USAGE, "--pools differs", str(first.pid), arguments=f"--data {data} --pools de")
        assert first.stop() == 0


def test_a_secret_that_is_too_short() -> None:
    """The line says how to make one."""
    start(USAGE, "shorter than 32 bytes", "token_urlsafe", DUOLOGUE_SECRET="hush")


def test_no_secret_with_a_store_of_many() -> None:
    """With Redis a key has to be given."""
    start(USAGE, "set DUOLOGUE_SECRET", REDIS_URL="redis://127.0.0.1:1")


def test_a_prefix_that_would_move_keys_to_another_shard() -> None:
    """Braces in a prefix would be the hash tag."""
    start(USAGE, "--key-prefix", arguments="--key-prefix {a}")


def test_a_token_whose_subject_is_a_number(data: Path) -> None:
    """The answer names the claim, for the people who write the back end that signs."""
    with serving("--no-page", "--data", str(data), DUOLOGUE_SECRET=SECRET) as server:
        claims = {"sub": 17, "exp": int(time.time()) + 60}
        token = jwt.encode(claims, SECRET, algorithm="HS256", headers={"kid": "main"})
        answer = httpx.get(f"{server.url}/v1/state", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401
        assert "claim sub is wrong: expected `str`, got `int`" in answer.json()["detail"]
        assert server.stop() == 0


ALLOWED = ("+@all", "-@admin", "-@dangerous", "+info")
"""The commands that a server needs (docs/operate.md)."""


def test_servers_of_two_prefixes_share_one_redis(store_server_each: StoreServer) -> None:
    """Each may touch only keys and channels of its own prefix, and people of one never meet the other's."""
    path = store_server_each.url.removeprefix("unix://")
    with store_server_each.client() as client, contextlib.ExitStack() as stack:
        for name in ("red", "blue"):
            rights = ("reset", "on", ">hush", f"~{name}:*", f"&{name}:*", *ALLOWED)
            client.execute_command("ACL", "SETUSER", name, *rights)
            stack.callback(client.execute_command, "ACL", "DELUSER", name)
        red, blue = (
            stack.enter_context(
                serving(
                    "--no-page", "--key-prefix", f"{name}:",
                    REDIS_URL=f"unix://{name}:hush@{path}", DUOLOGUE_SECRET=secret,
                )
            )
            for name, secret in (("red", SECRET), ("blue", OTHER))
        )  # fmt: skip
        alone = Guest(blue.url)
        assert alone.join() == "waiting"
        load = ["--people", "20", "--rounds", "1", "--seconds", "1", "--per-s", "10", "--at-a-time", "4"]
        done = subprocess.run(
            [sys.executable, "-m", "duologue", "bench", *load, "--url", red.url],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert alone.state() == "waiting"
        kinds = {tuple(key.decode().partition("{")[::2]) for key in client.keys("*")}
        assert {before for before, _ in kinds} == {"red:", "blue:"}
        assert any(rest.startswith("0}recent:") for before, rest in kinds if before == "red:")
        for server in (red, blue):
            assert server.stop() == 0
            assert "NOPERM" not in "".join(server.said)


class Guest:
    """A guest of a server."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._headers = {
            "Authorization": f"Bearer {httpx.post(f'{url}/v1/sessions', json={}).json()['token']}"
        }

    def join(self) -> str:
        """Press Start, and return the outcome."""
        answer = httpx.post(f"{self._url}/v1/join", json={"intent": 1}, headers=self._headers)
        return str(answer.json()["outcome"])

    def state(self) -> str:
        """Return the state of the guest."""
        return str(httpx.get(f"{self._url}/v1/state", headers=self._headers).json()["state"]["state"])
