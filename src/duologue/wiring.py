"""The only place that builds everything, and the order in which it begins and ends."""

import asyncio
import contextlib
import gc
import secrets
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from duologue.admin.acts import Acts
from duologue.admin.api import build_admin
from duologue.admin.hooks import Hooks
from duologue.admin.tokens import AdminTokens
from duologue.api.app import build
from duologue.api.brand import Brand, read_brand
from duologue.api.cors import CrossOrigin
from duologue.api.fields import Sizes
from duologue.api.ops import build_ops
from duologue.api.page import languages_of
from duologue.api.server import Server, ServerLimits, allow_open_files, answering, listening, port_of
from duologue.api.services import Services
from duologue.api.stream import EventStream
from duologue.api.subjects import Subjects
from duologue.delivery.clock import SystemClock
from duologue.delivery.contact import Contact
from duologue.delivery.feed import Feed
from duologue.delivery.hub import HEARTBEAT_S, Hub
from duologue.delivery.offer import Offer, Transports
from duologue.delivery.polls import Polls
from duologue.identity import limits
from duologue.identity.addresses import BadProxy, Proxies
from duologue.identity.credentials import Origins
from duologue.identity.keyring import Keyring, SecretError
from duologue.identity.names import BadName, Reserved
from duologue.identity.networks import Networks, store_key
from duologue.identity.tokens import SHARDS, Tokens
from duologue.media.kinds import Kinds
from duologue.media.peer import Peer
from duologue.media.port import MediaPort
from duologue.media.text import Text
from duologue.metrics import Metrics
from duologue.pairing.keys import Keys
from duologue.pairing.machine import Machine
from duologue.pairing.vocabulary import MediaKind, ProcessId
from duologue.reporting import logged
from duologue.settings import Settings, SettingsError
from duologue.store.client import BadUrl, ServerInfo, Store, StoreError, StoreInterrupted
from duologue.store.embedded import Embedded
from duologue.webhooks.endpoint import Endpoint
from duologue.webhooks.post import Poster
from duologue.wiring_agreement import Agreement
from duologue.workers import beat, census, reattach, supervisor, sweep
from duologue.workers.webhooks import Webhooks

if TYPE_CHECKING:
    from duologue.wiring_lan import Lan
    from duologue.wiring_livekit import LiveKit

log = structlog.get_logger(__name__, ours=True)

WEB = Path(__file__).parent / "web"
"""The built page, carried by the wheel."""

OLDEST_REDIS = 7
"""Scripts that begin with ``#!lua`` need it; every Valkey knows them."""

COLLECT_AFTER = (50_000, 20, 100)
"""Allocations, and rounds, between collections. With the stock 700 and 8,000 streams 32 % of the time
went into collections, one of them 792 ms long; with these and a freeze, 2 %."""


@dataclass(frozen=True, slots=True)
class Running:
    """What is being served, in words for the start's output."""

    host: str
    port: int
    store: str
    media: str
    ops: str = ""
    """The address of the operator's pages."""
    admin: str = ""
    """The address of the admin API; empty: it is off."""
    lan: "Lan | None" = None
    """How others of this network come here; ``None``: they are not served."""

    @property
    def shown_host(self) -> str:
        """Where this machine's own browser finds it: cameras work on localhost without TLS."""
        return shown_host(self.host)


def shown_host(host: str) -> str:
    """A host that is listened on, as it is written in an address that works on this machine."""
    if host in ("", "127.0.0.1", "::1", "0.0.0.0", "::"):  # noqa: S104 # compared, not bound
        return "localhost"
    return f"[{host}]" if ":" in host else host


async def serve(settings: Settings, announce: Callable[[Running], None]) -> None:
    """Serves until SIGTERM, SIGINT or SIGHUP, then drains; leaves no process and no half-done command.

    Raises, before anything is served: ``SettingsError``, ``ListenError``, ``SecretError``, ``StoreError``,
    ``CertificateError``.
    """
    check(settings)
    allow_open_files()
    lan = _lan(settings)
    with (
        Signals() as signals,
        listening("" if lan else settings.host, settings.port) as sockets,
        listening(settings.ops_host, settings.port_of_ops, "ops-") as inside,
        _listening_for_moderators(settings) as desk,
    ):
        contact = Contact(SystemClock(), metrics := Metrics())
        async with (
            _store(settings, contact.suspect, metrics) as (store, kind),
            _livekit(settings, store) as livekit,
        ):
            admin = f"http://{shown_host(settings.admin_host)}:{port_of(desk)}" if desk else ""
            ops = f"http://{shown_host(settings.ops_host)}:{port_of(inside)}"
            running = Running(
                "" if lan else settings.host,
                port_of(sockets),
                kind,
                _media_in_words(settings),
                ops,
                admin,
                lan,
            )
            marks = await networks(settings, store)
            process = Process(
                settings,
                store,
                contact,
                metrics,
                livekit,
                networks=marks,
                started=lambda: _settled(announce, running),
                tls=lan.certificate.context if lan else None,
            )
            signals.lead_to(process.server.stop)
            async with (
                process.agreeing(port_of(sockets)),
                process.running(),
                answering(process.ops, inside),
                answering(process.admin, desk),
            ):
                await process.server.serve(sockets)


