"""LiveKit: rooms on a server of their own. Only this touches its library (``duologue[livekit]``)."""
