"""An endpoint: an address of the host application, what it hears of, and the secrets that sign."""

import hashlib
import re
from typing import NamedTuple
from urllib.parse import urlsplit

from duologue.pairing.events import Event
from duologue.pairing.vocabulary import MATCH_EVENTS, PRESENCE_EVENTS, EventKind

ADDRESS = re.compile(r"https?://[!-~]+")
USUAL = frozenset(EventKind) - MATCH_EVENTS - PRESENCE_EVENTS
"""What an endpoint hears of that names no kinds."""
NOT_AN_ADDRESS = "{} is not an address such as https://host.example/hooks, without a user name and without #"


class Address(NamedTuple):
    """An endpoint as a setting names it."""

    url: str
    kinds: frozenset[EventKind] = USUAL

    @property
    def id(self) -> str:
        """Return a name that stays the same as long as the address does."""
        return "w_" + hashlib.sha256(self.url.encode()).hexdigest()[:12]

    @property
    def shown(self) -> str:
        """Return the address without its query, which may hold a secret."""
        return self.url.partition("?")[0]


class Endpoint(NamedTuple):
    """An endpoint that can be delivered to."""

    address: Address
    secrets: tuple[bytes, ...]
    """The newest first; two while they are rotated."""

    @property
    def id(self) -> str:
        """Return the name of its address."""
        return self.address.id

    def hears(self, event: Event) -> bool:
        """Return whether this event is delivered here. A test goes only to the endpoint that it names."""
        if event.kind == EventKind.WEBHOOK_TEST:
            return event.fields.get("endpoint") == self.id
        return event.kind in self.address.kinds


def address_of(text: str) -> Address:
    """Return what ``URL`` or ``KIND,KIND=URL`` says. Raises ``ValueError``, which says what to write."""
    kinds, equals, url = ("", "", text) if ADDRESS.match(text) else text.partition("=")
    if "://" in kinds:
        kinds, equals, url = "", "", text
    if equals and not kinds:
        raise ValueError(f"{text!r} names no kinds before its =")
    found = USUAL
    if kinds:
        try:
            found = frozenset(EventKind(kind) for kind in kinds.split(","))
        except ValueError as error:
            raise ValueError(f"{error}: the kinds are {', '.join(sorted(EventKind))}") from error
    if not _is_address(url):
        raise ValueError(NOT_AN_ADDRESS.format(repr(url.partition("?")[0])))
    return Address(url, found)


def _is_address(url: str) -> bool:
    if not ADDRESS.fullmatch(url) or "#" in url:
        return False
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        return False
