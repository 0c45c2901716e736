"""The one table of settings: what it reads, and what it refuses."""

import contextlib
import json
import os
import re
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from duologue import cli, logs, wiring
from duologue.cli import OTHER_VARIABLES, misspelt, options, secrets, shown, variables
from duologue.floods import Floods
from duologue.identity.buckets import Rate
from duologue.identity.limits import DEFAULTS, Kind, Rates
from duologue.pairing.timings import Timings
from duologue.redaction import holds_password, redacted
from duologue.settings import Settings, SettingsError, flag
from tests.serving import clean_environment

DEAF = {"deaf_after_ms": 1_200, "heartbeat_ms": 15_000}


def refused(**given: Any) -> str:
    """The one line with which these settings are refused."""
    timings = {each.name: given.pop(each.name) for each in fields(Timings) if each.name in given}
    with pytest.raises(SettingsError) as caught:
        Settings(**given, timings=replace(Timings(), **timings)).check(**DEAF)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_defaults_can_work() -> None:
    """They pass their own check, with the delays that the loops really have."""
    wiring.check(replace(Settings(), page=False))


def test_every_timing_of_the_state_machine_is_a_setting() -> None:
    """It is declared once, in ``Timings``, and read as the others are."""
    names = [each.name for each in Settings.options()]
    assert len(names) == len(set(names))
    assert {each.name for each in fields(Timings)} < set(names)
    settings = Settings.parse({"owed_ms": 4_000, "strict_tags": True, "port": 1})
    assert (settings.timings.owed_ms, settings.timings.strict_tags, settings.port) == (4_000, True, 1)


def test_limits_of_some_kinds() -> None:
    """Text of the environment, or of several options; the other kinds keep their limits."""
    spaced = Settings.parse({"limit": " skips=1/2,3/4  joins=off "})
    assert spaced == Settings.parse({"limit": ("skips=1/2,3/4", "joins=off")})
    expected = {Kind.SKIPS: Rates(Rate(1, 2), Rate(3, 4)), Kind.JOINS: Rates(None, Rate(6_000, 3_000))}
    assert spaced.rates() == {**DEFAULTS, **expected}
    assert Settings().rates() == DEFAULTS
    assert Settings(limits=False).rates() == {}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--limit", "skip=1/2"], "--limit: 'skip' is not a kind of request"),
        (["--limit", "skips=1/2", "--limit", "skips=,3/4"], "--limit names skips twice"),
        (["--limit", "skips=1/2", "--no-limits"], "--limit needs limits"),
    ],
)
@pytest.mark.usefixtures("logs_restored")
def test_limits_that_are_refused(capsys: pytest.CaptureFixture[str], given: list[str], words: str) -> None:
    """In one line, before anything is served."""
    code, line = said_of(capsys, *given, "--no-page", "--data", "none")
    assert (code, line.count("\n")) == (2, 1)
    assert words in line


def test_the_rules_of_the_state_machine_have_a_help_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    """``serve --help`` names that page and leaves them out; between them each option is listed once."""
    pages = []
    for wanted in ("--help", "--help-advanced"):
        with contextlib.suppress(SystemExit):
            cli.main(["serve", wanted])
        pages.append(capsys.readouterr().out)
    plain, advanced = ({*re.findall(r"^  (--[a-z-]+)", page, re.MULTILINE)} for page in pages)
    assert not plain & advanced
    assert {"--port", "--limit", "--network-people", "--help-advanced"} < plain
    assert {"--owed-ms", "--looks", "--strict-tags"} < advanced
    named = {flag(each.name) for each in Settings.options() if not each.metadata.get("secret")}
    assert plain | advanced == named | {"--help", "--help-advanced"}


def test_every_setting_says_what_it_is_for() -> None:
    """One sentence each, and durations carry their unit in the name."""
    for each in Settings.options():
        assert each.metadata["help"].endswith((".", ")")), each.name
        if each.type in (int, float) and each.name != "port":
            units = (
                "_ms",
                "_s",
                "_ratio",
                "looks",
                "windows",
                "page_changes",
                "ask_after",
                "_percent",
                "_bytes",
                "_chars",
                "_people",
                "_events",
            )
            assert each.name.endswith(units), each.name


