"""What the admin API says of events and webhooks, and what an operator can ask of them."""

from collections.abc import Sequence
from typing import Any

from duologue.pairing.events import Events
from duologue.pairing.vocabulary import EventKind
from duologue.webhooks.endpoint import Address


class Hooks:
    """The outbox, and the addresses of this server's settings.

    Example::

        hooks = Hooks(machine.events, settings.webhook)
        await hooks.test("w_…")
    """

    def __init__(self, outbox: Events, addresses: Sequence[Address] = ()) -> None:
        self._outbox = outbox
        self._addresses = {each.id: each for each in addresses}

    async def events(self, after: int) -> dict[str, Any]:
        """Return events behind a number, the oldest first; ``gap``: some are no longer kept."""
        page = await self._outbox.read(after)
        return {
            "events": [event.body() for event in page.events],
            "last": page.last,
            "gap": page.gap(after),
            "more": bool(page.events) and page.events[-1].seq < page.last,
        }

    async def listed(self) -> list[dict[str, Any]]:
        """Return each address with what became of the deliveries to it."""
        return [await self._shown(each) for each in self._addresses.values()]

    async def _shown(self, address: Address) -> dict[str, Any]:
        found = await self._outbox.delivery(address.id)
        state = found.state
        return {
            "endpoint": address.id,
            "url": address.shown,
            "kinds": sorted(address.kinds),
            "cursor": state.get("cursor"),
            "owing": len(found.owing),
            "why": state.get("why", ""),
            "delivered_at_ms": state.get("delivered_at_ms") or None,
            "failing_since_ms": state.get("failing_since_ms") or None,
            "disabled_at_ms": state.get("disabled_at_ms") or None,
        }

    async def test(self, endpoint: str) -> bool:
        """Write the event ``webhook.test`` for one address. False: the settings do not name it."""
        if endpoint not in self._addresses:
            return False
        await self._outbox.note(EventKind.WEBHOOK_TEST, {"endpoint": endpoint})
        return True

    async def retry(self, endpoint: str) -> bool:
        """Ask for what an address is owed to be sent again now, also if it was disabled. False: unknown."""
        return endpoint in self._addresses and await self._outbox.retry(endpoint)
