"""The Lua scripts: one transition a file, shared local functions in ``lua/include/``.

A script's source is its first line (``#!lua …``), the includes that its
``-- include:`` line names, and its body, with the constants (``Timings``) as values.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from duologue.pairing.timings import RoomRules, Timings
from duologue.pairing.vocabulary import MediaKind

FOLDER = Path(__file__).parent / "lua"
_INCLUDE = re.compile(r"^-- include: (.+)$", re.MULTILINE)
_CONSTANT = re.compile(r"\b(?:T|ROOMS)\.\w+|\b(?:STRICT_TAGS|MEDIA_KIND|FIRST_POOL)\b")
_GUARD = re.compile(r"^(?P<indent>\s*)(?P<code>.*?)-- guard: (?P<name>[a-z-]+)(?: -- off: (?P<off>.*))?$")


@dataclass(frozen=True, slots=True)
class Script:
    """One transition as the store gets it."""

    name: str
    source: bytes
    sha1: str


def _lua(value: bool | int | str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}'" if isinstance(value, str) else str(value)


def _constants(timings: Timings, media: MediaKind, first_pool: str, rooms: RoomRules) -> Mapping[str, str]:
    """By their names in the scripts."""
    named: dict[str, bool | int | str] = {f"T.{name}": value for name, value in asdict(timings).items()}
    named |= {f"ROOMS.{name}": value for name, value in asdict(rooms).items()}
    named |= {"STRICT_TAGS": timings.strict_tags, "MEDIA_KIND": media.value, "FIRST_POOL": first_pool}
    return {name: _lua(value) for name, value in named.items()}


def _spelt_out(text: str, constants: Mapping[str, str]) -> str:
    """Each constant as its value: a table of them would be built anew by each call of a script.

    Raises ``KeyError`` for a constant that there is not.
    """
    return _CONSTANT.sub(lambda name: constants[name[0]], text)


def _switched_off(text: str, guards: frozenset[str], found: set[str]) -> str:
    if not guards:
        return text
    lines = []
    for line in text.splitlines():
        guard = _GUARD.match(line)
        if guard and guard["name"] in guards:
            found.add(guard["name"])
            lines.append(guard["indent"] + (guard["off"] or ""))
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def load(
    timings: Timings,
    media: MediaKind,
    first_pool: str,
    *,
    rooms: RoomRules | None = None,
    without: Iterable[str] = (),
) -> Mapping[str, Script]:
    """Every script by its file's name.

    ``without`` names guards to switch off, for negative controls in tests: a
    line marked ``-- guard: <name>`` is removed, or replaced by what stands
    behind ``-- off:``. An unknown guard raises ``LookupError``.
    """
    guards, found = frozenset(without), set[str]()
    constants = _constants(timings, media, first_pool, rooms or RoomRules())
    # Each file once: spelling out the includes again in every script was half of the time of a server's start
    # that is spent here.
    includes = {
        f.stem: _spelt_out(_switched_off(f.read_text(), guards, found), constants)
        for f in (FOLDER / "include").glob("*.lua")
    }
    scripts = {}
    for file in sorted(FOLDER.glob("*.lua")):
        body = _switched_off(file.read_text(), guards, found)
        shebang, _, rest = body.partition("\n")
        names = _INCLUDE.search(rest)
        shared = "".join(includes[name] for name in names[1].split()) if names else ""
        whole = shared + _spelt_out(rest, constants)
        source = f"{shebang}\n{whole.replace('READ_ONLY', _lua('no-writes' in shebang))}".encode()
        # The digest only names the script to the store.
        scripts[file.stem] = Script(
            file.stem, source, hashlib.sha1(source, usedforsecurity=False).hexdigest()
        )
    if unknown := guards - found:
        raise LookupError(f"no such guard: {', '.join(sorted(unknown))}")
    return scripts
