"""The page at ``/``: a few built files, read once, served with strict headers.

The files are few and small, so they are kept in memory, each also compressed:
serving one costs no disk, no thread, and nothing that grows.
"""

import gzip
import hashlib
import json
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from duologue.api.brand import Brand
from duologue.api.branding import brand_files, branded_manifest, branded_page
from duologue.api.languages import language_of
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

INDEX = re.compile(r"index(?:\.([A-Za-z-]+))?\.html")
"""The page in one language. English has no language in its name, so another web server finds it as well."""

MANIFEST = re.compile(r"manifest\.([A-Za-z-]+)\.webmanifest")
"""What a browser reads to install the page, in one language."""

ENGLISH = "en"

NO_VERSION = b'<meta name="duologue-version" content="" />'
VERSION = b'<meta name="duologue-version" content="%s" />'
"""The page compares this with ``/version.json``, and so notices that a newer one is served."""

NO_TERMS = b'<meta name="duologue-terms" content="" />'
TERMS = b'<meta name="duologue-terms" content="%s" />'
"""The version of the rules to which the page asks its person to agree."""
DIRECT = b'<meta name="duologue-media" content="direct" />'
RELAYED = b'<meta name="duologue-media" content="relayed" />'
"""Whether the other person's device can see one's network address: the page says so before Start."""

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

    def varied(self, *, by: str) -> "Asset":
        """Return the same file, whose answer also depends on the request's fields ``by``."""
        vary = ", ".join(filter(None, (self.headers.get("Vary"), by)))
        return replace(self, headers={**self.headers, "Vary": vary})

    def answer(self, request: Request) -> Response:
        """Answer with the file, or with 304 if the browser has it; Starlette leaves out the body for HEAD."""
        if self.headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=self.headers)
        if self.zipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(self.zipped, headers={**self.headers, "Content-Encoding": "gzip"})
        return Response(self.body, headers=self.headers)


def page(
    folder: Path | None,
    livekit_url: str = "",
    brand: Brand | None = None,
    terms_version: str = "",
    *,
    is_relayed: bool = False,
) -> list[Route]:
    """A route for each file in the folder, and ``/`` for ``index.html`` and its translations
    (``index.de.html``); ``None``: no page, no route.

    One route a file, so that no path from outside ever reaches the disk. ``livekit_url`` (``wss://…``):
    where the page may connect to besides its own origin. ``brand`` is an operator's name, colours and links.
    ``terms_version`` is the version of the rules that the page asks for (empty: none).
    ``is_relayed``: no call shows a person's network address to the partner.
    """
    if folder is None:
        return []
    policy = content_security_policy(livekit_url)
    bodies = {
        path.relative_to(folder).as_posix(): path.read_bytes().replace(
            NO_TERMS, TERMS % terms_version.encode()
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    brand = brand or Brand()
    bodies = _branded(bodies, brand)
    if is_relayed:
        bodies = {
            name: body.replace(DIRECT, RELAYED) if INDEX.fullmatch(name) else body
            for name, body in bodies.items()
        }
    version = _version(bodies)
    bodies["version.json"] = json.dumps({"version": version}).encode()
    indexes = {
        language: _made(name, bodies.pop(name).replace(NO_VERSION, VERSION % version.encode()), policy)
        for name in list(bodies)
        if (language := _language(name, INDEX)) and language in (brand.languages or (language,))
    }
    if not indexes:
        indexes = {ENGLISH: _made("index.html", MISSING, policy)}
    default = brand.default_language if brand.default_language in indexes else next(iter(indexes))
    files = {name: body for name, body in bodies.items() if not INDEX.fullmatch(name)}
    return [
        _index(indexes, default),
        *(_route(name, _made(name, body, policy)) for name, body in files.items()),
    ]


def languages_of(folder: Path) -> tuple[str, ...]:
    """Return the languages that the built page has, sorted."""
    return tuple(sorted(found for path in folder.glob("*") if (found := _language(path.name, INDEX))))


def _branded(bodies: Mapping[str, bytes], brand: Brand) -> dict[str, bytes]:
    """Return the files with the brand in them, and the files that it adds. Raises ``Misfit``."""
    branded = {**bodies, **brand_files(brand)}
    for name, body in bodies.items():
        if language := _language(name, INDEX):
            branded[name] = branded_page(body.decode(), brand, language).encode()
        elif language := _language(name, MANIFEST):
            branded[name] = branded_manifest(body.decode(), brand, language).encode()
    return branded


def _version(bodies: Mapping[str, bytes]) -> str:
    """Return a text that differs whenever something of the page does."""
    whole = hashlib.sha256()
    for name, body in sorted(bodies.items()):
        whole.update(f"{name} {len(body)} ".encode() + body)
    return whole.hexdigest()[:16]


def _index(indexes: Mapping[str, Asset], default: str) -> Route:
    """Return the route of ``/``, which answers in the language that the browser asks for."""
    pages = {language: asset.varied(by="Accept-Language, Cookie") for language, asset in indexes.items()}

    async def endpoint(request: Request) -> Response:
        return pages[language_of(request, tuple(pages), default)].answer(request)

    return Exact("/", endpoint, methods=["GET"], name="index")


def _language(name: str, pattern: re.Pattern[str]) -> str | None:
    """Return the language of ``index.html`` or ``index.de.html``; ``None``: the name is another one."""
    found = pattern.fullmatch(name)
    return (found[1] or ENGLISH) if found else None


def _route(name: str, asset: Asset) -> Route:
    async def endpoint(request: Request) -> Response:
        return asset.answer(request)

    return Exact(f"/{name}", endpoint, methods=["GET"], name=name)


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
