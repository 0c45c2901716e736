"""Text only: the media of a match in which one of the two cannot have a call."""

import math
from collections.abc import Mapping
from typing import Any

from duologue.pairing.vocabulary import MediaKind


class Text:
    """Media without any connection.

    The two pages answer each other through the server, and neither makes a call.
    """

    kind = MediaKind.TEXT
    renew_ms = math.inf

    @property
    def hint(self) -> dict[str, Any]:
        """Return the kind alone: nothing can be prepared for text."""
        return {"kind": self.kind}

    def dress(self, media: Mapping[str, Any], match: str) -> dict[str, Any]:  # noqa: ARG002 # the port has it
        """Return the kind alone: without offers a role has no meaning."""
        return {"kind": media["kind"]}