def test_nothing_given_means_the_defaults() -> None:
    """``None`` is what an option that was not given has."""
    assert Settings.parse({"port": None, "pools": None}) == Settings()


@pytest.mark.parametrize(
    ("text", "pools"), [("main", ("main",)), ("main,de,fr", ("main", "de", "fr")), (" a , b ,", ("a", "b"))]
)
def test_pools_are_names_separated_by_commas(text: str, pools: tuple[str, ...]) -> None:
    """Spaces around them do not matter."""
    assert Settings.parse({"pools": text}).pools == pools


@pytest.mark.parametrize("text", ["", ",", "a b", "a,a", "{0}", "é", "x" * 65])
def test_bad_pools(text: str) -> None:
    """No name, the same twice, or what would not fit a key."""
    with pytest.raises(SettingsError, match="--pools"):
        Settings.parse({"pools": text}).check(**DEAF)


@pytest.mark.parametrize("text", ["a b", '"', "é", "x" * 33])
def test_bad_terms_versions(text: str) -> None:
    """The version stands in a page and in each join, so it is one short word."""
    with pytest.raises(SettingsError, match="--terms-version"):
        Settings.parse({"terms_version": text}).check(**DEAF)


def test_ice_servers_as_addresses() -> None:
    """The short form, for servers that need no password."""
    settings = Settings.parse({"ice_servers": "stun:a.example:3478, stuns:b.example"})
    assert settings.ice_servers == ({"urls": ["stun:a.example:3478"]}, {"urls": ["stuns:b.example"]})


def test_ice_servers_as_json() -> None:
    """The long form is what the browser gets, as it stands; one object may go without its list."""
    turn = {"urls": ["turn:t.example?transport=udp"], "username": "u", "credential": "c"}
    assert Settings.parse({"ice_servers": json.dumps([turn])}).ice_servers == (turn,)
    assert Settings.parse({"ice_servers": json.dumps(turn)}).ice_servers == (turn,)


@pytest.mark.parametrize(
    "text",
    [
        "http://a",
        "[",
        "[1]",
        '[{"urls": []}]',
        '{"urls": 1}',
        '{"urls": [1]}',
        '{"urls": "stun:"}',
        '{"urls": "turn:t.example", "username": "u"}',
        '{"urls": "turn:t.example", "credential": "c"}',
    ],
)
def test_bad_ice_servers(text: str) -> None:
    """No address, no JSON, or half of a TURN server's credentials: refused here, not in a browser."""
    with pytest.raises(SettingsError, match="--ice-servers"):
        Settings.parse({"ice_servers": text})


TURN = Settings.parse({"ice_servers": "stun:s.example,turn:t.example"}).ice_servers


def test_a_turn_server_needs_credentials() -> None:
    """Its own, or ours to make; refused here, not in a browser."""
    assert "DUOLOGUE_TURN_SECRET" in refused(ice_servers=TURN)
    replace(Settings(), ice_servers=TURN, turn_secret="s").check(**DEAF)
    own = '{"urls": "turns:t.example", "username": "u", "credential": "c"}'
    Settings.parse({"ice_servers": own}).check(**DEAF)


@pytest.mark.parametrize("given", [{"relay_only": True}, {"turn_secret": "s"}])
def test_relaying_needs_a_turn_server(given: dict[str, Any]) -> None:
    """With none there would be no way from one to the other, and no word of it."""
    assert "turn:" in refused(**given)
    assert "turn:" in refused(**given, ice_servers=Settings.parse({"ice_servers": "stun:s"}).ice_servers)
    replace(Settings(), ice_servers=TURN, turn_secret="s", relay_only=True).check(**DEAF)


