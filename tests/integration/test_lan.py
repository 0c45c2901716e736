"""``duologue serve --lan``: the real command, as a phone on the same network meets it."""

import hashlib
import http.client
import json
import os
import pty
import re
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
from cryptography import x509

from duologue.lan import qr
from duologue.lan.addresses import addresses
from duologue.lan.certificate import FILE
from tests.framings import CHUNKED, sized
from tests.serving import COMMAND, STOP_S, Serving, clean_environment, data_folder, serving

SMUGGLING = sized(b"{}", CHUNKED)
"""Two lengths; for a proxy and a server they may end at different bytes."""


@dataclass(frozen=True)
class Phone:
    """Another device, as far as its address tells: it asks for an address that is not loopback."""

    server: Serving
    data: Path
    host: str

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.server.port}"

    def trust(self) -> ssl.SSLContext:
        """Return the trust of a person who compared the fingerprint: this certificate for this address
        only."""
        return ssl.create_default_context(cafile=self.data / FILE)

    def addresses(self) -> list[str]:
        """Return those that the server found at its start and that are still there: tests make networks."""
        named = x509.load_pem_x509_certificate((self.data / FILE).read_bytes()).extensions
        found = named.get_extension_for_class(x509.SubjectAlternativeName).value
        now = addresses()
        return [str(each) for each in found.get_values_for_type(x509.IPAddress) if each in now]

    def client(self) -> httpx.Client:
        return httpx.Client(verify=self.trust(), base_url=self.url, timeout=15)

    def raw(self, sent: bytes) -> bytes:
        """Return the first line that comes back, over TLS."""
        with (
            socket.create_connection((self.host, self.server.port), 15) as plain,
            self.trust().wrap_socket(plain, server_hostname=self.host) as secure,
        ):
            secure.sendall(sent)
            return secure.makefile("rb").readline()


@pytest.fixture(scope="module")
def host() -> str:
    """This machine's address for others, as it is written in an address of the web."""
    found = addresses()
    if not found:
        pytest.skip("this machine has no address besides loopback")
    return str(found[0])


@pytest.fixture(scope="module")
def phone(host: str) -> Iterator[Phone]:
    """A phone, and the server that it asks."""
    with data_folder() as data, serving("--lan", "--no-page", "--data", str(data)) as server:
        yield Phone(server, data, host)
        assert server.stop() == 0


def test_every_address_answers_over_tls(phone: Phone) -> None:
    """With a certificate that holds for it, IPv4 and IPv6."""
    found = phone.addresses()
    assert phone.host in found
    for each in found:
        host = f"[{each}]" if ":" in each else each
        answer = httpx.get(f"https://{host}:{phone.server.port}/healthz", verify=phone.trust())
        assert answer.status_code == 200


def test_without_https_nobody_meets_a_dead_page(phone: Phone) -> None:
    """The address as people type it leads to the same one over TLS; and nothing is served in the clear."""
    plain = phone.url.replace("https", "http")
    answer = httpx.get(f"{plain}/healthz?x=1", verify=phone.trust(), follow_redirects=True)
    assert [each.status_code for each in answer.history] == [307]
    assert (answer.status_code, str(answer.url)) == (200, f"{phone.url}/healthz?x=1")
    told = httpx.post(f"{plain}/v1/sessions", json={})
    assert (told.status_code, told.json()["code"]) == (404, "not-found")
    assert "https" in told.json()["detail"]


def test_this_machine_is_served_as_before(phone: Phone) -> None:
    """``localhost`` has a camera without TLS, so no warning stands in the owner's way."""
    answer = httpx.post(f"{phone.server.url}/v1/sessions", json={})
    assert answer.status_code == 201


def test_the_cookies_are_for_tls_only(phone: Phone) -> None:
    """The name that browsers take over TLS only, ``Secure``, and the session goes on by them."""
    with phone.client() as client:
        answer = client.post("/v1/sessions", json={})
        cookies = answer.headers.get_list("set-cookie")
        assert {each.partition("=")[0] for each in cookies} == {
            f"__Host-duologue_{what}_{phone.server.port}" for what in ("session", "device")
        }
        assert all("; Secure" in each and "HttpOnly" in each for each in cookies)
        assert client.get("/v1/state").status_code == 200
        own = {"Origin": phone.url, "Content-Type": "application/json"}
        assert client.post("/v1/join", content='{"intent": 1}', headers=own).status_code == 200
        foreign = {**own, "Origin": "https://evil.example"}
        assert client.post("/v1/join", content='{"intent": 2}', headers=foreign).status_code == 401


def test_streams_arrive_and_a_stop_ends_them(host: str) -> None:
    """Two people meet over TLS; SIGTERM tells their streams to reconnect, and the server ends in time."""
    with (
        data_folder() as data,
        serving("--lan", "--no-page", "--data", str(data)) as server,
        Phone(server, data, host).client() as one,
        Phone(server, data, host).client() as two,
    ):
        for each in (one, two):
            each.post("/v1/sessions", json={}).raise_for_status()
        with (
            one.stream("GET", "/v1/events?page=p1") as first,
            two.stream("GET", "/v1/events?page=p2") as second,
        ):
            streams = [frames(each) for each in (first, second)]
            assert [next(each)["type"] for each in streams] == ["snapshot", "snapshot"]
            for each in (one, two):
                each.post("/v1/join", json={"intent": 1}).raise_for_status()
            for stream in streams:
                until_matched(stream)
            server.signal(signal.SIGTERM)
            assert [frame["type"] for frame in streams[0]][-1] == "reconnect"
        assert server.wait() == 0


