"""LiveKit: rooms on a separate server. Only this package uses its library (``duologue[livekit]``)."""
