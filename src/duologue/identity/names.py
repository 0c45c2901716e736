"""Text that one person chooses and others read: aliases, and the tags by which two people are compared.

There is one form for texts that look the same (Unicode NFC, single spaces), without characters that cannot
be seen or that change the text around them. The model is the Nickname profile of PRECIS (RFC 8266) with its
FreeformClass (RFC 8264). Emoji, and the joiners that languages need, are allowed where they have an effect.
"""

import re
import unicodedata
from collections.abc import Iterable

ALIAS_CHARS = 64
TAG_CHARS = 64
RAW_CHARS = 256
"""How many characters are read at all: decomposed letters and long spaces may make four of one."""

MARKS = 4
"""Maximum of combining marks on one letter: Hebrew, Thai and Tibetan need three, and a pile of them covers
other lines."""

ZWNJ, ZWJ, EMOJI_STYLE, KEYCAP = "\u200c", "\u200d", "\ufe0f", "\u20e3"
VIRAMA = 9
"""Canonical combining class of the sign behind which Indic scripts need joiners (RFC 5892, appendix A)."""

_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffc\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Default_Ignorable_Code_Point (Unicode, DerivedCoreProperties.txt), separators, and what is blank."""
_TURNS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Bidi_Control: they turn the direction of the text around them."""
_LINES = dict.fromkeys(map(ord, "\t\n\v\f\r\x85\u2028\u2029"), " ")
_TAGS = "".join(map(chr, range(0xE0061, 0xE007B)))
"""Letters that are invisible alone; the first stands for ``a``."""
_FLAGS = tuple(
    "🏴" + "".join(_TAGS[ord(letter) - ord("a")] for letter in region) + "\U000e007f"
    for region in ("gbeng", "gbsct", "gbwls")
)
"""England, Scotland, Wales: of all flags of that form only these are recommended for interchange (Unicode
Technical Standard 51, annex B.1)."""
_STYLED = "‼⁉ℹ〰"
"""What has an emoji style (emoji-variation-sequences.txt) and is not among the pictures by its category."""
_PICTURES = range(0x1F000, 0x1FB00)
"""Code points reserved for pictures, so that those of a later Unicode version than Python's are allowed."""
_SKIN = range(0x1F3FB, 0x1F400)


class BadName(ValueError):
    """Report a name that is refused; the text says which character it is about, and why."""


class TooLong(BadName):
    """Report a name with too many characters, each of which is allowed."""


def cleaned(text: str, most: int) -> str:
    """Return the one form of a name that a person typed. Raises ``BadName``.

    Applied to its own result it changes nothing.
    """
    name = spaced(unicodedata.normalize("NFC", text))
    for at, char in enumerate(name):
        if why := _refusal(name, at):
            raise BadName(f"{_called(char)} (character {at + 1}) cannot be part of it: {why}")
    if len(name) > most:
        raise TooLong(f"it has {len(name)} characters, and may have {most}")
    return name


def tidied(text: str, most: int) -> str:
    """Return the one form of a name that the caller did not type: characters that would be refused are left
    out."""
    name, before = text.translate(_LINES), ""
    while name != before:
        before = name
        name = spaced(unicodedata.normalize("NFC", name))[:most]
        name = "".join(char for at, char in enumerate(name) if not _refusal(name, at))
    return name


def spaced(text: str) -> str:
    """Return the text with single spaces, and none at the ends (RFC 8266, section 2.1)."""
    plain = "".join(" " if unicodedata.category(char) == "Zs" else char for char in text)
    return " ".join(part for part in plain.split(" ") if part)


def _called(char: str) -> str:
    name = unicodedata.name(char, "")
    return f"U+{ord(char):04X}" + (f" {name}" if name else "")


def _refusal(name: str, at: int) -> str:
    """Return why this character is refused there; empty if it is not."""
    char = name[at]
    category = unicodedata.category(char)
    if char in (ZWJ, ZWNJ, EMOJI_STYLE) and _joins(name, at):
        return ""
    if (char in _TAGS or char == _FLAGS[0][-1]) and _is_of_a_flag(name, at):
        return ""
    reasons = (
        (_TURNS.match(char), "it turns the direction of the text around it"),
        (_UNSEEN.match(char) or category == "Cf", "it cannot be seen there"),
        (category == "Cc", "it is a control character"),
        (category in ("Co", "Cs", "Cn") and ord(char) not in _PICTURES, "not everybody can read it"),
        (category[0] == "M", _refusal_of_a_mark(name, at)),
    )
    return next((why for is_so, why in reasons if is_so), "")


def _refusal_of_a_mark(name: str, at: int) -> str:
    before = at
    while before and unicodedata.category(name[before - 1])[0] == "M":
        before -= 1
    if not before or name[before - 1] == " ":
        return "it is a mark without a letter"
    marks = sum(unicodedata.category(each) != "Mc" and each != EMOJI_STYLE for each in name[before : at + 1])
    return "there are too many marks on one letter" if marks > MARKS else ""


