"""An operator's own name, colours, logo, links and languages for the page: one TOML file (docs/brand.md)."""

import re
import struct
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

NAME_CHARS = 40
TAGLINE_CHARS = 120
LOGO_BYTES = 262_144
LOGO_PIXELS = (192, 1024)
"""The least and the greatest width of a PNG: browsers offer to install a page whose icon has 192 pixels."""

CONTRAST = 4.5
"""Between text and what is behind it (WCAG 2.2, 1.4.3)."""

LINKS = ("rules", "privacy", "imprint")
COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
ADDRESS = re.compile(r"(https?://[^\s\"'<>/]+|/(?!/))[^\s\"'<>]*")
PNG = b"\x89PNG\r\n\x1a\n"
SVG = re.compile(rb"\A(?:\s|\xef\xbb\xbf|<\?xml[^>]*>|<!--.*?-->|<!DOCTYPE[^>\[]*>)*<svg[\s>]", re.DOTALL)

Scheme = Literal["light", "dark"]
PALETTE: Mapping[Scheme, Mapping[str, str]] = {
    "light": {"--paper": "#f4f1ea", "--card": "#fffdf8", "--on-accent": "#ffffff"},
    "dark": {"--paper": "#101413", "--card": "#191f1d", "--on-accent": "#07231d"},
}
"""The page's own colours that an accent is read on, or that are read on it (``style/base.css``)."""


class BrandError(ValueError):
    """Report the mistakes of a brand file: one line each that says what to write."""

    def __init__(self, mistakes: Collection[str]) -> None:
        """``mistakes``: at least one."""
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)


@dataclass(frozen=True, slots=True)
class Texts:
    """The two texts that an operator chooses; an empty one is the page's own."""

    name: str = ""
    tagline: str = ""


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture that stands in the page's head and is its icon."""

    body: bytes
    kind: Literal["svg", "png"]
    sizes: str
    """As a manifest names it: ``any``, or the pixels of a PNG."""

    @property
    def path(self) -> str:
        """Return the path under which the page finds it."""
        return f"brand-logo.{self.kind}"

    @property
    def mime(self) -> str:
        """Return its media type."""
        return "image/svg+xml" if self.kind == "svg" else "image/png"


@dataclass(frozen=True, slots=True)
class Brand:
    """What an operator decided; with all defaults the page is as it is built."""

    texts: Texts = Texts()
    by_language: Mapping[str, Texts] = field(default_factory=dict)
    colours: Mapping[Scheme, str] = field(default_factory=dict)
    """The accent of each colour scheme, or nothing."""
    logo: Logo | None = None
    links: Mapping[str, str] = field(default_factory=dict)
    languages: tuple[str, ...] = ()
    """The languages that the page offers; empty: all that it has."""
    default_language: str = "en"

    def name(self, language: str) -> str:
        """Return the name in that language; empty: the page's own."""
        return self.by_language.get(language, Texts()).name or self.texts.name

    def tagline(self, language: str) -> str:
        """Return the sentence under the name in that language; empty: the page's own."""
        return self.by_language.get(language, Texts()).tagline or self.texts.tagline