LIVEKIT: dict[str, Any] = {
    "media": "livekit",
    "livekit_url": "wss://livekit.example",
    "livekit_api_key": "k",
    "livekit_api_secret": "s",
}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"media": "carrier-pigeon"}, "--media is one of peer, livekit"),
        ({"livekit_url": ""}, "--media livekit needs --livekit-url"),
        ({"livekit_url": "livekit.example"}, "--livekit-url is an address .*, not 'livekit.example'"),
        ({"livekit_api_url": "http://"}, "--livekit-api-url is an address"),
        ({"livekit_api_key": ""}, "set LIVEKIT_API_KEY and LIVEKIT_API_SECRET"),
        ({"livekit_api_secret": ""}, "set LIVEKIT_API_KEY and LIVEKIT_API_SECRET"),
        ({"livekit_namespace": "a_b"}, "--livekit-namespace is 1 to 32 .*, not 'a_b'"),
        ({"livekit_namespace": "x" * 33}, "--livekit-namespace"),
        ({"livekit_auto_create": "yes"}, "--livekit-auto-create is one of ask, on, off"),
    ],
)
def test_a_livekit_project_that_cannot_be_meant(given: dict[str, Any], words: str) -> None:
    """Refused by the name of what is wrong, before anything is served."""
    assert re.search(words, refused(**(LIVEKIT | given)))


def test_a_livekit_project_that_can() -> None:
    """With all that it may have; with peer media there is nothing to fall back from."""
    more: dict[str, Any] = {"livekit_api_url": "http://10.0.0.7:7880", "livekit_namespace": "chat-1"}
    replace(Settings(), **LIVEKIT, **more, media_fallback=True).check(**DEAF)
    assert "--media-fallback" in refused(media_fallback=True)


WITHOUT_THE_EXTRA = """
import sys
sys.modules["livekit"] = None
from duologue.cli import main
main()
"""


def test_livekits_library_is_an_extra(tmp_path: Path) -> None:
    """The command without it: one line that says how to get it."""
    environment = {"DUOLOGUE_LIVEKIT_API_KEY": "k", "DUOLOGUE_LIVEKIT_API_SECRET": "s"}
    given = ("--port", "0", "--no-page", "--data", str(tmp_path))
    livekit = ("--media", "livekit", "--livekit-url", "ws://127.0.0.1:1")
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_EXTRA, "serve", *given, *livekit],
        check=False,
        env=clean_environment(environment),
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert ended.returncode == 2
    assert "pip install 'duologue[livekit]'" in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr


def test_redis_needs_a_signing_key() -> None:
    """If each server had another key, a person would be a different person on the next server."""
    line = refused(redis_url="redis://localhost")
    assert "DUOLOGUE_SECRET" in line
    assert "token_urlsafe" in line
    replace(Settings(), redis_url="redis://localhost", secret="x" * 32).check(**DEAF)


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_port_that_there_is_not(port: int) -> None:
    """Refused by name."""
    assert "--port" in refused(port=port)


@pytest.mark.parametrize(("name", "value"), [("log_level", "loud"), ("log_format", "xml"), ("drain_s", 0)])
def test_a_value_that_there_is_not(name: str, value: object) -> None:
    """Refused by the option's name."""
    assert "--" + name.replace("_", "-") in refused(**{name: value})


@pytest.mark.parametrize("name", ["owed_ms", "away_bucket_ms", "media_ms", "lease_ms", "drain_ms"])
def test_deafness_is_noticed_before_the_shortest_deadline(name: str) -> None:
    """Else a process that hears nothing loses people who are there: such settings are refused."""
    assert "hears nothing" in refused(**{name: 1_200})


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"owed_again_ms": 3_000}, "--owed-again-ms --owed-ms"),
        ({"away_floor_ms": 5_000}, "--away-floor-ms --away-bucket-ms"),
        ({"owed_ms": 25_000}, "--owed-ms --drain-ms"),
        ({"silent_after_ms": 5_000}, "--silent-after-ms --silence-stale-ms"),
        ({"silence_stale_ms": 10_000}, "--silence-stale-ms --silence-ms"),
        ({"process_dead_ms": 25_000}, "--process-dead-ms --drain-ms"),
        ({"rematch_ms": 900_000}, "--rematch-ms --recent-ttl-ms"),
        ({"lease_ms": 30_000}, "--lease-ms"),
        ({"process_dead_ms": 2_400}, "--process-dead-ms"),
        ({"looks": 0}, "--looks"),
        ({"relax_after_ms": -1}, "--relax-after-ms"),
    ],
)
def test_timings_that_cannot_work_together(given: dict[str, int], names: str) -> None:
    """The line names the options that it is about."""
    line = refused(**given)
    for name in names.split():
        assert name in line


