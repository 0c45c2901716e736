"""Requests whose end, or whose protocol, can be read in two ways, and harmless ones: one table for all tests.

Where a request has a body that a parser may take for something else, the body ends in the beginning of
another request: its last header is not finished, so that the next person's bytes on the connection finish it.
"""

from dataclasses import dataclass

HOST = b"duologue.example"
"""Replaced by the address of the way in that is tried."""
SMUGGLED = b"POST /v1/skip HTTP/1.1\r\nX-I: "
PADDED = b"\r\n" * 3_000 + SMUGGLED
"""More than one read of a proxy: the second one begins with line breaks, which many parsers pass over."""
LONG = b"\r\n" * 15_000 + SMUGGLED
"""More than nginx holds in memory: it sends the head first, and the body from a file."""
LONGER = b"\r\n" * 100_000 + SMUGGLED
"""More than the server's event loop reads at once, however busy the machine is."""
CHUNKED = b"Transfer-Encoding: chunked"


@dataclass(frozen=True, slots=True)
class Framed:
    """One request, or what looks like one, and whether the server takes it."""

    name: str
    raw: bytes
    taken: bool = False

    def to(self, host: str) -> bytes:
        """Return it as it is sent to that host."""
        return self.raw.replace(HOST, host.encode())

    def __str__(self) -> str:
        return self.name


def request(
    *fields: bytes,
    line: bytes = b"POST /v1/join HTTP/1.1",
    host: bytes = b"Host: " + HOST,
    body: bytes = b"",
) -> bytes:
    """Return a request of these lines; an empty ``host``: without one."""
    return b"\r\n".join([line, *([host] if host else []), *fields, b"", body])


def sized(body: bytes, *fields: bytes) -> bytes:
    """Return a request with this body and its length."""
    return request(*fields, b"Content-Length: %d" % len(body), body=body)


def chunks(framed: bytes, *fields: bytes) -> bytes:
    """Return a request whose body is framed by the caller."""
    return request(*fields, CHUNKED, body=framed)


CHUNK = b"2\r\n{}\r\n0\r\n\r\n"
"""The smallest body of a command, chunked."""
BOTH = b"0\r\n\r\n" + SMUGGLED
"""Whole for a reader that goes by chunks, and not for one that goes by a length."""


