"""Every setting, once: its name with its unit, its default, and why.

The command line, the environment (``DUOLOGUE_`` and the name in capitals) and
docs/settings.md are made from this class. Only ``wiring`` and ``cli`` read it;
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
    """Report a setting that cannot work; the message is one line that says what to do."""


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
    return option(default, f"{what}: maximum per minute in the long run; 0 for no limit.", group="Limits")


def burst(default: int, what: str) -> Any:
    """How many of the same at once: the size of the bucket that the other fills."""
    return option(default, f"{what}: maximum at once.", group="Limits")


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
    data: Path = option(Path("data"), "Folder of the embedded store and its signing key.")
    redis_url: str = option(
        "",
        "Address of a Redis 7+ or Valkey 8+ server, in place of the embedded store (also read: "
        "REDIS_URL). An address with a password is accepted in the environment only.",
        address=True,
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
    evidence_bytes: int = option(
        268_435_456,
        "Maximum size of all reports in the store, with the messages of the reported "
        "conversations. At the maximum, the reports that were decided first are deleted; after "
        "that, new reports are kept without messages.",
        timings=True,
    )
    rewrite_s: float = option(
        900.0,
        "Time between two rewrites of the files of the embedded store. Text that has expired is "
        "gone from the files after the next rewrite.",
    )
    network_people: int = option(
        500,
        "Maximum number of people at one time from one network (IPv6: one /56); 0 turns the limit off.",
        timings=True,
    )
    block_network_ms: int = option(
        86_400_000,
        "How long a block also holds against the network of the blocked person. Use 0 where many "
        "people share one network.",
        timings=True,
    )
    drain_s: float = option(
        5.0, "How long a stop waits for requests in progress. Open streams are told to reconnect."
    )
    log_level: LogLevel = option("info", "Lowest level that is logged: debug, info, warning or error.")
    log_format: LogFormat = option(
        "auto", "Format of the log: console, json, or auto (console on a terminal, else json)."
    )

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
    address_polls_per_min: int = per_min(60_000, "Polls from one address, in each process")
    address_polls_burst: int = burst(6_000, "Polls from one address, in each process")
    person_pulses_per_min: int = per_min(600, "Signs of life of one person (pulse, ack, leave)")
    person_pulses_burst: int = burst(100, "Signs of life of one person (pulse, ack, leave)")
    address_pulses_per_min: int = per_min(60_000, "Signs of life from one address, in each process")
    address_pulses_burst: int = burst(6_000, "Signs of life from one address, in each process")
    person_silences_per_min: int = per_min(60, "Pulses of one person that report a silent partner")
    person_silences_burst: int = burst(30, "Pulses of one person that report a silent partner")
    address_silences_per_min: int = per_min(
        30_000, "Pulses from one address that report a silent partner, in each process"
    )
    address_silences_burst: int = burst(
        3_000, "Pulses from one address that report a silent partner, in each process"
    )
    person_reads_per_min: int = per_min(600, "Reads of the state by one person")
    person_reads_burst: int = burst(100, "Reads of the state by one person")
    address_reads_per_min: int = per_min(60_000, "Reads of the state from one address, in each process")
    address_reads_burst: int = burst(6_000, "Reads of the state from one address, in each process")
    person_measures_per_min: int = per_min(12, "Pulses of one person whose measurements are counted")
    person_measures_burst: int = burst(12, "Pulses of one person whose measurements are counted")

    owed_ms: int = timing(
        3_000,
        "Time to answer with a sign of life after a match began, or after the partner reported silence.",
    )
    owed_again_ms: int = timing(
        1_500, "Time after which an unanswered question for a sign of life is published once more."
    )
    silent_after_ms: int = timing(
        2_500, "How long a page hears nothing from its partner before it reports silence."
    )
    away_bucket_ms: int = timing(5_000, "How long a person whose connection closed may be away, at most.")
    away_refill_ratio: int = timing(
        6, "Units of connected time that give back one unit of the time that a person may be away."
    )
    away_floor_ms: int = timing(
        1_000,
        "Minimum of the time that a person may be away, so that a partner whose media goes on can say so.",
    )
    drain_ms: int = timing(25_000, "How long a person may be away whose server stopped or failed.")
    media_ms: int = timing(10_000, "Time from a match until media is open on both sides.")
    media_most_ms: int = timing(30_000, "The same, as a maximum, however often a side reconnects meanwhile.")
    silence_ms: int = timing(
        10_000, "Time from the first report of silence by one side until the match ends."
    )
    silence_stale_ms: int = timing(5_000, "Age after which a report of silence no longer counts.")
    failed_ms: int = timing(
        1_000, "How long a failure of media that one side reports waits for a report by the other side."
    )
    page_changes: int = timing(6, "How often the page of one side may change in a match.")
    lease_ms: int = timing(35_000, "Time without a sign of life after which a waiting person becomes idle.")
    lease_grace_ms: int = timing(15_000, "Minimum time after an outage before a waiting person becomes idle.")
    record_ttl_ms: int = timing(
        3_600_000, "Time after which a person who is idle and disconnected is forgotten."
    )
    quiet_check_ms: int = timing(
        300_000, "Time without a report from either side after which both are asked for a sign of life."
    )
    relax_after_ms: int = timing(
        15_000, "Time that two people wait before the rules for rematches, tags and language relax for them."
    )
    relax_alone_ms: int = timing(
        4_000, "The same for two people who just met, while neither has another person to meet."
    )
    rematch_ms: int = timing(600_000, "Time in which people do not meet one of their last 8 partners again.")
    recent_ttl_ms: int = timing(900_000, "How long an ended match can be blocked and reported.")
    long_match_ms: int = timing(
        30_000, "Length of a match from which it ends the wait before it: the next wait starts at zero."
    )
    away_keep_ms: int = timing(
        60_000, "Time after you-were-away in which a join keeps the place in the queue."
    )
    process_dead_ms: int = timing(4_000, "Time without a beat after which a server process counts as dead.")
    outage_ms: int = timing(
        2_000, "Time without a sweep after which we assume that the store or all servers were unavailable."
    )
    outage_quiet_ms: int = timing(5_000, "Time after an outage in which no deadline falls due.")
    false_ending_ms: int = timing(
        20_000, "If both people are back within this time of an ending by us, it counts as a false ending."
    )
    block_ttl_ms: int = timing(
        2_592_000_000, "How long a block is kept after the last visit of the person who made it."
    )
    side_bytes: int = timing(131_072, "Maximum size of what one side writes in one conversation.")
    looks: int = timing(
        16, "How many people are checked at a time to find a partner; the next time goes on behind them."
    )
    scan_windows: int = timing(4, "How many groups of that size one call of the queue's scan checks.")
    scan_claim_ms: int = timing(
        2_000, "Time after which another server takes over the queue's scan from one that says nothing."
    )
    relax_drawn: bool = timing(
        True,
        "In one case of four, draw a longer wait before two people who met recently meet again, "
        "so that a long wait does not prove a block. Turn it off for trials only.",
    )
    strict_tags: bool = timing(False, "Never relax the rules for tags and language.")

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
        for name, value in self.of_the_state_machine().items():
            least = 0 if name in ("network_people", "block_network_ms") else 1
            yield isinstance(value, bool) or value >= least, f"{flag(name)} is {least} or more"
        # Else a process that has gone deaf loses people who are there (invariant 7's twin).
        for name in ("owed_ms", "away_bucket_ms", "media_ms", "silence_ms", "lease_ms", "drain_ms"):
            yield (
                deaf_after_ms < getattr(self, name),
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
                getattr(self, small) < getattr(self, large),
                f"{flag(small)} must be less than {flag(large)}: {why}",
            )
        yield (
            2 * heartbeat_ms < self.lease_ms,
            f"--lease-ms is more than {2 * heartbeat_ms}: one lost heartbeat must not end a wait",
        )
        yield (
            2 * deaf_after_ms < self.process_dead_ms,
            (
                f"--process-dead-ms is more than {2 * deaf_after_ms}: one late beat must not make a server "
                "count as dead"
            ),
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


_PARSERS: Mapping[str, Callable[[str], Any]] = {
    "pools": _names,
    "origins": _names,
    "cors_origins": _names,
    "reserved_names": _reserved_names,
    "ice_servers": _ice_servers,
    "data": Path,
}
