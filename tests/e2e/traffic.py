"""What a page says to the server in one conversation, until both people see each other."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Request

from tests.e2e.person import Person
from tests.e2e.tab import ChromiumTab

COMMANDS = ("signal", "pulse", "messages", "join", "leave", "ack", "blocks", "reports")
"""What is counted; a skip is the press itself."""


@dataclass
class Traffic:
    """The commands of one page, as they are sent."""

    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    faces_ms: list[float] = field(default_factory=list)
    """How long each next face took, as the page says."""

    def hear(self, request: Request) -> None:
        """Note a command; everything else that a page loads is left out."""
        name = request.url.rpartition("/v1/")[2]
        if request.method != "POST" or name not in COMMANDS:
            return
        body: dict[str, Any] = request.post_data_json or {}
        self.sent.append((name, body))
        pulse = body if name == "pulse" else body.get("pulse", {})
        if "next_face_ms" in pulse:
            self.faces_ms.append(float(pulse["next_face_ms"]))

    def of(self, match: str) -> Counter[str]:
        """Return how many commands of each kind were about that match."""
        return Counter(name for name, body in self.sent if body.get("match") == match)


def listen(person: Person) -> Traffic:
    """Begin to note what the person's page says."""
    assert isinstance(person.tab, ChromiumTab)
    traffic = Traffic()
    person.tab.page.on("request", traffic.hear)
    return traffic
