"""``duologue admin`` against a real server: what moderators do at a terminal, and what can go wrong there."""

import json
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from duologue.identity.tokens import person_id
from tests.integration.test_cli import SECRET
from tests.servers import StoreServer
from tests.serving import Serving, clean_environment, refused, serving

ADMIN_SECRET = "a" * 32


class Terminal:
    """A moderator's terminal, with the token in its environment."""

    def __init__(self, url: str) -> None:
        self.environment = {"DUOLOGUE_ADMIN_URL": url, "DUOLOGUE_ADMIN_SECRET": ADMIN_SECRET}
        code, token = self.runs("token", "--sub", "mona")
        assert code == 0
        self.environment["DUOLOGUE_ADMIN_TOKEN"] = token.strip()

    def runs(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """Exit code and what it prints, errors included."""
        done = subprocess.run(
            [sys.executable, "-m", "duologue", "admin", *arguments],
            env=clean_environment(self.environment | environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=30,
            check=False,
        )
        return done.returncode, done.stdout

    def says(self, *arguments: str) -> str:
        code, said = self.runs(*arguments)
        assert code == 0, said
        return said

    def fails(self, *arguments: str, **environment: str) -> str:
        """One line, and exit code 1."""
        code, said = self.runs(*arguments, **environment)
        assert (code, said.count("\n")) == (1, 1), said
        assert said.startswith("duologue: ")
        return said


@pytest.fixture
def server(valkey9: StoreServer) -> Iterator[Serving]:
    environment = {"DUOLOGUE_SECRET": SECRET, "DUOLOGUE_ADMIN_SECRET": ADMIN_SECRET, "REDIS_URL": valkey9.url}
    with serving("--no-page", "--admin-port", "0", **environment) as it:
        yield it


@pytest.fixture
def terminal(server: Serving) -> Terminal:
    """The server says at its start where the admin API is."""
    said = server.until_it_says(r"admin  (http://\S+)/admin/v1")
    return Terminal(said[1].replace("localhost", "127.0.0.1"))


REASONS = ("--rule", "No nudity", "--why", "It was reported.")


def test_a_ban_from_the_first_look_to_the_end(server: Serving, terminal: Terminal) -> None:
    """By the subject of the host's tokens, by an id that begins with a hyphen, and with JSON for scripts."""
    guest = httpx.post(f"{server.url}/v1/sessions", json={"cookie": False}).json()
    fields = {"Authorization": f"Bearer {guest['token']}"}
    person = guest["person"]
    assert "not online" in terminal.says("person", "--", person)
    assert f"would hit {person}" in terminal.says("ban", *REASONS, "--dry-run", "--", person)
    banned = json.loads(terminal.says("ban", *REASONS, "--for", "24h", "--json", "--", person))
    joined = httpx.post(f"{server.url}/v1/join", json={"intent": 1}, headers=fields)
    assert (joined.status_code, joined.json()["sanction"]["kind"]) == (403, "pause")
    assert f"pause  {person}" in terminal.says("bans")
    assert "lifted" in terminal.says("unban", banned["sanction"], "--why", "a mistake", "--", person)
    assert httpx.post(f"{server.url}/v1/join", json={"intent": 1}, headers=fields).status_code == 200
    assert "warn" in terminal.says("warn", *REASONS, "--sub", "42", "--iss", "shop")
    assert person_id("shop", "42") in terminal.says("bans")
    terminal.says("kick", "--", "-starts-with-a-hyphen")
    terminal.says("kick", "-starts-with-a-hyphen")
    assert terminal.says("audit", "--verify").startswith("5 entries fit; the last hash is ")
    acts = [each["act"] for each in json.loads(terminal.says("audit", "--json"))]
    assert acts == ["pause", "lift", "warn", "kick", "kick"]


@pytest.mark.parametrize("where", ["middle", "end", "text"])
def test_an_audit_that_was_changed(
    server: Serving, terminal: Terminal, valkey9: StoreServer, where: str
) -> None:
    """An entry that is missing, at the end too, or whose text is another one: one line, exit code 1."""
    for person in ("ann", "ben", "cat"):
        terminal.says("kick", person)
    with valkey9.client() as client:
        entries = client.xrange("{0}audit")
        if where == "text":
            last_id, last = entries[-1]
            client.xdel("{0}audit", last_id)
            text = last[b"entry"].replace(b"cat", b"dog")
            client.xadd("{0}audit", {"entry": text, "hash": last[b"hash"]})
        else:
            client.xdel("{0}audit", entries[1 if where == "middle" else -1][0])
    said = terminal.fails("audit", "--verify")
    assert ("missing" in said) == (where != "text")


def test_mistakes_at_a_terminal(server: Serving, terminal: Terminal) -> None:
    """One line each that says what to do."""
    assert "set DUOLOGUE_ADMIN_TOKEN" in terminal.fails("bans", DUOLOGUE_ADMIN_TOKEN="")
    assert "not signed with DUOLOGUE_ADMIN_SECRET" in terminal.fails("bans", DUOLOGUE_ADMIN_TOKEN="x")
    assert "no admin API answers" in terminal.fails("bans", DUOLOGUE_ADMIN_URL="http://127.0.0.1:1")
    assert "is not the address of a server" in terminal.fails("bans", DUOLOGUE_ADMIN_URL="file:///etc/passwd")
    assert "(not-found)" in terminal.fails("bans", DUOLOGUE_ADMIN_URL=server.url)
    assert "set DUOLOGUE_ADMIN_SECRET" in terminal.fails("token", "--sub", "mona", DUOLOGUE_ADMIN_SECRET="")
    assert "name a person" in terminal.fails("kick")
    assert "has no sanction" in terminal.fails("unban", "x_1", "ben")
    _, viewer = terminal.runs("token", "--sub", "vic", "--role", "viewer")
    assert "needs the role moderator" in terminal.fails("kick", "ben", DUOLOGUE_ADMIN_TOKEN=viewer.strip())


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"DUOLOGUE_ADMIN_SECRET": "short"}, "DUOLOGUE_ADMIN_SECRET is 32 characters or more"),
        ({"DUOLOGUE_ADMIN_SECRET": SECRET}, "must be another key than DUOLOGUE_SECRET"),
        ({"DUOLOGUE_ADMIN_SECRET": ADMIN_SECRET, "DUOLOGUE_ADMIN_PORT": "8000"}, "--admin-port must differ"),
    ],
)
def test_a_start_that_is_refused(environment: dict[str, str], words: str) -> None:
    """In one line, before anything listens."""
    code, said = refused("--no-page", DUOLOGUE_SECRET=SECRET, **environment)
    assert (code, words in said) == (2, True), said


def test_the_secret_stands_on_no_command_line() -> None:
    """As every secret."""
    code, said = refused("--admin-secret", ADMIN_SECRET)
    assert (code, "set DUOLOGUE_ADMIN_SECRET in the environment" in said) == (2, True)
