"""Read where each request of a connection ends, strictly, before the parser sees a byte of it.

A proxy sends the requests of many people over one connection. If it and the server disagree about where one
of them ends, the rest of one person's request becomes the beginning of another's. So a request whose end can
be read in two ways is refused, and so is a request to speak another protocol (RFC 9112 sections 2.2, 6.3).
"""

import re
from enum import Enum, auto

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_HEAD = re.compile(
    rb"([A-Z\-]++) ([!\"$-~]++) HTTP/1\.([01])\r\n(?:" + _TOKEN + rb"++:[\t -~\x80-\xff]*+\r\n)*+\r\n"
)
"""A request line and header fields (RFC 9112 sections 3 and 5): each line ends in CRLF, no field is folded,
no space stands before a colon, and no control character stands anywhere."""
_TELLING = re.compile(
    rb"\n(host|content-length|transfer-encoding|connection|upgrade|expect):([^\r]*)",
)
"""The fields that say where a request ends, which host it is for, and what becomes of the connection."""
_BROKEN = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|(?<!\r)\n|\r(?!\n|\Z)")
"""A bare line feed, a bare carriage return, or a control character in a head that is not complete yet."""
_HOST = re.compile(rb"(?:[a-z0-9._~%!$&'()*+;=\-]*|\[[0-9a-f:.]+\])(?::[0-9]*)?")
_ABSOLUTE = re.compile(rb"https?://([^/?]++)/.*+")
_LENGTH = re.compile(rb"0|[1-9][0-9]{0,14}")
_CHUNK = re.compile(rb"0|[1-9A-Fa-f][0-9A-Fa-f]{0,7}")
_CHUNK_SO_FAR = re.compile(rb"(?:0|[1-9A-Fa-f][0-9A-Fa-f]{0,7})?\r?")
_FRAMING = frozenset({b"host", b"content-length", b"transfer-encoding"})
"""Fields that a proxy must not take for those of its own connection (RFC 9110 section 7.6.1)."""


class Misframed(Exception):
    """Report a request that is refused; the message says why, for the person who sent it."""


class _Part(Enum):
    HEAD = auto()
    BODY = auto()
    """Inside a body whose length was announced."""
    SIZE = auto()
    CHUNK = auto()
    CHUNK_END = auto()
    LAST = auto()
    """The empty line behind the last chunk. Trailers are refused: the parser adds them to the headers."""


class Framing:
    """Hold back the bytes of one connection until they are known to be well framed."""

    __slots__ = ("_kept", "_left", "_part")

    def __init__(self) -> None:
        self._part = _Part.HEAD
        self._left = 0
        self._kept = b""

    @property
    def is_open(self) -> bool:
        """Return whether a request has begun that is not complete yet."""
        return bool(self._kept) or self.in_body

    @property
    def in_body(self) -> bool:
        """Return whether the head of a request is complete and its body is not."""
        return self._part is not _Part.HEAD

    def feed(self, data: bytes) -> tuple[bytes, str]:
        """Return the bytes that may be parsed now, and why the byte behind them may not (``""``: it may).

        After a reason was returned, the connection is of no more use: do not feed it again.
        """
        looked = len(self._kept)
        whole, self._kept = (self._kept + data if looked else data), b""
        at = 0
        try:
            while at < len(whole):
                end = self._pass(whole, at, looked)
                if end < 0:
                    self._kept = whole[at:]
                    break
                at, looked = end, 0
        except Misframed as refused:
            return whole[:at], str(refused)
        return (whole if at == len(whole) else whole[:at]), ""

    def _pass(self, whole: bytes, at: int, looked: int) -> int:
        """Return where the part at this place ends; negative: more of it must come first."""
        match self._part:
            case _Part.HEAD:
                return self._head(whole, at, looked)
            case _Part.BODY | _Part.CHUNK:
                return self._content(whole, at)
            case _Part.SIZE:
                return self._size(whole, at)
            case _Part.CHUNK_END | _Part.LAST:
                return self._line_end(whole, at)

    def _head(self, whole: bytes, at: int, looked: int) -> int:
        if not b"A" <= whole[at : at + 1] <= b"Z":
            raise Misframed("a request begins with its method, and no empty line comes before it")
        found = whole.find(b"\r\n\r\n", max(at, looked - 3))
        if found < 0:
            if _BROKEN.search(whole, max(at, looked - 1)):
                raise Misframed("each line of a request's head ends in CR LF and has no control characters")
            return -1
        end = found + 4
        self._begin(framed(whole[at:end]))
        return end

    def _begin(self, length: int | None) -> None:
        self._left = length or 0
        if length is None:
            self._part = _Part.SIZE
        elif length:
            self._part = _Part.BODY

    def _content(self, whole: bytes, at: int) -> int:
        taken = min(self._left, len(whole) - at)
        self._left -= taken
        if not self._left:
            self._part = _Part.HEAD if self._part is _Part.BODY else _Part.CHUNK_END
        return at + taken

    def _size(self, whole: bytes, at: int) -> int:
        end = whole.find(b"\r\n", at, at + 10)
        if end < 0:
            if not _CHUNK_SO_FAR.fullmatch(whole, at):
                raise Misframed("the size of a chunk is 1 to 8 hexadecimal digits, with nothing around them")
            return -1
        if not _CHUNK.fullmatch(whole, at, end):
            raise Misframed("the size of a chunk is 1 to 8 hexadecimal digits, with nothing around them")
        self._left = int(whole[at:end], 16)
        self._part = _Part.CHUNK if self._left else _Part.LAST
        return end + 2

    def _line_end(self, whole: bytes, at: int) -> int:
        found = whole[at : at + 2]
        if not b"\r\n".startswith(found):
            raise Misframed("a chunk ends in CR LF; trailers are not taken")
        if len(found) < 2:  # CR LF
            return -1
        self._part = _Part.HEAD if self._part is _Part.LAST else _Part.SIZE
        return at + 2