# --- the command line and the environment ------------------------------------------------


def test_every_setting_is_an_option_and_a_variable() -> None:
    """By the same name; secrets are variables only."""
    made = {each.name: each for each in (*options(), *options(advanced=True))}
    unseen = {
        "secret",
        "admin_secret",
        "turn_secret",
        "livekit_api_key",
        "livekit_api_secret",
        "webhook_secrets",
    }
    assert set(made) | unseen == {each.name for each in Settings.options()}
    for name, each in made.items():
        assert each.opts == ["--" + name.replace("_", "-")]
        assert each.envvar == variables(name)
        assert variables(name)[0] == f"DUOLOGUE_{name.upper()}"
    assert OTHER_VARIABLES["redis_url"] == ("REDIS_URL",)


def test_the_signing_key_comes_from_the_environment() -> None:
    """An empty one is none."""
    assert secrets({"DUOLOGUE_SECRET": "s", "DUOLOGUE_PORT": "1"}) == {"secret": "s"}
    assert secrets({"DUOLOGUE_SECRET": ""}) == {}


SECRETIVE = {
    "--redis-url": [
        "redis://:hush@store.example:6379/0",
        "rediss://user:hush,er@store.example",
        "redis://hush@store.example",
        "redis://user:hu/sh@er@store.example",
        "unix:///run/store.sock?password=hush",
        "redis://store.example?username=u&password=hush",
        "redis//:hush@mistyped",
    ],
    "--ice-servers": [
        '[{"urls": "turn:t.example", "username": "u", "credential": "hush"}]',
        '{"urls": "turn:t.example", "credential": "hush',
        "{urls: 'turn:t.example', credential: 'hush'}",
        "stun:s.example,turn:user:hush@t.example",
    ],
    "--livekit-url": ["wss://key:hush@livekit.example", "wss://livekit.example?access_token=hush"],
    "--livekit-api-url": ["https://key:hush@livekit.example"],
    "--origins": ["https://user:hush@chat.example"],
    "--cors-origins": ["https://user:hush@chat.example"],
    "--secret": ["hush"],
    "--turn-secret": ["hush"],
    "--livekit-api-key": ["hush"],
    "--livekit-api-secret": ["hush"],
}


def said_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Exit code and line of the command with these arguments; nothing of it runs."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["serve", *arguments])
    return int(ended.value.code or 0), capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value"), [(option, value) for option, values in SECRETIVE.items() for value in values]
)
@pytest.mark.parametrize("joined", [True, False])
def test_no_secret_stands_on_a_command_line(
    capsys: pytest.CaptureFixture[str], option: str, value: str, *, joined: bool
) -> None:
    """One line names the variable to set in its place, and does not show the secret."""
    code, line = said_of(capsys, *([f"{option}={value}"] if joined else [option, value]))
    assert code == 2
    assert line.count("\n") == 1
    assert "DUOLOGUE_" + option.removeprefix("--").replace("-", "_").upper() in line
    assert "hu" not in line.replace("environment", "")


def test_the_other_variable_is_named_too(capsys: pytest.CaptureFixture[str]) -> None:
    """Who set REDIS_URL everywhere else need not learn another name."""
    assert " or REDIS_URL " in said_of(capsys, "--redis-url", "redis://:hush@h")[1]


@pytest.mark.parametrize(
    ("option", "value"), [(option, value) for option, values in SECRETIVE.items() for value in values]
)
def test_a_variable_may_hold_a_secret(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, option: str, value: str
) -> None:
    """Where it goes on, or is refused for another reason; no line shows the secret in either case."""
    monkeypatch.setattr(logs, "configure", lambda *_: Floods(lambda *_: None))
    monkeypatch.setattr(wiring, "serve", checked)
    monkeypatch.setattr(os, "environ", clean_environment({}))
    monkeypatch.setenv("DUOLOGUE_PAGE", "off")
    monkeypatch.setenv("DUOLOGUE_" + option.removeprefix("--").replace("-", "_").upper(), value)
    with contextlib.suppress(SystemExit):
        cli.main(["serve"])
    line = capsys.readouterr().err
    assert "command line" not in line
    assert not re.search(r"hus?/?s?h", line), line