def _joins(name: str, at: int) -> bool:
    """Return whether an invisible joiner has an effect where it stands."""
    before, after = name[at - 1 : at], name[at + 1 : at + 2]
    if not before:
        return False
    if name[at] == EMOJI_STYLE:
        return _is_picture(before) or (before in "0123456789#*" and after == KEYCAP) or before in _STYLED
    if VIRAMA in (unicodedata.combining(before), unicodedata.combining(after or " ")):
        return _joins_virama(name[at], before, after)
    if not after:
        return False
    if name[at] == ZWNJ:
        return _is_arabic(_letter(name[:at])) and _is_arabic(after)
    picture = name[:at].rstrip(EMOJI_STYLE)[-1:]
    return bool(picture) and _is_picture(picture) and _is_picture(after)


def _joins_virama(joiner: str, before: str, after: str) -> bool:
    """Return whether it changes how the letters around the sign are written."""
    if unicodedata.combining(before) == VIRAMA:
        # At the end of a name only the one that joins does: Malayalam's chillu letters, half forms.
        return joiner == ZWJ or bool(after)
    return joiner == ZWJ and unicodedata.category(before) == "Lo"  # Bengali's and Kannada's ra


def _is_of_a_flag(name: str, at: int) -> bool:
    start = name.rfind(_FLAGS[0][0], 0, at)
    return start >= 0 and any(name.startswith(flag, start) and at < start + len(flag) for flag in _FLAGS)


def _letter(text: str) -> str:
    """Return the last character that is not a mark."""
    return next((char for char in reversed(text) if unicodedata.category(char)[0] != "M"), " ")


def _is_picture(char: str) -> bool:
    return unicodedata.category(char) in ("So", "Sm") or ord(char) in _PICTURES or ord(char) in _SKIN


def _is_arabic(char: str) -> bool:
    return unicodedata.name(char, "").startswith("ARABIC LETTER")


# --- names that nobody may use -----------------------------------------------------------


def _pairs(like: str, *others: str) -> dict[str, str]:
    return {other: latin for group in others for latin, other in zip(like, group, strict=True)}


_CAPITALS = _pairs("hmnptxyz", "ΗΜΝΡΤΧΥΖ")
"""Greek capitals whose small letters look like others."""
_ALIKE = {
    **_pairs("abcdefhiijkmnopqrstvwxyy", "авсԁеғһіӏјкмпорԛгѕтѵԝхуү"),  # Cyrillic
    **_pairs("hb", "нь"),
    **_pairs("abeiknopprtuuvxwy", "αβεικηορϼгτυμνχωγ"),  # Greek
    **_pairs("ghjnoquw", "ցհյոօզսա"),  # Armenian
    **_pairs("adehiimpstwvzgclk", "ᎪᎠᎬᎻᎥᏆᎷᏢᏚᎢᎳᏙᏃᎶᏟᏞᏦ"),  # Cherokee
    **_pairs("oiio", "סוןه"),  # Hebrew, Arabic
    **_pairs("oizeasgtbg", "0123456789"),
    **_pairs("asicei", "@$!¢€|"),
    "l": "i",
}
"""Letters that look like a Latin letter; one, l and i count as the same. Latin's own letters are found by
their names."""
_LATIN = re.compile(
    r"(?:LATIN|.*SQUARED LATIN|.*CIRCLED LATIN|REGIONAL INDICATOR SYMBOL)(?: CAPITAL| SMALL)? LETTER"
    r"(?: SMALL CAPITAL| DOTLESS| TURNED| REVERSED| OPEN| SCRIPT| STROKED)* ([A-Z])\b.*"
)
_DOUBLE = (("rn", "m"), ("vv", "w"))


def skeleton(name: str) -> str:
    """Return what a name looks like: two names that a reader may confuse have the same skeleton.

    Case, accents, spaces, punctuation, compatibility forms and the better known look-alikes of other
    scripts make no difference. Use it for comparing only. It has limits: a look-alike that is not in our
    table, or a synonym, is a different name.
    """
    found = ""
    for char in unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name)):
        for folded in unicodedata.normalize("NFKD", _CAPITALS.get(char, char).casefold()):
            found += _look(folded)
    for two, one in _DOUBLE:
        found = found.replace(two, one)
    return found


def _look(char: str) -> str:
    digit = unicodedata.decimal(char, None)
    if digit is not None:
        char = str(digit)
    if char in _ALIKE:
        return _ALIKE[char]
    if latin := _LATIN.fullmatch(unicodedata.name(char, "")):
        return _ALIKE.get(latin[1].lower(), latin[1].lower())
    return char if unicodedata.category(char)[0] in "LN" else ""


class Reserved:
    """The names that guests may not have. An operator's tokens may have them."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        """Take the names; ``*`` at an end of a name matches anything. Raises ``BadName`` for a name that
        would match every name."""
        looks = [(self._look_of(name), name.startswith("*"), name.endswith("*")) for name in names]
        self._whole = {look for look, before, after in looks if not before and not after}
        self._parts = [each for each in looks if each[1] or each[2]]

    @staticmethod
    def _look_of(name: str) -> str:
        look = skeleton(name)
        if not look:
            raise BadName(f"{name!r} has no letter or digit that could be compared")
        return look

    def holds(self, name: str) -> bool:
        """Return whether the name looks like one of them."""
        look = skeleton(name)
        return look in self._whole or any(
            (part in look) if before and after else look.endswith(part) if before else look.startswith(part)
            for part, before, after in self._parts
        )
