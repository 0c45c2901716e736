"""The page at ``/``: a few built files, read once, served with strict headers.

The files are few and small, so they are kept in memory, each also compressed:
serving one costs no disk, no thread, and nothing that grows.
"""

import gzip
import hashlib
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from duologue.api.paths import Exact

CONTENT_SECURITY_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "media-src 'self' blob:",
    "font-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
)
"""Nothing inline, nothing of third parties, and no page that frames ours to steal a press of a button."""

SECURITY: Mapping[str, str] = {
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

HASHED = re.compile(r"-[A-Za-z0-9]{8,}\.[a-z0-9]+\Z")
"""Files whose name changes with their content (``main-3KZC7A2B.js``) can be kept by caches without end."""

FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"

SMALL_BYTES = 1024
"""Below this, compression saves no packet."""

MISSING = b"<!doctype html><title>Duologue</title><p>The page is not built. Run: make run"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, ready to be sent."""

    body: bytes
    zipped: bytes | None
    headers: Mapping[str, str]

    def answer(self, request: Request) -> Response:
        """Answer with the file, or with 304 if the browser has it; Starlette leaves out the body for HEAD."""
        if self.headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=self.headers)
        if self.zipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(self.zipped, headers={**self.headers, "Content-Encoding": "gzip"})
        return Response(self.body, headers=self.headers)


def page(folder: Path | None, livekit_url: str = "") -> list[Route]:
    """A route for each file in the folder, and ``/`` for ``index.html``; ``None``: no page, no route.

    One route a file, so that no path from outside ever reaches the disk. ``livekit_url`` (``wss://…``):
    where the page may connect to besides its own origin.
    """
    if folder is None:
        return []
    policy = content_security_policy(livekit_url)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    assets = {
        path.relative_to(folder).as_posix(): _made(path.name, path.read_bytes(), policy) for path in files
    }
    index = assets.pop("index.html", None) or _made("index.html", MISSING, policy)
    return [_route("", index), *(_route(name, asset) for name, asset in assets.items())]


def _route(name: str, asset: Asset) -> Route:
    async def endpoint(request: Request) -> Response:
        return asset.answer(request)

    return Exact(f"/{name}", endpoint, methods=["GET"], name=name or "index")


def content_security_policy(livekit_url: str = "") -> str:
    """What the page may do: connect to its own origin, and to that of ``livekit_url`` if there is one.

    LiveKit's client speaks by WebSocket, and asks by HTTP why one was refused.
    """
    url = urlsplit(livekit_url)
    secure = url.scheme in ("wss", "https")
    schemes = (("wss", "https") if secure else ("ws", "http")) if url.netloc else ()
    return "; ".join(
        (
            *CONTENT_SECURITY_POLICY,
            " ".join(("connect-src 'self'", *(f"{each}://{url.netloc}" for each in schemes))),
        )
    )


def _made(name: str, body: bytes, policy: str) -> Asset:
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    is_text = kind.startswith("text/") or kind.endswith(("javascript", "json", "xml"))
    headers = {
        **SECURITY,
        "Content-Security-Policy": policy,
        "Content-Type": f"{kind}; charset=utf-8" if is_text else kind,
        "Cache-Control": FOR_EVER if HASHED.search(name) else ASK_AGAIN,
        "ETag": f'"{hashlib.sha256(body).hexdigest()[:16]}"',
    }
    zipped = gzip.compress(body, mtime=0) if is_text and len(body) >= SMALL_BYTES else None
    if zipped is not None:
        headers["Vary"] = "Accept-Encoding"
    return Asset(body, zipped, headers)