def check(settings: Settings) -> None:
    """What can be known without a store. Raises ``SettingsError``, ``SecretError``, ``BrandError``."""
    settings.check(
        deaf_after_ms=round((beat.PERIOD_S + beat.ECHO_S + reattach.SPREAD_S) * 1000),
        heartbeat_ms=round(HEARTBEAT_S * 1000),
    )
    if settings.secret:
        Keyring.parse(settings.secret)
    try:
        Proxies.parse(settings.trusted_proxies)
    except BadProxy as error:
        raise SettingsError(f"--trusted-proxies: {error}") from error
    try:
        Reserved(settings.reserved_names)
    except BadName as error:
        raise SettingsError(f"--reserved-names: {error}") from error
    if settings.page and not (WEB / "index.html").exists():
        raise SettingsError("the page is not built: run make page, or pip install . again (or --no-page)")
    brand_of(settings)


def brand_of(settings: Settings) -> Brand | None:
    """Return what the brand file says; ``None``: there is none. Raises ``BrandError``."""
    return read_brand(Path(settings.brand), languages_of(WEB)) if settings.brand else None


def endpoints(settings: Settings) -> list[Endpoint]:
    """Return the host application's addresses, each with the secrets that sign what is sent there."""
    entries = settings.webhook_secrets
    secrets_of = entries * len(settings.webhook) if len(entries) == 1 else entries
    return [Endpoint(*each) for each in zip(settings.webhook, secrets_of, strict=True)]


