"""Grants: what lets one person into the room of their match. Made as a frame is written, stored nowhere."""

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from livekit import api

from duologue.media.livekit.limits import Limits
from duologue.media.livekit.namespace import Namespace, identity
from duologue.media.livekit.project import Project
from duologue.pairing.vocabulary import MatchId, MediaKind

TTL_S = 120
"""How long a grant opens its room. It cannot be revoked, and is needed to join only (whoever is in a room
gets newer ones from LiveKit), so it is short: two minutes outlast a slow phone and a clock that is off."""


class Grants:
    """LiveKit's side of the media port: a grant once the state says that the room is open, never before."""

    kind = MediaKind.LIVEKIT

    def __init__(
        self,
        project: Project,
        namespace: Namespace,
        *,
        public_url: str = "",
        ttl_s: int = TTL_S,
        joining_makes_rooms: Limits | None = None,
    ) -> None:
        """``public_url``: where browsers find the server, if not where we do.

        ``joining_makes_rooms``: the limits of a room that its first person makes by joining it, for a
        server whose ``auto_create`` cannot be switched off; elsewhere they are ignored.
        """
        self._project = project
        self._namespace = namespace
        self._url = public_url or project.ws_url
        self._ttl = timedelta(seconds=ttl_s)
        self._limits = joining_makes_rooms

    @property
    def renew_ms(self) -> float:
        """Never: LiveKit itself renews the grant of a person who is in the room."""
        return math.inf

    @property
    def hint(self) -> dict[str, Any]:
        """Return the server's address: a page can prepare its connection to it."""
        return {"kind": self.kind, "url": self._url}

    def dress(self, media: Mapping[str, Any], match: str) -> dict[str, Any]:
        """The address, the room and a fresh grant for its person, if the room is open.

        ``media`` is what the scripts wrote: ``ready`` and the person's ``role``. Costs 60 µs.
        """
        shown = {name: value for name, value in media.items() if name != "role"}
        if not media["ready"]:
            return shown
        room, person = self._namespace.room(MatchId(match)), identity(MatchId(match), media["role"])
        return {**shown, "url": self._url, "room": room, "token": self.mint(room, person)}

    def mint(self, room: str, person: str) -> str:
        """A grant for one identity in one room: to see, to be seen, to send data; nothing else."""
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
