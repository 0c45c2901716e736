"""A LiveKit project: its address, and the key pair that signs our calls and grants."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

SCHEMES = ("ws", "wss", "http", "https")


@dataclass(frozen=True, slots=True)
class Project:
    """One project. The secret signs calls and grants, and verifies webhooks."""

    url: str
    key: str
    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        """Raise ``ValueError`` in one line, without the secret in it."""
        parts = urlsplit(self.url)
        if parts.scheme not in SCHEMES or not parts.hostname:
            raise ValueError(f"the LiveKit URL is {self.url!r}; it is one such as wss://livekit.example.org")
        if not self.key or not self.secret:
            raise ValueError("LiveKit needs an API key and its secret")

    @property
    def http_url(self) -> str:
        """Return the address for our calls."""
        return self._with("http")

    @property
    def ws_url(self) -> str:
        """Return the address for browsers."""
        return self._with("ws")

    def _with(self, scheme: str) -> str:
        parts = urlsplit(self.url)
        secure = "s" if parts.scheme in ("wss", "https") else ""
        return parts._replace(scheme=scheme + secure).geturl().rstrip("/")