class Process:
    """One server process: everything that it is made of, put together."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        contact: Contact,
        metrics: Metrics,
        livekit: "LiveKit | None" = None,
        *,
        networks: Networks,
        started: Callable[[], None],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Builds; nothing runs yet. Raises ``SecretError``."""
        clock = SystemClock()
        contact.last_answer = lambda: store.answered_at
        contact.behind_s = lambda: store.behind_s
        contact.late_since = store.late_since
        keys = keyring(settings)
        process = ProcessId("s_" + secrets.token_urlsafe(12))
        machine = Machine(
            store,
            settings.timings,
            key_prefix=settings.key_prefix,
            media=MediaKind.LIVEKIT if livekit else MediaKind.PEER,
            room_rules=livekit.rules if livekit else None,
            first_pool=settings.pools[0],
            observe=logged(metrics.observe, conversations=settings.log_level == "debug"),
            interrupted=StoreInterrupted,
            may_repeat=store.may_repeat,
        )
        peer = Peer(settings.ice_servers, turn_secret=settings.turn_secret, relay_only=settings.relay_only)
        # A match keeps the media that it began with: while LiveKit is away, or as servers change over.
        media: MediaPort = Kinds([*([livekit.grants] if livekit else []), peer, Text()])
        rooms = livekit.workers(machine, metrics, clock) if livekit else None
        self._metrics = metrics
        offer = Offer(Transports(settings.transports), settings.compare_percent, settings.ask_after)
        self._hub = hub = Hub(
            machine,
            process,
            media=media,
            contact=contact,
            metrics=metrics,
            clock=clock,
            offer=offer,
            wake_rooms=rooms.wake if rooms else lambda: None,
        )
        polls = Polls(hub, clock)
        feed = Feed(
            store.subscribe,
            machine.channel(process),
            clock,
            deliver=hub.deliver,
            opened=contact.sequence.opened,
        )

        acts = Acts(machine.moderation)
        self._agreement = agreement = Agreement(settings, keys, machine, process)

        async def remember() -> None:
            await acts.remember()
            networks.adopt(await store_key(keys, machine.network_key, networks.key))
            await agreement.repeat()

        self._loops: tuple[supervisor.Loop, ...] = (
            feed,
            polls,
            beat.Beat(machine, hub, contact, clock, reopen=feed.reopen),
            sweep.Sweep(machine, process, settings.pools, clock),
            reattach.Reattach(hub, contact, clock, remember=remember),
            census.Census(hub, contact, clock, remember=remember),
            *(rooms.loops if rooms else ()),
            Webhooks(endpoints(settings), machine.events, process, Poster().post, metrics, clock),
        )
        services = Services(
            machine=machine,
            media=media,
            metrics=metrics,
            tokens=Tokens(keys, guests=settings.guests, reserved=Reserved(settings.reserved_names)),
            origins=Origins(settings.origins),
            pools=settings.pools,
            terms_version=settings.terms_version,
            offer=offer,
            sizes=Sizes(settings.body_bytes, settings.message_chars, settings.signal_bytes),
            network_of=networks.mark,
            limits=limits_of(settings, store, keys.keys[keys.signing_kid]),
            subjects=Subjects(machine.events.name),
        )
        app = build(
            services,
            events=EventStream(
                hub,
                services.caller,
                enabled=offer.streams,
                gate=services.gate,
                network_of=networks.mark,
                crowded=machine.crowded if settings.timings.network_people else None,
            ),
            is_ready=contact.ready,
            web=WEB if settings.page else None,
            brand=brand_of(settings),
            polls=polls if offer.polls else None,
            people_online=lambda: contact.people_online,
            livekit_url=livekit.url if livekit else "",
            is_relayed=is_relayed(settings),
            webhook=rooms.webhook if rooms else None,
            shared=CrossOrigin(by_cookie=settings.origins, by_bearer=settings.cors_origins),
        )
        self.ops = build_ops(services, contact.ready)
        """The operator's pages."""
        self.admin = build_admin(
            machine.moderation,
            acts,
            AdminTokens(settings.admin_secret),
            Hooks(machine.events, settings.webhook),
        )
        """The admin API; served only if there is a secret."""
        allowed = ServerLimits(settings.drain_s, settings.trusted_proxies)
        self.server = Server(app, allowed, started=started, drain=hub.drain, tls=tls)

    @contextlib.asynccontextmanager
    async def agreeing(self, port: int) -> AsyncIterator[None]:
        """Hold this process against the others of the store. Raises ``SettingsError``, ``StoreError``."""
        await self._agreement.enter(port)
        try:
            yield
        finally:
            await self._agreement.quit()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The loops run within it, and people can be held; leaving it drains what the server has not."""
        async with self._hub.running(), asyncio.TaskGroup() as group:
            loops = group.create_task(supervisor.run(self._loops, self._metrics))
            try:
                yield
            finally:
                loops.cancel()


class Signals:
    """SIGTERM, SIGINT and SIGHUP: at first they cancel the start, later they lead to an orderly stop.

    They stay ours until the block is left: a second one must not interrupt what the first one began.
    """

    def __init__(self) -> None:
        self._act: Callable[[], object] = lambda: None
        self._ours: list[signal.Signals] = []

    def __enter__(self) -> "Signals":
        """They are ours; the task that enters is what they cancel until told otherwise."""
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        if task is not None:
            self._act = task.cancel
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if each is signal.SIGHUP and signal.getsignal(each) is signal.SIG_IGN:
                continue  # nohup: to go on without its terminal is what was asked for
            loop.add_signal_handler(each, self._fire)
            self._ours.append(each)
        return self

    def lead_to(self, act: Callable[[], object]) -> None:
        """From now on they do this."""
        self._act = act

    def _fire(self) -> None:
        """Once: another cancellation would strike the end that this one began: the store would live on."""
        act, self._act = self._act, lambda: None
        act()

    def __exit__(self, *_: object) -> None:
        """They are the interpreter's again."""
        for each in self._ours:
            asyncio.get_running_loop().remove_signal_handler(each)


@contextlib.contextmanager
def _listening_for_moderators(settings: Settings) -> Iterator[list[socket.socket]]:
    """Listen for the admin API; without its secret there are no sockets. Raises ``ListenError``."""
    if not settings.admin_secret:
        yield []
        return
    with listening(settings.admin_host, settings.port_of_admin, "admin-") as sockets:
        yield sockets


@contextlib.asynccontextmanager
async def _store(
    settings: Settings, suspect: Callable[[str], None], metrics: Metrics
) -> AsyncIterator[tuple[Store, str]]:
    """The store of the settings, and what it is in words; it answers and is new enough."""
    async with contextlib.AsyncExitStack() as stack:
        url, where = settings.redis_url, "at {}"
        if not url:
            embedded = await stack.enter_async_context(
                Embedded(settings.data, rewrite_s=settings.rewrite_s).running()
            )
            url, where = embedded.url, f"embedded, in {settings.data.resolve()}"
        try:
            store = await stack.enter_async_context(
                Store(url, on_suspicion=suspect, metrics=metrics).running()
            )
            info = await store.info()
        except BadUrl as error:
            raise BadUrl(f"REDIS_URL (--redis-url) is not a valid address: {error}") from error
        except StoreError as error:
            raise StoreError(f"the store does not answer: {error}; check REDIS_URL (--redis-url)") from error
        look_at(info)
        yield store, f"{info.kind} {info.version}, {where.format(store.address)}"


