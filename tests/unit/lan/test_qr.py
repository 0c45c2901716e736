"""The code that a phone reads from the terminal: each square of it, in colours that no theme changes."""

import segno

from duologue.lan import qr

URL = "https://192.168.1.5:8000"
SQUARES = {"█": (True, True), "▀": (True, False), "▄": (False, True), " ": (False, False)}


def seen(lines: list[str], height: int) -> list[list[bool]]:
    """Return the squares as an eye sees them: dark is drawn."""
    rows: list[list[bool]] = []
    for line in lines:
        pairs = [SQUARES[char] for char in line]
        rows += [[above for above, _ in pairs], [below for _, below in pairs]]
    return rows[:height]


def test_each_square_is_drawn() -> None:
    """The matrix of the library, with its light border of four on all sides."""
    code = segno.make(URL, micro=False, error="l")
    whole = [[bool(each) for each in row] for row in code.matrix_iter(border=4)]
    assert seen(qr.drawn(qr.matrix(URL)), len(whole)) == whole
    assert not any(any(row) for row in [*whole[:4], *whole[-4:]])


def test_it_is_black_on_white_on_every_theme() -> None:
    """Each line sets both colours, from the fixed part of the palette, and resets them."""
    lines = qr.coloured(URL, 80)
    assert lines
    assert all(line.startswith("\x1b[38;5;16;48;5;231m") and line.endswith("\x1b[0m") for line in lines)


def test_it_fits_or_is_left_out() -> None:
    """A line that the terminal breaks in two makes a code that no phone reads."""
    wide = len(qr.drawn(qr.matrix(URL))[0])
    assert qr.coloured(URL, wide)
    assert not qr.coloured(URL, wide - 1)


def test_the_longest_address_fits_a_usual_terminal() -> None:
    """80 columns, and fewer than 24 lines."""
    lines = qr.coloured("https://[2001:db8:1111:2222:3333:4444:5555:6666]:65535", 80)
    assert 0 < len(lines) < 24