def read_brand(file: Path, built: Collection[str]) -> Brand:
    """Read a brand file. Raises ``BrandError`` with all its mistakes.

    ``built``: the languages that the page has. A logo's path is relative to the file.
    """
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BrandError([f"--brand: {file} cannot be read ({error.strerror})"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BrandError([f"--brand: {file} is not TOML: {error}"]) from error
    reading = _Reading(file, built)
    brand = reading.brand(table)
    if reading.mistakes:
        raise BrandError([f"--brand: {file}: {each}" for each in reading.mistakes])
    return brand


class _Reading:
    """Read one file, and collect its mistakes in place of stopping at the first."""

    def __init__(self, file: Path, built: Collection[str]) -> None:
        self.mistakes: list[str] = []
        self._file = file
        self._built = built

    def brand(self, table: Mapping[str, Any]) -> Brand:
        self._known(table, "", ("name", "tagline", "logo", "colours", "links", "languages", "texts"))
        offered, default = self._languages(self._table(table, "languages", ("offered", "default")))
        return Brand(
            texts=self._texts(table, ""),
            by_language=self._by_language(table),
            colours=self._colours(self._table(table, "colours", ("accent", "accent_dark"))),
            logo=self._logo(table.get("logo")),
            links=self._links(self._table(table, "links", LINKS)),
            languages=offered,
            default_language=default,
        )

    def _known(self, table: Mapping[str, Any], path: str, keys: Collection[str]) -> None:
        for key in table:
            if key not in keys:
                self.mistakes.append(f"there is no key {path}{key}; the keys are {', '.join(keys)}")

    def _table(self, table: Mapping[str, Any], key: str, keys: Collection[str]) -> Mapping[str, Any]:
        found = table.get(key, {})
        if not isinstance(found, dict):
            self.mistakes.append(f"{key} is a table: write [{key}], and below it {', '.join(keys)}")
            return {}
        self._known(found, f"{key}.", keys)
        return found

    def _text(self, table: Mapping[str, Any], path: str, key: str, most: int) -> str:
        text = table.get(key)
        if text is None:
            return ""
        if not isinstance(text, str) or not 1 <= len(text.strip()) <= most or not text.isprintable():
            self.mistakes.append(f"{path}{key} is a text of 1 to {most} characters in one line, in quotes")
            return ""
        return text.strip()

    def _texts(self, table: Mapping[str, Any], path: str) -> Texts:
        name = self._text(table, path, "name", NAME_CHARS)
        return Texts(name, self._text(table, path, "tagline", TAGLINE_CHARS))

    def _by_language(self, table: Mapping[str, Any]) -> Mapping[str, Texts]:
        found: dict[str, Texts] = {}
        for language, texts in self._table(table, "texts", sorted(self._built)).items():
            if not isinstance(texts, dict):
                self.mistakes.append(f"texts.{language} is a table: write [texts.{language}]")
                continue
            self._known(texts, f"texts.{language}.", ("name", "tagline"))
            found[language] = self._texts(texts, f"texts.{language}.")
        return found

    def _languages(self, table: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
        offered = table.get("offered", sorted(self._built))
        if not isinstance(offered, list) or not offered or any(each not in self._built for each in offered):
            known = ", ".join(f'"{each}"' for each in sorted(self._built))
            self.mistakes.append(f"languages.offered is a list of some of: {known}")
            return (), "en"
        languages = tuple(dict.fromkeys(offered))
        default = table.get("default", "en" if "en" in languages else languages[0])
        if default not in languages:
            self.mistakes.append(f"languages.default is one of the offered ones: {', '.join(languages)}")
        return languages, default

    def _links(self, table: Mapping[str, Any]) -> Mapping[str, str]:
        for key, address in table.items():
            if key in LINKS and not (isinstance(address, str) and ADDRESS.fullmatch(address)):
                self.mistakes.append(
                    f'links.{key} is an address such as "https://example.org/{key}" or "/{key}"'
                )
        return {key: address for key, address in table.items() if key in LINKS}

    def _colours(self, table: Mapping[str, Any]) -> Mapping[Scheme, str]:
        if not table:
            return {}
        light = self._colour(table, "accent", "light")
        if "accent_dark" in table:
            dark = self._colour(table, "accent_dark", "dark")
        elif light and not _too_faint(light, "dark"):
            dark = light
        else:
            dark = None
            if light:
                self.mistakes.append(
                    "colours.accent cannot be read on the dark page: add a lighter one, colours.accent_dark"
                )
        return {"light": light, "dark": dark} if light and dark else {}

    def _colour(self, table: Mapping[str, Any], key: str, scheme: Scheme) -> str | None:
        colour = table.get(key)
        if not isinstance(colour, str) or not COLOUR.fullmatch(colour):
            self.mistakes.append(
                f'colours.{key} is # and six hexadecimal digits, such as "#0c6557", not {colour!r}'
            )
            return None
        if faint := _too_faint(colour, scheme):
            other, ratio = faint
            advice = "darker" if scheme == "light" else "lighter"
            self.mistakes.append(
                f"colours.{key} {colour} has a contrast of {ratio:.1f}:1 with {other}, and text needs "
                f"{CONTRAST}:1: use a {advice} colour"
            )
        return colour.lower()

    def _logo(self, path: Any) -> Logo | None:
        if path is None:
            return None
        if not isinstance(path, str):
            self.mistakes.append('logo is the path of a picture, such as "logo.svg"')
            return None
        file = self._file.parent / path
        try:
            with file.open("rb") as opened:
                body = opened.read(LOGO_BYTES + 1)
        except OSError as error:
            self.mistakes.append(f"logo: {file} cannot be read ({error.strerror})")
            return None
        if len(body) > LOGO_BYTES:
            self.mistakes.append(f"logo: {file} has more than {LOGO_BYTES // 1024} kB; use a smaller file")
            return None
        return self._picture(file, body)

    def _picture(self, file: Path, body: bytes) -> Logo | None:
        if SVG.match(body):
            return Logo(body, "svg", "any")
        if not body.startswith(PNG) or len(body) < 24:
            self.mistakes.append(f"logo: {file} is neither an SVG nor a PNG file")
            return None
        width, height = struct.unpack(">II", body[16:24])
        least, most = LOGO_PIXELS
        if width != height or not least <= width <= most:
            self.mistakes.append(
                f"logo: {file} has {width} x {height} pixels; a PNG is square, with {least} to {most} a side"
            )
            return None
        return Logo(body, "png", f"{width}x{height}")


def _too_faint(colour: str, scheme: Scheme) -> tuple[str, float] | None:
    """Return the page's colour that ``colour`` is read with least well, if that is too little."""
    other = min(PALETTE[scheme].values(), key=lambda each: contrast(colour, each))
    ratio = contrast(colour, other)
    return None if ratio >= CONTRAST else (other, ratio)


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    """Return the relative luminance of ``#rrggbb``, 0 to 1 (WCAG 2.2)."""
    red, green, blue = (_linear(part / 255) for part in bytes.fromhex(colour[1:]))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
