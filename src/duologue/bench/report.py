"""Writes figures for people: tables in Markdown, numbers with their thousands apart, bars as SVG."""

from collections.abc import Sequence
from html import escape
from itertools import zip_longest

from duologue.bench.spread import Spread

WIDTH, LABELS, BAR, GAP, FOOT = 720, 230, 22, 10, 16


def number(value: float, digits: int) -> str:
    """Return a number as it is read: ``12,345``, ``0.20``."""
    return f"{value:,.{digits}f}"


def markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a table whose columns are aligned in the source too."""
    cells = [list(head), *map(list, lines)]
    widths = [max(map(len, column)) for column in zip_longest(*cells, fillvalue="")]
    texts = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in cells
    ]
    texts.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(texts)


def bars(title: str, unit: str, values: Sequence[tuple[str, Spread]], digits: int = 0) -> str:
    """Return a drawing: a bar to each median, a line from the least to the most."""
    most = max((spread.most for _, spread in values), default=1.0) or 1.0
    scale = (WIDTH - LABELS - 110) / most
    height = 40 + len(values) * (BAR + GAP) + FOOT
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            'font-family="system-ui, sans-serif" font-size="13">'
        ),
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="12" y="24" font-size="15" font-weight="600">{escape(title)} ({escape(unit)})</text>',
    ]
    for place, (name, spread) in enumerate(values):
        top = 40 + place * (BAR + GAP)
        middle, end = top + BAR / 2, LABELS + spread.median * scale
        least, furthest = LABELS + spread.least * scale, LABELS + spread.most * scale
        lines += [
            f'<text x="{LABELS - 8}" y="{middle + 4}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{LABELS}" y="{top}" width="{end - LABELS:.1f}" height="{BAR}" fill="#4477aa"/>',
            f'<path d="M{least:.1f} {middle}H{furthest:.1f}" stroke="#222" stroke-width="2"/>',
            f'<text x="{furthest + 8:.1f}" y="{middle + 4}">{number(spread.median, digits)}</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])
