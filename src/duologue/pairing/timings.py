"""The rules of the state machine that an operator can change: durations in milliseconds, sizes and counts.

The settings and the constants of the scripts are made from this class (invariant 7's bounds follow from it).
"""

from dataclasses import dataclass, field
from typing import Any


def setting(default: int | bool, help: str) -> Any:  # noqa: A002 # the settings' word
    """A field that operators set: its default, and one sentence that says what it is for."""
    return field(default=default, metadata={"help": help, "advanced": False})


def timing(default: int | bool, help: str) -> Any:  # noqa: A002 # the settings' word
    """The same for one that hardly anybody needs to change."""
    return field(default=default, metadata={"help": help, "advanced": True})


@dataclass(frozen=True, slots=True)
class Timings:
    """Defaults of the design; each is a setting, and a constant of the scripts."""

    evidence_bytes: int = setting(
        268_435_456,
        "Maximum size of all reports in the store, with the messages of the reported conversations. "
        "At the maximum, the reports that were decided first are deleted; after that, new reports are"
        " kept without messages.",
    )
    network_people: int = setting(
        500, "Maximum number of people at one time from one network (IPv6: one /56); 0 turns the limit off."
    )
    block_network_ms: int = setting(
        86_400_000,
        "How long a block also holds against the network of the blocked person. Use 0 where many "
        "people share one network.",
    )
    audit_ttl_ms: int = setting(
        31_536_000_000, "How long the audit keeps what moderators did (one year by default)."
    )
    match_events: bool = setting(
        False, "Write the events match.started and match.ended for the host application (docs/webhooks.md)."
    )
    presence_events: bool = setting(
        False, "Write the events person.online and person.offline for the host application."
    )
    kept_events: int = setting(
        100_000, "Maximum number of events that are kept for the host application; the oldest leave."
    )
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
        20_000,
        "If both people are back within this time of an ending by us, the metrics count a false ending.",
    )
    block_ttl_ms: int = timing(
        2_592_000_000, "How long a block is kept after the last visit of the person who made it."
    )
    sanction_kept_ms: int = timing(15_897_600_000, "How long moderators can read a sanction after its end.")
    events_ttl_ms: int = timing(604_800_000, "How long events for the host application are kept.")
    subject_ttl_ms: int = timing(
        2_592_000_000,
        "How long the subject of a token of your own is kept after its person's last visit, so that events "
        "can name it.",
    )
    webhook_claim_ms: int = timing(
        5_000, "Time after which another server takes over webhooks from one that says nothing."
    )
    webhook_kept_ms: int = timing(
        2_592_000_000, "How long the state of a webhook's address is kept that no server delivers to."
    )
    request_ttl_ms: int = timing(
        86_400_000, "How long a repeated Idempotency-Key of a moderator's request gives the first answer."
    )
    side_bytes: int = timing(
        131_072,
        "Maximum size of what one side writes in one conversation: 64 messages of 2,000 letters, or 1,500 "
        "lines of 40.",
    )
    looks: int = timing(
        16, "How many people are checked at a time to find a partner; the next time goes on behind them."
    )
    scan_windows: int = timing(4, "How many groups of that size one call of the queue's scan checks.")
    scan_claim_ms: int = timing(
        2_000, "Time after which another server takes over the queue's scan from one that says nothing."
    )
    relax_drawn: bool = timing(
        True,
        "In one case of four, draw a longer wait before two people who met recently meet again, so "
        "that a long wait does not prove a block. Turn it off for trials only.",
    )
    strict_tags: bool = timing(False, "Never relax the rules for tags and language.")


@dataclass(frozen=True, slots=True)
class RoomRules:
    """How LiveKit rooms are opened and closed (mechanism 8). Peer media does not use it."""

    namespace: str = "duologue"
    """Prefix of room names, before ``_<match>``: letters, digits and ``-`` only."""
    auto_create: bool = False
    """The LiveKit server creates a room when a person joins it, so the grant is sent at once."""
    fallback: bool = False
    """Make matches with peer media while rooms cannot be opened."""
    open_ms: int = 10_000
    """A match whose room is not open after this time ends as ``media-unavailable``."""
    create_ms: int = 10_000
    """Maximum time for which a request to create a room may still take effect."""
    claim_ms: int = 3_000
    """A process that claimed a room and is silent for this long loses the claim."""
    close_ms: int = 1_000
    """Time for the people of an ended match to leave before their room is deleted."""
    again_ms: int = 1_000
    """Time between two deletions of one room while a create may still take effect."""
    retry_ms: int = 250
    """Delay after the first failure; each further failure doubles it."""
    open_retry_most_ms: int = 2_000
    close_retry_most_ms: int = 15_000
    linger_ms: int = 30_000
    """With ``auto_create``: how long a deleted room is watched, because a late join creates it again."""
    spare_ms: int = 5_000
    """Rooms younger than this are left alone by the reconciler."""
    solo_ms: int = 8_000
    """How long a room of a live match may hold one person only: longer than a reload takes."""
    round_ms: int = 5_000
    """Time from the end of a reconciler's round to the next one."""
    round_lapse_ms: int = 5_000
    """Maximum time between two steps of a claimed round: twice the longest call to LiveKit (``ANSWER_S``)."""
    round_spare_ms: int = 2_000
    """How much longer another process waits than the one that had the last round."""
    hook_ttl_ms: int = 600_000
    """How long the id of a webhook's event is remembered; LiveKit signs for 5 min."""
