"""An address as a QR code that a phone's camera reads from a terminal.

``segno`` (BSD licence, no dependencies) makes the code. Its own output for terminals takes the colours of the
terminal, and with light letters on a dark ground the code is inverted, which some phones do not read.
"""

from itertools import zip_longest

import segno

QUIET = 4
"""Light squares around the code (ISO/IEC 18004)."""
DARK_ON_LIGHT = "\x1b[38;5;16;48;5;231m"
"""Black on white from the fixed part of the 256 colours, which no theme of a terminal changes."""
PLAIN = "\x1b[0m"
HALVES = {(True, True): "█", (True, False): "▀", (False, True): "▄", (False, False): " "}
"""Two squares above each other in one character: a character is about twice as high as it is wide."""

Matrix = tuple[tuple[bool, ...], ...]


def matrix(text: str) -> Matrix:
    """Return the code of a text with its light border; ``True`` is dark."""
    code = segno.make(text, micro=False, error="l")
    return tuple(tuple(map(bool, row)) for row in code.matrix_iter(border=QUIET))


def drawn(code: Matrix) -> list[str]:
    """Return the lines that draw the code, without colours: each character is two squares."""
    light = (False,) * len(code[0])
    pairs = zip_longest(code[::2], code[1::2], fillvalue=light)
    return ["".join(HALVES[above, below] for above, below in zip(*pair, strict=True)) for pair in pairs]


def coloured(text: str, columns: int) -> list[str]:
    """Return the lines for a terminal, black on white; none where it is too narrow for the code."""
    lines = drawn(matrix(text))
    return [f"{DARK_ON_LIGHT}{line}{PLAIN}" for line in lines] if len(lines[0]) <= columns else []
