"""Every metric, once.

The state machine does not know this file: it tells *facts* as short strings
(``Machine(observe=metrics.observe)``), each exactly once, in the process that
ran the script. The table at the end of :meth:`Metrics.observe` turns them into
series. Names are a contract with the people who draw graphs: add names, and never rename one.
"""

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from duologue import __version__
from duologue.lane import Lane

CONTENT_TYPE = CONTENT_TYPE_LATEST
"""What ``GET /metrics`` answers as its content type."""

TOLD_S = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
ALONE_S = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 6.0, 8.0, 10.0, 15.0, 30.0, 60.0)
"""The bounds of invariant 7 (3, 5, 6, 8 s) are edges, so that a breach is a bucket."""
FACE_S = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
WAIT_S = (0.01, 0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 30.0, 60.0, 300.0, 1800.0)
BELIEVED_S = {"told": 10.0, "alone": 60.0, "next_face": 60.0}
"""The highest measurement of a client that is believed: beyond invariant 7 a clock has jumped."""
STREAM_S = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)

ALONE_CAUSES = ("away", "silent", "no-show", "media-failed")
REPORTS = (
    "filed", "amended", "not-amended", "refused", "without-evidence", "left-out",
    "decided", "gave-way", "expired", "unseen",
)  # fmt: skip
"""``refused``: no room even for the report. ``without-evidence``: none for the messages. ``left-out``: none
for one of them. ``gave-way``: decided, and gone to make room. ``unseen``: ran out undecided."""
DELIVERIES = ("delivered", "failed", "given-up", "lost", "disabled")
"""``failed``: tried again later. ``given-up``: after 5 days. ``lost``: the outbox was full, or a week over.
``disabled``: an endpoint, after 5 days without a success or a 410."""
FALSE_CAUSES = ("partner-lost", "no-show", "media-failed")