def frames(stream: httpx.Response) -> Iterator[dict[str, object]]:
    return (json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: "))


def until_matched(stream: Iterator[dict[str, object]]) -> None:
    for frame in stream:
        state = frame.get("state")
        if isinstance(state, dict) and state.get("state") == "matched":
            return
    raise AssertionError("the stream ended without a match")


def test_requests_inside_tls_are_framed_strictly(phone: Phone) -> None:
    """The same guard as without."""
    assert phone.raw(SMUGGLING.replace(b"duologue.example", phone.host.encode())).startswith(b"HTTP/1.1 400")


def test_the_operators_pages_stay_on_this_machine(phone: Phone) -> None:
    """All addresses are the public's listener, and no other one is."""
    ops = int(phone.server.ops_url.rpartition(":")[2])
    found = psutil.Process(phone.server.pid).net_connections("tcp")
    listening = {tuple(each.laddr) for each in found if each.status == psutil.CONN_LISTEN}
    assert ("127.0.0.1", ops) in listening
    assert {host for host, port in listening if port != ops} <= {"0.0.0.0", "::"}
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((phone.host, ops), 5)


def test_it_says_what_a_person_needs(phone: Phone) -> None:
    """The best address, all others, what the warning means, and the fingerprint of what is served."""
    said = "".join(phone.server.said)
    assert f"phone  {phone.url}," in said
    assert all(each in said for each in phone.addresses())
    assert "warns once" in said
    with (
        socket.create_connection((phone.host, phone.server.port), 15) as plain,
        phone.trust().wrap_socket(plain, server_hostname=phone.host) as secure,
    ):
        served = secure.getpeercert(binary_form=True)
    assert served is not None
    printed = "".join(re.findall(r"^ +((?:[0-9A-F]{2}:?){16})$", said, re.MULTILINE)).replace(":", "")
    assert printed == hashlib.sha256(served).hexdigest().upper()
    assert "to everybody on this network" in said
    assert "█" not in said, "a code for a camera in a log"


def test_a_restart_keeps_the_certificate(host: str) -> None:
    """The phone warns once, not after each start; and other users of the machine cannot read the key."""
    with data_folder() as data:
        kept: list[bytes] = []
        known = addresses()
        while len(kept) < 2:
            with serving("--lan", "--no-page", "--data", str(data)) as server:
                kept.append((data / FILE).read_bytes())
                assert server.stop() == 0
            if known != (known := addresses()):  # another test made a network meanwhile
                kept.clear()
        assert kept[0] == kept[1]
        assert (data / FILE).stat().st_mode & 0o777 == 0o600


def test_a_terminal_shows_the_code(host: str) -> None:
    """Of the best address, black on white, square by square."""
    ours, its = pty.openpty()
    with data_folder() as data:
        port = free_port()
        options = ("--lan", "--no-page", "--port", str(port), "--ops-port", "0", "--data", str(data))
        environment = clean_environment({"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "50"})
        process = subprocess.Popen([*COMMAND, *options], env=environment, stdout=its, stderr=its)
        try:
            os.close(its)
            said = b""
            while b"Ctrl-C ends it" not in said:
                said += os.read(ours, 4_096)
            process.send_signal(signal.SIGTERM)
            assert process.wait(STOP_S) == 0
        finally:
            process.kill()
            process.wait()
            os.close(ours)
    shown = re.findall(r"\x1b\[38;5;16;48;5;231m([ ▀▄█]+)\x1b\[0m", said.decode())
    assert shown == qr.drawn(qr.matrix(f"https://{host}:{port}"))


def free_port() -> int:
    with socket.create_server(("0.0.0.0", 0)) as one:
        return int(one.getsockname()[1])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--host", "192.0.2.77"), "leave --host out"),
        (
            ("--media", "livekit", "--livekit-url", "ws://192.168.1.5:7880"),
            "browsers connect to LiveKit over wss://",
        ),
    ],
)
def test_what_does_not_go_together(options: tuple[str, ...], words: str) -> None:
    """One line, which says what to do; nothing was served."""
    keys = {"LIVEKIT_API_KEY": "key", "LIVEKIT_API_SECRET": "s" * 32}
    done = subprocess.run(
        [*COMMAND, "--lan", "--no-page", *options],
        env=clean_environment(keys),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert words in done.stderr


def test_a_proxy_on_this_machine_is_still_believed(phone: Phone) -> None:
    """It asks over plain HTTP on loopback, and its word about TLS makes the cookies those of TLS."""
    connection = http.client.HTTPConnection("127.0.0.1", phone.server.port, timeout=15)
    headers = {"Host": "chat.example", "X-Forwarded-Proto": "https", "Content-Type": "application/json"}
    connection.request("POST", "/v1/sessions", "{}", headers)
    answer = connection.getresponse()
    assert answer.status == 201
    assert "__Host-duologue_session=" in (answer.headers["Set-Cookie"] or "")
    connection.close()
