"""The PNG icons show what ``icon.svg`` shows."""

import re
import struct
import zlib

from tools import icons

SVG = (icons.FOLDER / "icon.svg").read_text()


def pixel(name: str, x: float, y: float) -> tuple[int, ...]:
    """Return the colour of an icon at a point of the SVG's 32 × 32."""
    data = (icons.FOLDER / name).read_bytes()
    (size,) = struct.unpack(">I", data[16:20])
    body = b"".join(re.findall(rb"IDAT(.+)....\0\0\0\0IEND", data, re.DOTALL))
    rows = zlib.decompress(body)
    at = int(y * size / 32) * (size * 4 + 1) + 1 + int(x * size / 32) * 4
    return tuple(rows[at : at + 4])


def test_the_shapes_are_those_of_the_svg() -> None:
    """Both circles and all four colours; otherwise: run ``python tools/icons.py`` after changing both."""
    circles = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="([\d.]+)"', SVG)
    expected = [(icons.LEFT, icons.MIDDLE, icons.RADIUS), (icons.RIGHT, icons.MIDDLE, icons.RADIUS)]
    assert [tuple(map(float, each)) for each in circles] == expected
    assert f'rx="{icons.CORNER:g}"' in SVG
    colours = [tuple(bytes.fromhex(each)) for each in re.findall(r'fill="#([0-9a-f]{6})"', SVG)]
    assert colours == [icons.GROUND, icons.COOL, icons.WARM, icons.BOTH]


def test_the_files_are_drawn_from_them() -> None:
    """Each icon has its size, the four colours in their places, and corners as its use needs them."""
    for name, (size, filled) in icons.ICONS.items():
        assert struct.unpack(">II", (icons.FOLDER / name).read_bytes()[16:24]) == (size, size)
        assert pixel(name, 16, 2) == (*icons.GROUND, 255)
        assert pixel(name, 7, 16) == (*icons.COOL, 255)
        assert pixel(name, 25, 16) == (*icons.WARM, 255)
        assert pixel(name, 16, 16) == (*icons.BOTH, 255)
        assert pixel(name, 0.1, 0.1)[3] == (255 if filled else 0)


def test_a_maskable_icon_keeps_its_picture_in_the_safe_zone() -> None:
    """A system may cut off all that is outside a circle of 40 % of the width (W3C, Web App Manifest)."""
    assert icons.RIGHT + icons.RADIUS - icons.MIDDLE <= 0.4 * icons.SIDE
