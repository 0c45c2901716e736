"""Draw the PNG icons of the page from the shapes of ``icon.svg``: ``python tools/icons.py``.

Phones want pixels, and the picture is three shapes: a library that renders SVG would be the build's largest
dependency. ``tests/unit/test_icons.py`` holds the shapes against the SVG.
"""

import struct
import zlib
from collections.abc import Iterator
from math import hypot
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "pages" / "chat" / "src" / "icons"

SIDE = 32.0
CORNER = 8.0
RADIUS = 7.0
LEFT, RIGHT, MIDDLE = 12.5, 19.5, 16.0
GROUND, COOL, WARM, BOTH = (0x0D, 0x3B, 0x36), (0x7F, 0xE0, 0xC8), (0xFF, 0xB3, 0x8A), (0xFF, 0xF7, 0xEF)
ICONS = {"icon-192.png": (192, False), "icon-512.png": (512, False), "icon-maskable-512.png": (512, True)}
"""Pixels, and whether it is filled to its edges: a system cuts such a one into its own shape."""


def pixels(size: int, *, filled: bool) -> Iterator[bytes]:
    """Return the rows of the picture, in RGBA."""
    scale = size / SIDE
    for row in range(size):
        y = (row + 0.5) / scale
        yield b"".join(_pixel((column + 0.5) / scale, y, scale, filled) for column in range(size))


def _pixel(x: float, y: float, scale: float, filled: bool) -> bytes:
    left = _covered(hypot(x - LEFT, y - MIDDLE) - RADIUS, scale)
    right = _covered(hypot(x - RIGHT, y - MIDDLE) - RADIUS, scale)
    colour = _over(_over(_over(GROUND, COOL, left), WARM, right), BOTH, min(left, right))
    shown = 1.0 if filled else _covered(_outside_square(x, y), scale)
    return bytes((*colour, round(255 * shown)))


def _outside_square(x: float, y: float) -> float:
    """Return the distance from the square with round corners; negative: within it."""
    across, down = (abs(each - MIDDLE) - (SIDE / 2 - CORNER) for each in (x, y))
    return hypot(max(across, 0), max(down, 0)) + min(max(across, down), 0) - CORNER


def _covered(distance: float, scale: float) -> float:
    """Return how much of a pixel a shape covers, whose edge is that far from its middle."""
    return min(1.0, max(0.0, 0.5 - distance * scale))


def _over(under: tuple[int, ...], over: tuple[int, ...], share: float) -> tuple[int, ...]:
    return tuple(round(a + (b - a) * share) for a, b in zip(under, over, strict=True))


def png(size: int, *, filled: bool) -> bytes:
    """Return the icon as a PNG file."""
    rows = b"".join(b"\0" + row for row in pixels(size, filled=filled))
    header = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )


if __name__ == "__main__":
    for name, (size, filled) in ICONS.items():
        (FOLDER / name).write_bytes(png(size, filled=filled))
