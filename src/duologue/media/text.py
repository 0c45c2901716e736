"""Text alone: the media of a match in which one of the two cannot have a call."""

import math
from collections.abc import Mapping
from typing import Any

from duologue.pairing.vocabulary import MediaKind


class Text:
    """A grant that grants nothing.

    The pages answer each other by way of the server, and neither connects a call.
    """

    kind = MediaKind.TEXT
    renew_ms = math.inf

    @property
    def hint(self) -> dict[str, Any]:
        """Return the kind alone: nothing can be prepared for text."""
        return {"kind": self.kind}

    def dress(self, media: Mapping[str, Any], match: str) -> dict[str, Any]:  # noqa: ARG002 # the port has it
        """Return the kind alone: a role means nothing where nobody makes an offer."""
        return {"kind": media["kind"]}
