"""The built page with an operator's name, colours, logo and links in it: made once, at the start.

The built page is whole without a brand. What a brand changes is found in it by the elements below, each of
which must be there exactly once.
"""

import json
import re
from collections.abc import Mapping
from functools import partial
from html import escape

from duologue.api.brand import Brand

STYLE = "brand.css"
HOVER = 0.18
"""How far the accent goes away from the colour of its text while a pointer is over it."""


class Misfit(RuntimeError):
    """Report that a built page lacks an element that a brand changes."""


def branded_page(html: str, brand: Brand, language: str) -> str:
    """Return ``index.html`` in that language with the brand in it. Raises ``Misfit``."""
    for pattern, text in _changes(brand, language):
        html, count = re.subn(pattern, partial(_put, text), html)
        if count != 1:
            raise Misfit(f"the page has {count} places in place of one: {pattern}")
    return html


def _put(text: str, found: re.Match[str]) -> str:
    return found[1] + text


def _changes(brand: Brand, language: str) -> list[tuple[str, str]]:
    """Return pairs of what to find and what to put in place of all but its first group."""
    changes: list[tuple[str, str]] = []
    if name := escape(brand.name(language)):
        changes += [
            (r"(<title>)[^<]*", name),
            (r'(<meta name="application-name" content=")[^"]*', name),
            (r'(<span id="brand-name">)[^<]*', name),
        ]
    if tagline := escape(brand.tagline(language)):
        changes += [
            (r'(<meta name="description" content=")[^"]*', tagline),
            (r'(<h2 id="greeting" tabindex="-1">)[^<]*', tagline),
        ]
    if brand.languages:
        changes.append((r'(<meta name="duologue-languages" content=")[^"]*', " ".join(brand.languages)))
    if brand.colours:
        changes.append(
            (
                r'(<link rel="stylesheet" href="assets/[^>]*>)',
                f'\n    <link rel="stylesheet" href="{STYLE}" />',
            )
        )
    if brand.logo:
        icon = f'<link rel="icon" href="{brand.logo.path}" type="{brand.logo.mime}" />'
        changes += [
            (r'()<link rel="icon"[^>]*>', icon),
            (r'()<link rel="apple-touch-icon"[^>]*>', icon.replace("icon", "apple-touch-icon", 1)),
            (
                r'(<span id="brand-mark">).*?(?=</span>)',
                f'<img class="mark" src="{brand.logo.path}" alt="" />',
            ),
        ]
    changes += [
        (rf'(<a id="link-{key}") hidden', f' href="{escape(address)}"')
        for key, address in brand.links.items()
    ]
    return changes


def branded_manifest(manifest: str, brand: Brand, language: str) -> str:
    """Return the web manifest in that language with the brand in it."""
    table = json.loads(manifest)
    if name := brand.name(language):
        table |= {"name": name, "short_name": name}
    if tagline := brand.tagline(language):
        table["description"] = tagline
    if brand.logo:
        logo = brand.logo
        table["icons"] = [{"src": logo.path, "sizes": logo.sizes, "type": logo.mime, "purpose": "any"}]
    if brand.colours:
        table["theme_color"] = brand.colours["light"]
    return json.dumps(table, ensure_ascii=False)


def brand_files(brand: Brand) -> Mapping[str, bytes]:
    """Return the files that the brand adds to the page: its colours and its logo."""
    files: dict[str, bytes] = {}
    if brand.colours:
        files[STYLE] = stylesheet(brand).encode()
    if brand.logo:
        files[brand.logo.path] = brand.logo.body
    return files


def stylesheet(brand: Brand) -> str:
    """Return the page's custom properties with the brand's accents."""
    light, dark = brand.colours["light"], brand.colours["dark"]
    return (
        f":root {{ --accent: {light}; --accent-hover: {_mixed(light, '#000000')}; --focus: {light}; }}\n"
        "@media (prefers-color-scheme: dark) {\n"
        f"  :root {{ --accent: {dark}; --accent-hover: {_mixed(dark, '#ffffff')}; --focus: {dark}; }}\n"
        "}\n"
    )


def _mixed(colour: str, other: str) -> str:
    """Return the colour with a part of the other in it: further from the text on it, so as well read."""
    pairs = zip(bytes.fromhex(colour[1:]), bytes.fromhex(other[1:]), strict=True)
    return "#" + bytes(round(one + (two - one) * HOVER) for one, two in pairs).hex()
