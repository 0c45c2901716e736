"""Passwords inside the values of options: whether a value holds one, and a line without it.

The lines that the command prints go to terminals, journals and log collectors, and its
arguments can be read by every process of the machine (``ps``). More people see both than
see the environment of the process.
"""

import re

HIDDEN = "…"

_USERINFO = re.compile(r"((?:[a-z][a-z0-9+.-]*://|\b(?:turn|stun)s?:))[^\"']*@", re.IGNORECASE)
"""The user name and password of an address: all between its scheme and the last ``@``.

A password that is not percent-encoded may hold ``/``, ``@``, commas and spaces.
"""

_PARAMETER = re.compile(
    r"([?&;](?:password|passwd|pwd|secret|token|access_token|api_key|key|credential|username)=)[^\s&;\"',]+",
    re.IGNORECASE,
)
"""A secret among the parameters of an address, such as ``redis://host?password=…``."""

_MEMBER = re.compile(
    r"(\b(?:credential|password|secret|username)[\"']?\s*:\s*)(?:\"(?:[^\"\\]|\\.)*\"?|[^\s,}\]]+)",
    re.IGNORECASE,
)
"""A secret among the members of a JSON object, whether the object can be parsed or not."""


def holds_password(value: str) -> bool:
    """Say whether an option's value may hold what only the server should know.

    A user name alone counts too: many services take a token in its place. No address that
    an option takes needs an ``@`` for anything else.
    """
    return "@" in value or bool(_PARAMETER.search(value) or _MEMBER.search(value))


def redacted(line: str) -> str:
    """Return the line with each password replaced: ``redis://:hush@host`` becomes ``redis://…@host``."""
    line = _USERINFO.sub(rf"\1{HIDDEN}@", line)
    for each in (_PARAMETER, _MEMBER):
        line = each.sub(rf"\1{HIDDEN}", line)
    return line
