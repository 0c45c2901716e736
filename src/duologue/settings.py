"""Every setting, once: its name with its unit, its default, and why.

The command line, the environment (``DUOLOGUE_`` and the name in capitals) and the
table in the README are made from this class. Only ``wiring`` and ``cli`` read it;
everything else gets plain values.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from duologue.redaction import holds_password

LIVEKIT_URL = re.compile(r"(wss?|https?)://[^\s/]+(/\S*)?")
NAMESPACE = re.compile(r"[A-Za-z0-9-]{1,32}")
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
    """A setting that cannot be meant; one line that says what to do."""


def option(
    default: Any,
    help: str,  # noqa: A002 # typer's word
    *,
    group: str = "Options",
    secret: bool = False,
    address: bool = False,
    timings: bool = False,
) -> Any:
    """A field of ``Settings``. ``secret``: environment only, for a command line can be read by others.

    ``address``: its value is an address that may hold a password; with one, likewise.
    ``timings``: it is a field of ``pairing.timings.Timings`` too.
    """
    metadata = {"help": help, "group": group, "secret": secret, "address": address, "timings": timings}
    return field(default=default, metadata=metadata)


def timing(default: int, help: str) -> Any:  # noqa: A002 # typer's word
    """A duration of the state machine; ``pairing.timings.Timings`` has the same name and default."""
    return option(default, help, group="Timings of the state machine", timings=True)


def per_min(default: int, what: str) -> Any:
    """A limit in the long run, named after ``identity.limits.Kind``; 0 switches this one off."""
    return option(default, f"{what}, a minute in the long run; 0 for no limit.", group="Limits")


def burst(default: int, what: str) -> Any:
    """How many of the same at once: the size of the bucket that the other fills."""
    return option(default, f"{what}, at once.", group="Limits")


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator decides. ``check`` refuses what cannot work."""

    host: str = option("127.0.0.1", "Address to listen on; 0.0.0.0 for all. Only this machine by default.")
    port: int = option(8000, "Port to listen on; 0 picks a free one.")
    lan: bool = option(
        False,
        "Serve phones and other machines of this network: all addresses, over HTTPS, with a certificate that "
        "this machine makes for itself. Prints the addresses and a QR code.",
    )
    ops_host: str = option(
        "127.0.0.1", "Address for the operator's pages, /metrics and /transports; keep the public out of it."
    )
    ops_port: int | None = option(
        None, "Port for the operator's pages; 0 picks a free one. By default the port after --port."
    )
    data: Path = option(
        Path("data"), "Folder of the embedded store and of the signing key that goes with it."
    )
    redis_url: str = option(
        "",
        "Redis 7+ or Valkey 8+ to use in place of the embedded store (also: REDIS_URL). With a password: "
        "as a variable only.",
        address=True,
    )
    secret: str = option(
        "",
        "Signs session tokens: 32 characters or more, the same on all servers. Made by itself with the "
        "embedded store. To rotate: new-name:new-secret,old-name:old-secret.",
        secret=True,
    )
    pools: tuple[str, ...] = option(
        ("main",), "Names of the pools in which people meet, comma-separated; the first is the default."
    )
    ice_servers: tuple[Mapping[str, Any], ...] = option(
        (),
        "STUN and TURN servers for peer media: comma-separated addresses, or a JSON list of "
        "RTCIceServer objects. Without any, only people on one network can see each other. With a "
        "credential: as a variable only.",
        address=True,
    )
    turn_secret: str = option(
        "",
        "What your TURN servers share with us (coturn: static-auth-secret): those without a username get "
        "credentials made for each match, good for 2 hours and renewed.",
        secret=True,
    )
    relay_only: bool = option(
        False, "Peer media through the TURN servers only: nobody learns the other's network address."
    )
    media: MediaName = option(
        "peer", "Where picture and sound flow: peer, from browser to browser, or livekit, through a server."
    )
    livekit_url: str = option(
        "",
        "Where browsers find LiveKit, such as wss://livekit.example.org (also: LIVEKIT_URL).",
        address=True,
    )
    livekit_api_url: str = option("", "Where this server finds LiveKit, if not there.", address=True)
    livekit_api_key: str = option(
        "", "Name of the LiveKit project's API key (also: LIVEKIT_API_KEY).", secret=True
    )
    livekit_api_secret: str = option(
        "",
        "Its secret: signs grants, and webhooks are checked by it (also: LIVEKIT_API_SECRET).",
        secret=True,
    )
    livekit_namespace: str = option(
        "",
        "What the names of our LiveKit rooms begin with; nothing else in the project is touched. "
        "Made at random, once a store, unless given.",
    )
    livekit_auto_create: AutoCreate = option(
        "ask",
        "Whether LiveKit makes a room when somebody joins: on, off, or ask it at the start. Off is safer.",
    )
    media_fallback: bool = option(
        False, "While LiveKit is away people meet with peer media; off: they wait, and are told."
    )
    guests: bool = option(
        True, "Start sessions for whoever comes; off: only tokens that your own back end signed."
    )
    reserved_names: tuple[str, ...] = option(
        (),
        "Names that no guest may have, nor one that looks like them: comma-separated, or @ and a file with "
        "one a line. * at an end stands for anything, as in *moderator*.",
    )
    transports: TransportName = option(
        "both",
        "How people are reached: sse, poll, or both: streams, and polling for those who cannot have one.",
    )
    compare_percent: int = option(
        0, "With both: share of the people whose clients hold their stream against reads; 0: nobody's."
    )
    ask_after: int = option(
        3,
        "After so many conversations in a row without a key, a pointer, a word or a sound of a person, the "
        "page asks whether they are still there before the next one; 0: never.",
    )
    page: bool = option(True, "Serve the page; off: the interface only.")
    origins: tuple[str, ...] = option(
        (),
        "Origins of pages elsewhere for which the session cookie counts, comma-separated.",
        address=True,
    )
    cors_origins: tuple[str, ...] = option(
        (),
        "Origins of pages elsewhere that may call with a bearer token, comma-separated; * for any.",
        address=True,
    )
    trusted_proxies: str = option(
        "127.0.0.1,::1",
        "Whose X-Forwarded-For and -Proto are believed: addresses and networks such as 10.0.0.0/8, unix for "
        "peers on a Unix socket, comma-separated; * for anybody's. Behind a proxy that is not named here "
        "everybody counts as one address: limits strike all, and a block may keep strangers away.",
    )
    body_bytes: int = option(65_536, "How large a request's body may be; never more.")
    message_chars: int = option(2_000, "How long a message may be; never more.")
    signal_bytes: int = option(
        16_384,
        "How large a signal of peer media may be; never more. A description of video has several thousand.",
    )
    limits: bool = option(True, "Limit how often a person and a network address may ask for something.")
    evidence_bytes: int = option(
        268_435_456,
        "What reports, and the messages of reported conversations, may take in the store, all together. "
        "At the limit those decided first give way, then new ones are kept without messages.",
        timings=True,
    )
    rewrite_s: float = option(
        900.0,
        "How soon text that ran out is gone from the files of the embedded store: the time between two "
        "rewrites.",
    )
    network_people: int = option(
        500,
        "People who may be here from one network at a time (IPv6: from one /56); 0 for any number.",
        timings=True,
    )
    block_network_ms: int = option(
        86_400_000,
        "How long a block also holds against the network of who was blocked; 0 where many share one.",
        timings=True,
    )
    drain_s: float = option(
        5.0, "How long a stop waits for commands under way; streams are told to reconnect."
    )
    log_level: LogLevel = option("info", "Least that is logged: debug, info, warning, error.")
    log_format: LogFormat = option("auto", "console, json, or auto: console on a terminal, else json.")

    # What a person does in a lively evening, several times over; of an address, 500 people behind one NAT.
    person_sessions_per_min: int = per_min(20, "Renewals of one person's session")
    person_sessions_burst: int = burst(30, "Renewals of one person's session")
    address_sessions_per_min: int = per_min(600, "New guests from one address")
    address_sessions_burst: int = burst(1_000, "New guests from one address")
    person_joins_per_min: int = per_min(60, "Joins of one person")
    person_joins_burst: int = burst(30, "Joins of one person")
    address_joins_per_min: int = per_min(6_000, "Joins from one address")
    address_joins_burst: int = burst(3_000, "Joins from one address")
    person_skips_per_min: int = per_min(60, "Skips of one person")
    person_skips_burst: int = burst(40, "Skips of one person")
    address_skips_per_min: int = per_min(12_000, "Skips from one address")
    address_skips_burst: int = burst(6_000, "Skips from one address")
    person_messages_per_min: int = per_min(120, "Messages of one person")
    person_messages_burst: int = burst(60, "Messages of one person")
    address_messages_per_min: int = per_min(12_000, "Messages from one address")
    address_messages_burst: int = burst(6_000, "Messages from one address")
    person_signals_per_min: int = per_min(1_200, "Signals of one person")
    person_signals_burst: int = burst(600, "Signals of one person")
    address_signals_per_min: int = per_min(120_000, "Signals from one address")
    address_signals_burst: int = burst(60_000, "Signals from one address")
    person_reports_per_min: int = per_min(20, "Reports and blocks of one person")
    person_reports_burst: int = burst(20, "Reports and blocks of one person")
    address_reports_per_min: int = per_min(600, "Reports and blocks from one address")
    address_reports_burst: int = burst(300, "Reports and blocks from one address")
    person_streams_per_min: int = per_min(30, "Event streams opened by one person")
    person_streams_burst: int = burst(30, "Event streams opened by one person")
    address_streams_per_min: int = per_min(600, "Event streams from one address by people new to the store")
    address_streams_burst: int = burst(1_000, "Event streams from one address by people new to the store")
    person_polls_per_min: int = per_min(600, "Polls of one person")
    person_polls_burst: int = burst(100, "Polls of one person")
    address_polls_per_min: int = per_min(60_000, "Polls from one address, of each process")
    address_polls_burst: int = burst(6_000, "Polls from one address, of each process")
    person_pulses_per_min: int = per_min(600, "Signs of life of one person (pulse, ack, leave)")
    person_pulses_burst: int = burst(100, "Signs of life of one person (pulse, ack, leave)")
    address_pulses_per_min: int = per_min(60_000, "Signs of life from one address, of each process")
    address_pulses_burst: int = burst(6_000, "Signs of life from one address, of each process")
    person_silences_per_min: int = per_min(60, "Pulses of one person that call a partner silent")
    person_silences_burst: int = burst(30, "Pulses of one person that call a partner silent")
    address_silences_per_min: int = per_min(
        30_000, "Pulses from one address that call a partner silent, of each process"
    )
    address_silences_burst: int = burst(
        3_000, "Pulses from one address that call a partner silent, of each process"
    )
    person_reads_per_min: int = per_min(600, "Pure reads of one person")
    person_reads_burst: int = burst(100, "Pure reads of one person")
    address_reads_per_min: int = per_min(60_000, "Pure reads from one address, of each process")
    address_reads_burst: int = burst(6_000, "Pure reads from one address, of each process")
    person_measures_per_min: int = per_min(12, "Pulses of one person whose measurements are counted")
    person_measures_burst: int = burst(12, "Pulses of one person whose measurements are counted")

    owed_ms: int = timing(3_000, "A sign of life owed since a match began, or a partner's media fell silent.")
    owed_again_ms: int = timing(1_500, "An unmet probe is published once more after this.")
    silent_after_ms: int = timing(2_500, "How long a page hears nothing before it says so.")
    away_bucket_ms: int = timing(5_000, "How long somebody with a closed connection may be away, at most.")
    away_refill_ratio: int = timing(6, "Attached time that buys one unit of away time back.")
    away_floor_ms: int = timing(
        1_000, "Never less than this, so that a partner whose media is up can say so."
    )
    drain_ms: int = timing(25_000, "How long somebody may be away whom a server of ours sent away or lost.")
    media_ms: int = timing(10_000, "From a match to open media on both sides.")
    media_most_ms: int = timing(30_000, "The same at most, however often a side comes back meanwhile.")
    silence_ms: int = timing(10_000, "From the first report of silence by one side to the end of the match.")
    silence_stale_ms: int = timing(5_000, "A silence whose last report is older is dropped.")
    failed_ms: int = timing(1_000, "How long failed media of one side wait for the other side's word.")
    page_changes: int = timing(6, "How often one side's page may change in a match.")
    lease_ms: int = timing(35_000, "A waiting person without any sign of life goes idle after this.")
    lease_grace_ms: int = timing(15_000, "After an outage no wait ends before so long.")
    record_ttl_ms: int = timing(3_600_000, "Idle and detached people are forgotten after this.")
    quiet_check_ms: int = timing(300_000, "A match without a word from either side is asked about.")
    relax_after_ms: int = timing(15_000, "Both waiting this long: rematch rule, tags and language relax.")
    rematch_ms: int = timing(600_000, "Nobody meets one of their last 8 partners of this long again.")
    recent_ttl_ms: int = timing(900_000, "How long an ended match can be blocked and reported.")
    long_match_ms: int = timing(30_000, "A match that lasted this long ends the earlier wait.")
    away_keep_ms: int = timing(60_000, "Within this time of being away a join keeps the place.")
    process_dead_ms: int = timing(4_000, "A server without a beat for this long is buried.")
    outage_ms: int = timing(2_000, "No sweep for this long: the store or all servers were away.")
    outage_quiet_ms: int = timing(5_000, "Nothing falls due for this long after an outage.")
    false_ending_ms: int = timing(20_000, "Both back within this time of an ending of ours: it was false.")
    block_ttl_ms: int = timing(2_592_000_000, "How long a block outlasts its person's last visit.")
    side_bytes: int = timing(131_072, "What one side may write in one conversation.")
    looks: int = timing(16, "How many of a pool one pairing looks at.")
    scan_windows: int = timing(8, "How many such windows one pass of a pool looks at.")
    relax_drawn: bool = timing(
        True,
        "Two who met lately wait longer than that in one case of four, so that no wait proves a block. "
        "Off is for trials.",
    )
    strict_tags: bool = timing(False, "Tags and language never relax.")

    @classmethod
    def options(cls) -> Iterator["Field[Any]"]:
        """All of them, in order."""
        yield from fields(cls)

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> "Settings":
        """Settings from what a command line or an environment gives: text for whatever is no plain value.

        Raises ``SettingsError``; what is not given has its default.
        """
        settings = cls()
        for name, value in given.items():
            if value is not None:
                read = _PARSERS.get(name)
                settings = replace(settings, **{name: value if read is None else read(value)})
        return settings

    @property
    def port_of_ops(self) -> int:
        """Where the operator's pages are listened for; 0: on a free port."""
        if self.ops_port is not None:
            return self.ops_port
        return self.port and self.port + 1

    def of_the_state_machine(self) -> dict[str, Any]:
        """The fields that ``pairing.timings.Timings`` takes."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.metadata["timings"]}

    def of_the_limits(self) -> dict[str, int]:
        """Field and number of each limit; empty where limits are switched off."""
        names = [f.name for f in fields(self) if f.metadata["group"] == "Limits"]
        return {name: getattr(self, name) for name in names} if self.limits else {}

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
        for name, number in self.of_the_limits().items():
            least = 0 if name.endswith("_per_min") else 1
            yield number >= least, f"{flag(name)} is {least} or more (--no-limits switches all limits off)"
        for name, least in (("body_bytes", 1_024), ("message_chars", 1), ("signal_bytes", 1_024)):
            number, most = getattr(self, name), next(f.default for f in fields(self) if f.name == name)
            yield least <= number <= most, f"{flag(name)} is {least} to {most}, not {number}"
        yield self.signal_bytes < self.body_bytes, "--signal-bytes must be less than --body-bytes, to fit in"
        called_by = tuple(each for each in self.cors_origins if each != "*")
        for option, origins in (("--origins", self.origins), ("--cors-origins", called_by)):
            for origin in origins:
                yield (
                    bool(ORIGIN.fullmatch(origin)),
                    f"{option}: {origin!r} is no origin; it has no path, like https://chat.example",
                )

    def _plain(self) -> Iterator[tuple[bool, str]]:
        yield 0 <= self.port <= 65535, f"--port is 0 to 65535, not {self.port}"
        yield 0 <= self.port_of_ops <= 65535, f"--ops-port is 0 to 65535, not {self.port_of_ops}"
        yield (
            not self.port or self.port != self.port_of_ops,
            f"--ops-port is another port than --port; leave it out for {self.port + 1}",
        )
        yield (
            not self.lan or self.host in (type(self)().host, *EVERYWHERE),
            LAN_IS_EVERYWHERE.format(self.host),
        )
        yield bool(self.pools), "--pools names no pool; leave it out for one called main"
        for pool in self.pools:
            yield (
                bool(POOL.fullmatch(pool)),
                f"--pools: {pool!r} is no name; use 1 to 64 letters, digits, '_' or '-', separated by commas",
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
            self.evidence_bytes >= EVIDENCE_LEAST,
            f"--evidence-bytes is {EVIDENCE_LEAST} or more, not {self.evidence_bytes}",
        )
        yield self.rewrite_s > 0, "--rewrite-s is more than 0"
        yield self.drain_s > 0, "--drain-s is more than 0"
        yield self.log_level in get_args(LogLevel), f"--log-level is one of {', '.join(get_args(LogLevel))}"
        yield (
            self.log_format in get_args(LogFormat),
            f"--log-format is one of {', '.join(get_args(LogFormat))}",
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
            "--livekit-url is told to every browser, so it must not hold a user name or password",
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
            yield not self.media_fallback, "--media-fallback is for --media livekit only"
            return
        yield bool(self.livekit_url), "--media livekit needs --livekit-url (make run-livekit starts a server)"
        yield (
            bool(self.livekit_api_key and self.livekit_api_secret),
            "--media livekit needs the project's key: set LIVEKIT_API_KEY and LIVEKIT_API_SECRET",
        )

    def _durations(self, deaf_after_ms: int, heartbeat_ms: int) -> Iterator[tuple[bool, str]]:
        for name, value in self.of_the_state_machine().items():
            least = 0 if name in ("network_people", "block_network_ms") else 1
            yield isinstance(value, bool) or value >= least, f"{flag(name)} is {least} or more"
        # Else a process that has gone deaf loses people who are there (invariant 7's twin).
        for name in ("owed_ms", "away_bucket_ms", "media_ms", "silence_ms", "lease_ms", "drain_ms"):
            yield (
                deaf_after_ms < getattr(self, name),
                f"{flag(name)} is more than {deaf_after_ms} ms: a server notices only then that it is deaf",
            )
        less = (
            ("owed_again_ms", "owed_ms", "a probe is repeated while it is owed"),
            ("away_floor_ms", "away_bucket_ms", "the floor is part of the bucket"),
            ("media_ms", "media_most_ms", "it only puts the former off"),
            ("owed_ms", "drain_ms", "what is our own doing gives more time, not less"),
            ("silent_after_ms", "silence_stale_ms", "a silence is reported again after the former"),
            ("silence_stale_ms", "silence_ms", "a silence must not be stale before it ends a match"),
            ("process_dead_ms", "drain_ms", "a dead server's people are found before they are given up"),
            ("rematch_ms", "recent_ttl_ms", "former partners are known only as long as the latter"),
        )
        for small, large, why in less:
            yield (
                getattr(self, small) < getattr(self, large),
                f"{flag(small)} must be less than {flag(large)}: {why}",
            )
        yield (
            2 * heartbeat_ms < self.lease_ms,
            f"--lease-ms is more than {2 * heartbeat_ms}: one lost heartbeat must not end a wait",
        )
        yield (
            2 * deaf_after_ms < self.process_dead_ms,
            f"--process-dead-ms is more than {2 * deaf_after_ms}: one late beat must not bury a server",
        )


def flag(name: str) -> str:
    """A field's name on the command line."""
    return "--" + name.replace("_", "-")


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