def _of_the_process() -> CollectorRegistry:
    """Return a registry that has the metrics of the process and of the version that runs."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    Info("duologue_build", "The version that runs.", registry=registry).info({"version": __version__})
    return registry


class Metrics:
    """All series of one process, in a registry of their own (so that tests can have many).

    Example::

        metrics = Metrics()
        machine = Machine(store, timings, media=MediaKind.PEER, observe=metrics.observe)
        body = metrics.render()  # what GET /metrics answers, with CONTENT_TYPE
    """

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, of no use here
        self.registry = registry = _of_the_process()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"duologue_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(f"duologue_{name}", text, labels, buckets=buckets, registry=registry)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"duologue_{name}", text, registry=registry)

        self._told = histogram(
            "skip_told_seconds", "Time from a skip until the partner is told.", TOLD_S, "source"
        )
        self._alone_people = gauge(
            "alone_people", "People in a match whose partner is away, lost, never came or has failed media."
        )
        self._alone = histogram(
            "alone_seconds", "How long a person was in a match without a partner.", ALONE_S, "cause"
        )
        self._incidents = counter(
            "alone_incidents", "Times that a person was in a match without a partner.", "cause"
        )
        self._false = counter(
            "false_endings",
            "Matches that the server ended as lost or failed although both people were back within 20 s.",
            "cause",
        )
        self._skips = counter("skips", "Skips, by their outcome.", "outcome")
        self._streams_open = gauge("streams_open", "Event streams that are open in this process.")
        self._streams_ended = counter("streams_ended", "Event streams that ended, by the reason.", "reason")
        self._stream = histogram("stream_seconds", "How long an event stream was open.", STREAM_S)
        self._face = histogram(
            "next_face_seconds",
            "Time from Next to the first video frame of the next partner, as measured by clients.",
            FACE_S,
        )
        self._shown_alone = histogram(
            "client_alone_seconds",
            "How long a page showed a partner who was not there, as measured by clients.",
            ALONE_S,
        )
        self._outliers = counter(
            "client_outliers",
            "Measurements of clients above the accepted maximum; they count as the maximum.",
            "what",
        )
        self._matched = histogram("match_wait_seconds", "How long a person waited until the match.", WAIT_S)
        self._lasted = histogram("conversation_seconds", "How long a match lasted.", STREAM_S, "reason")
        self._expired = counter(
            "expired", "Waiting people who became idle, by the deadline that passed.", "what"
        )
        self._buried = counter(
            "buried_people", "People who were detached because their server process stopped its beat."
        )
        self._suspicions = counter(
            "suspicions",
            "Suspicions that this process missed something; each one re-attaches all of its people.",
            "cause",
        )
        self._lists = counter(
            "lists_mended",
            "People on one of two lists: strays on the store's, the missing on the process's own.",
            "what",
        )
        self._sanctions = counter(
            "sanctions",
            "Decisions of moderators that took effect, by kind; lifted: a sanction ended before its time.",
            "kind",
        )
        self._failed_rounds = counter(
            "worker_failures", "Rounds of a background loop that failed with an exception.", "worker"
        )
        self._rooms = counter("rooms", "LiveKit rooms, by what happened to them.", "what")
        self._room_opened = histogram(
            "room_open_seconds", "Time from a match until its room is open.", (*TOLD_S, 10.0)
        )
        self._room_gone = histogram(
            "room_gone_seconds", "Time from the end of a match until its room is deleted.", ALONE_S
        )
        self._video = counter(
            "video_changes", "Times that LiveKit became unavailable (down) or available again (up).", "to"
        )
        self._video_up = gauge("video_up", "1 if LiveKit rooms can be opened, 0 if not, as the store says.")
        self._rooms_now = Gauge(
            "duologue_rooms_now",
            "LiveKit rooms: listed by LiveKit as ours, owned by live matches, and closing (to be deleted).",
            ["what"],
            registry=registry,
        )
        self._canaries = counter("canaries", "Rooms made to test LiveKit, by the result.", "what")
        self._webhooks = counter("webhooks", "Webhooks of LiveKit, by their kind.", "what")
        self._detach_failures = counter(
            "detach_failures", "Detaches that failed; the re-attach loop repeats them."
        )
        self._by_transport = Gauge(
            "duologue_people_by_transport",
            "People connected to this process, by transport.",
            ["transport"],
            registry=registry,
        )
        self._comparisons = counter(
            "comparisons",
            "Reads of the state that clients compared with their stream, by the result.",
            "result",
        )
        self._reports = counter(
            "reports", "Reports and the messages kept with them, by what happened to them.", "what"
        )
        self._report_bytes = gauge(
            "report_bytes",
            "Size of all reports in the store, with the messages of the reported conversations.",
        )
        self._limited = counter(
            "limited",
            "Requests refused by a limit, by kind and by whose limit (person or address).",
            "what",
            "whose",
        )
        self._online = gauge("people_online", "People who are online in the store, as of the last beat.")
        self._lane_waiting = Gauge(
            "duologue_store_waiting",
            "Calls that wait to be sent to the store, now.",
            ["lane"],
            registry=registry,
        )
        self._lane_waited = histogram(
            "store_waited_seconds",
            "The longest that a call waited before it was sent to the store, in each tenth of a second.",
            TOLD_S,
            "lane",
        )
        self._lane_refused = counter(
            "store_refused",
            "Calls refused (503) because more was asked of the store than it could answer.",
            "lane",
        )
        self._lane_dropped = counter(
            "store_dropped",
            "Calls not sent to the store because their caller had given up, or would have before the answer.",
            "lane",
        )
        self._lane_repeats = counter(
            "store_repeats",
            "Interrupted calls, by whether they were repeated or the budget of repeats was spent.",
            "lane",
            "what",
        )
        self._store_call = gauge(
            "store_call_seconds", "How long the store takes for one call at present, as the batches show it."
        )
        self._store_window = gauge("store_bulk_window", "Bulk calls sent to the store at a time.")
        self._waited_in: dict[Lane, Histogram] = {}
        """By lane: the labels are not looked up for each batch."""
        self._known_labels()

    def _webhook_series(self) -> None:
        self._deliveries = Counter(
            "duologue_webhook_deliveries",
            "Deliveries of events to the host application, by what became of them.",
            ["what"],
            registry=self.registry,
        )
        self._delivered = Histogram(
            "duologue_webhook_delivered_seconds",
            "Time from an event until the host application had it.",
            buckets=WAIT_S,
            registry=self.registry,
        )
        for what in DELIVERIES:
            self._deliveries.labels(what)

    def _known_labels(self) -> None:
        """Show zero instead of nothing: an alert cannot tell absent from never."""
        self._video_up.set(1)  # until it is found down; with peer media it stays 1
        self._known_lanes()
        self._webhook_series()
        for cause in ALONE_CAUSES:
            self._incidents.labels(cause)
            self._alone.labels(cause)
        for cause in FALSE_CAUSES:
            self._false.labels(cause)
        for outcome in ("skipped", "stale"):
            self._skips.labels(outcome)
        for what in BELIEVED_S:
            self._outliers.labels(what)
        for source in ("server", "client"):
            self._told.labels(source)
        self._streams_ended.labels("closed")
        for transport in ("sse", "poll"):
            self._by_transport.labels(transport)
        for what in REPORTS:
            self._reports.labels(what)
        for result in ("same", "stream_first", "poll_first", "missed", "differ"):
            self._comparisons.labels(result)

    def _known_lanes(self) -> None:
        for lane in Lane:
            self._waited_in[lane] = self._lane_waited.labels(lane)
            self._lane_refused.labels(lane)
            self._lane_dropped.labels(lane)
            for what in ("repeated", "given-up"):
                self._lane_repeats.labels(lane, what)

    def observe(self, fact: str) -> None:  # noqa: C901 # a table, one line for each fact
        """Count one fact of the state machine, such as ``alone away 2400`` (times in ms).

        An unknown fact raises :exc:`ValueError`: a fact that is not counted is a mistake in a script.
        """
        match fact.split(" "):
            case ["alone", cause, ms]:
                self._incidents.labels(cause).inc()
                self._alone.labels(cause).observe(int(ms) / 1000)
            case ["ended", reason, ms, *_]:
                self._lasted.labels(reason).observe(int(ms) / 1000)
            case ["matched", ms, *_]:
                self._matched.observe(int(ms) / 1000)
            case ["away" | "back", *_]:
                pass  # for the log alone
            case ["false-ending", cause]:
                self._false.labels(cause).inc()
            case ["expired", what]:
                self._expired.labels(what).inc()
            case ["compared", result, count]:
                self._comparisons.labels(result).inc(int(count))
            case ["buried", count]:
                self._buried.inc(int(count))
            case ["report" | "report-bytes" | "sanction" as what, value]:
                self._observe_report(what, value)
            case ["room" | "room-opened" | "room-gone" | "video" as what, value]:
                self._observe_room(what, value)
            case _:
                raise ValueError(f"unknown fact: {fact!r}")

    def _observe_report(self, what: str, value: str) -> None:
        if what == "report":
            self._reports.labels(value).inc()
        elif what == "sanction":
            self._sanctions.labels(value).inc()
        else:
            self._report_bytes.set(int(value))

    def _observe_room(self, what: str, value: str) -> None:
        match what:
            case "room-opened":
                self._room_opened.observe(int(value) / 1000)
            case "room-gone":
                self._room_gone.observe(int(value) / 1000)
            case "room":
                self._rooms.labels(value).inc()
            case "video":
                self._video.labels(value).inc()

    def skip(self, outcome: str) -> None:
        """A skip was answered: ``skipped`` or ``stale``."""
        self._skips.labels(outcome).inc()

    def told(self, source: str, seconds: float) -> None:
        """A person was told of a partner's skip; ``source``: ``server`` or ``client``."""
        self._told.labels(source).observe(max(0.0, seconds))

    def measured(self, what: str, seconds: float) -> None:
        """Count what a client measured: ``told``, ``alone`` or ``next_face``.

        What is above the highest that is believed counts as that, and is counted apart: a single client can
        then bend neither the sum nor the tail by more than its number of pulses.
        """
        most = BELIEVED_S[what]
        if seconds > most:
            self._outliers.labels(what).inc()
        match what:
            case "told":
                self._told.labels("client").observe(min(seconds, most))
            case "alone":
                self._shown_alone.observe(min(seconds, most))
            case _:
                self._face.observe(min(seconds, most))

    def stream_opened(self) -> None:
        """An event stream is open."""
        self._streams_open.inc()

    def stream_ended(self, reason: str, seconds: float) -> None:
        """An event stream ended after so long; reasons: ``delivery.connection.End``."""
        self._streams_open.dec()
        self._streams_ended.labels(reason).inc()
        self._stream.observe(max(0.0, seconds))

    def video(self, *, is_up: bool) -> None:
        """Note whether rooms can be opened; without them no matches are made."""
        self._video_up.set(is_up)

    def rooms_seen(self, *, listed: int, owned: int, closing: int) -> None:
        """What LiveKit listed, and what the outbox holds."""
        self._rooms_now.labels("listed").set(listed)
        self._rooms_now.labels("owned").set(owned)
        self._rooms_now.labels("closing").set(closing)

    def canary(self, what: str) -> None:
        """A canary ``opened``, ``failed``, or was ``left`` for the reconciler to delete."""
        self._canaries.labels(what).inc()

    def webhook_deliveries(self, what: str, count: int = 1) -> None:
        """Count what became of deliveries; words: ``DELIVERIES``."""
        self._deliveries.labels(what).inc(count)

    def webhook_delivered(self, seconds: float) -> None:
        """Count an event that the host application has, so long after it happened."""
        self._deliveries.labels("delivered").inc()
        self._delivered.observe(max(0.0, seconds))

    def webhook(self, what: str) -> None:
        """One came: what it says, ``foreign``, or ``refused``."""
        self._webhooks.labels(what).inc()

    def suspected(self, cause: str) -> None:
        """Count a suspicion that this process missed something: all of its people are re-attached."""
        self._suspicions.labels(cause).inc()

    def worker_failed(self, worker: str) -> None:
        """A round of a loop raised; the loop goes on."""
        self._failed_rounds.labels(worker).inc()

    def lists_mended(self, strays: int, missing: int) -> None:
        """Count the people whom a round found on only one of the two lists."""
        self._lists.labels("stray").inc(strays)
        self._lists.labels("missing").inc(missing)

    def detach_failed(self) -> None:
        """A detach did not reach the store: the re-attach loop will find it."""
        self._detach_failures.inc()

    def limited(self, what: str, whose: str) -> None:
        """A request was refused as too many; ``whose`` bucket was empty: ``person`` or ``address``."""
        self._limited.labels(what, whose).inc()

    def lane_waits(self, lane: Lane, count: Callable[[], int]) -> None:
        """Show how many calls of a lane wait, which ``count`` returns whenever the metrics are asked for."""
        self._lane_waiting.labels(lane).set_function(count)

    def lane_waited(self, lane: Lane, seconds: float) -> None:
        """Count a batch by how long its call that waited longest had waited."""
        self._waited_in[lane].observe(seconds)

    def lane_refused(self, lane: Lane) -> None:
        """Count a call that was refused because more is asked of the store than it can answer."""
        self._lane_refused.labels(lane).inc()

    def lane_dropped(self, lane: Lane) -> None:
        """Count a call that was not sent: nobody waited for its answer, or would have by then."""
        self._lane_dropped.labels(lane).inc()

    def lane_repeated(self, lane: Lane, *, allowed: bool) -> None:
        """Count an interrupted call; ``allowed``: it is repeated."""
        self._lane_repeats.labels(lane, "repeated" if allowed else "given-up").inc()

    def store_measures(self, call_s: Callable[[], float], window: Callable[[], int]) -> None:
        """Show what the store client measures, whenever the metrics are asked for."""
        self._store_call.set_function(call_s)
        self._store_window.set_function(window)

    def beaten(self, people_online: int, alone_people: int) -> None:
        """A beat was answered."""
        self._online.set(people_online)
        self._alone_people.set(alone_people)

    def held(self, on_sse: int, on_poll: int) -> None:
        """So many people are reached from here."""
        self._by_transport.labels("sse").set(on_sse)
        self._by_transport.labels("poll").set(on_poll)

    def render(self) -> bytes:
        """The text of ``GET /metrics``."""
        return generate_latest(self.registry)
