"""Grants: each lets one person into the room of their match. They are made when a frame is written, and
stored nowhere."""

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from livekit import api

from duologue.media.livekit.limits import RoomLimits
from duologue.media.livekit.namespace import Namespace, identity
from duologue.media.livekit.project import Project
from duologue.pairing.vocabulary import MatchId, MediaKind

TTL_S = 120
"""How long a grant lets a person join. It cannot be revoked, and LiveKit gives newer ones to people in the
room, so two minutes are enough for a slow phone and a wrong clock."""


class Grants:
    """LiveKit's side of the media port: it adds a grant when the state says that the room is open, and
    never before."""

    kind = MediaKind.LIVEKIT

    def __init__(
        self,
        project: Project,
        namespace: Namespace,
        *,
        public_url: str = "",
        ttl_s: int = TTL_S,
        joining_makes_rooms: RoomLimits | None = None,
    ) -> None:
        """Take the project and the names.

        ``public_url``: LiveKit's address for browsers, if it differs from ours. ``joining_makes_rooms``:
        put the limits of a room into each grant, for a server that makes rooms on joining; other servers
        ignore them.
        """
        self._project = project
        self._namespace = namespace
        self._url = public_url or project.ws_url
        self._ttl = timedelta(seconds=ttl_s)
        self._limits = joining_makes_rooms

    @property
    def renew_ms(self) -> float:
        """Return infinity: LiveKit itself renews the grant of a person who is in the room."""
        return math.inf

    @property
    def hint(self) -> dict[str, Any]:
        """Return the server's address, so that a page can prepare its connection."""
        return {"kind": self.kind, "url": self._url}

    def dress(self, media: Mapping[str, Any], match: str) -> dict[str, Any]:
        """Add the address, the room and a new grant for the person, if the room is open.

        ``media`` is what the scripts wrote: ``ready`` and the person's ``role``. This takes 60 µs.
        """
        shown = {name: value for name, value in media.items() if name != "role"}
        if not media["ready"]:
            return shown
        room, person = self._namespace.room(MatchId(match)), identity(MatchId(match), media["role"])
        return {**shown, "url": self._url, "room": room, "token": self.mint(room, person)}

    def mint(self, room: str, person: str) -> str:
        """Return a grant for one identity in one room: to publish, to subscribe and to send data, and
        nothing else."""
        token = (
            api.AccessToken(self._project.key, self._project.secret)
            .with_identity(person)
            .with_ttl(self._ttl)
            .with_grants(
                api.VideoGrants(
                    room_join=True, room=room, can_publish=True, can_subscribe=True, can_publish_data=True
                )
            )
        )
        if self._limits is not None:
            token = token.with_room_config(self._limits.of_a_joined_room())
        return token.to_jwt()
