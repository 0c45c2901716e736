"""Write docs/settings.md from ``duologue.settings``: ``python tools/settings_page.py``."""

from collections.abc import Iterator
from dataclasses import Field
from pathlib import Path
from typing import Any

from duologue.cli import shown
from duologue.identity.limits import DEFAULTS, IN_MEMORY, Kind
from duologue.settings import Settings, flag, is_advanced, variable

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"

HEAD = """\
# Settings

*This page is generated from `src/duologue/settings.py` and `src/duologue/pairing/timings.py`: change a text
there, then run `python tools/settings_page.py`.*

Each setting is an option of `duologue serve` and an environment variable; the option wins. A switch is
turned off with `--no-` (`--no-guests`), and as a variable takes `on` or `off`. `duologue serve --help`
prints the same list.

Every user of a machine can read its command lines. Settings without an option hold a secret, so they are
variables only. An option whose value contains a user name, a password or a credential is refused, with
the name of the variable to use. `REDIS_URL`, `LIVEKIT_URL`, `LIVEKIT_API_KEY` and `LIVEKIT_API_SECRET`
are read if their `DUOLOGUE_` variable is not set.
"""

SECTIONS: dict[str, tuple[str, ...]] = {
    "Server": ("host", "port", "lan", "ops_host", "ops_port",
               "admin_host", "admin_port", "admin_secret",
               "trusted_proxies", "page", "brand",
               "origins", "cors_origins", "drain_s", "log_level", "log_format"),
    "Store": ("data", "redis_url", "key_prefix", "secret", "rolling_change", "rewrite_s", "evidence_bytes"),
    "People": ("pools", "terms_version", "guests", "reserved_names", "ask_after", "network_people",
               "block_network_ms"),
    "Host application": ("webhook", "webhook_secrets", "match_events", "presence_events", "kept_events"),
    "Delivery": ("transports", "compare_percent", "body_bytes", "message_chars", "signal_bytes", "limits",
                 "limit"),
    "Media between browsers": ("ice_servers", "turn_secret", "relay_only"),
    "LiveKit": ("media", "livekit_url", "livekit_api_url", "livekit_api_key", "livekit_api_secret",
                "livekit_namespace", "livekit_auto_create", "media_fallback"),
}  # fmt: skip
"""An option that stands in none of them comes under "Other"."""

LIMITS = """\
## Rate limits

A limit is a bucket: *at once* is its size, and *a minute* is how fast it fills. The limits of a person
are several times what a lively evening needs, and those of an address fit 500 people behind one NAT.
`--limit` changes those of one kind, and can be given once for each kind:

```
duologue serve --limit skips=120/60,24000/12000 --limit joins=90/45
```

Each person may then skip 120 times a minute and 60 times at once, each address 24,000 and 12,000 times; a
person may join 90 times a minute and 45 times at once, and an address as often as before. `off` stands for
no limit: `--limit polls=off,off`. To change an address only, leave the person's part empty:
`--limit joins=,12000/6000`. In the environment, spaces separate the kinds:
`DUOLOGUE_LIMIT="skips=120/60 joins=90/45"`. `--no-limits` turns all limits off.

The first seven kinds are counted in the store, for all servers together. The others are counted in the
memory of each server process, so with four processes a person or an address may send four times as much.
Counting one of those takes 8 µs and no call to the store. A whole pulse takes a server process about 350
µs, and a refused one about 275 µs, nearly all of it for HTTP. At most 1,000 pulses a second from one
address are a third of a core. Floods have to be stopped by your proxy.
"""

NOTES = {
    Kind.SESSIONS: "renewals by a person; new guests from an address",
    Kind.JOINS: "presses of Start",
    Kind.SKIPS: "also pulses that report `failed`, and reports and blocks that skip",
    Kind.MESSAGES: "",
    Kind.SIGNALS: "of media between browsers",
    Kind.REPORTS: "also blocks",
    Kind.STREAMS: "from an address: only people who are new to the store",
    Kind.POLLS: "",
    Kind.PULSES: "`pulse`, `ack` and `leave`",
    Kind.SILENCES: "pulses that report a silent partner",
    Kind.READS: "`GET /v1/state`, and reports of compared reads",
    Kind.MEASURES: "pulses whose measurements are counted in the metrics",
}

TIMINGS = """\
## Timings of the state machine

Advanced: a server refuses to start with values that do not fit together. Values that end in `-ms` are
milliseconds. `duologue serve --help-advanced` lists them.
"""


def page() -> str:
    """Return the whole page."""
    return "\n".join([HEAD, *_sections(), LIMITS, *_limits(), "", TIMINGS, *_timings(), ""])


def _sections() -> Iterator[str]:
    plain = {each.name: each for each in Settings.options() if not is_advanced(each)}
    placed = {name for names in SECTIONS.values() for name in names}
    sections = {**SECTIONS, "Other": tuple(name for name in plain if name not in placed)}
    for title, names in sections.items():
        if names:
            yield f"## {title}\n\n| option | variable | default | |\n|---|---|---|---|"
            yield from (row(plain[name]) for name in names)
            yield ""


def row(each: "Field[Any]") -> str:
    """Return one line of a table: option, variable, default and text."""
    option = "" if each.metadata.get("secret") else f"`{flag(each.name)}`"
    return f"| {option} | `{variable(each.name)}` | {shown(each.default)} | {each.metadata['help']} |"


def _limits() -> Iterator[str]:
    yield "| kind | person, a minute | at once | address, a minute | at once | counted in | |"
    yield "|---|---|---|---|---|---|---|"
    for kind in Kind:
        rates = DEFAULTS[kind]
        cells = [
            cell
            for rate in (rates.person, rates.address)
            for cell in ((f"{rate.per_min:,}", f"{rate.burst:,}") if rate else ("–", "–"))
        ]
        where = "process" if kind in IN_MEMORY else "store"
        yield f"| `{kind}` | {' | '.join(cells)} | {where} | {NOTES[kind]} |"


def _timings() -> Iterator[str]:
    yield "| option | default | |\n|---|---|---|"
    for each in Settings.options():
        if is_advanced(each):
            default = shown(each.default) if isinstance(each.default, bool) else f"{each.default:,}"
            yield f"| `{flag(each.name)}` | {default} | {each.metadata['help']} |"


if __name__ == "__main__":
    PAGE.write_text(page())