def _upgrades() -> list[Framed]:
    """To leave HTTP/1.1: with a body, which the next protocol would not have."""
    asks = {
        "websocket": b"websocket",
        "h2c": b"h2c",
        "a protocol of no name": b"foo",
        "TLS": b"TLS/1.0",
        "two protocols": b"foo, h2c",
        "an empty one": b"",
    }
    fields = {
        "in capitals": (b"CONNECTION: UPGRADE",),
        "among others": (b"Connection: keep-alive, Upgrade, x",),
        "in two lines": (b"Connection: keep-alive", b"Connection: upgrade"),
        "by Proxy-Connection": (b"Proxy-Connection: Upgrade",),
        "without Connection": (),
    }
    found = [
        Framed(f"upgrade to {what}", sized(PADDED, b"Connection: Upgrade", b"Upgrade: " + name))
        for what, name in asks.items()
    ]
    found += [
        Framed(f"upgrade, {what}", sized(PADDED, *how, b"Upgrade: foo")) for what, how in fields.items()
    ]
    return [
        *found,
        Framed("upgrade, a body of several packets", sized(LONG, b"Connection: Upgrade", b"Upgrade: foo")),
        Framed("upgrade, a body of several reads", sized(LONGER, b"Connection: Upgrade", b"Upgrade: foo")),
        Framed("upgrade, a short body", sized(SMUGGLED, b"Connection: Upgrade", b"Upgrade: foo")),
        Framed(
            "upgrade, a body beginning with NUL",
            sized(b"\0" + PADDED, b"Connection: Upgrade", b"Upgrade: foo"),
        ),
        Framed("upgrade, chunked", chunks(CHUNK + SMUGGLED, b"Connection: Upgrade", b"Upgrade: foo")),
        Framed(
            "upgrade of a GET",
            request(
                b"Connection: Upgrade",
                b"Upgrade: websocket",
                b"Sec-WebSocket-Version: 13",
                b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
                line=b"GET /v1/events?page=p1 HTTP/1.1",
                body=SMUGGLED,
            ),
        ),
        Framed(
            "upgrade to h2c, as curl asks",
            request(
                b"Connection: Upgrade, HTTP2-Settings",
                b"Upgrade: h2c",
                b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA",
                line=b"GET /v1/state HTTP/1.1",
            ),
        ),
        Framed("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 9),
        Framed("CONNECT", request(line=b"CONNECT %b HTTP/1.1" % HOST, body=SMUGGLED)),
        Framed(
            "CONNECT with a body", request(b"Content-Length: 3000", line=b"CONNECT / HTTP/1.1", body=PADDED)
        ),
        Framed("HTTP/2.0 in the request line", request(line=b"POST /v1/join HTTP/2.0", body=SMUGGLED)),
        Framed("HTTP/1.2", request(line=b"POST /v1/join HTTP/1.2", body=SMUGGLED)),
        Framed("HTTP/0.9", b"GET /v1/state\r\n\r\n" + SMUGGLED),
        Framed(
            "another protocol in the request line", request(line=b"POST /v1/join RTSP/1.0", body=SMUGGLED)
        ),
    ]


def _lengths() -> list[Framed]:
    length = b"Content-Length: %d" % len(BOTH)
    values = {
        "signed": b"+2",
        "negative": b"-2",
        "hexadecimal": b"0x2",
        "with a leading zero": b"02",
        "a list of the same": b"2, 2",
        "a list of two": b"2, 0",
        "with a fraction": b"2.0",
        "with a space inside": b"0 2",
        "empty": b"",
        "with a tab": b"\t2\t",
        "beyond 64 bits": b"18446744073709551618",
        "full-width": "２".encode(),
    }
    return [
        Framed("both lengths, chunks last", request(length, CHUNKED, body=BOTH)),
        Framed("both lengths, chunks first", request(CHUNKED, length, body=BOTH)),
        Framed("both lengths, the shorter plain", request(b"Content-Length: 4", CHUNKED, body=BOTH)),
        Framed(
            "both lengths, one of them identity", request(length, b"Transfer-Encoding: identity", body=BOTH)
        ),
        Framed("two lengths", request(b"Content-Length: 0", length, body=BOTH)),
        Framed("two lengths, the longer first", request(length, b"Content-Length: 0", body=BOTH)),
        Framed("one length twice", request(b"Content-Length: 2", b"Content-Length: 2", body=b"{}")),
        *(
            Framed(f"a length {what}", request(b"Content-Length: " + value, body=b"{}" + SMUGGLED))
            for what, value in values.items()
        ),
        Framed("a length named by Connection", sized(SMUGGLED, b"Connection: keep-alive, Content-Length")),
        Framed("chunks named by Connection", chunks(CHUNK, b"Connection: Transfer-Encoding")),
        Framed("close and keep-alive", sized(b"{}", b"Connection: close, keep-alive")),
    ]


def _codings() -> list[Framed]:
    values = {
        "gzip, chunked": b"gzip, chunked",
        "chunked, identity": b"chunked, identity",
        "chunked twice in one": b"chunked, chunked",
        "quoted": b'"chunked"',
        "identity": b"identity",
        "misspelt": b"xchunked",
        "with a parameter": b"chunked;a=b",
        "behind a tab": b"\tchunked",
        "with a vertical tab": b"\x0bchunked",
        "empty": b"",
    }
    sizes = {
        "signed": b"+2",
        "negative": b"-2",
        "by 0x": b"0x2",
        "with a space behind": b"2 ",
        "with a space before": b" 2",
        "with a leading zero": b"002",
        "of nine digits": b"000000002",
        "beyond 64 bits": b"10000000000000002",
        "not a number": b"zz",
        "empty": b"",
        "with an extension": b"2;a=b",
        "with an extension without a name": b"2;",
        "with a line feed in an extension": b"2;\n",
        "with a quoted extension": b'2;a="\r\n"',
    }
    return [
        *(
            Framed(f"coding {what}", request(b"Transfer-Encoding: " + value, body=CHUNK + SMUGGLED))
            for what, value in values.items()
        ),
        Framed("coding twice", chunks(CHUNK + SMUGGLED, CHUNKED)),
        Framed("coding twice, one identity", chunks(CHUNK + SMUGGLED, b"Transfer-Encoding: identity")),
        Framed("coding in HTTP/1.0", request(CHUNKED, line=b"POST /v1/join HTTP/1.0", body=CHUNK + SMUGGLED)),
        *(
            Framed(f"a chunk's size {what}", chunks(size + b"\r\n{}\r\n0\r\n\r\n" + SMUGGLED))
            for what, size in sizes.items()
        ),
        Framed("a chunk's size ended by LF", chunks(b"2\n{}\r\n0\r\n\r\n" + SMUGGLED)),
        Framed("a chunk's size ended by CR", chunks(b"2\r{}\r\n0\r\n\r\n" + SMUGGLED)),
        Framed("a chunk ended by LF", chunks(b"2\r\n{}\n0\r\n\r\n" + SMUGGLED)),
        Framed("a chunk longer than its size", chunks(b"1\r\n{}\r\n0\r\n\r\n" + SMUGGLED)),
        Framed("a chunk ended by nothing", chunks(b"2\r\n{}0\r\n\r\n" + SMUGGLED)),
        Framed("the last chunk of LF", chunks(b"2\r\n{}\r\n0\n\n" + SMUGGLED)),
        Framed("the last chunk of two zeros", chunks(b"2\r\n{}\r\n00\r\n\r\n" + SMUGGLED)),
        Framed("a trailer with a length", chunks(b"2\r\n{}\r\n0\r\nContent-Length: 99\r\n\r\n" + SMUGGLED)),
        Framed(
            "a trailer with a token",
            chunks(b"2\r\n{}\r\n0\r\nAuthorization: Bearer x\r\n\r\n", b"Trailer: Authorization"),
        ),
    ]


def _heads() -> list[Framed]:
    folded = {
        "folded by a space": b"X-A: 1\r\n Content-Length: 0",
        "folded by a tab": b"Transfer-Encoding:\r\n\tchunked",
        "a bare LF between fields": b"X-A: 1\nTransfer-Encoding: chunked",
        "a bare CR between fields": b"X-A: 1\rTransfer-Encoding: chunked",
        "a bare LF at the end": b"X-A: 1\n",
        "CR CR LF": b"X-A: 1\r",
        "a space before the colon": b"Transfer-Encoding : chunked",
        "a tab before the colon": b"Transfer-Encoding\t: chunked",
        "a space before the name": b" Transfer-Encoding: chunked",
        "a NUL in a name": b"Transfer-Encoding\0: chunked",
        "a NUL in a value": b"X-A: \0",
        "a DEL in a value": b"X-A: \x7f",
        "an escape in a value": b"X-A: \x1b[0m",
        "a name that is not a token": b"Transfer(Encoding): chunked",
        "a name outside of ASCII": "Transfer-Encodıng: chunked".encode(),
        "no name": b": chunked",
        "no colon": b"Transfer-Encoding chunked",
    }
    lines = {
        "a tab in the request line": b"POST\t/v1/join HTTP/1.1",
        "two spaces in the request line": b"POST  /v1/join HTTP/1.1",
        "a space behind the version": b"POST /v1/join HTTP/1.1 ",
        "a method in small letters": b"post /v1/join HTTP/1.1",
        "a method that is not a token": b"PO(ST /v1/join HTTP/1.1",
        "a fragment in the target": b"POST /v1/join#x HTTP/1.1",
        "a control character in the target": b"POST /v1/join\x01 HTTP/1.1",
        "a target outside of ASCII": "POST /v1/joın HTTP/1.1".encode(),
        "a target that is no path": b"POST v1/join HTTP/1.1",
        "another host in the target": b"POST http://elsewhere.example/v1/join HTTP/1.1",
        "a user in the target": b"POST http://me@%b/v1/join HTTP/1.1" % HOST,
        "no version": b"POST /v1/join",
        "an asterisk": b"POST * HTTP/1.1",
    }
    length = b"Content-Length: %d" % len(BOTH)
    return [
        *(Framed(what, request(field, length, body=BOTH)) for what, field in folded.items()),
        *(Framed(what, request(length, line=line, body=BOTH)) for what, line in lines.items()),
        Framed("an empty line before the request", b"\r\n" + sized(b"{}")),
        Framed("a line feed before the request", b"\n" + sized(b"{}")),
        Framed("a space before the request", b" " + sized(b"{}")),
        Framed("lines ended by LF", sized(b"{}").replace(b"\r\n", b"\n")),
        Framed("no Host", request(length, host=b"", body=BOTH)),
        Framed("two Hosts", request(b"Host: elsewhere.example", length, body=BOTH)),
        Framed("one Host twice", request(b"Host: " + HOST, length, body=BOTH)),
        Framed("a list of Hosts", request(length, host=b"Host: %b, elsewhere.example" % HOST, body=BOTH)),
        Framed("a Host with a path", request(length, host=b"Host: %b/x" % HOST, body=BOTH)),
        Framed("a Host with a user", request(length, host=b"Host: me@%b" % HOST, body=BOTH)),
        Framed("Expect of something else", sized(SMUGGLED, b"Expect: 200-ok")),
        Framed("Expect with something else", sized(SMUGGLED, b"Expect: 100-continue, x")),
        Framed("Expect twice", sized(SMUGGLED, b"Expect: 100-continue", b"Expect: 100-continue")),
        Framed(
            "Expect without a body",
            request(b"Expect: 100-continue", line=b"GET /v1/state HTTP/1.1", body=SMUGGLED),
        ),
        Framed(
            "Expect in HTTP/1.0",
            request(
                b"Expect: 100-continue",
                b"Content-Length: 2",
                line=b"POST /v1/join HTTP/1.0",
                body=b"{}" + SMUGGLED,
            ),
        ),
    ]


def _harmless() -> list[Framed]:
    """What proxies, browsers and programs send; a refusal of these would be a defect."""
    get = b"GET /v1/state HTTP/1.1"
    found = {
        "a length": sized(b"{}"),
        "a body that looks like a request": sized(SMUGGLED),
        "a long body that looks like a request": sized(PADDED),
        "no body": request(line=get),
        "a length of zero": request(b"Content-Length: 0"),
        "chunks": chunks(CHUNK),
        "chunks of one byte": chunks(b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"),
        "a chunk of many digits": chunks(b"A\r\n{         \r\n1\r\n}\r\n0\r\n\r\n"),
        "chunks that look like a request": chunks(b"%x\r\n%b\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)),
        "no chunk": chunks(b"0\r\n\r\n"),
        "coding in capitals": request(b"TRANSFER-ENCODING: Chunked", body=CHUNK),
        "no space behind the colon": request(b"Content-Length:2", body=b"{}"),
        "Expect of a body": sized(b"{}", b"Expect: 100-continue"),
        "a browser that would like TLS": request(b"Upgrade-Insecure-Requests: 1", line=b"GET / HTTP/1.1"),
        "nginx's WebSocket recipe without an Upgrade": sized(b"{}", b"Connection: upgrade"),
        "TE as curl and libwww send it": sized(b"{}", b"TE: trailers", b"Connection: TE"),
        "keep-alive": sized(b"{}", b"Connection: keep-alive", b"Keep-Alive: timeout=5"),
        "close": sized(b"{}", b"Connection: close"),
        "HTTP/1.0 without Host": request(line=b"GET /v1/state HTTP/1.0", host=b""),
        "HTTP/1.0 with a length": request(b"Content-Length: 2", line=b"POST /v1/join HTTP/1.0", body=b"{}"),
        "an address as target": request(line=b"GET http://%b/v1/state HTTP/1.1" % HOST),
        "an empty field": request(b"X-A:", line=get),
        "a field outside of ASCII": request("X-A: é".encode(), line=get),
        "a field that only resembles a length": sized(b"{}", b"Content_Length: 0", b"X-Content-Length: 0"),
    }
    return [Framed(name, raw, taken=True) for name, raw in found.items()]


EXPECTS = b"Expect: 100-continue"
UNFINISHED = (
    Framed("Expect of a short body", request(EXPECTS, b"Content-Length: 10"), taken=True),
    Framed("Expect of a long body", request(EXPECTS, b"Content-Length: 400"), taken=True),
    Framed("a body that does not come", request(b"Content-Length: 400"), taken=True),
    Framed("half a body", request(b"Content-Length: 400", body=SMUGGLED), taken=True),
)
"""Answered, perhaps, before their bodies have come: what comes next must not be taken for these bodies."""

ODD = (*_upgrades(), *_lengths(), *_codings(), *_heads())
HARMLESS = tuple(_harmless())
FRAMINGS = (*ODD, *HARMLESS)
