"""Every setting, once: its name with its unit, its default, and why.

The command line, the environment (``DUOLOGUE_`` and the name in capitals) and
docs/settings.md are made from this class and from ``pairing.timings.Timings``,
whose fields are settings too. Only ``wiring`` and ``cli`` read it; everything
else gets plain values.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import Field, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from duologue.identity.keyring import MIN_SECRET_BYTES
from duologue.identity.limits import DEFAULTS, Kind, Rates, parsed
from duologue.pairing.timings import Timings
from duologue.pairing.vocabulary import MATCH_EVENTS, PRESENCE_EVENTS
from duologue.redaction import holds_password
from duologue.webhooks.endpoint import Address, address_of
from duologue.webhooks.signing import secret_of

LIVEKIT_URL = re.compile(r"(wss?|https?)://[^\s/]+(/\S*)?")
NAMESPACE = re.compile(r"[A-Za-z0-9-]{1,32}")
KEY_PREFIX = re.compile(r"[A-Za-z0-9:_.-]{0,64}")
TERMS_VERSION = re.compile(r"[A-Za-z0-9._-]{0,32}")
POOL = re.compile(r"[A-Za-z0-9_-]{1,64}")
ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/?|https?://\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?/?")
ICE_SCHEME = re.compile(r"(stuns?|turns?):[^\s]+")

EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 # compared, not bound
"""What ``--host`` may say beside ``--lan``."""

LAN_IS_EVERYWHERE = (
    "--lan listens on all addresses of this machine, not only on {}: leave --host out, or leave --lan out "
    "and put a proxy with a certificate in front (docs/proxies.md)"
)
LAN_NEEDS_WSS = (
    "--lan serves the page over HTTPS, and from there browsers connect to LiveKit over wss:// only: give "
    "such an address in --livekit-url"
)

EVIDENCE_LEAST = 1_048_576
"""Room for a thousand reports and the messages of two full conversations."""

UNSIGNED = (
    "with Redis every server needs the same signing key: set DUOLOGUE_SECRET to 32 or more random "
    "characters, such as those of: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
)

TransportName = Literal["sse", "poll", "both"]
UNKNOWN_TO_TURN = (
    "--ice-servers: {} needs DUOLOGUE_TURN_SECRET, or credentials of its own, "
    '[{{"urls": "turn:…", "username": "…", "credential": "…"}}]'
)

MediaName = Literal["peer", "livekit"]
AutoCreate = Literal["ask", "on", "off"]
LogFormat = Literal["auto", "console", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]


class SettingsError(ValueError):
    """Report a setting that cannot work; the message is one line that says what to do."""


def option(
    default: Any,
    help: str,  # noqa: A002 # typer's word
    *,
    secret: bool = False,
    address: bool = False,
    repeated: bool = False,
    metavar: str | None = None,
) -> Any:
    """A field of ``Settings``. ``secret``: environment only, because others can read a command line.

    ``address``: its value is an address that may hold a password; with one, likewise. ``repeated``: can be
    given several times; in the environment, with spaces between. ``metavar``: the form of its value.
    """
    metadata = {"help": help, "secret": secret, "address": address, "repeated": repeated, "metavar": metavar}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator decides. ``check`` refuses what cannot work."""

    host: str = option(
        "127.0.0.1",
        "Address to listen on. The default serves this machine only; 0.0.0.0 serves all addresses.",
    )
    port: int = option(8000, "Port to listen on; 0 picks a free one.")
    lan: bool = option(
        False,
        "Serve phones and other machines of this network: listen on all addresses, over HTTPS, "
        "with a certificate that this machine makes. The start prints the addresses and a QR "
        "code.",
    )
    ops_host: str = option(
        "127.0.0.1",
        "Address of the operator's pages, /metrics and /transports. Keep it closed to the public.",
    )
    ops_port: int | None = option(
        None, "Port of the operator's pages; 0 picks a free one. The default is the port after --port."
    )
    admin_host: str = option("127.0.0.1", "Address of the admin API, for moderators (docs/safety.md).")
    admin_port: int | None = option(
        None, "Port of the admin API; 0 picks a free one. The default is the second port after --port."
    )
    admin_secret: str = option(
        "",
        "Key that signs the tokens of moderators: 32 characters or more, another key than "
        "DUOLOGUE_SECRET, and the same on all servers. Without it there is no admin API.",
        secret=True,
    )
    data: Path = option(Path("data"), "Folder of the embedded store and its signing key.")
    redis_url: str = option(
        "",
        "Address of a Redis 7+ or Valkey 8+ server, in place of the embedded store (also read: "
        "REDIS_URL). An address with a password is accepted in the environment only.",
        address=True,
    )
    key_prefix: str = option(
        "",
        "What all keys and channels in the store begin with, such as chat:, so that other programs can use "
        "the same server. All servers need the same one; another prefix is another, empty store.",
    )
    rolling_change: bool = option(
        False,
        "Start although another server of the same store has another DUOLOGUE_SECRET or other --pools, "
        "because you are changing them on one server after the other (docs/operate.md).",
    )
    secret: str = option(
        "",
        "Key that signs session tokens: 32 characters or more, the same on all servers. With the "
        "embedded store a key is made at the first start. To rotate keys: "
        "new-name:new-secret,old-name:old-secret.",
        secret=True,
    )
    pools: tuple[str, ...] = option(
        ("main",),
        "Names of the pools in which people meet, separated by commas. The first one is the default.",
    )
    terms_version: str = option(
        "",
        "Version of your rules, such as 2026-12. Only people who agreed to this version can join; the page "
        "asks before Start, and again when it changes (docs/safety.md). Empty: the server does not ask.",
    )
    ice_servers: tuple[Mapping[str, Any], ...] = option(
        (),
        "STUN and TURN servers for media between browsers: addresses separated by commas, or a "
        "JSON list of RTCIceServer objects. Without them only people on one network can see each "
        "other. Servers with a credential are accepted in the environment only.",
        address=True,
    )
    turn_secret: str = option(
        "",
        "Secret shared with your TURN servers (static-auth-secret of coturn). TURN servers "
        "without a username get credentials made for each match; they last 2 hours and are "
        "renewed.",
        secret=True,
    )
    relay_only: bool = option(
        False,
        "Send media between browsers through the TURN servers only, so that people do not see "
        "each other's network address.",
    )
    media: MediaName = option(
        "peer",
        "How picture and sound travel: peer (from browser to browser) or livekit (through a LiveKit server).",
    )
    livekit_url: str = option(
        "",
        "LiveKit address for browsers, such as wss://livekit.example.org (also read: LIVEKIT_URL).",
        address=True,
    )
    livekit_api_url: str = option("", "LiveKit API address, if it differs from --livekit-url.", address=True)
    livekit_api_key: str = option(
        "", "API key of the LiveKit project (also read: LIVEKIT_API_KEY).", secret=True
    )
    livekit_api_secret: str = option(
        "",
        "API secret of the LiveKit project. It signs grants and checks webhooks (also read: "
        "LIVEKIT_API_SECRET).",
        secret=True,
    )
    livekit_namespace: str = option(
        "",
        "Prefix of our room names in the LiveKit project; rooms without it are never touched. The "
        "default is random, made once for each store.",
    )
    livekit_auto_create: AutoCreate = option(
        "ask",
        "Whether the LiveKit server makes a room when a person joins it: on, off, or ask (find "
        "out at the start). Off is safer.",
    )
    media_fallback: bool = option(
        False,
        "Let people meet with media between browsers while LiveKit is unavailable. Off: they "
        "wait, and the page says so.",
    )
    guests: bool = option(
        True, "Give a session to each visitor. Off: only accept tokens that your own back end signed."
    )
    reserved_names: tuple[str, ...] = option(
        (),
        "Names that guests may not use, nor names that look like them: separated by commas, or @ "
        "and the path of a file with one name per line. A * at an end matches anything, as in "
        "*moderator*.",
    )
    transports: TransportName = option(
        "both",
        "How people receive events: sse (streams), poll, or both (streams, and polling where a "
        "stream does not get through).",
    )
    compare_percent: int = option(
        0,
        "With --transports both: percentage of clients that also poll and report differences from "
        "their stream; 0 turns it off.",
    )
    ask_after: int = option(
        3,
        "After this many conversations in a row without a key press, a pointer movement, a "
        "message or speech, the page asks whether the person is still there; 0 never asks.",
    )
    page: bool = option(True, "Serve the page. Off: serve the HTTP interface only.")
    brand: str = option(
        "",
        "TOML file with your name, colours, logo, links and languages for the page (docs/brand.md).",
    )
    origins: tuple[str, ...] = option(
        (),
        "Other origins whose pages may use the session cookie, separated by commas.",
        address=True,
    )
    cors_origins: tuple[str, ...] = option(
        (),
        "Other origins whose pages may call with a bearer token, separated by commas; * allows all.",
        address=True,
    )
    trusted_proxies: str = option(
        "127.0.0.1,::1",
        "Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed: addresses and networks "
        "such as 10.0.0.0/8, or unix for a Unix socket, separated by commas; * believes everyone. "
        "Behind a proxy that is not listed, all people count as one address: they share its "
        "limits, and a block may keep strangers away.",
    )
    body_bytes: int = option(65_536, "Maximum size of a request body. It can only be lowered.")
    message_chars: int = option(2_000, "Maximum length of a message. It can only be lowered.")
    signal_bytes: int = option(
        16_384,
        "Maximum size of a signal of peer media; a description of video takes several thousand "
        "bytes. It can only be lowered.",
    )
    limits: bool = option(
        True, "Limit how often a person and a network address may send each kind of request."
    )
    limit: tuple[tuple[Kind, Rates], ...] = option(
        (),
        "Other limits for one kind of request, in place of the usual ones. skips=60/40,12000/6000: each "
        "person may send 60 skips a minute and 40 at once, each address 12000 and 6000; off turns one of "
        "them off. Can be repeated for other kinds; docs/settings.md lists them.",
        repeated=True,
        metavar="KIND=PERSON,ADDRESS",
    )
    webhook: tuple[Address, ...] = option(
        (),
        "Address of the host application that is told of events (docs/webhooks.md). Can be repeated. With "
        "kinds and = before it, the address hears only of those: match.started,match.ended=https://….",
        address=True,
        repeated=True,
        metavar="[KIND,KIND=]URL",
    )
    webhook_secrets: tuple[tuple[bytes, ...], ...] = option(
        (),
        "Secrets that sign webhooks: whsec_…, or two with a comma between while they are rotated, the new "
        "one first. With a space between for several addresses, in their order; one is for all. @ and a "
        "path: the file that has them.",
        secret=True,
    )
    rewrite_s: float = option(
        900.0,
        "Time between two rewrites of the files of the embedded store. Text that has expired is "
        "gone from the files after the next rewrite.",
    )
    drain_s: float = option(
        5.0, "How long a stop waits for requests in progress. Open streams are told to reconnect."
    )
    log_level: LogLevel = option(
        "info",
        "Lowest level that is logged: debug (also a line for each session, match, end and refusal), info, "
        "warning or error.",
    )
    log_format: LogFormat = option(
        "auto", "Format of the log: console, json, or auto (console on a terminal, else json)."
    )

    timings: Timings = field(default_factory=Timings)

    @classmethod
    def options(cls) -> Iterator["Field[Any]"]:
        """Yield each setting: a field of this class, or one of ``Timings``."""
        yield from (each for each in fields(cls) if each.name != "timings")
        yield from fields(Timings)

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> "Settings":
        """Settings from what a command line or an environment gives: text for each value that is not plain.

        Raises ``SettingsError``; what is not given has its default.
        """
        read = {
            name: _PARSERS[name](value) if name in _PARSERS else value
            for name, value in given.items()
            if value is not None
        }
        timings = {each.name: read.pop(each.name) for each in fields(Timings) if each.name in read}
        return cls(**read, timings=Timings(**timings))

    @property
    def port_of_ops(self) -> int:
        """Where the operator's pages are listened for; 0: on a free port."""
        if self.ops_port is not None:
            return self.ops_port
        return self.port and self.port + 1

    @property
    def port_of_admin(self) -> int:
        """Return where the admin API is listened for; 0: on a free port."""
        if self.admin_port is not None:
            return self.admin_port
        return self.port and self.port + 2

    def rates(self) -> dict[Kind, Rates]:
        """Return the limits of each kind of request; empty where limits are switched off."""
        return {**DEFAULTS, **dict(self.limit)} if self.limits else {}

    def check(self, *, deaf_after_ms: int, heartbeat_ms: int) -> None:
        """Raises ``SettingsError`` at the first thing that cannot work together.

        ``deaf_after_ms``: when a process that hears nothing begins to re-attach its people;
        ``heartbeat_ms``: how often a waiting client is asked for a sign of life.
        """
        for holds, otherwise in (
            *self._plain(),
            *self._from_outside(),
            *self._durations(deaf_after_ms, heartbeat_ms),
        ):
            if not holds:
                raise SettingsError(otherwise)

    def _from_outside(self) -> Iterator[tuple[bool, str]]:
        yield self.limits or not self.limit, "--limit needs limits: leave --no-limits out, or --limit"
        for name, least in (("body_bytes", 1_024), ("message_chars", 1), ("signal_bytes", 1_024)):
            number, most = getattr(self, name), next(f.default for f in fields(self) if f.name == name)
            yield least <= number <= most, f"{flag(name)} is {least} to {most}, not {number}"
        yield (
            self.signal_bytes < self.body_bytes,
            "--signal-bytes must be less than --body-bytes: a signal is part of a request body",
        )
        called_by = tuple(each for each in self.cors_origins if each != "*")
        for option, origins in (("--origins", self.origins), ("--cors-origins", called_by)):
            for origin in origins:
                yield (
                    bool(ORIGIN.fullmatch(origin)),
                    f"{option}: {origin!r} is not an origin, such as https://chat.example (without a path)",
                )

    def _plain(self) -> Iterator[tuple[bool, str]]:
        yield 0 <= self.port <= 65535, f"--port is 0 to 65535, not {self.port}"
        yield 0 <= self.port_of_ops <= 65535, f"--ops-port is 0 to 65535, not {self.port_of_ops}"
        yield (
            not self.port or self.port != self.port_of_ops,
            f"--ops-port must differ from --port; leave it out to use {self.port + 1}",
        )
        yield 0 <= self.port_of_admin <= 65535, f"--admin-port is 0 to 65535, not {self.port_of_admin}"
        yield (
            not self.admin_secret
            or not self.port_of_admin
            or self.port_of_admin not in (self.port, self.port_of_ops),
            f"--admin-port must differ from --port and --ops-port; leave it out to use {self.port + 2}",
        )
        yield from self._admin_secret()
        yield (
            not self.lan or self.host in (type(self)().host, *EVERYWHERE),
            LAN_IS_EVERYWHERE.format(self.host),
        )
        yield self.page or not self.brand, "--brand changes the page: leave --no-page out, or --brand"
        yield bool(self.pools), "--pools is empty; leave it out to have one pool, main"
        for pool in self.pools:
            yield (
                bool(POOL.fullmatch(pool)),
                (
                    f"--pools: {pool!r} is not a valid name: use 1 to 64 letters, digits, '_' or '-', and "
                    "commas between names"
                ),
            )
        yield (
            bool(KEY_PREFIX.fullmatch(self.key_prefix)),
            f"--key-prefix is up to 64 letters, digits, ':', '_', '.' or '-', not {self.key_prefix!r}",
        )
        yield (
            bool(TERMS_VERSION.fullmatch(self.terms_version)),
            f"--terms-version is up to 32 letters, digits, '.', '_' or '-', not {self.terms_version!r}",
        )
        yield len(set(self.pools)) == len(self.pools), "--pools names a pool twice"
        yield (
            not self.redis_url or bool(self.secret),
            UNSIGNED,
        )
        yield (
            self.transports in get_args(TransportName),
            f"--transports is one of {', '.join(get_args(TransportName))}",
        )
        yield 0 <= self.ask_after <= 1_000, f"--ask-after is 0 to 1000, not {self.ask_after}"
        yield 0 <= self.compare_percent <= 100, f"--compare-percent is 0 to 100, not {self.compare_percent}"
        yield from self._relays()
        yield from self._rooms()
        yield (
            self.timings.evidence_bytes >= EVIDENCE_LEAST,
            f"--evidence-bytes is {EVIDENCE_LEAST} or more, not {self.timings.evidence_bytes}",
        )
        yield from self._webhooks()
        yield self.rewrite_s > 0, "--rewrite-s is more than 0"
        yield self.drain_s > 0, "--drain-s is more than 0"
        yield self.log_level in get_args(LogLevel), f"--log-level is one of {', '.join(get_args(LogLevel))}"
        yield (
            self.log_format in get_args(LogFormat),
            f"--log-format is one of {', '.join(get_args(LogFormat))}",
        )

    def _admin_secret(self) -> Iterator[tuple[bool, str]]:
        yield (
            not self.admin_secret or len(self.admin_secret.encode()) >= MIN_SECRET_BYTES,
            (
                f"DUOLOGUE_ADMIN_SECRET is {MIN_SECRET_BYTES} characters or more, such as those of: "
                "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
            ),
        )
        yield (
            not self.admin_secret or self.admin_secret not in re.split("[,:]", self.secret),
            (
                "DUOLOGUE_ADMIN_SECRET must be another key than DUOLOGUE_SECRET: a back end that signs "
                "session tokens must not be able to sign those of moderators"
            ),
        )

    def _webhooks(self) -> Iterator[tuple[bool, str]]:
        addresses, count = self.webhook, len(self.webhook_secrets)
        yield (
            count in ((1, len(addresses)) if addresses else (0,)),
            (
                f"DUOLOGUE_WEBHOOK_SECRETS has {count} entries for {len(addresses)} addresses of --webhook: "
                "give one for all, or one for each with spaces between"
            ),
        )
        yield len({each.url for each in addresses}) == len(addresses), "--webhook names an address twice"
        kinds = frozenset(kind for each in addresses for kind in each.kinds)
        yield (
            self.timings.match_events or not kinds & MATCH_EVENTS,
            "--webhook names match events: they are written with --match-events",
        )
        yield (
            self.timings.presence_events or not kinds & PRESENCE_EVENTS,
            "--webhook names presence events: they are written with --presence-events",
        )

    def _relays(self) -> Iterator[tuple[bool, str]]:
        turn = [server for server in self.ice_servers if _turn_address(server)]
        for server in turn:
            yield (
                bool(server.get("username") or self.turn_secret),
                UNKNOWN_TO_TURN.format(_turn_address(server)),
            )
        yield not self.relay_only or bool(turn), "--relay-only needs a turn: address in --ice-servers"
        yield (
            not self.turn_secret or bool(turn),
            "DUOLOGUE_TURN_SECRET needs a turn: address in --ice-servers",
        )

    def _rooms(self) -> Iterator[tuple[bool, str]]:
        yield self.media in get_args(MediaName), f"--media is one of {', '.join(get_args(MediaName))}"
        yield (
            self.livekit_auto_create in get_args(AutoCreate),
            f"--livekit-auto-create is one of {', '.join(get_args(AutoCreate))}",
        )
        for option, url in (("--livekit-url", self.livekit_url), ("--livekit-api-url", self.livekit_api_url)):
            yield (
                not url or bool(LIVEKIT_URL.fullmatch(url)),
                f"{option} is an address such as wss://livekit.example.org, not {url!r}",
            )
        yield (
            not holds_password(self.livekit_url),
            "--livekit-url is sent to every browser, so it must not contain a user name or password",
        )
        yield (
            not self.livekit_namespace or bool(NAMESPACE.fullmatch(self.livekit_namespace)),
            f"--livekit-namespace is 1 to 32 letters, digits or '-', not {self.livekit_namespace!r}",
        )
        yield (
            not self.lan or not self.livekit_url.startswith(("ws://", "http://")),
            LAN_NEEDS_WSS,
        )
        if self.media != "livekit":
            yield not self.media_fallback, "--media-fallback needs --media livekit"
            return
        yield bool(self.livekit_url), "--media livekit needs --livekit-url (make run-livekit starts a server)"
        yield (
            bool(self.livekit_api_key and self.livekit_api_secret),
            "--media livekit needs the project's key: set LIVEKIT_API_KEY and LIVEKIT_API_SECRET",
        )

    def _durations(self, deaf_after_ms: int, heartbeat_ms: int) -> Iterator[tuple[bool, str]]:
        for name, value in asdict(self.timings).items():
            least = 0 if name in ("network_people", "block_network_ms") else 1
            yield isinstance(value, bool) or value >= least, f"{flag(name)} is {least} or more"
        # Else a process that has gone deaf loses people who are there (invariant 7's twin).
        for name in ("owed_ms", "away_bucket_ms", "media_ms", "silence_ms", "lease_ms", "drain_ms"):
            yield (
                deaf_after_ms < getattr(self.timings, name),
                (
                    f"{flag(name)} is more than {deaf_after_ms} ms: a server needs that long to "
                    "notice that it hears nothing from the store"
                ),
            )
        less = (
            ("owed_again_ms", "owed_ms", "the question is repeated while it is unanswered"),
            ("away_floor_ms", "away_bucket_ms", "the minimum cannot exceed the maximum"),
            ("media_ms", "media_most_ms", "a reconnect can only extend the first one"),
            ("owed_ms", "drain_ms", "after a fault of the server people get more time, not less"),
            ("silent_after_ms", "silence_stale_ms", "silence is reported again after the first one"),
            ("silence_stale_ms", "silence_ms", "a silence must not be stale before it ends a match"),
            (
                "process_dead_ms",
                "drain_ms",
                "people of a dead server must be found before their time to come back ends",
            ),
            ("rematch_ms", "recent_ttl_ms", "former partners are remembered only as long as the second one"),
        )
        for small, large, why in less:
            yield (
                getattr(self.timings, small) < getattr(self.timings, large),
                f"{flag(small)} must be less than {flag(large)}: {why}",
            )
        yield (
            2 * heartbeat_ms < self.timings.lease_ms,
            f"--lease-ms is more than {2 * heartbeat_ms}: one lost heartbeat must not end a wait",
        )
        yield (
            2 * deaf_after_ms < self.timings.process_dead_ms,
            (
                f"--process-dead-ms is more than {2 * deaf_after_ms}: one late beat must not make a server "
                "count as dead"
            ),
        )