async def checked(settings: Settings, _: object) -> None:
    """In place of a server: what it looks at first."""
    wiring.check(settings)


def test_without_the_look_at_the_command_line_it_would_be_taken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the same value, and no guard."""
    monkeypatch.setattr(cli, "holds_password", lambda _: False)
    monkeypatch.setattr(logs, "configure", lambda *_: Floods(lambda *_: None))
    _, line = said_of(capsys, "--redis-url", "redis://:hush@h", "--no-page")
    assert "set DUOLOGUE_SECRET to 32" in line


@pytest.mark.parametrize(
    "value",
    [
        "redis://localhost:6379/0",
        "unix:///run/store.sock",
        "stun:a.example:3478,turn:b.example?transport=udp",
    ],
)
def test_addresses_without_a_secret_may_stand_there(value: str) -> None:
    """Most have none."""
    assert not holds_password(value)
    assert redacted(f"{value} is away") == f"{value} is away"


def test_browsers_are_told_no_password() -> None:
    """LiveKit's address goes into every state."""
    livekit = {"media": "livekit", "livekit_api_key": "k", "livekit_api_secret": "s"}
    assert "--livekit-url is sent to every browser" in refused(livekit_url="wss://u:p@l.example", **livekit)


def test_livekits_key_has_the_names_that_everybody_gives_it() -> None:
    """Ours goes before theirs, and an empty one is none."""
    theirs = {"LIVEKIT_API_KEY": "a", "LIVEKIT_API_SECRET": "b"}
    assert secrets(theirs) == {"livekit_api_key": "a", "livekit_api_secret": "b"}
    ours = {"DUOLOGUE_LIVEKIT_API_KEY": "c", "DUOLOGUE_LIVEKIT_API_SECRET": ""}
    assert secrets(theirs | ours) == {"livekit_api_key": "c", "livekit_api_secret": "b"}
    assert variables("livekit_url") == ["DUOLOGUE_LIVEKIT_URL", "LIVEKIT_URL"]


def test_a_misspelt_variable_is_told() -> None:
    """It would silently not hold. What others put there is left alone."""
    environment = dict.fromkeys(
        ["DUOLOGUE_POOL", "DUOLOGUE_PORT", "DUOLOGUE_SECRET", "REDIS_URLS", "DUOLOGUE_SERVICE_HOST"], "x"
    )
    assert list(misspelt(environment)) == ["there is no setting DUOLOGUE_POOL; did you mean DUOLOGUE_POOLS?"]
    assert list(misspelt({"DUOLOGUE_QQQQQQ": "x"})) == ["there is no setting DUOLOGUE_QQQQQQ"]


@pytest.mark.parametrize(
    ("default", "text"),
    [(True, "on"), (False, "off"), ((), "none"), (("a", "b"), "a,b"), ("", "none"), (0, "0")],
)
def test_defaults_are_shown_as_one_would_type_them(default: object, text: str) -> None:
    """In the help of the command, and in docs/settings.md."""
    assert shown(default) == text


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"body_bytes": 65_537}, "--body-bytes is 1024 to 65536, not 65537"),
        ({"message_chars": 0}, "--message-chars is 1 to 2000"),
        ({"body_bytes": 16_384}, "--signal-bytes must be less than --body-bytes"),
        ({"cors_origins": ("chat.example",)}, "--cors-origins: 'chat.example' is not an origin"),
        ({"cors_origins": ("https://chat.example/page",)}, "is not an origin"),
        ({"origins": ("*",)}, "--origins: '\\*' is not an origin"),
        ({"origins": ("null",)}, "'null' is not an origin"),
    ],
)
def test_limits_and_origins_that_cannot_be_meant(given: dict[str, Any], words: str) -> None:
    """A cookie cannot be for any page, and an origin has no path."""
    assert re.search(words, refused(**given))
    Settings(cors_origins=("*",), origins=("https://chat.example:8443", "http://[::1]:80")).check(**DEAF)