def _ice_servers(text: str) -> tuple[Mapping[str, Any], ...]:
    """RTCIceServer objects (W3C WebRTC, 4.2.4) from JSON, or from addresses that need no password."""
    if text.lstrip()[:1] in ("[", "{"):
        return tuple(_ice_server(server) for server in _json_list(text))
    return tuple(_ice_server({"urls": [url]}) for url in _names(text))


def _json_list(text: str) -> list[Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise SettingsError(f"--ice-servers is no JSON ({error})") from error
    return value if isinstance(value, list) else [value]


def _ice_server(server: Any) -> Mapping[str, Any]:
    addresses = _addresses(server) if isinstance(server, dict) else None
    if not isinstance(addresses, list) or not addresses:
        raise SettingsError('--ice-servers: each has urls, such as {"urls": "stun:stun.example.org"}')
    for address in addresses:
        if not isinstance(address, str) or not ICE_SCHEME.fullmatch(address):
            raise SettingsError(f"--ice-servers: {address!r} is no stun:, stuns:, turn: or turns: address")
    if bool(server.get("username")) != bool(server.get("credential")):
        raise SettingsError(
            f"--ice-servers: {addresses[0]} has one of username and credential, and needs both"
        )
    return dict(server)


def _addresses(server: Mapping[str, Any]) -> Any:
    urls = server.get("urls")
    return [urls] if isinstance(urls, str) else urls


def _turn_address(server: Mapping[str, Any]) -> str:
    """The first address that relays; empty: it is a STUN server."""
    return next((url for url in _addresses(server) if url.startswith("turn")), "")


_PARSERS: Mapping[str, Callable[[str], Any]] = {
    "pools": _names,
    "origins": _names,
    "cors_origins": _names,
    "reserved_names": _reserved_names,
    "ice_servers": _ice_servers,
    "data": Path,
}