def flag(name: str) -> str:
    """A field's name on the command line."""
    return "--" + name.replace("_", "-")


def is_advanced(each: "Field[Any]") -> bool:
    """Return whether a setting is listed by ``serve --help-advanced`` only."""
    return bool(each.metadata.get("advanced"))


def variable(name: str) -> str:
    """A field's name in the environment."""
    return f"DUOLOGUE_{name.upper()}"


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _reserved_names(text: str) -> tuple[str, ...]:
    """Names, or those in a file; ``#`` begins a comment there."""
    if not text.startswith("@"):
        return _names(text)
    try:
        lines = Path(text[1:]).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"--reserved-names: {text[1:]} cannot be read ({error})") from error
    return tuple(name for line in lines if (name := line.partition("#")[0].strip()))


def _limits(given: str | Sequence[str]) -> tuple[tuple[Kind, Rates], ...]:
    """From one text for each kind, such as ``skips=60/40,12000/6000``."""
    found: dict[Kind, Rates] = {}
    for text in given.split() if isinstance(given, str) else given:
        try:
            kind, rates = parsed(text)
        except ValueError as error:
            raise SettingsError(f"--limit: {error}") from error
        if kind in found:
            raise SettingsError(
                f"--limit names {kind} twice: give both limits at once, {kind}=PERSON,ADDRESS"
            )
        found[kind] = rates
    return tuple(found.items())