def test_a_misspelt_proxy_is_refused() -> None:
    """By the name of its option."""
    with pytest.raises(SettingsError, match=r"--trusted-proxies: '10\.0\.0\.0/99'"):
        wiring.check(replace(Settings(), page=False, trusted_proxies="10.0.0.0/99"))


@pytest.mark.usefixtures("logs_restored")
def test_a_brand_file_is_refused_at_the_start(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Exit code 2, and a line for each mistake with its key and what to write; nothing is served."""
    monkeypatch.setattr(wiring, "WEB", tmp_path)
    (tmp_path / "index.html").touch()
    file = tmp_path / "brand.toml"
    file.write_text("nmae = 'Plaza'\n[colours]\naccent = 'teal'\n")
    code, lines = said_of(capsys, "--brand", str(file), "--data", str(tmp_path / "data"))
    assert code == 2
    first, second = lines.splitlines()
    assert "there is no key nmae; the keys are name," in first
    assert "colours.accent is # and six hexadecimal digits, such as" in second
    code, line = said_of(capsys, "--brand", str(tmp_path / "none.toml"), "--data", str(tmp_path / "data"))
    assert (code, line.count("\n")) == (2, 1)
    assert "none.toml cannot be read (No such file or directory)" in line
    assert not (tmp_path / "data").exists()


def test_a_brand_needs_the_page() -> None:
    """Without the page the file would silently change nothing."""
    assert "--brand changes the page" in refused(brand="brand.toml", page=False)


SECRET = "whsec_" + "A" * 32
"""24 bytes, in base64."""


def webhooks(*addresses: str, secrets: str = SECRET, **more: object) -> Settings:
    return Settings.parse({"webhook": addresses, "webhook_secrets": secrets, **more})


def test_webhooks_and_their_secrets(tmp_path: Path) -> None:
    """One secret for all addresses, or one entry for each; two with a comma; from a file, too."""
    one, two = "https://a.example/hooks", "match.started=https://b.example/"
    assert [each.url for each in webhooks(one).webhook] == [one]
    webhooks(one, two, match_events=True).check(**DEAF)
    webhooks(one, two, secrets=f"{SECRET},{SECRET} {SECRET}", match_events=True).check(**DEAF)
    file = tmp_path / "secrets"
    file.write_text(f"{SECRET}\n{SECRET}\n")
    assert len(webhooks(one, secrets=f"@{file}").webhook_secrets) == 2


@pytest.mark.parametrize(
    ("addresses", "secrets", "says"),
    [
        (["https://a.example"], "", "DUOLOGUE_WEBHOOK_SECRETS has 0 entries for 1"),
        ([], SECRET, "DUOLOGUE_WEBHOOK_SECRETS has 1 entries for 0"),
        (["https://a.example"], f"{SECRET} {SECRET}", "has 2 entries for 1"),
        (["https://a.example", "https://a.example"], SECRET, "twice"),
        (["match.started=https://a.example"], SECRET, "--match-events"),
        (["person.online=https://a.example"], SECRET, "--presence-events"),
    ],
)
def test_webhooks_that_cannot_work(addresses: list[str], secrets: str, says: str) -> None:
    """Each says what to do."""
    with pytest.raises(SettingsError, match=says):
        webhooks(*addresses, secrets=secrets).check(**DEAF)


def test_a_bad_webhook_is_refused_as_it_is_read(tmp_path: Path) -> None:
    """The message never repeats a secret."""
    with pytest.raises(SettingsError, match=r"--webhook: 'ftp://a\.example' is not an address"):
        webhooks("ftp://a.example")
    with pytest.raises(SettingsError, match="DUOLOGUE_WEBHOOK_SECRETS: a secret is whsec_") as refused:
        webhooks("https://a.example", secrets="hunter2hunter2")
    assert "hunter2" not in str(refused.value)
    with pytest.raises(SettingsError, match="the file cannot be read"):
        webhooks("https://a.example", secrets=f"@{tmp_path / 'none'}")