def look_at(info: ServerInfo) -> None:
    """Raises ``StoreError`` for one that is too old; warns of one that forgets."""
    if info.kind == "Redis" and 0 < info.major < OLDEST_REDIS:
        raise StoreError(f"the store is Redis {info.version}, and Redis 7 or newer is needed, or Valkey")
    if info.maxmemory_policy not in ("", "noeviction"):
        log.warning(
            "the store forgets people when its memory is full; set its maxmemory-policy to noeviction",
            policy=info.maxmemory_policy,
        )


async def networks(settings: Settings, store: Store) -> Networks:
    """Return what tells the marks of networks, under the store's own key. Raises ``SecretError``,
    ``StoreError``."""
    machine = Machine(
        store, key_prefix=settings.key_prefix, interrupted=StoreInterrupted, may_repeat=store.may_repeat
    )
    key = await store_key(keyring(settings), machine.network_key)
    return Networks(key, Proxies.parse(settings.trusted_proxies))


def limits_of(settings: Settings, store: Store, secret: bytes) -> limits.RateLimits | None:
    """The limits that the settings name; ``None``: there are none."""
    if not settings.limits:
        return None
    keys = Keys(SHARDS[0], settings.key_prefix)
    return limits.RateLimits(
        store,
        settings.rates(),
        secret=secret,
        prefix=keys.prefix,
        known=keys.person,
        interrupted=StoreInterrupted,
        may_repeat=store.may_repeat,
    )


def keyring(settings: Settings) -> Keyring:
    """The signing keys: those of the settings, or the one that lies beside the embedded store.

    Raises ``SecretError``.
    """
    return Keyring.parse(settings.secret or kept_secret(settings.data / "secret"))


def kept_secret(file: Path) -> str:
    """What the file says; made at the first start, and the same for servers that start together.

    Raises ``SecretError``: it can be neither read nor made.
    """
    try:
        if not file.exists():
            _make_secret(file)
        return file.read_text().strip()
    except OSError as error:
        raise SecretError(
            f"the signing key cannot be kept in {file} ({error.strerror}); "
            "set DUOLOGUE_SECRET, or choose another folder with --data"
        ) from error


def _make_secret(file: Path) -> None:
    fresh = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    fresh.touch(mode=0o600, exist_ok=False)
    try:
        fresh.write_text(secrets.token_urlsafe(32))
        with contextlib.suppress(FileExistsError):
            file.hardlink_to(fresh)  # whole or not at all, and never over another's
    finally:
        fresh.unlink()


def _lan(settings: Settings) -> "Lan | None":
    """What ``--lan`` needs, if the settings ask for it. Raises ``CertificateError``."""
    if not settings.lan:
        return None
    from duologue.wiring_lan import lan  # noqa: PLC0415 # a server behind a proxy does without its libraries

    return lan(settings.data)


@contextlib.asynccontextmanager
async def _livekit(settings: Settings, store: Store) -> AsyncIterator["LiveKit | None"]:
    """What LiveKit needs, if the settings ask for it. Raises ``SettingsError``, ``StoreError``."""
    if settings.media != "livekit":
        yield None
        return
    try:
        from duologue.wiring_livekit import livekit  # noqa: PLC0415 # its library is an extra
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"--media livekit needs the package {error.name}: pip install 'duologue[livekit]'"
        ) from error
    async with livekit(settings, store) as found:
        yield found


def is_relayed(settings: Settings) -> bool:
    """Return whether each call goes through a server, so that partners never see each other's address."""
    if settings.media == "livekit":
        return not settings.media_fallback or settings.relay_only
    return settings.relay_only


def _media_in_words(settings: Settings) -> str:
    if settings.media == "livekit":
        return f"through LiveKit at {settings.livekit_url}"
    if settings.relay_only:
        return "browser to browser, through TURN servers only"
    if settings.ice_servers:
        return "browser to browser"
    return "browser to browser, on one network only (--ice-servers names STUN and TURN servers)"


def _settled(announce: Callable[[Running], None], running: Running) -> None:
    """Exempt what exists now from garbage collection, because it lives as long as the process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
    announce(running)