def _webhooks(given: str | Sequence[str]) -> tuple[Address, ...]:
    """From one text for each address."""
    try:
        return tuple(address_of(text) for text in (given.split() if isinstance(given, str) else given))
    except ValueError as error:
        raise SettingsError(f"--webhook: {error}") from error


def _webhook_secrets(text: str) -> tuple[tuple[bytes, ...], ...]:
    """From the text of the variable, or of the file that it names."""
    try:
        if text.startswith("@"):
            text = Path(text[1:]).read_text(encoding="utf-8-sig")
        return tuple(tuple(secret_of(each) for each in entry.split(",")) for entry in text.split())
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"DUOLOGUE_WEBHOOK_SECRETS: the file cannot be read ({error})") from error
    except ValueError as error:
        raise SettingsError(f"DUOLOGUE_WEBHOOK_SECRETS: {error}") from error


def _ice_servers(text: str) -> tuple[Mapping[str, Any], ...]:
    """RTCIceServer objects (W3C WebRTC, 4.2.4) from JSON, or from addresses that need no password."""
    if text.lstrip()[:1] in ("[", "{"):
        return tuple(_ice_server(server) for server in _json_list(text))
    return tuple(_ice_server({"urls": [url]}) for url in _names(text))


def _json_list(text: str) -> list[Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise SettingsError(f"--ice-servers is not valid JSON ({error})") from error
    return value if isinstance(value, list) else [value]


def _ice_server(server: Any) -> Mapping[str, Any]:
    addresses = _addresses(server) if isinstance(server, dict) else None
    if not isinstance(addresses, list) or not addresses:
        raise SettingsError(
            '--ice-servers: each server needs urls, such as {"urls": "stun:stun.example.org"}'
        )
    for address in addresses:
        if not isinstance(address, str) or not ICE_SCHEME.fullmatch(address):
            raise SettingsError(f"--ice-servers: {address!r} is not a stun:, stuns:, turn: or turns: address")
    if bool(server.get("username")) != bool(server.get("credential")):
        raise SettingsError(
            f"--ice-servers: {addresses[0]} has only one of username and credential: give both or neither"
        )
    return dict(server)


def _addresses(server: Mapping[str, Any]) -> Any:
    urls = server.get("urls")
    return [urls] if isinstance(urls, str) else urls


def _turn_address(server: Mapping[str, Any]) -> str:
    """The first address that relays; empty: it is a STUN server."""
    return next((url for url in _addresses(server) if url.startswith("turn")), "")


_PARSERS: Mapping[str, Callable[[Any], Any]] = {
    "pools": _names,
    "origins": _names,
    "cors_origins": _names,
    "reserved_names": _reserved_names,
    "ice_servers": _ice_servers,
    "data": Path,
    "limit": _limits,
    "webhook": _webhooks,
    "webhook_secrets": _webhook_secrets,
}
