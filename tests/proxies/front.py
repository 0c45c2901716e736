"""What stands in front of the servers: the configurations of `deploy/`, with a test's addresses in them."""

import os
import shutil
import signal
import ssl
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.e2e.serving import free_port
from tests.e2e.waiting import until

DEPLOY = Path(__file__).parents[2] / "deploy"
READY_S = 30
STOP_S = 15
NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Front:
    """Where people come in."""

    name: str
    url: str
    tls: ssl.SSLContext | None = None
    http2: bool = False
    pid: int = 0

    def client(self, *, at: str = "127.0.0.1") -> httpx.AsyncClient:
        """A browser's HTTP: it asks for compressed answers, and has no deadline on a stream.

        ``at``: its own address, of this machine's many.
        """
        transport = httpx.AsyncHTTPTransport(
            http2=self.http2,
            http1=not self.http2,
            verify=self.tls or False,
            local_address=at,
            trust_env=False,
        )
        accept = {"Accept-Encoding": "gzip, deflate, br"}
        timeout = httpx.Timeout(10, read=None)
        url = self.url.replace("localhost", "127.0.0.1")
        return httpx.AsyncClient(base_url=url, headers=accept, timeout=timeout, transport=transport)


def edited(folder: Path, into: Path, edits: Mapping[str, str]) -> None:
    """The files of the folder with an operator's edits: each old text is there, and replaced wherever it is.

    A configuration that changes so that a test would no longer use it as documented fails here.
    """
    into.mkdir(parents=True, exist_ok=True)
    left = set(edits)
    for file in sorted(folder.iterdir()):
        text = file.read_text()
        for old, new in edits.items():
            if old in text:
                left.discard(old)
                text = text.replace(old, new)
        (into / file.name).write_text(text)
    assert not left, f"not in {folder}: {left}"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate for localhost, signed with its own key."""

    chain: Path
    key: Path

    def trusted(self) -> ssl.SSLContext:
        """Return the trust of a client that trusts only this certificate."""
        return ssl.create_default_context(cafile=self.chain)


def certificate(folder: Path) -> Certificate:
    """A new one, good for two days."""
    made = Certificate(folder / "fullchain.pem", folder / "privkey.pem")
    command = ["openssl", "req", "-x509", "-nodes", "-days", "2"]
    command += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command += ["-keyout", str(made.key), "-out", str(made.chain)]
    subprocess.run(command, check=True, capture_output=True)
    return made


def nginx_binary() -> str | None:
    """Debian puts it where only root looks."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextmanager
def nginx(
    folder: Path,
    servers: Sequence[str],
    *,
    site: str,
    cert: Certificate | None = None,
    more: Mapping[str, str] = NOTHING,
) -> Iterator[Front]:
    """`deploy/nginx` in front of these addresses (`host:port`, one or two); ``site``: `http` or `https`.

    ``more``: edits besides, by which a test shows what a line is for.
    """
    port = free_port()
    first, second = servers[0], servers[-1]
    temporary = "".join(
        f"{kind}_temp_path {folder / kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    edits = {
        "user www-data;": "user root;" if os.geteuid() == 0 else "",
        "worker_processes auto;": "worker_processes 1;",
        "worker_rlimit_nofile 65536;": "worker_rlimit_nofile 8192;",
        "worker_connections 16384;": "worker_connections 4096;",
        "access_log off;": f"access_log off;\n{temporary}",
        "include https.conf;": f"include {site}.conf;",
        "server 127.0.0.1:8000 ": f"server {first} ",
        "server 127.0.0.1:8010 ": f"server {second} ",
        "listen 80;": f"listen 127.0.0.1:{free_port()};",
        "listen 80 sndbuf": f"listen 127.0.0.1:{port} sndbuf",
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/nginx/duologue/": f"{cert.chain.parent if cert else folder}/",
    }
    edited(DEPLOY / "nginx", folder, {**edits, **more})
    command = [nginx_binary() or "nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    command += ["-e", str(folder / "error.log"), "-g", f"daemon off; pid {folder / 'pid'};"]
    tls = cert.trusted() if site == "https" and cert else None
    with _running(command, port, folder / "said", {}) as pid:
        yield Front(f"nginx-{site}", _url(port, tls), tls, http2=tls is not None, pid=pid)


@contextmanager
def caddy(
    folder: Path, servers: Sequence[str], *, cert: Certificate, more: Mapping[str, str] = NOTHING
) -> Iterator[Front]:
    """`deploy/caddy` in front of these addresses, with our certificate in place of one that it fetches."""
    port = free_port()
    sites = f"https://localhost:{port}, https://127.0.0.1:{port}"
    edits = {
        "\tgrace_period 2s\n": "\tgrace_period 2s\n\tadmin off\n\tauto_https disable_redirects\n",
        "duologue.example {": f"{sites} {{\n\tbind 127.0.0.1\n\ttls {cert.chain} {cert.key}",
        "reverse_proxy 127.0.0.1:8000 127.0.0.1:8010": f"reverse_proxy {' '.join(servers)}",
    }
    edited(DEPLOY / "caddy", folder, {**edits, **more})
    command = ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    tls = cert.trusted()
    with _running(command, port, folder / "said", home) as pid:
        yield Front("caddy", _url(port, tls), tls, http2=True, pid=pid)


def _url(port: int, tls: ssl.SSLContext | None) -> str:
    return f"{'https' if tls else 'http'}://localhost:{port}"


@contextmanager
def _running(command: Sequence[str], port: int, log: Path, environment: Mapping[str, str]) -> Iterator[int]:
    with log.open("wb") as said:
        process = subprocess.Popen(
            command, stdout=said, stderr=subprocess.STDOUT, env={**os.environ, **environment}
        )
        try:
            until(lambda: _answers(port) or process.poll() is not None, READY_S, f"{command[0]} listens")
            assert process.poll() is None, f"{command[0]} ended:\n{log.read_text(errors='replace')}"
            yield process.pid
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(STOP_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def _answers(port: int) -> bool:
    try:
        httpx.get(f"http://localhost:{port}/", timeout=1, trust_env=False)
    except httpx.RemoteProtocolError:
        return True  # it wants TLS
    except httpx.HTTPError:
        return False
    return True
