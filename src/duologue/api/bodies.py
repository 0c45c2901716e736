"""A request's body, parsed into a struct, or the right problem."""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from duologue.api.problems import Code, Problem

JSON = "application/json"
_SHOWN_CHARS = 200
"""How much of the caller's own text a problem repeats."""


class Body(msgspec.Struct, forbid_unknown_fields=True):
    """An object with the fields that it names, and no others."""


T = TypeVar("T", bound=Body)


def must_be_json(headers: Mapping[str, str]) -> None:
    """Refuse a body that does not call itself JSON. Raises ``Problem`` (415).

    A page of another origin can post text or a form, or a body without a type, without asking anybody (the
    Fetch standard's "simple" requests). For JSON a browser asks us first, with a preflight. So no such page
    causes anything.
    """
    given = headers.get("content-type", "")
    if given != JSON and given.partition(";")[0].strip().lower() != JSON:
        raise Problem(Code.NOT_JSON, "send the body with the header Content-Type: application/json")


def parse(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Parse, or raise the ``Problem`` that says which field is wrong and how."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        if not _is_object(body):
            raise _malformed() from error
        raise _refused(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed() from error


def _malformed() -> Problem:
    return Problem(Code.MALFORMED, "the body is not one JSON object in UTF-8; with nothing to say, send {}")


def _is_object(body: bytes) -> bool:
    """Only asked of refused bodies: a wrong field is found before what is broken behind it."""
    try:
        return isinstance(msgspec.json.decode(body), dict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _refused(message: str) -> Problem:
    """msgspec tells its refusals apart by their text only; the tests pin the three forms.

    ``Object contains unknown field `x```, ``Object missing required field `x```,
    and what is wrong with a value; each may end in `` - at `$.path```.
    """
    what, _, where = message.partition(" - at `$")
    path = where.removesuffix("`").lstrip(".")
    if what.startswith("Object contains unknown field "):
        return _about(Code.UNKNOWN_FIELD, "there is no such field here", path, what)
    if what.startswith("Object missing required field "):
        return _about(Code.MISSING_FIELD, "this field is needed", path, what)
    return Problem(Code.BAD_FIELD, what[:_SHOWN_CHARS], field=path[:_SHOWN_CHARS] or None)


def _about(code: Code, detail: str, path: str, what: str) -> Problem:
    name = what.split("`", 1)[1].removesuffix("`")
    field = f"{path}.{name}" if path else name
    return Problem(code, detail, field=field[:_SHOWN_CHARS])
