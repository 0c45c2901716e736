"""Every duration of the state machine, in milliseconds (invariant 7's bounds follow from them)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timings:
    """Defaults of the design; each is a setting, and a constant of the scripts."""

    owed_ms: int = 3_000
    """A sign of life owed since a match began, or a partner's media fell silent."""
    owed_again_ms: int = 1_500
    """An unmet probe is published once more: its frame may have been lost with a connection."""
    silent_after_ms: int = 2_500
    """How long a page hears nothing before it says ``silent``."""
    away_bucket_ms: int = 5_000
    """How long somebody with a closed connection may be away, at most."""
    away_refill_ratio: int = 6
    """Attached time that buys one unit of away time back."""
    away_floor_ms: int = 1_000
    """Never less than this, so that a partner whose media is up can say so (docs/decisions/0002)."""
    drain_ms: int = 25_000
    """The same after a drain or a dead process: our own doing."""
    media_ms: int = 10_000
    """From a match to ``media=open`` from both."""
    media_most_ms: int = 30_000
    """The same at most, from the match on, however often a side comes back with nothing open yet."""
    silence_ms: int = 10_000
    """From the first ``silent`` of one side to the end of the match."""
    silence_stale_ms: int = 5_000
    """A silence whose last report is older is dropped."""
    failed_ms: int = 1_000
    """How long ``failed`` of one side waits for a word of trouble of the other."""
    page_changes: int = 6
    """How often one side's page may change in a match; one more is that side's own end of it."""
    lease_ms: int = 35_000
    """A waiting person without any sign of life; a client answers each heartbeat."""
    lease_grace_ms: int = 15_000
    """After an outage no lease ends before everybody had a heartbeat to answer."""
    record_ttl_ms: int = 3_600_000
    """Idle and detached people are forgotten after this."""
    quiet_check_ms: int = 300_000
    """A match without a word from either side is asked about."""
    relax_after_ms: int = 15_000
    """Both pairable for this long without a break: the rematch rule, tags and language relax."""
    relax_alone_ms: int = 4_000
    """The same for two who just met, while neither has another person to meet; ``relax_after_ms`` at most."""
    rematch_ms: int = 600_000
    """Nobody meets one of their last 8 partners of this long again."""
    recent_ttl_ms: int = 900_000
    """How long an ended match can be blocked and reported."""
    long_match_ms: int = 30_000
    """A match that lasted this long ends the earlier wait."""
    away_keep_ms: int = 60_000
    """Within this time of ``you-were-away`` a join keeps the place."""
    process_dead_ms: int = 4_000
    """A process without a beat for this long is buried."""
    outage_ms: int = 2_000
    """No sweep for this long: the store or all servers were away."""
    outage_quiet_ms: int = 5_000
    """Nothing falls due for this long after an outage."""
    false_ending_ms: int = 20_000
    """Both back within this time of an ending of ours: it was false (measured, never acted on)."""
    block_ttl_ms: int = 2_592_000_000
    """A block lasts until its person has not come for 30 days, as long as a session."""
    evidence_bytes: int = 268_435_456
    """What reports, and what was said in reported matches, may take in the store, all together."""
    side_bytes: int = 131_072
    """What one side may say in one match: 64 messages of 2,000 ASCII characters, or 1,500 lines of 40."""
    looks: int = 16
    """How many people one look for somebody reads; the next look goes on behind them."""
    scan_windows: int = 4
    """How many times ``looks`` one call of the scan reads."""
    scan_claim_ms: int = 2_000
    """A process that scans and says nothing for this long is replaced by another."""
    block_network_ms: int = 86_400_000
    """How long a block holds against the network of somebody who was blocked; 0: not at all."""
    network_people: int = 500
    """People attached from one network, at most; 0: any number."""
    relax_drawn: bool = True
    """Two who met lately wait for each other as long as their last match's id says, at least
    ``relax_after_ms``."""
    strict_tags: bool = False
    """Tags and language never relax."""


@dataclass(frozen=True, slots=True)
class RoomRules:
    """How LiveKit rooms are opened and closed (mechanism 8); without meaning for peer media."""

    namespace: str = "duologue"
    """What a room's name begins with, before ``_<match>``; ``[A-Za-z0-9-]`` only."""
    auto_create: bool = False
    """The LiveKit server makes a room when somebody joins: the grant at once, and no create of ours."""
    fallback: bool = False
    """While no room opens, matches are made with peer media instead of none."""
    open_ms: int = 10_000
    """No room within this time of the match: ``media-unavailable``."""
    create_ms: int = 10_000
    """The longest that a create may be under way, whatever its caller heard of it."""
    claim_ms: int = 3_000
    """Whoever works on a room and says nothing for this long is taken to be dead."""
    close_ms: int = 1_000
    """How long the people of an ended match have to leave their room by themselves."""
    again_ms: int = 1_000
    """Between two deletions of one room while a create may still land."""
    retry_ms: int = 250
    """After the first failure; each further one doubles it."""
    open_retry_most_ms: int = 2_000
    close_retry_most_ms: int = 15_000
    linger_ms: int = 30_000
    """With ``auto_create``: how long a room must have stayed gone."""
    spare_ms: int = 5_000
    """Rooms younger than this are neither missed nor taken for nobody's."""
    solo_ms: int = 8_000
    """A room may hold one person of a live match this long: longer than a reload needs."""
    round_ms: int = 5_000
    """From the end of a reconciler's round to the next one."""
    round_lapse_ms: int = 5_000
    """How long a claimed round may go without a step; twice the longest call to LiveKit (``ANSWER_S``)."""
    round_spare_ms: int = 2_000
    """By so much longer waits a process other than the one that had the last round."""
    hook_ttl_ms: int = 600_000
    """How long the id of a webhook's event is remembered; LiveKit signs for 5 min."""