def framed(head: bytes) -> int | None:
    """Return the length of the body that follows this head; ``None``: it is chunked. Raises ``Misframed``."""
    found = _HEAD.fullmatch(head)
    if found is None:
        raise Misframed("this is not the head of a request in HTTP/1.1")
    method, target, minor = found.groups()
    if method == b"CONNECT":
        raise Misframed("this server is not a proxy: there is no CONNECT")
    fields = _telling(head.lower())
    if b"upgrade" in fields:
        raise Misframed("this server speaks HTTP/1.1 only: send no Upgrade (curl: --http1.1)")
    _look_at_connection(fields.get(b"connection", b""))
    host = fields.get(b"host")
    if host is None and minor == b"1":
        raise Misframed("a request in HTTP/1.1 has a Host")
    if not _HOST.fullmatch(host or b""):
        raise Misframed("Host is one name or address, and a port")
    if target[:1] != b"/":
        _look_at_absolute(target.lower(), host)
    length = _length(fields, minor)
    if b"expect" in fields and (fields[b"expect"] != b"100-continue" or length == 0 or minor == b"0"):
        raise Misframed("Expect is 100-continue, of a request in HTTP/1.1 with a body, or is left out")
    return length


def _telling(head: bytes) -> dict[bytes, bytes]:
    """The fields that tell, of a head in lower case; only Connection is a list, and may come in pieces."""
    fields: dict[bytes, bytes] = {}
    for name, value in _TELLING.findall(head):
        if name not in fields:
            fields[name] = value.strip(b" ") if name in _FRAMING else value.strip(b" \t")
        elif name == b"connection":
            fields[name] += b"," + value
        else:
            raise Misframed(f"{name.decode()} comes twice")
    return fields


def _look_at_connection(value: bytes) -> None:
    if not value:
        return
    options = {each.strip(b" \t") for each in value.split(b",")}
    if options & _FRAMING:
        raise Misframed("Connection names a field that is not the connection's own")
    if {b"close", b"keep-alive"} <= options:
        raise Misframed("Connection says both close and keep-alive")


def _look_at_absolute(target: bytes, host: bytes | None) -> None:
    found = _ABSOLUTE.fullmatch(target)
    if found is None or found[1] != host:
        raise Misframed("the target of a request is a path, or an address whose host is that of Host")


def _length(fields: dict[bytes, bytes], minor: bytes) -> int | None:
    length, coding = fields.get(b"content-length"), fields.get(b"transfer-encoding")
    if coding is not None:
        if coding != b"chunked" or minor == b"0" or length is not None:
            raise Misframed(
                "Transfer-Encoding is chunked, in HTTP/1.1 and without Content-Length, or is left out"
            )
        return None
    if length is None:
        return 0
    if not _LENGTH.fullmatch(length):
        raise Misframed("Content-Length is a plain number")
    return int(length)
